package seed_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed"
)

// seeded returns a database with a dataset; its snapshots are dropped at the end of the test.
func seeded(t *testing.T, f fake) string {
	t.Helper()
	dsn := schematest.New(t)
	load(t, dsn, f.dataset(), seed.Options{})
	t.Cleanup(func() {
		if err := seed.DropSnapshot(context.Background(), dsn); err != nil {
			t.Error(err)
		}
	})
	return dsn
}

func reset(t *testing.T, dsn string) seed.ResetResult {
	t.Helper()
	r, err := seed.Reset(t.Context(), dsn)
	if err != nil {
		t.Fatalf("reset: %v", err)
	}
	return r
}

// spoil changes a seeded database as tests would.
func spoil(t *testing.T, dsn string) {
	t.Helper()
	execute(t, dsn, "INSERT INTO users (email, password_hash, name) SELECT n || '@made.test', 'x', 'x' FROM generate_series(1, 500) n",
		"DELETE FROM comments WHERE id % 2 = 0", "UPDATE media_files SET title = 'changed'", "DROP INDEX media_files_text")
}

func TestResetReturnsToTheSnapshot(t *testing.T) {
	t.Parallel()
	dsn := seeded(t, fake{seed: 1, scale: 20})
	want := fingerprint(t, dsn)
	execute(t, dsn, "ALTER DATABASE "+database(t, dsn)+" SET search_path = public, pg_catalog",
		"ALTER DATABASE "+database(t, dsn)+" SET statement_timeout = '77s'")
	info, err := seed.Snapshot(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if info.Database != database(t, dsn)+"_snapshot" || !info.Ready || info.Bytes == 0 || len(info.Fingerprints) != 1 {
		t.Errorf("snapshot is %+v", info)
	}
	for range 2 {
		spoil(t, dsn)
		r := reset(t, dsn)
		if !r.Snapshot.Ready || !r.Snapshot.TakenAt.Equal(info.TakenAt) {
			t.Errorf("reset is %+v", r)
		}
		same(t, "reset", fingerprint(t, dsn), want)
		if got := query(t, dsn, "SELECT current_setting('statement_timeout') || ' ' || current_setting('search_path')"); got != "77s public, pg_catalog\n" {
			t.Errorf("the settings of the database are now %s", got)
		}
	}
	status, err := seed.Status(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if status.Snapshot == nil || !status.Snapshot.Ready {
		t.Errorf("status tells of snapshot %+v", status.Snapshot)
	}
	// The snapshot is replaced by one of what is there now.
	spoil(t, dsn)
	want = fingerprint(t, dsn)
	if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	execute(t, dsn, "DELETE FROM users")
	reset(t, dsn)
	same(t, "reset to the second snapshot", fingerprint(t, dsn), want)
}

func TestSnapshotOfAnOlderSchemaIsMigrated(t *testing.T) {
	t.Parallel()
	dsn := seeded(t, fake{seed: 1, scale: 5})
	want := fingerprint(t, dsn)
	execute(t, dsn, "DELETE FROM goose_db_version WHERE version_id = 5",
		"DROP INDEX media_files_public_newest, media_files_private, collections_public_newest, collections_private")
	if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		reset(t, dsn)
		same(t, "reset", fingerprint(t, dsn), want)
	}
}

func TestSnapshotAndResetEndSessions(t *testing.T) {
	t.Parallel()
	dsn := seeded(t, fake{seed: 1, scale: 5})
	// A client like the mock: it comes back as often as its session is ended.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			conn, err := pgx.Connect(ctx, dsn)
			if err != nil {
				continue
			}
			for err == nil {
				_, err = conn.Exec(ctx, "SELECT count(*) FROM users")
			}
			_ = conn.Close(context.Background())
		}
	}()
	defer func() { cancel(); <-done }()
	if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		reset(t, dsn)
	}
}

func TestInterruptedResetsAreFinished(t *testing.T) {
	t.Parallel()
	dsn := seeded(t, fake{seed: 1, scale: 5})
	want := fingerprint(t, dsn)
	if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	db := database(t, dsn)
	maintenance := strings.Replace(dsn, "/"+db, "/postgres", 1)
	// Each of these is what a kill at one moment leaves.
	for name, left := range map[string][]string{
		"the spare copy is missing":      {"DROP DATABASE " + db + "_spare"},
		"the spare copy is not labelled": {"COMMENT ON DATABASE " + db + "_spare IS NULL"},
		"the old database is still there": {
			"CREATE DATABASE " + db + "_retired"},
		"a snapshot was half made": {"CREATE DATABASE " + db + "_snapshot_new"},
		"the database is gone":     {"DROP DATABASE " + db + " WITH (FORCE)"},
	} {
		t.Run(name, func(t *testing.T) {
			spoil(t, dsn)
			execute(t, maintenance, left...)
			reset(t, dsn)
			same(t, "reset", fingerprint(t, dsn), want)
		})
	}
	if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
		t.Errorf("snapshot after the interruptions: %v", err)
	}
}

