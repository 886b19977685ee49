package seed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
)

// job is a run and what remains of it.
type job struct {
	run     Run
	ds      Dataset
	resumed bool
	nothing bool
	tables  []*tableJob
}

// tableJob is what remains to be loaded into one table.
type tableJob struct {
	gen.Table
	// bulk tables are empty and are loaded as one unit.
	bulk bool
	// pieces are missing; a bulk table has one piece, the whole of it.
	pieces []span
	// done rows of checksum sum are committed.
	done int64
	sum  uint64
	// loaded rows of checksum loadedSum were committed since.
	loaded    atomic.Int64
	loadedSum atomic.Uint64
	// keepIndexes says that so few rows are added that to insert them into the indexes takes less time than
	// to build the indexes anew.
	keepIndexes bool
}

// settled says that every row is committed.
func (t *tableJob) settled() bool { return len(t.pieces) == 0 }

// left returns the number of rows to load.
func (t *tableJob) left() int64 { return t.Rows - t.done }

// appended tells whether the run adds to rows of others, which are not to be touched.
func (j *job) appended() bool {
	for _, p := range j.run.Plan {
		if p.FirstID > 1 {
			return true
		}
	}
	return j.run.ID > 1
}

// look decides by what is in the database, without changing or locking anything.
func look(ctx context.Context, q querier, ds Dataset, p Policy) (action, *Run, error) {
	var f found
	var err error
	if f.runs, err = readRuns(ctx, q); err != nil {
		return 0, nil, err
	}
	if f.filled, err = readFilled(ctx, q); err != nil {
		return 0, nil, err
	}
	return decide(f, ds.Identity, p)
}

// begin does, in one transaction, everything between looking at the database and loading its first row:
// it empties the tables for a replacement, records the run, and drops what is to be rebuilt.
func (l *loader) begin(ctx context.Context) (*job, error) {
	// The answer that needs no locks comes first: a loaded database may be in use.
	act, run, err := look(ctx, l.control, l.ds, l.o.OnExisting)
	if err != nil {
		return nil, err
	}
	if act == doNothing {
		return l.read(ctx, l.control, *run, true)
	}
	var j *job
	for attempt := 1; ; attempt++ {
		err = inTransaction(ctx, l.control, func(tx pgx.Tx) error {
			j, err = l.beginIn(ctx, tx)
			return err
		})
		// A session that locks tables in another order can make this one the victim of a deadlock.
		if code(err) != codeDeadlock || attempt == 3 {
			return j, err
		}
	}
}

func (l *loader) beginIn(ctx context.Context, tx pgx.Tx) (*job, error) {
	for _, t := range schema.Tables() {
		if _, err := tx.Exec(ctx, "LOCK TABLE "+quote(t.Name)+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return nil, l.explainLock(context.WithoutCancel(ctx), []string{quote(t.Name)}, fmt.Errorf("lock %s: %w", t.Name, err))
		}
	}
	act, run, err := look(ctx, tx, l.ds, l.o.OnExisting)
	if err != nil {
		return nil, err
	}
	j, err := l.prepare(ctx, tx, act, run)
	if l.o.OnExisting == Replace && errors.Is(err, errLedger) {
		j, err = l.prepare(ctx, tx, doReplace, nil)
	}
	return j, err
}

// prepare does what decide has decided.
func (l *loader) prepare(ctx context.Context, tx pgx.Tx, act action, run *Run) (*job, error) {
	switch act {
	case doReplace:
		if err := empty(ctx, tx); err != nil {
			return nil, err
		}
	case doAppend:
		if err := l.reserve(ctx, tx); err != nil {
			return nil, err
		}
	}
	if act != doResume {
		started, err := insertRun(ctx, tx, l.ds)
		if err != nil {
			return nil, err
		}
		run = &started
	}
	j, err := l.read(ctx, tx, *run, act == doResume)
	if err != nil {
		return nil, err
	}
	if err := j.choose(ctx, tx); err != nil {
		return nil, err
	}
	indexed, referring, referred := j.drops()
	return j, deferObjects(ctx, tx, indexed, referring, referred)
}

// empty deletes all rows and the ledger's memory of them.
func empty(ctx context.Context, tx pgx.Tx) error {
	var names []string
	for _, t := range schema.Tables() {
		names = append(names, quote(t.Name))
	}
	if _, err := tx.Exec(ctx, "TRUNCATE "+strings.Join(names, ", ")+" RESTART IDENTITY"); err != nil {
		return fmt.Errorf("empty the tables: %w", err)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM seed_runs"); err != nil {
		return fmt.Errorf("empty the ledger: %w", err)
	}
	return nil
}

