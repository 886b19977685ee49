package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema/schematest"
)

func open(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// statement finds what the run did by the start of a query's text.
func statement(t *testing.T, d *Database, prefix string) Statement {
	t.Helper()
	for _, s := range d.Run() {
		if strings.HasPrefix(s.Query, prefix) {
			return s
		}
	}
	t.Fatalf("there is no statement %q in %+v", prefix, d.Run())
	return Statement{}
}

// A run's statements, tables, indexes and plans, and which statements an endpoint runs.
func TestDatabase(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	app := open(t, dsn)
	execute(t, app, "CREATE TABLE files (id bigint PRIMARY KEY, owner bigint, note text)")
	execute(t, app, "CREATE TABLE tags (id bigint PRIMARY KEY, name text)")
	execute(t, app, "INSERT INTO files SELECT i, i % 100, 'x' FROM generate_series(1, 5000) i")
	execute(t, app, "ANALYZE files")
	execute(t, app, "SELECT count(*) FROM tags")

	w := observe(t, Options{Database: dsn})
	const byOwner, byID = "SELECT note FROM files WHERE owner = $1", "SELECT note FROM files WHERE id = $1"
	for i := range 20 {
		execute(t, app, byOwner, i)
		execute(t, app, byID, i)
	}
	execute(t, app, "DELETE FROM files WHERE id <= $1", 50)
	sent := 0
	r := w.Finish(t.Context(), time.Second, []Request{
		{"GET /files", func(ctx context.Context) error {
			_, err := app.Exec(ctx, byOwner, 1)
			for i := 0; i < 5 && err == nil; i++ {
				_, err = app.Exec(ctx, byID, i)
			}
			if sent++; sent == 1 {
				_, err = app.Exec(ctx, "SELECT name FROM tags")
			}
			return err
		}},
		{"POST /refresh", func(context.Context) error { return errors.New("status 401") }},
	})
	d := r.Database

	if s := statement(t, d, byOwner); s.Calls != 20 || s.Rows != 20*50 || s.TotalTime <= 0 || s.BlocksHit == 0 {
		t.Errorf("%+v", s)
	}
	calls := make(map[string]float64)
	for _, c := range d.Endpoints["GET /files"] {
		calls[d.After.Statement(c.Statement).Query] = c.PerRequest
	}
	if len(calls) != 3 || calls[byOwner] != 1 || calls[byID] != 5 || calls["SELECT name FROM tags"] != 1./3 {
		t.Errorf("a request of GET /files runs %v", calls)
	}
	if _, ok := d.Endpoints["POST /refresh"]; ok || !strings.Contains(strings.Join(r.Missing, " "), "POST /refresh (status 401)") {
		t.Errorf("a request that failed tells of statements, or is not told: %q", r.Missing)
	}

	for _, p := range d.Plans {
		switch d.After.Statement(p.Statement).Query {
		case byOwner:
			if len(p.Scans) != 1 || p.Scans[0] != (Scan{Table: "files", Filter: "(owner = $1)", Rows: 5000, Cost: 1}) || !strings.Contains(p.Text, "Seq Scan on files") {
				t.Errorf("%+v", p)
			}
		case byID:
			if len(p.Scans) != 0 || !strings.Contains(p.Text, "Index Scan using files_pkey") {
				t.Errorf("%+v", p)
			}
		}
	}
	if len(d.Plans) != 4 { // the two, the DELETE and that of the tags
		t.Errorf("%d plans", len(d.Plans))
	}

	for _, s := range append(d.Before.Statements, d.After.Statements...) {
		if strings.Contains(s.Query, "load observer") || strings.Contains(s.Query, "pg_stat") {
			t.Errorf("the observer's own statement is told: %s", s.Query)
		}
	}
	if len(d.After.Tables) != 2 || d.After.Tables[0].Name != "files" || d.After.Tables[0].Size == 0 || len(d.After.Indexes) != 2 {
		t.Errorf("%+v %+v", d.After.Tables, d.After.Indexes)
	}
	if !strings.Contains(r.Find(Connections).Unit, "connections") || r.Find(Connections).Points[0].Value != 1 {
		t.Errorf("connections: %+v", r.Find(Connections))
	}
	for _, name := range []string{DatabaseSize, WALBytes, BlocksHit} {
		if s := r.Find(name); s == nil || s.Points[0].Value <= 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for _, name := range []string{DeadRows, TempBytes, BlocksRead, Deadlocks} {
		if r.Find(name) == nil {
			t.Errorf("%s is not there", name)
		}
	}
	var rows int
	if err := app.QueryRow(t.Context(), "SELECT count(*) FROM files").Scan(&rows); err != nil || rows != 4950 {
		t.Errorf("%d rows are left, %v: a plan was run", rows, err)
	}
}

// A signal while requests are sent again ends that, and what else there is to know is told.
func TestReplayIsCutShort(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	app := open(t, dsn)
	w := observe(t, Options{Database: dsn})
	execute(t, app, "SELECT 1 + 1")
	execute(t, app, "CREATE ROLE never_made LOGIN PASSWORD 'secret-word' VALID UNTIL '1970-01-01'")
	execute(t, app, "DROP ROLE never_made")
	ctx, cancel := context.WithCancel(t.Context())
	r := w.Finish(ctx, time.Minute, []Request{{"GET /", func(context.Context) error { cancel(); return nil }}})
	if statement(t, r.Database, "SELECT $1 + $2").Calls != 1 || r.Database.Endpoints != nil || !strings.Contains(strings.Join(r.Missing, " "), "canceled") {
		t.Errorf("%+v, missing %q", r.Database, r.Missing)
	}
	statement(t, r.Database, "(a statement with a password)")
	if data, err := json.Marshal(r); err != nil || strings.Contains(string(data), "secret-word") {
		t.Errorf("a password is told, or %v", err)
	}
}

// What the database does without a request is no endpoint's, and a database that no request uses may be another one.
func TestBackgroundIsNoEndpoints(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	app := open(t, dsn)
	w := observe(t, Options{Database: dsn})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for often := time.Tick(2 * time.Millisecond); ctx.Err() == nil; <-often {
			_, _ = app.Exec(ctx, "SELECT 1 + 1")
		}
	}()
	r := w.Finish(t.Context(), time.Second, []Request{{"GET /", func(context.Context) error { return nil }}})
	cancel()
	<-ended
	calls, ok := r.Database.Endpoints["GET /"]
	if !ok || len(calls) != 0 || !strings.Contains(strings.Join(r.Missing, " "), "is it the target's?") {
		t.Errorf("statements %v, missing %q", calls, r.Missing)
	}
}

// What active backends wait for is counted, and the observer not with them; of locks, by the statement.
func TestWaits(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	holder, waiter := open(t, dsn), open(t, dsn)
	execute(t, holder, "CREATE TABLE t (n int)")
	execute(t, holder, "INSERT INTO t VALUES (1)")
	w := observe(t, Options{Database: dsn})
	execute(t, holder, "BEGIN")
	execute(t, holder, "SELECT FROM t FOR UPDATE")
	done := make(chan error, 1)
	ctx := t.Context()
	go func() {
		_, err := waiter.Exec(ctx, "UPDATE t SET n = n + 1")
		done <- err
	}()
	var waits []Wait
	for range 10_000 { // until the other is there: each look is a query
		w.sample(ctx, time.Second)
		if waits = w.Report().Database.Waits; len(waits) > 0 && waits[0].Type == "Lock" {
			break
		}
	}
	checkpoint := w.Report()
	execute(t, holder, "COMMIT")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	d := w.Finish(ctx, time.Second, nil).Database
	if len(waits) == 0 || waits[0].Event != "transactionid" || d.Active < 1 || d.Samples < 1 {
		t.Errorf("waits %+v, %d active in %d samples", waits, d.Active, d.Samples)
	}
	update := statement(t, d, "UPDATE t").ID
	if len(d.Blocked) != 1 || d.Blocked[0].Statement != update || d.Blocked[0].Seen < 1 || d.IdleHolders < 1 {
		t.Errorf("blocked %+v, %d times by an idle one; want statement %d", d.Blocked, d.IdleHolders, update)
	}
	past := checkpoint.Database
	went := observe(t, Options{Database: dsn, Past: checkpoint}).Finish(ctx, time.Second, nil).Database
	if len(went.Blocked) != 1 || went.Blocked[0] != past.Blocked[0] || went.IdleHolders != past.IdleHolders {
		t.Errorf("of an interrupted run %+v, %d is left of %+v, %d", went.Blocked, went.IdleHolders, past.Blocked, past.IdleHolders)
	}
}

// A connection that ends, as when the server restarts, leaves a gap.
func TestDatabaseComesBack(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	admin := open(t, dsn)
	w := observe(t, Options{Database: dsn})
	w.sample(t.Context(), 1*time.Second)
	execute(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()", applicationName)
	for i := range 3 {
		w.sample(t.Context(), time.Duration(i+2)*time.Second)
	}
	points := w.Report().Find(DatabaseSize).Points
	if points[0].At != time.Second || points[len(points)-1].At != 4*time.Second {
		t.Errorf("points %+v", points)
	}
}

// What a role may not see is told, and so is what the server lacks.
func TestReader(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	admin := open(t, dsn)
	role := fmt.Sprintf("observer_%d", time.Now().UnixNano())
	execute(t, admin, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret-word'")
	t.Cleanup(func() {
		_, err := admin.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+role)
		if err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "secret-word")

	r := observe(t, Options{Database: u.String()}).Finish(t.Context(), time.Second, nil)
	missing := strings.Join(r.Missing, "\n")
	if !strings.Contains(missing, "lacks pg_read_all_stats") || !strings.Contains(missing, "permission denied") {
		t.Errorf("missing: %s", missing)
	}
	if r.Find(DatabaseSize) == nil {
		t.Error("what it may see is not there")
	}

	execute(t, admin, "CREATE EXTENSION pg_stat_statements")
	execute(t, admin, "GRANT pg_read_all_stats TO "+role)
	w := observe(t, Options{Database: u.String()})
	execute(t, admin, "SELECT 'by another role'")
	r = w.Finish(t.Context(), time.Second, nil)
	if len(r.Missing) > 0 || statement(t, r.Database, "SELECT $1").Calls != 1 {
		t.Errorf("missing: %q", r.Missing)
	}

	u.User = url.UserPassword(role, "wrong-word")
	if _, err := New(t.Context(), Options{Database: u.String()}); err == nil || strings.Contains(err.Error(), "wrong-word") {
		t.Errorf("error %v, want one without the password", err)
	}
}

// A statement that the role may not plan costs it no plan of another one.
func TestPlansBesideOneThatIsDenied(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	admin := open(t, dsn)
	execute(t, admin, "CREATE EXTENSION pg_stat_statements")
	execute(t, admin, "CREATE TABLE hidden AS SELECT generate_series(1, 10000) AS n")
	execute(t, admin, "CREATE TABLE shown (n int)")
	role := fmt.Sprintf("planner_%d", time.Now().UnixNano())
	execute(t, admin, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret-word'")
	execute(t, admin, "GRANT pg_read_all_stats TO "+role)
	execute(t, admin, "GRANT SELECT ON shown TO "+role)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, err := admin.Exec(ctx, "DROP OWNED BY "+role)
		_, dropped := admin.Exec(ctx, "DROP ROLE "+role)
		if err := errors.Join(err, dropped); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "secret-word")
	w := observe(t, Options{Database: u.String()})
	execute(t, admin, "SELECT count(*) FROM hidden") // takes the most time, and so is the first
	execute(t, admin, "SELECT n FROM shown")
	r := w.Finish(t.Context(), time.Second, nil)
	var planned []string
	for _, p := range r.Database.Plans {
		planned = append(planned, r.Database.After.Statement(p.Statement).Query)
	}
	if len(planned) != 1 || planned[0] != "SELECT n FROM shown" {
		t.Errorf("plans of %q", planned)
	}
	if missing := strings.Join(r.Missing, "\n"); len(r.Missing) != 1 || !strings.Contains(missing, "permission denied for table hidden") {
		t.Errorf("missing: %s", missing)
	}
}

// A run that goes on is compared with what there was before its first part.
func TestDatabaseGoesOn(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	app := open(t, dsn)
	execute(t, app, "CREATE EXTENSION pg_stat_statements")
	execute(t, app, "SELECT 1 + 1")
	w := observe(t, Options{Database: dsn})
	execute(t, app, "SELECT 1 + 1")
	w.sample(t.Context(), time.Second)
	checkpoint := w.Report()
	w.Close()

	data, err := json.Marshal(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	past := new(Report)
	if err := json.Unmarshal(data, past); err != nil {
		t.Fatal(err)
	}
	w = observe(t, Options{Database: dsn, Past: past, From: time.Second})
	execute(t, app, "SELECT 1 + 1")
	r := w.Finish(t.Context(), time.Minute, nil)
	if got := statement(t, r.Database, "SELECT $1 + $2").Calls; got != 2 {
		t.Errorf("%d calls in both parts", got)
	}
	if !r.Database.Before.At.Equal(checkpoint.Database.Before.At) || r.Database.Samples < 2 || len(r.Find(DatabaseSize).Points) != 2 {
		t.Errorf("%+v", r.Database)
	}

	// Of this database alone: other tests share the server.
	execute(t, app, "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()")
	r = observe(t, Options{Database: dsn, Past: r}).Finish(t.Context(), time.Minute, nil)
	if !strings.Contains(strings.Join(r.Missing, "\n"), "was reset or") {
		t.Errorf("missing: %q", r.Missing)
	}
}
