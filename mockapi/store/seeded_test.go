package store_test

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
)

// Rows are those of the last run of the seeder, and beside them what the store has counted since.
func TestRows(t *testing.T) {
	dsn := schematest.New(t)
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	s := open(t, dsn, store.Options{})
	if rows, err := s.Rows(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("a database that was never seeded has %v, %v", rows, err)
	}
	const run = `INSERT INTO seed_runs (id, fingerprint, profile, profile_digest, definition, seed, as_of, generator_version, plan)
		VALUES ($1, 'f', 'p', 'd', '{}', 1, now(), 1, '{}')`
	for id := range 2 {
		if _, err := db.Exec(t.Context(), run, id+1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(t.Context(), `INSERT INTO seed_units (run_id, table_name, first_row, row_count, checksum)
		VALUES (1, 'users', 0, 999, 0), (2, 'users', 0, 2, 0), (2, 'users', 2, 1, 0), (2, 'tags', 0, 7, 0)`); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Whether the users have been counted by now is up to the keeper; that there are none it has to find.
	want := []mockapi.TableRows{{Table: "tags", Seeded: 7}, {Table: "users", Seeded: 3, Counted: rows[1].Counted}}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("the rows are %v, want %v", rows, want)
	}
}
