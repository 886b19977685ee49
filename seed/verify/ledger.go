package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// ledgerRun is a recorded run with what its dataset is made from.
type ledgerRun struct {
	seeded
	name, fingerprint string
	seed              uint64
	rows              map[string]int64
	checksums         map[string]uint64
	dataset           *gen.Dataset
	profile           *profile.Profile
}

// readLedger returns the recorded runs, oldest first, all of them finished.
func readLedger(ctx context.Context, tx pgx.Tx) ([]ledgerRun, error) {
	// Sums of checksums wrap around modulo 2^64, which numeric does not do by itself; the units are few.
	rows, err := tx.Query(ctx, `SELECT profile, fingerprint, seed, as_of, started_at, finished_at, definition, plan,
		(SELECT coalesce(jsonb_agg(jsonb_build_array(u.table_name, u.checksum::text)), '[]') FROM seed_units u WHERE u.run_id = r.id)
		FROM seed_runs r ORDER BY id`)
	if err != nil {
		return nil, ledgerError(err)
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, ledgerError(err)
	}
	if len(runs) == 0 {
		return nil, seed.ErrNotSeeded
	}
	return runs, nil
}

func scanRun(row pgx.CollectableRow) (ledgerRun, error) {
	var r ledgerRun
	var seedBits int64
	var started time.Time
	var finished *time.Time
	var definition []byte
	var plan []seed.Planned
	var units [][2]string
	err := row.Scan(&r.name, &r.fingerprint, &seedBits, &r.asOf, &started, &finished, &definition, &plan, &units)
	if err != nil {
		return ledgerRun{}, err
	}
	if finished == nil {
		return ledgerRun{}, fmt.Errorf("the load that began at %s is unfinished: run it again to finish it (%w)",
			started.UTC().Format(time.RFC3339), seed.ErrNotSeeded)
	}
	r.seed, r.asOf, r.finished = uint64(seedBits), r.asOf.UTC(), finished.UTC()
	r.spans, r.rows, r.checksums = map[string][]span{}, map[string]int64{}, map[string]uint64{}
	for _, p := range plan {
		r.rows[p.Table] = p.Rows
		if p.FirstID > 0 && p.Rows > 0 {
			r.spans[p.Table] = []span{{p.FirstID, p.LastID()}}
		}
	}
	for _, u := range units {
		sum, err := strconv.ParseInt(u[1], 10, 64)
		if err != nil {
			return ledgerRun{}, fmt.Errorf("checksum of %s: %w", u[0], err)
		}
		r.checksums[u[0]] += uint64(sum)
	}
	if r.dataset, err = gen.FromDefinition(json.RawMessage(definition)); err != nil {
		return ledgerRun{}, err
	}
	r.profile = r.dataset.Profile()
	return r, nil
}

func ledgerError(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42703") { // undefined table, column
		return seed.ErrNotMigrated
	}
	return fmt.Errorf("verify: read the ledger: %w", err)
}

// fixedAccounts returns the accounts that the run has made: those of every dataset that starts at id 1.
func (r ledgerRun) fixedAccounts() []gen.Account {
	users := r.spans[schema.Users.Name]
	if len(users) == 0 || users[0].first > 1 {
		return nil
	}
	accounts := r.dataset.Accounts()
	return accounts[:min(int64(len(accounts)), r.rows[schema.Users.Name])]
}

// vouched returns what all runs together have seeded.
func vouched(runs []ledgerRun) seeded {
	all := seeded{spans: map[string][]span{}}
	for _, r := range runs {
		for table, spans := range r.spans {
			all.spans[table] = append(all.spans[table], spans...)
		}
		if r.asOf.After(all.asOf) {
			all.asOf = r.asOf
		}
		if r.finished.After(all.finished) {
			all.finished = r.finished
		}
	}
	return all
}

// expectedRows returns how many rows the runs have seeded in a table.
func expectedRows(runs []ledgerRun, table string) int64 {
	var n int64
	for _, r := range runs {
		n += r.rows[table]
	}
	return n
}

// compareContent works out the checksum of every seeded table again. Rows that tests have added, changed
// or deleted make a difference: it tells whether the database is exactly as it was seeded.
func compareContent(ctx context.Context, dsn string, runs []ledgerRun) ([]Checksum, error) {
	var list []Checksum
	for _, t := range schema.Tables() {
		if expectedRows(runs, t.Name) == 0 {
			continue
		}
		var want uint64
		for _, r := range runs {
			want += r.checksums[t.Name]
		}
		got, err := seed.ContentChecksum(ctx, dsn, t.Name)
		if err != nil {
			return nil, fmt.Errorf("verify content of %s: %w", t.Name, err)
		}
		list = append(list, Checksum{
			Table: t.Name, Expected: fmt.Sprintf("%016x", want), Found: fmt.Sprintf("%016x", got.Checksum),
			OK: got.Checksum == want,
		})
	}
	return list, nil
}
