package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// CollectionItems implements mockapi.CollectionStore.
func (s *Store) CollectionItems(ctx context.Context, v mockapi.Viewer, id int64, p mockapi.PageRequest) (mockapi.Page[mockapi.CollectionItem], error) {
	var found mockapi.Page[mockapi.CollectionItem]
	w, err := newWindow(p, orderPosition)
	if err != nil {
		return found, err
	}
	list := from("FROM collection_items i JOIN media_files m ON m.id = i.media_id")
	list.and("i.collection_id = $", id)
	if !v.IsAdmin() {
		list.and("(m.is_public OR m.user_id = $)", v.UserID)
	}
	counted, args := list.String(), list.args
	if w.after != nil {
		list.and("(i.position, i.media_id) > ($, $)", w.after.num, w.after.id)
	}
	sql := "SELECT position, added_at, " + mediaColumns + " " + list.String() +
		" ORDER BY position, media_id LIMIT " + list.param(w.rows()) + " OFFSET " + list.param(w.offset)
	err = s.read(ctx, "list collection items", func(ctx context.Context, c *pgx.Conn) error {
		if err := maySee(ctx, c, v, noCollection, collectionOwner, id); err != nil {
			return err
		}
		items, err := collect(ctx, c, w, sql, list.args, func(r *row, i, before *mockapi.CollectionItem) {
			i.Position, i.AddedAt = r.int32(), r.time()
			scanMedia(r, &i.Media, &before.Media)
		})
		if err != nil {
			return err
		}
		found = page(items, w, func(i *mockapi.CollectionItem) cursor {
			return cursor{order: orderPosition, num: int64(i.Position), id: i.Media.ID}
		})
		if err := lookUpOwners(ctx, c, found.Items, func(i *mockapi.CollectionItem) int64 { return i.Media.UserID }); err != nil {
			return err
		}
		if found.TotalKind == "" {
			found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, fmt.Sprint(counted, args), counted, args)
		}
		return err
	})
	return found, err
}

// AddCollectionItems implements mockapi.CollectionStore. Nothing is added where one of the files does not
// exist or is not visible.
func (s *Store) AddCollectionItems(ctx context.Context, v mockapi.Viewer, id int64, mediaIDs []int64) error {
	// Changing the collection's row keeps others from taking the same positions until this commits.
	const lock = "UPDATE collections SET updated_at = greatest(now(), created_at) WHERE id = $1 AND ($2 OR user_id = $3)"
	// The first file that is not there or not visible, in the given order.
	const check = `SELECT a.id, m.id IS NOT NULL FROM unnest($1::bigint[]) WITH ORDINALITY AS a (id, n)
		LEFT JOIN media_files m ON m.id = a.id
		WHERE m.id IS NULL OR NOT (m.is_public OR m.user_id = $2 OR $3) ORDER BY n LIMIT 1`
	// What is there already, or comes twice, gets no number of its own: positions have no gaps.
	const add = `INSERT INTO collection_items (collection_id, media_id, position)
		SELECT $1, id, (SELECT coalesce(max(position), 0) FROM collection_items WHERE collection_id = $1) + row_number() OVER (ORDER BY n)
		FROM (SELECT id, min(n) AS n FROM unnest($2::bigint[]) WITH ORDINALITY AS a (id, n) GROUP BY id) AS given
		WHERE NOT EXISTS (SELECT FROM collection_items WHERE collection_id = $1 AND media_id = id)
		ON CONFLICT DO NOTHING`
	if len(mediaIDs) == 0 || len(mediaIDs) > mockapi.MaxItems {
		return invalid("mediaIds", fmt.Sprintf("must be 1 to %d ids", mockapi.MaxItems))
	}
	return s.tx(ctx, "add collection items", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, lock, id, v.IsAdmin(), v.UserID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return whyNot(ctx, tx, v, noCollection, collectionOwner, id)
		}
		var refused error
		_, err = query(ctx, tx, check, []any{mediaIDs, v.UserID, v.IsAdmin()}, func(r *row) {
			bad, exists := r.int64(), r.bool()
			refused = mockapi.Errorf(mockapi.CodeNotFound, "no such media file: %d", bad)
			if exists {
				refused = mockapi.Errorf(mockapi.CodeAccessDenied, "media file %d belongs to somebody else", bad)
			}
		})
		if err == nil {
			err = refused
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, add, id, mediaIDs)
		return err
	})
}

// RemoveCollectionItem implements mockapi.CollectionStore. The items after it keep their positions.
func (s *Store) RemoveCollectionItem(ctx context.Context, v mockapi.Viewer, id, mediaID int64) error {
	const q = `DELETE FROM collection_items i USING collections c
		WHERE i.collection_id = $1 AND i.media_id = $2 AND c.id = i.collection_id AND ($3 OR c.user_id = $4)`
	return s.write(ctx, "remove collection item", func(ctx context.Context, c *pgx.Conn) error {
		tag, err := c.Exec(ctx, q, id, mediaID, v.IsAdmin(), v.UserID)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		if err := mayChange(ctx, c, v, noCollection, collectionOwner, id); err != nil {
			return err
		}
		return mockapi.Errorf(mockapi.CodeNotFound, "the file is not in this collection")
	})
}
