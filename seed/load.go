package seed

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/pgcopy"
)

// loader is one call of Load.
type loader struct {
	sessions
	ds      Dataset
	o       Options
	control *pgx.Conn
	track   *tracker
}

// piece is what a worker takes up at a time: a table or a chunk of one.
type piece struct {
	table *tableJob
	span
}

// order returns the pieces of all tables in the order in which to start them: costliest table first, so
// that no long one is left over when the rest is done.
func (j *job) order(chunkRows int64) []piece {
	var tables []*tableJob
	for _, t := range j.tables {
		if !t.settled() {
			tables = append(tables, t)
		}
	}
	cost := make(map[*tableJob]float64)
	for _, t := range tables {
		cost[t] = float64(t.left()) * (rowOverhead + rowBytes(t.Table))
	}
	slices.SortStableFunc(tables, func(a, b *tableJob) int { return cmp.Compare(cost[b], cost[a]) })
	var pieces []piece
	for _, t := range tables {
		spans := t.pieces
		if !t.bulk {
			spans = cut(spans, chunkRows)
		}
		for _, s := range spans {
			pieces = append(pieces, piece{t, s})
		}
	}
	return pieces
}

// rowOverhead is what a row costs the server apart from its bytes, in bytes of COPY data that cost as much.
const rowOverhead = 100

// rowBytes estimates the length of a table's rows in COPY data from a few of them.
func rowBytes(t gen.Table) float64 {
	const sample = 32
	if t.Rows == 0 {
		return 0
	}
	var enc pgcopy.Binary
	row := t.NewRowFunc()
	n := min(t.Rows, sample)
	for k := range n {
		row(&enc, k*(t.Rows/n))
	}
	return float64(enc.Len()) / float64(n)
}

// load loads all pieces on as many sessions as there are workers.
func (l *loader) load(ctx context.Context, j *job) error {
	pieces := j.order(l.o.ChunkRows)
	queue := make(chan piece, len(pieces))
	for _, p := range pieces {
		queue <- p
	}
	close(queue)
	group, ctx := errgroup.WithContext(ctx)
	for range min(l.o.Workers, len(pieces)) {
		group.Go(func() error {
			conn, err := l.worker(ctx)
			if err != nil {
				return err
			}
			defer closeSession(conn)
			sink := pgcopy.NewSink(conn.PgConn())
			for p := range queue {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := l.loadPiece(ctx, conn, sink, j.run, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (l *loader) loadPiece(ctx context.Context, conn *pgx.Conn, sink *pgcopy.Sink, run Run, p piece) error {
	name := p.table.Schema.Name
	doing := l.track.start(name)
	defer doing()
	start := time.Now()
	do, what := chunkUnit, fmt.Sprintf("seed %s, rows %d to %d", name, p.first, p.first+p.n-1)
	if p.table.bulk {
		do, what = bulkUnit, "seed "+name
	}
	l.o.Logger.Debug("begin", "what", what)
	var sum uint64
	err := inTransaction(ctx, conn, func(tx pgx.Tx) (err error) {
		sum, err = do(ctx, tx, p, func(statement string) (pgcopy.Sent, error) {
			return sink.Copy(ctx, statement, p.table.NewRowFunc(), p.first, p.n, l.track.rows(name))
		})
		if err != nil {
			return err
		}
		return insertUnit(ctx, tx, run.ID, unit{Table: name, First: p.first, N: p.n, Checksum: sum})
	})
	if err != nil {
		return l.explainLock(context.WithoutCancel(ctx), name, fmt.Errorf("%s: %w", what, err))
	}
	l.o.Logger.Debug("committed", "what", what, "took", time.Since(start))
	p.table.loaded.Add(p.n)
	p.table.loadedSum.Add(sum)
	return nil
}

// chunkUnit adds rows to a table as it is.
func chunkUnit(_ context.Context, _ pgx.Tx, p piece, send func(string) (pgcopy.Sent, error)) (uint64, error) {
	sent, err := send(copyStatement(p.table.Schema, ""))
	return sent.Checksum, err
}

// bulkUnit fills an empty table. Being truncated in the same transaction, it can be filled with rows that
// are frozen already and, where wal_level is minimal, without a log; and without its key, which is sorted
// at the end rather than grown row by row.
func bulkUnit(ctx context.Context, tx pgx.Tx, p piece, send func(string) (pgcopy.Sent, error)) (uint64, error) {
	name := quote(p.table.Schema.Name)
	if _, err := tx.Exec(ctx, "LOCK TABLE "+name+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return 0, err
	}
	// It was empty when the load began, but has not been locked since.
	if has, err := hasRows(ctx, tx, p.table.Schema.Name); err != nil || has {
		if err == nil {
			err = misfit(p.table.Schema.Name, "has got rows while the load went on")
		}
		return 0, err
	}
	var key, definition string
	err := tx.QueryRow(ctx, `SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
		WHERE conrelid = to_regclass($1) AND contype = 'p'`, name).Scan(&key, &definition)
	if err != nil {
		return 0, fmt.Errorf("read the primary key: %w", err)
	}
	if _, err := tx.Exec(ctx, "TRUNCATE "+name+" RESTART IDENTITY"); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "ALTER TABLE "+name+" DROP CONSTRAINT "+key); err != nil {
		return 0, err
	}
	sent, err := send(copyStatement(p.table.Schema, ", FREEZE"))
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "ALTER TABLE "+name+" ADD CONSTRAINT "+key+" "+definition); err != nil {
		return 0, fmt.Errorf("add the primary key: %w", err)
	}
	if !p.table.Schema.Identity {
		return sent.Checksum, nil
	}
	// The sequence was restarted in this transaction, so setting it is undone with it.
	_, err = tx.Exec(ctx, "SELECT setval(pg_get_serial_sequence($1, 'id'), max(id)) FROM "+name+" HAVING max(id) IS NOT NULL", name)
	if err != nil {
		return 0, fmt.Errorf("set the sequence: %w", err)
	}
	return sent.Checksum, nil
}

func copyStatement(t schema.Table, freeze string) string {
	return fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary%s)", quote(t.Name), strings.Join(columnNames(t), ", "), freeze)
}

func columnNames(t schema.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = quote(c.Name)
	}
	return names
}

// elapsed runs do and returns how long it took.
func elapsed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}
