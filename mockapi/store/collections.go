package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

const countPrivateCollections = "SELECT count(*) FROM collections WHERE user_id = $1 AND NOT is_public"

// ListCollections implements mockapi.CollectionStore. Admins see what others see here; they may open any.
func (s *Store) ListCollections(ctx context.Context, v mockapi.Viewer, q mockapi.CollectionQuery) (mockapi.Page[mockapi.Collection], error) {
	// Merged from two indexes and with limits inside, as in newestSQL.
	const (
		outer   = "SELECT " + collectionColumns + " FROM ((SELECT * FROM collections WHERE is_public"
		private = ") UNION ALL (SELECT * FROM collections WHERE user_id = $1 AND NOT is_public"
		past    = " AND (created_at, id) < ($4, $5)"
		shallow = newest + " LIMIT 101"   // MaxLimit + 1
		deep    = newest + " LIMIT 10101" // MaxOffset + MaxLimit + 1
		end     = ")) c" + newest + " LIMIT $2 OFFSET $3"
	)
	var found mockapi.Page[mockapi.Collection]
	w, err := newWindow(q.PageRequest, orderNewest)
	if err != nil {
		return found, err
	}
	plain := q.OwnerID == 0 && q.Name == ""
	list := from("FROM collections c")
	list.and(publicOrOwn, v.UserID)
	if q.OwnerID != 0 {
		list.and("user_id = $", q.OwnerID)
	}
	if q.Name != "" {
		list.and("name = $", q.Name)
	}
	counted, countedArgs := list.String(), planned(list.args)

	var sql string
	var args []any
	switch {
	case plain && w.after != nil:
		sql, args = outer+past+shallow+private+past+shallow+end, []any{v.UserID, w.rows(), w.offset, w.after.time(), w.after.id}
	case plain && w.offset > 0:
		sql, args = outer+deep+private+deep+end, []any{v.UserID, w.rows(), w.offset}
	case plain:
		sql, args = outer+shallow+private+shallow+end, []any{v.UserID, w.rows(), w.offset}
	default:
		if w.after != nil {
			list.and("(created_at, id) < ($, $)", w.after.time(), w.after.id)
		}
		sql = "SELECT " + collectionColumns + " " + list.String() + newest + " LIMIT " + list.param(w.rows()) + " OFFSET " + list.param(w.offset)
		args = planned(list.args)
	}
	err = s.read(ctx, "list collections", func(ctx context.Context, c *pgx.Conn) error {
		items, err := collect(ctx, c, w, sql, args, func(r *row, c, _ *mockapi.Collection) { scanCollection(r, c) })
		if err != nil {
			return err
		}
		found = page(items, w, func(c *mockapi.Collection) cursor { return newestCursor(c.CreatedAt, c.ID) })
		err = lookUpOwners(ctx, c, found.Items, func(c *mockapi.Collection) int64 { return c.UserID })
		if err != nil || found.TotalKind != "" {
			return err
		}
		if plain {
			n, known, err := visibleTotal(ctx, c, &s.totals.collections, s.totals.privateCollections, v, false, countPrivateCollections)
			if known || err != nil {
				found.Total, found.TotalKind = n, mockapi.TotalMaintained
				return err
			}
		}
		found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, fmt.Sprint(counted, countedArgs), counted, countedArgs)
		return err
	})
	return found, err
}

// Collection implements mockapi.CollectionStore.
func (s *Store) Collection(ctx context.Context, v mockapi.Viewer, id int64) (mockapi.Collection, error) {
	const q = "SELECT " + collectionColumns + " FROM collections c WHERE c.id = $1"
	var found mockapi.Collection
	err := s.one(ctx, "look up collection", noCollection, q, []any{id}, func(r *row) { scanCollection(r, &found) })
	if err == nil && !sees(v, found.UserID, found.IsPublic) {
		return mockapi.Collection{}, errNotYours
	}
	return found, err
}

// CreateCollection implements mockapi.CollectionStore.
func (s *Store) CreateCollection(ctx context.Context, v mockapi.Viewer, n mockapi.NewCollection) (mockapi.Collection, error) {
	const q = "INSERT INTO collections (user_id, name, description, is_public) VALUES ($1, $2, $3, $4) RETURNING " +
		xid + ", id, created_at, updated_at"
	made := mockapi.Collection{UserID: v.UserID, Name: n.Name, Description: n.Description, IsPublic: n.IsPublic}
	if v.UserID == 0 {
		return mockapi.Collection{}, errAnonymous
	}
	var tx uint64
	err := s.write(ctx, "create collection", func(ctx context.Context, c *pgx.Conn) error {
		return queryOne(ctx, c, "", q, []any{v.UserID, n.Name, n.Description, n.IsPublic}, func(r *row) {
			tx, made.ID, made.CreatedAt, made.UpdatedAt = r.xid(), r.int64(), r.time(), r.time()
		})
	})
	if err != nil {
		return mockapi.Collection{}, err
	}
	s.totals.wroteCollection(tx, v.UserID, n.IsPublic, 1)
	return made, nil
}

// UpdateCollection implements mockapi.CollectionStore.
func (s *Store) UpdateCollection(ctx context.Context, v mockapi.Viewer, id int64, u mockapi.CollectionUpdate) (mockapi.Collection, error) {
	const q = `UPDATE collections c SET name = coalesce($4, name), description = coalesce($5, description),
			is_public = coalesce($6, c.is_public), updated_at = greatest(now(), created_at)
		FROM (SELECT id AS old_id, is_public AS was_public FROM collections WHERE id = $1 AND ($2 OR user_id = $3) FOR UPDATE) old
		WHERE id = old_id RETURNING ` + xid + `, was_public, ` + collectionColumns
	var tx uint64
	var changed mockapi.Collection
	var was bool
	args := []any{id, v.IsAdmin(), v.UserID, u.Name, u.Description, u.IsPublic}
	err := s.write(ctx, "update collection", func(ctx context.Context, c *pgx.Conn) error {
		n, err := query(ctx, c, q, args, func(r *row) {
			tx, was = r.xid(), r.bool()
			scanCollection(r, &changed)
		})
		if err == nil && n == 0 {
			err = whyNot(ctx, c, v, noCollection, collectionOwner, id)
		}
		return err
	})
	if err == nil && was != changed.IsPublic {
		s.totals.wroteCollection(tx, changed.UserID, was, -1)
		s.totals.wroteCollection(tx, changed.UserID, changed.IsPublic, 1)
	}
	return changed, err
}

// DeleteCollection implements mockapi.CollectionStore.
func (s *Store) DeleteCollection(ctx context.Context, v mockapi.Viewer, id int64) error {
	const q = "DELETE FROM collections WHERE id = $1 AND ($2 OR user_id = $3) RETURNING " + xid + ", user_id, is_public"
	var tx uint64
	var owner int64
	var public bool
	err := s.write(ctx, "delete collection", func(ctx context.Context, c *pgx.Conn) error {
		n, err := query(ctx, c, q, []any{id, v.IsAdmin(), v.UserID}, func(r *row) {
			tx, owner, public = r.xid(), r.int64(), r.bool()
		})
		if err == nil && n == 0 {
			err = whyNot(ctx, c, v, noCollection, collectionOwner, id)
		}
		return err
	})
	if err == nil {
		s.totals.wroteCollection(tx, owner, public, -1)
	}
	return err
}