func TestCancelledResetsLeaveOneStateOrTheOther(t *testing.T) {
	t.Parallel()
	dsn := seeded(t, fake{seed: 1, scale: 5})
	want := fingerprint(t, dsn)
	if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	spoil(t, dsn)
	whole := &countdown{Context: t.Context(), left: math.MaxInt, done: make(chan struct{})}
	if _, err := seed.Reset(whole, dsn); err != nil {
		t.Fatal(err)
	}
	points := math.MaxInt - whole.rest()
	for range 5 {
		spoil(t, dsn)
		spoiled := fingerprint(t, dsn)
		n := 1 + rand.IntN(points)
		t.Logf("cancelled at point %d of %d", n, points)
		_, err := seed.Reset(&countdown{Context: t.Context(), left: n, done: make(chan struct{})}, dsn)
		if state := fingerprint(t, dsn); state != spoiled {
			same(t, "cancelled", state, want)
		} else if err == nil {
			t.Error("reset has left the database as it was")
		}
		reset(t, dsn)
		same(t, "reset again", fingerprint(t, dsn), want)
	}
}

func TestSnapshotErrors(t *testing.T) {
	t.Parallel()
	f := fake{seed: 1, scale: 5}
	t.Run("nothing seeded", func(t *testing.T) {
		dsn := schematest.New(t)
		if _, err := seed.Snapshot(t.Context(), dsn); !errors.Is(err, seed.ErrNotSeeded) {
			t.Errorf("error is %v, want ErrNotSeeded", err)
		}
	})
	t.Run("no snapshot", func(t *testing.T) {
		dsn := seeded(t, f)
		if _, err := seed.Reset(t.Context(), dsn); !errors.Is(err, seed.ErrNoSnapshot) {
			t.Errorf("error is %v, want ErrNoSnapshot", err)
		}
	})
	t.Run("unfinished", func(t *testing.T) {
		dsn := schematest.New(t)
		if _, err := seed.Load(t.Context(), dsn, brokenAt(f, "tags", 1).dataset(), seed.Options{}); err == nil {
			t.Fatal("no error")
		}
		if _, err := seed.Snapshot(t.Context(), dsn); !errors.Is(err, seed.ErrNotSeeded) {
			t.Errorf("error is %v, want ErrNotSeeded", err)
		}
	})
	t.Run("other dataset", func(t *testing.T) {
		dsn := seeded(t, f)
		if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
		other := fake{seed: 2, scale: 5}
		load(t, dsn, other.dataset(), seed.Options{OnExisting: seed.Replace})
		if _, err := seed.Reset(t.Context(), dsn); !errors.Is(err, seed.ErrOtherSnapshot) {
			t.Errorf("error is %v, want ErrOtherSnapshot", err)
		}
		same(t, "refused", fingerprint(t, dsn), undisturbed(t, other))
	})
	t.Run("appended since", func(t *testing.T) {
		dsn := seeded(t, f)
		want := fingerprint(t, dsn)
		if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
		more := fake{seed: 2, scale: 5}
		more.first, _ = seed.NextIDs(t.Context(), dsn)
		load(t, dsn, more.dataset(), seed.Options{OnExisting: seed.Append})
		reset(t, dsn)
		same(t, "reset", fingerprint(t, dsn), want)
	})
	t.Run("no right", func(t *testing.T) {
		dsn := seeded(t, f)
		role := database(t, dsn) + "_role"
		execute(t, dsn, "CREATE ROLE "+role+" LOGIN PASSWORD 'test'")
		defer execute(t, dsn, "DROP ROLE "+role)
		c, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		limited := strings.Replace(dsn, c.User+":"+c.Password+"@", role+":test@", 1)
		if _, err := seed.Snapshot(t.Context(), limited); !errors.Is(err, seed.ErrNoCreateDB) {
			t.Errorf("error is %v, want ErrNoCreateDB", err)
		}
	})
	t.Run("seeder at work", func(t *testing.T) {
		dsn := seeded(t, f)
		if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
		busy := fake{seed: 2, scale: 5}
		done := false
		busy.hook = func(_ pgcopyEncoder, table string, i int64) {
			if table != "tags" || i != 9 || done {
				return
			}
			done = true
			if _, err := seed.Snapshot(context.Background(), dsn); !errors.Is(err, seed.ErrBusy) {
				t.Errorf("snapshot: error is %v, want ErrBusy", err)
			}
			if _, err := seed.Reset(context.Background(), dsn); !errors.Is(err, seed.ErrBusy) {
				t.Errorf("reset: error is %v, want ErrBusy", err)
			}
		}
		load(t, dsn, busy.dataset(), seed.Options{OnExisting: seed.Replace, Workers: 1})
	})
}

func database(t *testing.T, dsn string) string {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c.Database
}
