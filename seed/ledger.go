package seed

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
)

// Planned is what a run is to load into one table.
type Planned struct {
	Table string `json:"table"`
	// FirstID is the id of row 0, 0 for a table without ids.
	FirstID int64 `json:"first_id,omitempty"`
	Rows    int64 `json:"rows"`
}

// LastID returns the id of the last row; it is FirstID - 1 where there are no rows.
func (p Planned) LastID() int64 { return p.FirstID + p.Rows - 1 }

// plan returns what the dataset has for each table.
func (d Dataset) plan() []Planned {
	plan := make([]Planned, len(d.Tables))
	for i, t := range d.Tables {
		plan[i] = Planned{Table: t.Schema.Name, Rows: t.Rows}
		if t.Schema.Identity {
			plan[i].FirstID = max(1, d.FirstID[t.Schema.Name])
		}
	}
	return plan
}

// unit is a part of a table that commits as a whole.
type unit struct {
	Table    string
	First, N int64
	Checksum uint64
}

// readRuns returns all recorded runs, oldest first.
func readRuns(ctx context.Context, q querier) ([]Run, error) {
	rows, err := q.Query(ctx, `SELECT id, fingerprint, profile, profile_digest, definition, seed, as_of,
		generator_version, plan, started_at, finished_at FROM seed_runs ORDER BY id`)
	if err != nil {
		return nil, ledgerError(err)
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, ledgerError(err)
	}
	return runs, nil
}

func scanRun(row pgx.CollectableRow) (Run, error) {
	var r Run
	var seed int64
	var definition, plan []byte
	err := row.Scan(&r.ID, &r.Fingerprint, &r.Profile, &r.ProfileDigest, &definition, &seed, &r.AsOf,
		&r.GeneratorVersion, &plan, &r.StartedAt, &r.FinishedAt)
	if err != nil {
		return Run{}, err
	}
	r.Seed, r.Definition, r.AsOf = uint64(seed), definition, r.AsOf.UTC()
	if err := json.Unmarshal(plan, &r.Plan); err != nil {
		return Run{}, fmt.Errorf("plan of run %d: %w", r.ID, err)
	}
	r.FirstID = make(map[string]int64)
	for _, p := range r.Plan {
		if p.FirstID > 0 {
			r.FirstID[p.Table] = p.FirstID
		}
	}
	return r, nil
}

// ledgerError tells a missing or outdated schema from other errors.
func ledgerError(err error) error {
	if c := code(err); c == codeUndefinedTable || c == codeUndefinedColumn {
		return ErrNotMigrated
	}
	return fmt.Errorf("read the ledger: %w", err)
}

// insertRun records a run that begins.
func insertRun(ctx context.Context, q querier, ds Dataset) (Run, error) {
	run := Run{Identity: ds.Identity, Plan: ds.plan()}
	plan, err := json.Marshal(run.Plan)
	if err != nil {
		return Run{}, fmt.Errorf("record the run: %w", err)
	}
	definition := ds.Definition
	if len(definition) == 0 {
		definition = json.RawMessage("{}")
	}
	// A ledger emptied by Replace starts at 1 again, as that of an undisturbed run does.
	err = q.QueryRow(ctx, `INSERT INTO seed_runs (id, fingerprint, profile, profile_digest, definition, seed, as_of, generator_version, plan)
		SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8 FROM seed_runs
		RETURNING id, started_at`,
		ds.Fingerprint, ds.Profile, ds.ProfileDigest, string(definition), int64(ds.Seed), ds.AsOf, ds.GeneratorVersion, string(plan)).
		Scan(&run.ID, &run.StartedAt)
	if err != nil {
		return Run{}, fmt.Errorf("record the run: %w", err)
	}
	return run, nil
}

// readUnits returns the committed units of a run, by table and first row.
func readUnits(ctx context.Context, q querier, run int64) ([]unit, error) {
	rows, err := q.Query(ctx, `SELECT table_name, first_row, row_count, checksum FROM seed_units
		WHERE run_id = $1 ORDER BY table_name, first_row`, run)
	if err != nil {
		return nil, ledgerError(err)
	}
	units, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u unit, err error) {
		var sum int64
		err = row.Scan(&u.Table, &u.First, &u.N, &sum)
		u.Checksum = uint64(sum)
		return u, err
	})
	if err != nil {
		return nil, ledgerError(err)
	}
	return units, nil
}

// insertUnit records a unit; it belongs into the unit's own transaction.
func insertUnit(ctx context.Context, q querier, run int64, u unit) error {
	_, err := q.Exec(ctx, `INSERT INTO seed_units (run_id, table_name, first_row, row_count, checksum) VALUES ($1, $2, $3, $4, $5)`,
		run, u.Table, u.First, u.N, int64(u.Checksum))
	if err != nil {
		return fmt.Errorf("record the unit: %w", err)
	}
	return nil
}

// finishRun records that everything of a run is in place.
func finishRun(ctx context.Context, q querier, run *Run) error {
	var at time.Time
	err := q.QueryRow(ctx, "UPDATE seed_runs SET finished_at = clock_timestamp() WHERE id = $1 RETURNING finished_at", run.ID).Scan(&at)
	if err != nil {
		return fmt.Errorf("record the end of the run: %w", err)
	}
	run.FinishedAt = &at
	return nil
}

// readFilled returns the names of the schema's tables that have rows.
func readFilled(ctx context.Context, q querier) ([]string, error) {
	var filled []string
	for _, t := range schema.Tables() {
		has, err := hasRows(ctx, q, t.Name)
		if err != nil {
			return nil, err
		}
		if has {
			filled = append(filled, t.Name)
		}
	}
	return filled, nil
}

func hasRows(ctx context.Context, q querier, table string) (bool, error) {
	var has bool
	if err := q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+quote(table)+")").Scan(&has); err != nil {
		if code(err) == codeUndefinedTable {
			return false, ErrNotMigrated
		}
		return false, fmt.Errorf("look for rows in %s: %w", table, err)
	}
	return has, nil
}

// quote makes a name safe in SQL.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
