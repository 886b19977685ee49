package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// small is large enough for every weight to be judged, and small enough to be read a hundred times.
func small() profile.Rows {
	return profile.Rows{
		Users: 600, MediaFiles: 1200, Collections: 60, CollectionItems: 400, Tags: 40, MediaTags: 1000,
		Comments: 500, UserActivity: 200, Notifications: 200,
	}
}

func load(t *testing.T, dsn string, rows profile.Rows, policy seed.Policy) {
	t.Helper()
	o := gen.Options{Seed: 1, AsOf: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	if policy == seed.Append {
		first, err := seed.NextIDs(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		o.FirstID = first
	}
	g, err := gen.New(profile.New("small", rows), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seed.Load(t.Context(), dsn, seed.FromGen(g), seed.Options{OnExisting: policy}); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// off names what a report says is off.
func off(r Report) []string {
	var names []string
	for _, x := range r.Rows {
		if !x.OK {
			names = append(names, "rows of "+x.Table)
		}
	}
	for _, f := range r.Invariants {
		if !f.OK {
			names = append(names, f.Name)
		}
	}
	for _, w := range r.Weights {
		if !w.OK {
			names = append(names, "weight of "+w.Name)
		}
	}
	for _, c := range r.Content {
		if !c.OK {
			names = append(names, "content of "+c.Table)
		}
	}
	return names
}

func TestGoodDatabase(t *testing.T) {
	dsn := schematest.New(t)
	load(t, dsn, small(), seed.Resume)
	report, err := Run(t.Context(), dsn, Options{Content: true})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK {
		t.Errorf("off: %v", off(report))
	}
	if len(report.Rows) != 9 || len(report.Weights) != 5 || len(report.Content) != 9 {
		t.Errorf("%d tables, %d weights and %d checksums, want 9, 5 and 9", len(report.Rows), len(report.Weights), len(report.Content))
	}
	for _, w := range report.Weights {
		if w.Degrees == 0 {
			t.Errorf("%s was not judged", w.Name)
		}
	}
}

// Each fault is planted in a transaction of its own, examined from within, and rolled back.
func TestFaults(t *testing.T) {
	dsn := schematest.New(t)
	load(t, dsn, small(), seed.Resume)
	conn := connect(t, dsn)
	seen := map[string]bool{}
	var clean Report
	for _, f := range append(faults(), fault{name: "none"}) {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.sql != "" {
			if _, err := tx.Exec(t.Context(), f.sql); err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
		}
		report, _, err := inspect(t.Context(), []pgx.Tx{tx})
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, want := off(report), slices.Clone(f.off)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: off are %v, want %v", f.name, got, want)
		}
		if report.allOK() != (len(f.off) == 0) {
			t.Errorf("%s: the report as a whole says %v", f.name, report.allOK())
		}
		for _, name := range got {
			seen[name] = true
		}
		clean = report
	}
	for _, name := range everything(clean) {
		if !seen[name] {
			t.Errorf("no fault is planted that %s finds", name)
		}
	}
}

// everything names all that a report covers.
func everything(r Report) []string {
	var names []string
	for _, x := range r.Rows {
		names = append(names, "rows of "+x.Table)
	}
	for _, f := range r.Invariants {
		names = append(names, f.Name)
	}
	for _, w := range r.Weights {
		names = append(names, "weight of "+w.Name)
	}
	return names
}

// The list of indexes must be the migrations'.
func TestSecondaryIndexesAreThoseOfTheMigrations(t *testing.T) {
	conn := connect(t, schematest.New(t))
	rows, err := conn.Query(t.Context(), `SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'public'::regnamespace
		AND NOT i.indisprimary AND t.relname !~ '^(seed|goose)_'`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := secondaryIndexes()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the database has %v, the list says %v", got, want)
	}
}

// What a load test leaves behind is counted and left out, whatever it looks like.
func TestRowsMadeByTestsAreLeftOut(t *testing.T) {
	dsn := schematest.New(t)
	load(t, dsn, small(), seed.Resume)
	mustExec(t, connect(t, dsn), `
		INSERT INTO users (email, password_hash, name, role) SELECT 'load' || i || '@example.com', '', '', 'admin' FROM generate_series(1, 500) AS i;
		INSERT INTO media_files (user_id, filename, original_name, title, mime_type, size)
			SELECT 1, 'x', 'x', '', 'text/plain', 1 FROM generate_series(1, 2000);
		INSERT INTO comments (media_id, user_id, body) SELECT id, 1, 'hi' FROM media_files;
		INSERT INTO collection_items (collection_id, media_id, position) SELECT 10, max(id), 10000 FROM media_files;
		INSERT INTO collection_items (collection_id, media_id, position) SELECT 10, max(id) - 2000, 10000 FROM media_files;
		INSERT INTO tags (name) VALUES ('made by a test');
		INSERT INTO media_tags SELECT m.id, t.id FROM (SELECT max(id) AS id FROM media_files) m, (SELECT max(id) AS id FROM tags) t;
		INSERT INTO media_tags SELECT m.id, t.id FROM media_files m, tags t WHERE m.id <= 100 ON CONFLICT DO NOTHING;
		INSERT INTO sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), 1, now());
		UPDATE users SET last_login_at = now(), updated_at = now() WHERE id = 1;
		UPDATE media_files SET view_count = view_count + 1, last_accessed = now(), updated_at = now() WHERE id = 1`)
	report, err := Run(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK {
		t.Errorf("off: %v", off(report))
	}
	leftOut := map[string]int64{}
	for _, r := range report.Rows {
		leftOut[r.Table] = r.LeftOut
	}
	for table, want := range map[string]int64{
		"users": 500, "media_files": 2000, "comments": 3200, "tags": 1, "collection_items": 2, "sessions": 1, "notifications": 0,
	} {
		if leftOut[table] != want {
			t.Errorf("%s: %d rows left out, want %d", table, leftOut[table], want)
		}
	}
}

func TestAppendedRuns(t *testing.T) {
	dsn := schematest.New(t)
	load(t, dsn, small(), seed.Resume)
	// A row that a test has made comes between the runs, and belongs to neither.
	mustExec(t, connect(t, dsn), `INSERT INTO tags (name) VALUES ('made by a test')`)
	more := small()
	more.Users, more.MediaFiles = 400, 700
	load(t, dsn, more, seed.Append)
	report, err := Run(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK {
		t.Errorf("off: %v", off(report))
	}
	if report.Dataset.Runs != 2 || len(report.Weights) != 10 {
		t.Errorf("%d runs and %d weights, want 2 and 10", report.Dataset.Runs, len(report.Weights))
	}
	for _, r := range report.Rows {
		want := int64(0)
		if r.Table == "tags" {
			want = 1
		}
		if r.LeftOut != want {
			t.Errorf("%s: %d rows left out, want %d", r.Table, r.LeftOut, want)
		}
		if r.Table == "users" && r.Found != 1000 {
			t.Errorf("%d users, want 1000", r.Found)
		}
	}
}

func TestContentTellsASingleChange(t *testing.T) {
	dsn := schematest.New(t)
	load(t, dsn, small(), seed.Resume)
	mustExec(t, connect(t, dsn), `UPDATE comments SET body = body || '!' WHERE id = 10`)
	report, err := Run(t.Context(), dsn, Options{Content: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := off(report); !slices.Equal(got, []string{"content of comments"}) || report.OK {
		t.Errorf("off are %v (OK %v), want the content of comments alone", got, report.OK)
	}
}

func TestNothingToVerify(t *testing.T) {
	if _, err := Run(t.Context(), schematest.NewEmpty(t), Options{}); !errors.Is(err, seed.ErrNotMigrated) {
		t.Errorf("empty database: %v, want ErrNotMigrated", err)
	}
	dsn := schematest.New(t)
	if _, err := Run(t.Context(), dsn, Options{}); !errors.Is(err, seed.ErrNotSeeded) {
		t.Errorf("migrated database: %v, want ErrNotSeeded", err)
	}
	load(t, dsn, small(), seed.Resume)
	mustExec(t, connect(t, dsn), `UPDATE seed_runs SET finished_at = NULL`)
	if _, err := Run(t.Context(), dsn, Options{}); !errors.Is(err, seed.ErrNotSeeded) || !strings.Contains(err.Error(), "unfinished") {
		t.Errorf("unfinished load: %v, want ErrNotSeeded that says so", err)
	}
}

// JSON knows no infinity and no NaN, which a statistic might be.
func TestReportEncodes(t *testing.T) {
	c := choice{table: "users", column: "role", names: []string{"user", "admin"}, weights: []float64{1, 0}}
	for _, counts := range []map[string]int64{nil, {"user": 10}, {"admin": 10}, {"root": 1}, {"user": 1 << 40, "admin": 1}} {
		r := Report{Weights: []Weight{c.judge(counts)}}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%v: %v", counts, err)
		}
	}
}

func TestTextShowsWhatIsOff(t *testing.T) {
	r := Report{
		Rows:       []Rows{{Table: "users", Expected: 10, Found: 9}},
		Invariants: []Finding{{Name: "users_name_given", Description: "a user has a name", Offending: 2, Samples: []string{"4", "5"}}},
		Weights:    []Weight{{Name: "users.role", Chi2: 99, Degrees: 2, P: 1e-20, Classes: []Class{{Name: "user", Expected: 0.85, Observed: 0.5}}}},
		Content:    []Checksum{{Table: "tags", Expected: "01", Found: "02"}},
	}
	var b bytes.Buffer
	if err := r.WriteText(&b, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"failed:", "rows of users: 9 instead of 10", `users_name_given: 2 against "a user has a name", such as 4; 5`,
		"weight of users.role: chi2 99.0 with 2 degrees of freedom, p = 1e-20", "content of tags: not what was seeded",
		"0.8500", "0.5000",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
}
