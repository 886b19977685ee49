package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// Media implements mockapi.MediaStore.
func (s *Store) Media(ctx context.Context, v mockapi.Viewer, id int64) (mockapi.Media, error) {
	m, found, err := s.mediaByID.get(ctx, id)
	switch {
	case err != nil:
		return mockapi.Media{}, err
	case !found:
		return mockapi.Media{}, mockapi.Errorf(mockapi.CodeNotFound, noMedia)
	case !sees(v, m.UserID, m.IsPublic):
		return mockapi.Media{}, errNotYours
	}
	return m, nil
}

func (s *Store) fetchMedia(ctx context.Context, ids []int64) (map[int64]mockapi.Media, error) {
	const columns = "SELECT " + mediaColumns + " FROM media_files WHERE id"
	found := make(map[int64]mockapi.Media, len(ids))
	err := fetch(ctx, s, "look up media files", columns+" = $1", columns+" = ANY ($1)", ids, func(r *row) {
		var m mockapi.Media
		scanMedia(r, &m, &m)
		found[m.ID] = m
	})
	return found, err
}

func sees(v mockapi.Viewer, owner int64, public bool) bool {
	return public || v.IsAdmin() || owner == v.UserID
}

// CreateMedia implements mockapi.MediaStore.
func (s *Store) CreateMedia(ctx context.Context, v mockapi.Viewer, n mockapi.NewMedia) (mockapi.Media, error) {
	const q = `INSERT INTO media_files
		(user_id, filename, original_name, title, description, mime_type, size, width, height, duration, is_public, sha256)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ` + xid + `, id, created_at, updated_at`
	if v.UserID == 0 {
		return mockapi.Media{}, errAnonymous
	}
	m := mockapi.Media{
		UserID: v.UserID, Filename: n.Filename, OriginalName: n.OriginalName, Title: n.Title, Description: n.Description,
		MimeType: n.MimeType, Size: n.Size, Width: n.Width, Height: n.Height, Duration: n.Duration, IsPublic: n.IsPublic, SHA256: n.SHA256,
	}
	args := []any{
		v.UserID, n.Filename, n.OriginalName, n.Title, n.Description,
		n.MimeType, n.Size, n.Width, n.Height, n.Duration, n.IsPublic, n.SHA256,
	}
	var tx uint64
	err := s.write(ctx, "create media file", func(ctx context.Context, c *pgx.Conn) error {
		return queryOne(ctx, c, "", q, args, func(r *row) { tx, m.ID, m.CreatedAt, m.UpdatedAt = r.xid(), r.int64(), r.time(), r.time() })
	})
	if err != nil {
		return mockapi.Media{}, err
	}
	s.totals.wroteMedia(tx, v.UserID, n.IsPublic, 1)
	return m, nil
}

// UpdateMedia implements mockapi.MediaStore.
func (s *Store) UpdateMedia(ctx context.Context, v mockapi.Viewer, id int64, u mockapi.MediaUpdate) (mockapi.Media, error) {
	const q = `UPDATE media_files m SET filename = coalesce($4, filename), title = coalesce($5, title),
			description = coalesce($6, description), is_public = coalesce($7, m.is_public), updated_at = greatest(now(), created_at)
		FROM (SELECT id AS old_id, is_public AS was_public FROM media_files WHERE id = $1 AND ($2 OR user_id = $3) FOR UPDATE) old
		WHERE id = old_id RETURNING ` + xid + `, was_public, ` + mediaColumns
	var m mockapi.Media
	var tx uint64
	var was bool
	args := []any{id, v.IsAdmin(), v.UserID, u.Filename, u.Title, u.Description, u.IsPublic}
	err := s.write(ctx, "update media file", func(ctx context.Context, c *pgx.Conn) error {
		n, err := query(ctx, c, q, args, func(r *row) {
			tx, was = r.xid(), r.bool()
			scanMedia(r, &m, &m)
		})
		if err == nil && n == 0 {
			err = whyNot(ctx, c, v, noMedia, mediaOwner, id)
		}
		return err
	})
	if err == nil && was != m.IsPublic {
		s.totals.wroteMedia(tx, m.UserID, was, -1)
		s.totals.wroteMedia(tx, m.UserID, m.IsPublic, 1)
	}
	return m, err
}

// DeleteMedia implements mockapi.MediaStore.
func (s *Store) DeleteMedia(ctx context.Context, v mockapi.Viewer, id int64) error {
	const q = "DELETE FROM media_files WHERE id = $1 AND ($2 OR user_id = $3) RETURNING " + xid + ", user_id, is_public"
	var tx uint64
	var owner int64
	var public bool
	err := s.write(ctx, "delete media file", func(ctx context.Context, c *pgx.Conn) error {
		n, err := query(ctx, c, q, []any{id, v.IsAdmin(), v.UserID}, func(r *row) {
			tx, owner, public = r.xid(), r.int64(), r.bool()
		})
		if err == nil && n == 0 {
			err = whyNot(ctx, c, v, noMedia, mediaOwner, id)
		}
		return err
	})
	if err == nil {
		s.totals.wroteMedia(tx, owner, public, -1)
	}
	return err
}

const (
	mediaOwner      = "SELECT user_id, is_public FROM media_files WHERE id = $1"
	collectionOwner = "SELECT user_id, is_public FROM collections WHERE id = $1"
)

// whyNot tells why nothing was changed: it is not there, or not the viewer's.
func whyNot(ctx context.Context, q querier, v mockapi.Viewer, missing, ownerSQL string, id int64) error {
	if err := queryOne(ctx, q, missing, ownerSQL, []any{id}, func(r *row) { _, _ = r.int64(), r.bool() }); err != nil {
		return err
	}
	if v.UserID == 0 {
		return errAnonymous
	}
	return errNotYours
}

// mayChange fails where the viewer may not change what ownerSQL looks up by id.
func mayChange(ctx context.Context, q querier, v mockapi.Viewer, missing, ownerSQL string, id int64) error {
	var owner int64
	err := queryOne(ctx, q, missing, ownerSQL, []any{id}, func(r *row) { owner, _ = r.int64(), r.bool() })
	switch {
	case err != nil:
		return err
	case v.UserID == 0:
		return errAnonymous
	case owner != v.UserID && !v.IsAdmin():
		return errNotYours
	}
	return nil
}

// maySee fails where the viewer does not see what ownerSQL looks up by id.
func maySee(ctx context.Context, q querier, v mockapi.Viewer, missing, ownerSQL string, id int64) error {
	var owner int64
	var public bool
	err := queryOne(ctx, q, missing, ownerSQL, []any{id}, func(r *row) { owner, public = r.int64(), r.bool() })
	if err == nil && !sees(v, owner, public) {
		return errNotYours
	}
	return err
}
