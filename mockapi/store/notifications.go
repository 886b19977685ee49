package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

const notificationColumns = "id, user_id, type, message, status, created_at, read_at"

func scanNotification(r *row, n *mockapi.Notification) {
	n.ID = r.int64()
	n.UserID = r.int64()
	n.Type = r.text()
	n.Message = r.text()
	n.Status = r.text()
	n.CreatedAt = r.time()
	n.ReadAt = r.nullTime()
}

const noNotification = "no such notification"

// CreateNotification implements mockapi.NotificationStore. A message that is in the database counts as sent:
// the mock has no mail server.
func (s *Store) CreateNotification(ctx context.Context, n mockapi.NewNotification) (mockapi.Notification, error) {
	const q = `INSERT INTO notifications (user_id, type, message, status) SELECT id, $2, $3, 'sent' FROM users WHERE id = $1
		RETURNING ` + notificationColumns
	var made mockapi.Notification
	err := s.write(ctx, "create notification", func(ctx context.Context, c *pgx.Conn) error {
		return queryOne(ctx, c, noUser, q, []any{n.UserID, n.Type, n.Message}, func(r *row) { scanNotification(r, &made) })
	})
	return made, err
}

// Notifications implements mockapi.NotificationStore.
func (s *Store) Notifications(ctx context.Context, userID int64, p mockapi.PageRequest) (mockapi.Page[mockapi.Notification], error) {
	var found mockapi.Page[mockapi.Notification]
	w, err := newWindow(p, orderNewest)
	if err != nil {
		return found, err
	}
	list := from("FROM notifications")
	list.and("user_id = $", userID)
	counted, countedArgs := list.String(), list.args
	if w.after != nil {
		list.and("(created_at, id) < ($, $)", w.after.time(), w.after.id)
	}
	sql := "SELECT " + notificationColumns + " " + list.String() + " ORDER BY created_at DESC, id DESC LIMIT " +
		list.param(w.rows()) + " OFFSET " + list.param(w.offset)
	err = s.read(ctx, "list notifications", func(ctx context.Context, c *pgx.Conn) error {
		items, err := collect(ctx, c, w, sql, list.args, func(r *row, n, _ *mockapi.Notification) { scanNotification(r, n) })
		if err != nil {
			return err
		}
		found = page(items, w, func(n *mockapi.Notification) cursor { return newestCursor(n.CreatedAt, n.ID) })
		if found.TotalKind == "" {
			found.Total, found.TotalKind, err = s.totals.cappedTotal(ctx, c, fmt.Sprint("notifications", userID), counted, countedArgs)
		}
		return err
	})
	return found, err
}

// ReadNotification implements mockapi.NotificationStore.
func (s *Store) ReadNotification(ctx context.Context, userID, id int64) (mockapi.Notification, error) {
	const q = `UPDATE notifications SET status = 'read', read_at = coalesce(read_at, greatest(now(), created_at))
		WHERE id = $1 AND user_id = $2 RETURNING ` + notificationColumns
	var n mockapi.Notification
	err := s.write(ctx, "read notification", func(ctx context.Context, c *pgx.Conn) error {
		return queryOne(ctx, c, noNotification, q, []any{id, userID}, func(r *row) { scanNotification(r, &n) })
	})
	return n, err
}
