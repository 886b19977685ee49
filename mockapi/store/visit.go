package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// inBinary asks for all columns in binary format, which is what row decodes.
var inBinary = pgx.QueryResultFormats{pgx.BinaryFormatCode}

// read visits the database to look. The visit is repeated when its connection turns out to be broken, as
// happens to every idle connection when the server restarts or the database is swapped for another.
func (s *Store) read(ctx context.Context, what string, visit func(context.Context, *pgx.Conn) error) error {
	return s.visit(ctx, &s.light, what, true, visit)
}

// write visits the database to change something in one statement or one transaction. It is repeated only
// where nothing can have happened: a connection that broke may have broken after the commit.
func (s *Store) write(ctx context.Context, what string, visit func(context.Context, *pgx.Conn) error) error {
	return s.visit(ctx, &s.light, what, false, visit)
}

// heavyWrite is write over the connections that are kept for bulk calls and transactions.
func (s *Store) heavyWrite(ctx context.Context, what string, visit func(context.Context, *pgx.Conn) error) error {
	return s.visit(ctx, &s.heavy, what, false, visit)
}

// tx is write with a transaction around it.
func (s *Store) tx(ctx context.Context, what string, visit func(context.Context, pgx.Tx) error) error {
	return s.write(ctx, what, func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return visit(ctx, tx) })
	})
}

// visit gives a connection to do, which must not keep it, within one deadline for the wait and the work.
// Where do is repeated it starts from nothing. Its errors come back translated.
//
// The caller's deadline counts, its cancelling does not: stopping a query in its tracks costs the connection,
// and a client who hangs up should not cost the others that.
func (s *Store) visit(ctx context.Context, l *lane, what string, idempotent bool, do func(context.Context, *pgx.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return s.translate(what, err)
	}
	timing, faults := mockapi.TimingFrom(ctx), mockapi.DBFaultsFrom(ctx)
	start := time.Now()
	deadline := start.Add(l.timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()

	var wait time.Duration
	var err error
	// Each idle connection may be broken, and each is found out only by using it.
	for attempt := range l.size + 1 {
		begin := time.Now()
		var broken bool
		broken, err = l.once(ctx, begin, &wait, faults, do)
		if err == nil || !again(err, idempotent && broken, attempt) {
			break
		}
	}
	timing.Add(wait, time.Since(start)-wait)
	if err != nil {
		return s.translate(what, err)
	}
	return nil
}

func (l *lane) once(ctx context.Context, begin time.Time, wait *time.Duration, faults mockapi.DBFaults, do func(context.Context, *pgx.Conn) error) (broken bool, err error) {
	c, err := l.pool.Acquire(ctx)
	*wait += time.Since(begin)
	if err != nil {
		return false, err
	}
	defer c.Release()
	if faults.Delay > 0 && !pause(ctx, faults.Delay) {
		return false, ctx.Err()
	}
	if faults.RowLock > 0 {
		err = contend(ctx, c.Conn(), faults.RowLock, l.timeout/10)
	}
	if err == nil {
		err = do(ctx, c.Conn())
	}
	return err != nil && c.Conn().IsClosed() && ctx.Err() == nil, err
}

// one runs a query that gives one row and hands it to scan: NOT_FOUND with message missing where it gives none.
func (s *Store) one(ctx context.Context, what, missing, sql string, args []any, scan func(*row)) error {
	return s.read(ctx, what, func(ctx context.Context, c *pgx.Conn) error {
		return queryOne(ctx, c, missing, sql, args, scan)
	})
}

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// queryOne hands the first row to scan: NOT_FOUND with message missing where there is none.
func queryOne(ctx context.Context, q querier, missing, sql string, args []any, scan func(*row)) error {
	n, err := query(ctx, q, sql, args, scan)
	if err == nil && n == 0 {
		return mockapi.Errorf(mockapi.CodeNotFound, "%s", missing)
	}
	return err
}

// query hands every row to scan and returns how many there were. A leading pgx.QueryExecMode in args is
// passed on.
func query(ctx context.Context, q querier, sql string, args []any, scan func(*row)) (int, error) {
	rows, err := q.Query(ctx, sql, append([]any{inBinary}, args...)...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	var r row
	for rows.Next() {
		r.reset(rows.RawValues())
		scan(&r)
		if err := r.finish(); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}
