package seed

import (
	"context"
	"fmt"
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

// worker is a session that does one step after another.
type worker struct {
	conn *pgx.Conn
	sink *pgcopy.Sink
}

// What a row costs, in seconds, measured on one core of about 2.5 GHz. Only the proportions matter.
const (
	secondsLoad      = 0.6e-6 // and for each byte
	secondsLoadByte  = 4e-9
	secondsBtree     = 0.8e-6
	secondsTrigram   = 8e-6
	secondsReference = 0.15e-6
	secondsAnalyze   = 0.2e-6
)

// loadSteps returns a step for each table to fill, or for each chunk where rows are added.
func (l *loader) loadSteps(j *job) []*step {
	var steps []*step
	for _, t := range j.tables {
		if t.settled() {
			continue
		}
		name, seconds := t.Schema.Name, secondsLoad+secondsLoadByte*rowBytes(t.Table)
		pieces := t.pieces
		if !t.bulk {
			pieces = cut(pieces, l.o.ChunkRows)
		}
		for _, p := range pieces {
			st := &step{kind: stepLoad, name: name, stage: stageLoad, tables: []string{quote(name)}, exclusive: t.bulk,
				cost: seconds * float64(p.n)}
			st.do = func(ctx context.Context, w *worker) error { return l.loadPiece(ctx, w, j.run, t, p) }
			if !t.bulk {
				st.name = fmt.Sprintf("%s, rows %d to %d", name, p.first, p.first+p.n-1)
			}
			steps = append(steps, st)
		}
	}
	return steps
}

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

// buildSteps returns a step for each index and foreign key that is owed and, if all rows will be there, for
// the statistics of each table. Foreign keys are only validated if all rows will be there.
func (l *loader) buildSteps(ctx context.Context, j *job, complete bool) ([]*step, error) {
	owed, err := readDeferred(ctx, l.control)
	if err != nil {
		return nil, err
	}
	rows := make(map[string]float64)
	for _, p := range j.run.Plan {
		rows[quote(p.Table)] = float64(p.Rows)
		rows[p.Table] = float64(p.Rows)
	}
	var steps []*step
	for _, d := range owed {
		n := rows[d.Table]
		switch {
		case d.Kind == kindIndex:
			st := &step{kind: StepIndex, name: d.Name, stage: stageIndex, tables: lockNames(d.Table), cost: n * secondsBtree}
			if strings.Contains(d.Definition, " USING gin ") {
				st.cost = n * secondsTrigram
			}
			st.do = func(ctx context.Context, w *worker) error { return buildIndex(ctx, w.conn, d) }
			steps = append(steps, st)
		case d.Kind == kindForeignKey:
			st := &step{kind: StepForeignKey, name: d.Name, stage: stageAfter, exclusive: true,
				tables: lockNames(d.Table, referred(d)), cost: n * secondsReference}
			st.do = func(ctx context.Context, w *worker) error {
				return addForeignKey(ctx, w.conn, d, complete, !j.appended())
			}
			steps = append(steps, st)
		}
	}
	if !complete {
		return steps, nil
	}
	statement := "ANALYZE "
	if j.appended() {
		// Rows that did not come frozen are not known to be visible to all, and those of a trigram index may
		// still be in its pending list.
		statement = "VACUUM (ANALYZE, PARALLEL 0) "
	}
	for _, t := range j.tables {
		name := quote(t.Schema.Name)
		steps = append(steps, &step{kind: StepAnalyze, name: t.Schema.Name, stage: stageAfter, exclusive: true,
			tables: lockNames(name), cost: float64(t.Rows) * secondsAnalyze,
			do: func(ctx context.Context, w *worker) error {
				_, err := w.conn.Exec(ctx, statement+name)
				return err
			}})
	}
	return steps, nil
}

// lockNames spells tables in one way: the catalogue quotes only those that need it.
func lockNames(tables ...string) []string {
	for i, t := range tables {
		if !strings.ContainsAny(t, `".`) {
			tables[i] = quote(t)
		}
	}
	return tables
}

// run does the steps on as many sessions as there are workers.
func (l *loader) run(ctx context.Context, steps []*step) error {
	s := newSchedule(steps, l.o.Workers)
	group, ctx := errgroup.WithContext(ctx)
	for range min(l.o.Workers, len(steps)) {
		group.Go(func() error {
			conn, err := l.openWorker(ctx)
			if err != nil {
				s.fail()
				return err
			}
			defer closeSession(conn)
			w := &worker{conn: conn, sink: pgcopy.NewSink(conn.PgConn())}
			return s.work(ctx, func(ctx context.Context, st *step) error { return l.do(ctx, w, st) })
		})
	}
	return group.Wait()
}

func (l *loader) do(ctx context.Context, w *worker, st *step) error {
	what := st.kind + " " + st.name
	start := time.Now()
	doing := l.track.start(what)
	defer doing()
	l.o.Logger.Debug("begin", "what", what)
	if err := st.do(ctx, w); err != nil {
		// Asking who holds the lock must not fail for the reason that the step did.
		return l.explainLock(context.WithoutCancel(ctx), st.tables, fmt.Errorf("%s: %w", what, err))
	}
	l.o.Logger.Debug("done", "what", what, "took", time.Since(start).String())
	l.track.stepDone(st.kind)
	return nil
}

// loadPiece loads a whole table or a chunk of one, together with its line in the ledger.
func (l *loader) loadPiece(ctx context.Context, w *worker, run Run, t *tableJob, p span) error {
	fill := fillAdded
	if t.bulk {
		fill = fillEmpty
	}
	var sum uint64
	err := inTransaction(ctx, w.conn, func(tx pgx.Tx) (err error) {
		sum, err = fill(ctx, tx, t.Schema, func(statement string) (pgcopy.Sent, error) {
			return w.sink.Copy(ctx, statement, t.NewRowFunc(), p.first, p.n, l.track.rows(t.Schema.Name))
		})
		if err != nil {
			return err
		}
		return insertUnit(ctx, tx, run.ID, unit{Table: t.Schema.Name, First: p.first, N: p.n, Checksum: sum})
	})
	if err != nil {
		return err
	}
	t.loaded.Add(p.n)
	t.loadedSum.Add(sum)
	return nil
}

// fillAdded adds rows to a table as it is.
func fillAdded(_ context.Context, _ pgx.Tx, t schema.Table, send func(string) (pgcopy.Sent, error)) (uint64, error) {
	sent, err := send(copyStatement(t, ""))
	return sent.Checksum, err
}

// fillEmpty fills an empty table. Being truncated in the same transaction, it can be filled with rows that
// are frozen already and, where wal_level is minimal, without a log; and without its key, which is sorted
// at the end rather than grown row by row.
func fillEmpty(ctx context.Context, tx pgx.Tx, t schema.Table, send func(string) (pgcopy.Sent, error)) (uint64, error) {
	name := quote(t.Name)
	if _, err := tx.Exec(ctx, "LOCK TABLE "+name+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return 0, err
	}
	// It was empty when the load began, but has not been locked since.
	if has, err := hasRows(ctx, tx, t.Name); err != nil || has {
		if err == nil {
			err = misfit(t.Name, "has got rows while the load went on")
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
	sent, err := send(copyStatement(t, ", FREEZE"))
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "ALTER TABLE "+name+" ADD CONSTRAINT "+key+" "+definition); err != nil {
		return 0, fmt.Errorf("add the primary key: %w", err)
	}
	if !t.Identity {
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
