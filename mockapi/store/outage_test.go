package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
)

func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	var e *mockapi.Error
	if !errors.As(err, &e) || e.Code != mockapi.CodeUnavailable || e.RetryAfter <= 0 {
		t.Errorf("%s: %v, want SERVICE_UNAVAILABLE with a time to come back", what, err)
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func mustExec(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// newUser makes an account for a viewer.
func newUser(t *testing.T, s *store.Store) mockapi.Viewer {
	t.Helper()
	u, err := s.CreateUser(t.Context(), mockapi.NewUser{Email: "ann@medianest.test", Name: "Ann", PasswordHash: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return mockapi.Viewer{UserID: u.ID, Role: mockapi.RoleUser}
}

// busy opens as many connections as the pool may have, so that all of them are idle afterwards. A busy machine may need
// several attempts, some of which take longer than the store lets them.
func busy(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{Delay: 20 * time.Millisecond})
	for begun := false; !begun || s.PoolStats().Idle < store.DefaultPoolSize; begun = true {
		var all sync.WaitGroup
		for range 2 * store.DefaultPoolSize {
			all.Go(func() {
				if err := s.Ready(ctx); err != nil {
					wantUnavailable(t, "Ready", err)
				}
			})
		}
		all.Wait()
	}
}

// locked locks a table until the returned function is called, so that who reads it holds his connection.
func locked(t *testing.T, dsn, table string) (unlock func()) {
	t.Helper()
	c := connect(t, dsn)
	mustExec(t, c, "BEGIN")
	mustExec(t, c, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
	return func() {
		t.Helper()
		mustExec(t, c, "ROLLBACK")
	}
}

// taken waits until a connection of the pool is in use.
func taken(s *store.Store) {
	for s.PoolStats().Busy == 0 {
		runtime.Gosched()
	}
}

func TestStalledServer(t *testing.T) {
	direct := schematest.New(t)
	w, dsn := newWire(t, direct, "")
	s := open(t, dsn, store.Options{Timeout: 300 * time.Millisecond})
	v := newUser(t, open(t, direct, store.Options{}))
	busy(t, s)
	resume := w.stop()
	defer resume()
	// More callers than connections: some wait for a query, some for a connection.
	var all sync.WaitGroup
	for range 3 * store.DefaultPoolSize {
		all.Go(func() {
			_, err := s.ListMedia(t.Context(), v, mockapi.MediaQuery{})
			wantUnavailable(t, "list", err)
		})
	}
	all.Go(func() {
		_, err := s.CreateMedia(t.Context(), v, mockapi.NewMedia{Filename: "x", MimeType: "image/png"})
		wantUnavailable(t, "create", err)
	})
	all.Wait() // returns although nothing answers
	wantUnavailable(t, "ready", s.Ready(t.Context()))
	resume()
	wantReady(t, s)
}

// wantReady asks until the store is ready, at most as long as the test may take.
func wantReady(t *testing.T, s *store.Store) {
	t.Helper()
	for {
		err := s.Ready(t.Context())
		if err == nil {
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("never ready again: %v", err)
		}
		wantUnavailable(t, "ready", err)
	}
}

func TestStoppedBackends(t *testing.T) {
	dsn := schematest.New(t)
	patient := open(t, dsn, store.Options{})
	v := newUser(t, patient)
	patient.Close()
	s := open(t, dsn, store.Options{Timeout: 300 * time.Millisecond})
	busy(t, s)
	rows, err := connect(t, dsn).Query(t.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'medianest-mockapi'")
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil || len(pids) < store.DefaultPoolSize {
		t.Fatalf("%d connections, %v", len(pids), err)
	}
	stopProcesses(t, pids)
	// All connections that the pool may have lead to stopped processes: nothing but the deadline ends this.
	_, err = s.Media(t.Context(), v, 1)
	wantUnavailable(t, "with all backends stopped", err)
	// Each connection is found out by one call that times out, and then gives its place to another, although
	// the process at its other end still hangs. On a busy machine the other may take longer to make than a call may.
	for range 10 * store.DefaultPoolSize {
		if err = s.Ready(t.Context()); err == nil {
			return
		}
	}
	t.Errorf("still not ready: %v", err)
}

func TestAwayAndBack(t *testing.T) {
	target := schematest.New(t)
	w, dsn := newWire(t, target, "")
	log := newEar()
	away := log.next("the database is away")
	back := log.next("the database is back")
	s := open(t, dsn, store.Options{Logger: slog.New(log), PollSessions: 10 * time.Millisecond})
	newUser(t, s)
	busy(t, s)
	w.cut()
	wantUnavailable(t, "with the wire cut", s.Ready(t.Context()))
	wantUnavailable(t, "refused", s.Ready(t.Context()))
	<-away
	newWire(t, target, w.listener.Addr().String())
	<-back
	wantReady(t, s)
}

func TestOpenedBeforeTheDatabase(t *testing.T) {
	target := schematest.New(t)
	w, dsn := newWire(t, target, "")
	w.cut()
	log := newEar()
	away, read := log.next("the database is away"), log.next("totals were counted")
	s := open(t, dsn, store.Options{Logger: slog.New(log), PollSessions: 10 * time.Millisecond})
	<-away
	wantUnavailable(t, "ready", s.Ready(t.Context()))
	// What is not known must not pass for "not revoked".
	_, err := s.SessionRevoked(t.Context(), [16]byte{1})
	wantUnavailable(t, "revoked", err)
	newWire(t, target, w.listener.Addr().String())
	<-read
	wantReady(t, s)
	if revoked, err := s.SessionRevoked(t.Context(), [16]byte{1}); err != nil || revoked {
		t.Errorf("revoked %v, %v", revoked, err)
	}
}

func TestBrokenIdleConnections(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{})
	v := newUser(t, s)
	admin := connect(t, dsn)
	for range 3 {
		busy(t, s)
		mustExec(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		var all sync.WaitGroup
		for range 2 * store.DefaultPoolSize {
			all.Go(func() {
				if _, err := s.User(t.Context(), v.UserID); err != nil {
					t.Errorf("read after all connections were ended: %v", err)
				}
			})
		}
		all.Wait()
	}
}

// TestSwappedDatabase is what seed reset does: another database takes the name of the one in use.
func TestSwappedDatabase(t *testing.T) {
	dsn, other := schematest.New(t), schematest.New(t)
	log := newEar()
	counted := log.next("totals were counted")
	s := open(t, dsn, store.Options{Logger: slog.New(log), PollSessions: 10 * time.Millisecond, SearchRefresh: time.Hour})
	<-counted
	v := newUser(t, s)
	for i := range 30 {
		if _, err := s.CreateMedia(t.Context(), v, mockapi.NewMedia{Filename: "old", MimeType: "image/png", IsPublic: i%2 == 0}); err != nil {
			t.Fatal(err)
		}
	}
	statistics := func() int64 {
		t.Helper()
		found, err := s.MediaStatistics(t.Context(), mockapi.StatisticsQuery{Timeframe: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return found.Totals.Files
	}
	search := func() int {
		t.Helper()
		p, err := s.SearchAdvanced(t.Context(), v, "*:*", mockapi.PageRequest{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(p.Items)
	}
	if n, m := statistics(), search(); n != 30 || m != 30 {
		t.Errorf("statistics of %d files, %d found, want 30", n, m)
	}
	revoked := mockapi.Session{ID: [16]byte{1}, UserID: v.UserID, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	if err := s.RevokeSession(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
	c := connect(t, other)
	mustExec(t, c, "INSERT INTO users (email, password_hash, name) VALUES ('bob@medianest.test', 'x', 'Bob')")
	mustExec(t, c, "INSERT INTO media_files (user_id, filename, original_name, title, mime_type, size, is_public) SELECT 1, 'new', 'new', 'new', 'image/png', 1, true FROM generate_series(1, 40)")
	c.Close(t.Context())

	name, otherName := database(t, dsn), database(t, other)
	admin := connect(t, at(t, dsn, "postgres"))
	counted = log.next("totals were counted")
	mustExec(t, admin, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	mustExec(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
	wantUnavailable(t, "while nobody may connect", s.Ready(t.Context()))
	rename(t, admin, name, name+"_old")
	wantUnavailable(t, "while there is no database", s.Ready(t.Context()))
	rename(t, admin, otherName, name)
	rename(t, admin, name+"_old", otherName)
	mustExec(t, admin, "ALTER DATABASE "+otherName+" ALLOW_CONNECTIONS true")

	wantReady(t, s)
	<-counted
	p, err := s.ListMedia(t.Context(), v, mockapi.MediaQuery{})
	if err != nil || p.Total != 40 || p.Items[0].Filename != "new" {
		t.Errorf("list after the swap: total %d, %v", p.Total, err)
	}
	if n, m := statistics(), search(); n != 40 || m != 40 {
		t.Errorf("statistics of %d files, %d found after the swap, want 40", n, m)
	}
	if is, err := s.SessionRevoked(t.Context(), revoked.ID); err != nil || is {
		t.Errorf("session of the other database: revoked %v, %v", is, err)
	}
}

func database(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

func at(t *testing.T, dsn, name string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// rename renames a database, once those who are leaving it have left.
func rename(t *testing.T, admin *pgx.Conn, from, to string) {
	t.Helper()
	for {
		_, err := admin.Exec(t.Context(), fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", from, to))
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "55006") { // object in use
			t.Fatal(err)
		}
	}
}

func TestChangedColumnType(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{})
	v := newUser(t, s)
	m, err := s.CreateMedia(t.Context(), v, mockapi.NewMedia{Filename: "x", MimeType: "image/png"})
	if err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		var all sync.WaitGroup
		for range 2 * store.DefaultPoolSize {
			all.Go(func() {
				if _, err := s.Media(mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{Delay: time.Millisecond}), v, m.ID); err != nil {
					t.Errorf("Media: %v", err)
				}
			})
		}
		all.Wait()
	}
	read()
	mustExec(t, connect(t, dsn), "ALTER TABLE media_files ALTER COLUMN original_name TYPE varchar(500)")
	read()
}

func TestSlowQueryKeepsItsConnection(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	// The server gives up half a second before the store does.
	s := open(t, dsn, store.Options{Timeout: 5 * time.Second, PoolSize: 1})
	newUser(t, s)
	before := s.PoolStats()
	unlock := locked(t, dsn, "media_files")
	_, err := s.Media(t.Context(), mockapi.Viewer{}, 1)
	wantUnavailable(t, "with the table locked", err)
	unlock()
	if _, err := s.Media(t.Context(), mockapi.Viewer{}, 1); mockapi.CodeOf(err) != mockapi.CodeNotFound {
		t.Errorf("afterwards: %v", err)
	}
	after := s.PoolStats()
	if after.Opened != before.Opened || after.SlowOrBroken != before.SlowOrBroken+1 {
		t.Errorf("pool before %+v, after %+v: want no new connection and one failure", before, after)
	}
}

func TestFullPool(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{PoolSize: 1})
	v := newUser(t, s)
	unlock := locked(t, dsn, "media_files")
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := s.ListMedia(t.Context(), v, mockapi.MediaQuery{}); err != nil {
			t.Errorf("list: %v", err)
		}
	})
	taken(s)
	if p := s.PoolStats(); p.Max != 2 || p.Use != 1 || p.Full != p.Busy {
		t.Errorf("one of the two pools of one connection is taken, and the store says %+v", p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantUnavailable(t, "with the pool taken", s.Ready(ctx))
	ctx, timing := mockapi.WithTiming(t.Context())
	all.Go(func() {
		if err := s.Ready(ctx); err != nil {
			t.Errorf("waiting for the connection: %v", err)
		}
	})
	unlock()
	all.Wait()
	if timing.Wait() == 0 || timing.Queries() != 1 {
		t.Errorf("waited %v in %d queries", timing.Wait(), timing.Queries())
	}
}

func TestClientWhoHangsUp(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{PoolSize: 1})
	v := newUser(t, s)
	before := s.PoolStats().Opened
	unlock := locked(t, dsn, "media_files")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.ListMedia(ctx, v, mockapi.MediaQuery{})
		done <- err
	}()
	taken(s)
	cancel()
	unlock()
	if err := <-done; err != nil {
		t.Errorf("a query under way was broken off: %v", err)
	}
	if opened := s.PoolStats().Opened; opened != before {
		t.Errorf("%d connections opened, %d before", opened, before)
	}
}

func TestRevocationsBySomebodyElse(t *testing.T) {
	dsn := schematest.New(t)
	a := open(t, dsn, store.Options{})
	log := newEar()
	read := log.next("revoked sessions were read")
	b := open(t, dsn, store.Options{Logger: slog.New(log), PollSessions: time.Millisecond})
	<-read
	v := newUser(t, a)
	found := log.next("sessions were revoked elsewhere")
	se := mockapi.Session{ID: [16]byte{3}, UserID: v.UserID, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	if err := a.RevokeSession(t.Context(), se); err != nil {
		t.Fatal(err)
	}
	<-found
	if revoked, err := b.SessionRevoked(t.Context(), se.ID); err != nil || !revoked {
		t.Errorf("revoked %v, %v", revoked, err)
	}
	// A process that starts later knows from the beginning.
	log = newEar()
	read = log.next("revoked sessions were read")
	c := open(t, dsn, store.Options{Logger: slog.New(log)})
	<-read
	if revoked, err := c.SessionRevoked(t.Context(), se.ID); err != nil || !revoked {
		t.Errorf("after a start: revoked %v, %v", revoked, err)
	}
}
