package seed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// Costs of steps for each row of their table, in the time that a b-tree takes. They only order the steps.
const (
	costBtree    = 1
	costTrigram  = 12
	costValidate = 0.6
	costAnalyze  = 0.1
)

// build makes everything that follows the rows: the indexes that are owed, then statistics; and foreign
// keys, which are validated only if all rows are there. Nothing but the locks of one table orders the
// steps, so that every worker stays busy.
func (l *loader) build(ctx context.Context, j *job, complete bool) error {
	owed, err := readDeferred(ctx, l.control)
	if err != nil {
		return err
	}
	rows := make(map[string]int64)
	for _, p := range j.run.Plan {
		rows[p.Table] += p.Rows
	}
	var steps []step
	work := make(map[step]func(context.Context, *pgx.Conn) error)
	add := func(s step, do func(context.Context, *pgx.Conn) error) {
		steps = append(steps, s)
		work[s] = do
	}
	for _, d := range owed {
		n := float64(rows[d.Table])
		switch {
		case d.Kind == kindIndex:
			cost := n * costBtree
			if strings.Contains(d.Definition, " USING gin ") {
				cost = n * costTrigram
			}
			add(step{kind: StepIndex, name: d.Name, table: d.Table, cost: cost},
				func(ctx context.Context, conn *pgx.Conn) error { return buildIndex(ctx, conn, d) })
		case d.Kind == kindForeignKey:
			// A key locks the table that it refers to as well. Before any index is being built, that is no wait.
			if err := addForeignKey(ctx, l.control, d); err != nil {
				return l.explainLock(ctx, d.Table, fmt.Errorf("add foreign key %s of %s: %w", d.Name, d.Table, err))
			}
			if complete {
				add(step{kind: StepForeignKey, name: d.Name, table: d.Table, exclusive: true, cost: n * costValidate},
					func(ctx context.Context, conn *pgx.Conn) error { return validateForeignKey(ctx, conn, d) })
			}
		}
	}
	if complete {
		statement := "ANALYZE "
		if j.appended() {
			// Rows that did not come frozen are not known to be visible to all, and those of a trigram index may
			// still be in its pending list.
			statement = "VACUUM (ANALYZE, PARALLEL 0) "
		}
		for _, t := range j.tables {
			table := quote(t.Schema.Name)
			add(step{kind: StepAnalyze, name: t.Schema.Name, table: t.Schema.Name, exclusive: true, last: true, cost: float64(t.Rows) * costAnalyze},
				func(ctx context.Context, conn *pgx.Conn) error {
					_, err := conn.Exec(ctx, statement+table)
					return err
				})
		}
	}
	l.track.plan(steps)
	return l.runSteps(ctx, steps, work)
}

func (l *loader) runSteps(ctx context.Context, steps []step, work map[step]func(context.Context, *pgx.Conn) error) error {
	s := newSchedule(steps)
	group, ctx := errgroup.WithContext(ctx)
	for range min(l.o.Workers, len(steps)) {
		group.Go(func() error {
			conn, err := l.worker(ctx)
			if err != nil {
				s.fail()
				return err
			}
			defer closeSession(conn)
			return s.work(ctx, func(ctx context.Context, st step) error {
				what := st.kind + " " + st.name
				doing := l.track.start(what)
				defer doing()
				start := time.Now()
				l.o.Logger.Debug("begin", "what", what)
				if err := work[st](ctx, conn); err != nil {
					return l.explainLock(context.WithoutCancel(ctx), st.table, fmt.Errorf("%s: %w", what, err))
				}
				l.o.Logger.Debug("committed", "what", what, "took", time.Since(start))
				l.track.stepDone(st.kind)
				return nil
			})
		})
	}
	return group.Wait()
}
