package seed_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	base, more := fake{seed: 1, scale: 40}, fake{seed: 2, scale: 60}
	var want string
	for _, o := range []seed.Options{{Workers: 1, ChunkRows: 1}, {Workers: 2, ChunkRows: 10_000}, {Workers: 3, ChunkRows: 77}} {
		t.Run(fmt.Sprintf("%d workers, %d rows", o.Workers, o.ChunkRows), func(t *testing.T) {
			dsn := schematest.New(t)
			before := definitions(t, dsn)
			load(t, dsn, base.dataset(), seed.Options{})
			first, err := seed.NextIDs(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			if first["users"] != 41 || first["media_files"] != 321 || first["notifications"] != 1 {
				t.Errorf("next ids are %v", first)
			}
			more.first = first
			o.OnExisting = seed.Append
			r := load(t, dsn, more.dataset(), o)
			if r.Run.ID != 2 || r.Rows != more.dataset().Rows() {
				t.Errorf("result is %+v", r)
			}
			same(t, "definitions", definitions(t, dsn), before)
			state := fingerprint(t, dsn)
			if want == "" {
				want = state
			}
			same(t, "appended", state, want)
			if got, want := query(t, dsn, "SELECT nextval('users_id_seq')::text"), fmt.Sprintln(41+60); got != want {
				t.Errorf("next user is %s, want %s", got, want)
			}
			status, err := seed.Status(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			for _, table := range status.Tables {
				if table.Made != 0 || table.Rows != table.Seeded || table.Planned != table.Seeded {
					t.Errorf("status of %s is %+v", table.Table, table)
				}
			}
			// The same once more has no ids left.
			if _, err := seed.Load(t.Context(), dsn, more.dataset(), o); err == nil || !strings.Contains(err.Error(), "are taken") {
				t.Errorf("appended twice: error is %v", err)
			}
			same(t, "refused", fingerprint(t, dsn), strings.Replace(state, "next id 100 t", "next id 101 t", 1))
		})
	}
}

func TestAppendToRowsWithoutALedger(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	execute(t, dsn, "INSERT INTO users (id, email, password_hash, name) VALUES (1000, 'by@hand.test', 'x', 'x')")
	first, err := seed.NextIDs(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	f := fake{seed: 1, scale: 20, first: first}
	load(t, dsn, f.dataset(), seed.Options{OnExisting: seed.Append})
	if got := query(t, dsn, "SELECT format('%s to %s', min(id), max(id)) FROM users WHERE email LIKE 'user%'"); got != "1001 to 1020\n" {
		t.Errorf("appended users are %s", got)
	}
	if got := query(t, dsn, "SELECT email FROM users WHERE id = 1000"); got != "by@hand.test\n" {
		t.Errorf("user 1000 is now %q", got)
	}
}

func TestFewRowsAreAppendedWithIndexesInPlace(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	load(t, dsn, fake{seed: 1, scale: 400}.dataset(), seed.Options{})
	first, err := seed.NextIDs(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	index := "SELECT oid::text FROM pg_class WHERE relname = 'media_files_text'"
	before := query(t, dsn, index)
	few := fake{seed: 2, scale: 3, first: first}
	load(t, dsn, few.dataset(), seed.Options{OnExisting: seed.Append})
	if query(t, dsn, index) != before {
		t.Error("24 rows added to 3,200 made for a new index")
	}
	many := fake{seed: 3, scale: 300}
	if many.first, err = seed.NextIDs(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	load(t, dsn, many.dataset(), seed.Options{OnExisting: seed.Append})
	if query(t, dsn, index) == before {
		t.Error("2,400 rows were inserted into an index of 3,200")
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	status, err := seed.Status(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if status.Finished || len(status.Runs) != 0 || len(status.Tables) != 10 || status.Snapshot != nil {
		t.Errorf("status of an empty database is %+v", status)
	}
	f := fake{seed: 1, scale: 20}
	if _, err := seed.Load(t.Context(), dsn, brokenAt(f, "tags", 1).dataset(), seed.Options{Workers: 1}); err == nil {
		t.Fatal("no error")
	}
	if status, err = seed.Status(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	if status.Finished || len(status.Runs) != 1 || status.Runs[0].Finished() || len(status.Deferred) == 0 {
		t.Errorf("status of an unfinished load is %+v", status)
	}
	load(t, dsn, f.dataset(), seed.Options{})
	execute(t, dsn, "INSERT INTO users (email, password_hash, name) VALUES ('a@made.test', 'x', 'x'), ('b@made.test', 'x', 'x')",
		"INSERT INTO media_tags SELECT 1, id FROM tags WHERE id NOT IN (SELECT tag_id FROM media_tags WHERE media_id = 1) LIMIT 1",
		"DELETE FROM comments WHERE id = 5")
	if status, err = seed.Status(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	want := map[string]seed.TableState{
		"users":      {Planned: 20, Seeded: 20, Units: 1, Rows: 22, Made: 2},
		"media_tags": {Planned: 480, Seeded: 480, Units: 1, Rows: 481, Made: 1},
		"comments":   {Planned: 100, Seeded: 100, Units: 1, Rows: 99, Made: 0},
		"sessions":   {},
	}
	for _, table := range status.Tables {
		if w, ok := want[table.Table]; ok {
			w.Table, w.Checksum = table.Table, table.Checksum
			if table != w {
				t.Errorf("status is %+v, want %+v", table, w)
			}
		}
	}
	if !status.Finished || len(status.Deferred) != 0 {
		t.Errorf("status of a finished load is %+v", status)
	}
	recorded, err := seed.Recorded(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if !recorded.AsOf.Equal(asOf) || recorded.Fingerprint != f.dataset().Fingerprint || recorded.Seed != 1 {
		t.Errorf("recorded run is %+v", recorded)
	}
}
