package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// Comments implements mockapi.MediaStore.
func (s *Store) Comments(ctx context.Context, v mockapi.Viewer, mediaID int64, p mockapi.PageRequest) (mockapi.Page[mockapi.Comment], error) {
	var found mockapi.Page[mockapi.Comment]
	w, err := newWindow(p, orderNewest)
	if err != nil {
		return found, err
	}
	list := from("FROM comments c JOIN users u ON u.id = c.user_id")
	list.and("c.media_id = $", mediaID)
	if w.after != nil {
		list.and("(c.created_at, c.id) < ($, $)", w.after.time(), w.after.id)
	}
	sql := "SELECT " + commentColumns + " " + list.String() + " ORDER BY c.created_at DESC, c.id DESC LIMIT " +
		list.param(w.rows()) + " OFFSET " + list.param(w.offset)
	err = s.read(ctx, "list comments", func(ctx context.Context, c *pgx.Conn) error {
		if err := maySee(ctx, c, v, noMedia, mediaOwner, mediaID); err != nil {
			return err
		}
		items, err := collect(ctx, c, w, sql, list.args, func(r *row, c, _ *mockapi.Comment) { scanComment(r, c) })
		if err != nil {
			return err
		}
		found = page(items, w, func(c *mockapi.Comment) cursor { return newestCursor(c.CreatedAt, c.ID) })
		if err := lookUpOwners(ctx, c, found.Items, func(c *mockapi.Comment) int64 { return c.UserID }); err != nil {
			return err
		}
		if found.TotalKind == "" {
			found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c,
				fmt.Sprint("comments", mediaID), "FROM comments WHERE media_id = $1", []any{mediaID})
		}
		return err
	})
	return found, err
}

// AddComment implements mockapi.MediaStore.
func (s *Store) AddComment(ctx context.Context, v mockapi.Viewer, mediaID int64, body string) (mockapi.Comment, error) {
	const q = `WITH c AS (INSERT INTO comments (media_id, user_id, body)
			SELECT id, $2, $3 FROM media_files WHERE id = $1 AND (is_public OR user_id = $2 OR $4) RETURNING *)
		SELECT ` + commentColumns + ` FROM c JOIN users u ON u.id = c.user_id`
	var made mockapi.Comment
	if v.UserID == 0 {
		return made, errAnonymous
	}
	err := s.write(ctx, "add comment", func(ctx context.Context, c *pgx.Conn) error {
		n, err := query(ctx, c, q, []any{mediaID, v.UserID, body, v.IsAdmin()}, func(r *row) { scanComment(r, &made) })
		if err == nil && n == 0 {
			err = whyNot(ctx, c, v, noMedia, mediaOwner, mediaID)
		}
		return err
	})
	return made, err
}

// DeleteComment implements mockapi.MediaStore.
func (s *Store) DeleteComment(ctx context.Context, v mockapi.Viewer, mediaID, commentID int64) error {
	const q = "DELETE FROM comments WHERE id = $1 AND media_id = $2 AND ($3 OR user_id = $4)"
	const look = "SELECT FROM comments WHERE id = $1 AND media_id = $2"
	moderates := v.IsAdmin() || v.Role == mockapi.RoleModerator
	return s.write(ctx, "delete comment", func(ctx context.Context, c *pgx.Conn) error {
		tag, err := c.Exec(ctx, q, commentID, mediaID, moderates, v.UserID)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		if err := queryOne(ctx, c, noComment, look, []any{commentID, mediaID}, func(*row) {}); err != nil {
			return err
		}
		if v.UserID == 0 {
			return errAnonymous
		}
		return errNotYours
	})
}
