package seed

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/medianest/testbed/schema"
)

// State is what Status reports.
type State struct {
	// Runs are all recorded runs, oldest first.
	Runs []Run `json:"runs"`
	// Finished says that there is a run and that all runs are finished.
	Finished bool `json:"finished"`
	// Tables are all tables of the schema, in its order.
	Tables []TableState `json:"tables"`
	// Deferred are the indexes and foreign keys that are missing or not validated.
	Deferred []Deferred `json:"deferred,omitempty"`
	// Snapshot is the snapshot that Reset would return to, nil if there is none.
	Snapshot *SnapshotInfo `json:"snapshot,omitempty"`
}

// TableState is one table of a State.
type TableState struct {
	Table string `json:"table"`
	// Planned rows are to be loaded by the runs; Seeded of them, in Units, are recorded.
	Planned int64 `json:"planned"`
	Seeded  int64 `json:"seeded"`
	Units   int64 `json:"units"`
	// Rows is the exact number of rows in the table now, -1 while a load that is in progress locks it.
	Rows int64 `json:"rows"`
	// Made is how many rows have an id that no run gave. For a table without ids it is Rows less Seeded, and
	// can be negative.
	Made int64 `json:"made"`
	// Checksum is the ledger's checksum of all seeded rows; see TableResult.
	Checksum uint64 `json:"checksum"`
}

// Made is how many rows have been added since seeding, as far as their ids tell.
func (s State) Made() int64 {
	var n int64
	for _, t := range s.Tables {
		n += max(t.Made, 0)
	}
	return n
}

// Deferred is an index or foreign key that a load has dropped and owes.
type Deferred struct {
	Table      string `json:"table"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Definition string `json:"definition"`
}

// Status reads the ledger and the tables of the database at dsn. It may be called while a load goes on.
func Status(ctx context.Context, dsn string) (State, error) {
	conn, err := connect(ctx, dsn)
	if err != nil {
		return State{}, err
	}
	defer closeSession(conn)
	var s State
	if s.Runs, err = readRuns(ctx, conn); err != nil {
		return State{}, err
	}
	s.Finished = len(s.Runs) > 0 && !slices.ContainsFunc(s.Runs, func(r Run) bool { return !r.Finished() })
	if s.Deferred, err = readDeferred(ctx, conn); err != nil {
		return State{}, err
	}
	units := make(map[string][]unit)
	for _, r := range s.Runs {
		of, err := readUnits(ctx, conn, r.ID)
		if err != nil {
			return State{}, err
		}
		for _, u := range of {
			units[u.Table] = append(units[u.Table], u)
		}
	}
	if _, err := conn.Exec(ctx, "SET lock_timeout = '1s'"); err != nil {
		return State{}, fmt.Errorf("read status: %w", err)
	}
	for _, t := range schema.Tables() {
		ts := TableState{Table: t.Name, Units: int64(len(units[t.Name]))}
		for _, u := range units[t.Name] {
			ts.Seeded += u.N
			ts.Checksum += u.Checksum
		}
		if err := countRows(ctx, conn, t, s.Runs, &ts); err != nil {
			return State{}, err
		}
		s.Tables = append(s.Tables, ts)
	}
	s.Snapshot, err = snapshotOf(ctx, conn)
	return s, err
}

// countRows fills in what the runs planned and what is in the table.
func countRows(ctx context.Context, q querier, t schema.Table, runs []Run, ts *TableState) error {
	var given []span
	for _, r := range runs {
		for _, p := range r.Plan {
			if p.Table == t.Name {
				ts.Planned += p.Rows
				given = append(given, span{p.FirstID, p.Rows})
			}
		}
	}
	err := q.QueryRow(ctx, "SELECT count(*) FROM "+quote(t.Name)).Scan(&ts.Rows)
	if code(err) == codeLockNotAvailable {
		ts.Rows = -1
		return nil
	}
	if err == nil && t.Identity {
		err = q.QueryRow(ctx, "SELECT count(*) FROM "+quote(t.Name)+" WHERE "+outside(given)).Scan(&ts.Made)
	} else {
		ts.Made = ts.Rows - ts.Seeded
	}
	if err != nil {
		return fmt.Errorf("count the rows of %s: %w", t.Name, err)
	}
	return nil
}

// outside returns the condition of an id that is in none of the spans, as ranges that an index can look up.
func outside(given []span) string {
	slices.SortFunc(given, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	next := int64(math.MinInt64)
	var ranges []string
	for _, g := range given {
		if g.n > 0 {
			ranges = append(ranges, fmt.Sprintf("id >= %d AND id < %d", next, g.first))
			next = g.first + g.n
		}
	}
	ranges = append(ranges, fmt.Sprintf("id >= %d", next))
	return strings.Join(ranges, " OR ")
}
