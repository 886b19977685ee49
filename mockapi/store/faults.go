package store

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// hotRow locks the row as an UPDATE that counts a view would, so that foreign keys are checked without waiting for it.
// It writes no new version of the row: nothing is left for verification, a reset or vacuum to find.
const hotRow = "SELECT view_count FROM media_files ORDER BY id LIMIT 1 FOR NO KEY UPDATE"

// contend waits for the hot row and keeps it locked for hold, in a transaction of its own. That has no other lock and
// waits for none once it has this one, so that no circle of waiting transactions can go through it. It gives up
// reserve before the end of ctx, in time to end the transaction in order: what is broken off costs its connection.
func contend(ctx context.Context, c *pgx.Conn, hold, reserve time.Duration) error {
	deadline, _ := ctx.Deadline()
	deadline = deadline.Add(-reserve)
	patience := time.Until(deadline).Milliseconds()
	if patience <= 0 {
		return context.DeadlineExceeded
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		start := time.Now()
		batch := new(pgx.Batch)
		batch.Queue("SELECT set_config('lock_timeout', $1, true)", strconv.FormatInt(patience, 10))
		batch.Queue(hotRow)
		err := tx.SendBatch(ctx, batch).Close()
		mockapi.TimingFrom(ctx).AddLock(time.Since(start))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		if !pause(ctx, hold) {
			return ctx.Err()
		}
		return nil
	})
}

// lookUpOwners looks up the owner of each row by a statement of its own, where the request is to have N+1 queries.
func lookUpOwners[T any](ctx context.Context, q querier, rows []T, owner func(*T) int64) error {
	const sql = "SELECT " + userColumns + " FROM users WHERE id = $1"
	if !mockapi.DBFaultsFrom(ctx).NPlusOne {
		return nil
	}
	var u mockapi.User
	for i := range rows {
		if _, err := query(ctx, q, sql, []any{owner(&rows[i])}, func(r *row) { scanUser(r, &u) }); err != nil {
			return err
		}
	}
	return nil
}

func ownerOfMedia(m *mockapi.Media) int64 { return m.UserID }