// reserve makes sure that the ids to append are free, and moves the sequences past them, so that rows which
// others insert meanwhile keep clear of them.
func (l *loader) reserve(ctx context.Context, tx pgx.Tx) error {
	next, err := idsPresent(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range l.ds.plan() {
		if p.FirstID == 0 || p.Rows == 0 {
			continue
		}
		if n := next[p.Table]; p.FirstID < n {
			return fmt.Errorf("append to %s from id %d on: ids up to %d are taken; the first ids to use come from NextIDs", p.Table, p.FirstID, n-1)
		}
		if err := advanceSequence(ctx, tx, p.Table, p.LastID()); err != nil {
			return err
		}
	}
	return nil
}

// idsPresent returns one past the highest id of each table that has ids.
func idsPresent(ctx context.Context, q querier) (map[string]int64, error) {
	next := make(map[string]int64)
	for _, t := range schema.Tables() {
		if !t.Identity {
			continue
		}
		var id int64
		if err := q.QueryRow(ctx, "SELECT coalesce(max(id), 0) + 1 FROM "+quote(t.Name)).Scan(&id); err != nil {
			return nil, fmt.Errorf("read the highest id of %s: %w", t.Name, err)
		}
		next[t.Name] = id
	}
	return next, nil
}

// advanceSequence makes sure that a table's next id is beyond last. It never turns a sequence back.
func advanceSequence(ctx context.Context, q querier, table string, last int64) error {
	var name string
	err := q.QueryRow(ctx, "SELECT pg_get_serial_sequence($1, 'id')", quote(table)).Scan(&name)
	if err != nil {
		return fmt.Errorf("find the sequence of %s: %w", table, err)
	}
	_, err = q.Exec(ctx, "SELECT setval($1::text::regclass, greatest(last_value, $2)) FROM "+name+" WHERE NOT (is_called AND last_value >= $2)", name, last)
	if err != nil {
		return fmt.Errorf("set the sequence of %s: %w", table, err)
	}
	return nil
}

// read compares the ledger with the dataset.
func (l *loader) read(ctx context.Context, q querier, run Run, resumed bool) (*job, error) {
	units, err := readUnits(ctx, q, run.ID)
	if err != nil {
		return nil, err
	}
	byTable := make(map[string][]unit)
	for _, u := range units {
		byTable[u.Table] = append(byTable[u.Table], u)
	}
	j := &job{run: run, ds: l.ds, resumed: resumed}
	for _, t := range l.ds.Tables {
		tj := &tableJob{Table: t}
		mine := byTable[t.Schema.Name]
		for _, u := range mine {
			tj.done += u.N
			tj.sum += u.Checksum
		}
		if tj.pieces, err = missing(mine, t.Rows); err != nil {
			return nil, err
		}
		j.tables = append(j.tables, tj)
	}
	j.nothing = run.Finished()
	return j, nil
}

// choose settles how each table is loaded: as a whole where it is empty, in chunks where the run adds to
// rows of others.
func (j *job) choose(ctx context.Context, q querier) error {
	for _, t := range j.tables {
		if t.settled() {
			continue
		}
		has, err := hasRows(ctx, q, t.Schema.Name)
		if err != nil {
			return err
		}
		if has && !j.appended() {
			return misfit(t.Schema.Name, "has rows that the interrupted load did not write")
		}
		if !has && t.done > 0 {
			return misfit(t.Schema.Name, fmt.Sprintf("is empty, although %d rows are recorded", t.done))
		}
		t.bulk = !has
		if has {
			var present float64
			if err := q.QueryRow(ctx, "SELECT reltuples FROM pg_class WHERE oid = to_regclass($1)", quote(t.Schema.Name)).Scan(&present); err != nil {
				return fmt.Errorf("estimate the rows of %s: %w", t.Schema.Name, err)
			}
			t.keepIndexes = float64(t.left())*rebuildShare < present
		}
	}
	return nil
}

// rebuildShare: an index is built anew if the rows to add are more than one in so many of those present. To
// insert a row into an index takes about this many times what sorting it in takes.
const rebuildShare = 10

// errLedger says that a table is not what the ledger of an unfinished run says.
var errLedger = errors.New("the ledger does not fit")

// misfit refuses to go on with a run: loading a table with other rows in it would delete them.
func misfit(table, what string) error {
	return fmt.Errorf("table %s %s (%w): run seed with --on-existing replace to start over", table, what, errLedger)
}

// drops returns the tables whose indexes are to be dropped, those whose foreign keys are, and those which
// other tables' foreign keys would stand in the way of.
func (j *job) drops() (indexed, referring, referred []string) {
	for _, t := range j.tables {
		if t.settled() {
			continue
		}
		name := t.Schema.Name
		referring = append(referring, name)
		if !t.keepIndexes {
			indexed = append(indexed, name)
		}
		if t.bulk {
			referred = append(referred, name)
		}
	}
	return indexed, referring, referred
}
