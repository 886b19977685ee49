package seed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/pgcopy"
)

// undisturbed returns how a database looks after a load that nothing disturbed.
func undisturbed(t *testing.T, f fake) string {
	t.Helper()
	dsn := schematest.New(t)
	load(t, dsn, f.dataset(), seed.Options{Workers: 1})
	return fingerprint(t, dsn)
}

func TestLoadIsTheSameForAnyWorkers(t *testing.T) {
	t.Parallel()
	f := fake{seed: 1, scale: 200}
	want := undisturbed(t, f)
	for _, workers := range []int{2, 5} {
		dsn := schematest.New(t)
		before := definitions(t, dsn)
		r := load(t, dsn, f.dataset(), seed.Options{Workers: workers})
		same(t, fmt.Sprintf("%d workers", workers), fingerprint(t, dsn), want)
		same(t, "definitions", definitions(t, dsn), before)
		if r.Rows != f.dataset().Rows() || r.AlreadyDone || r.Resumed || !r.Run.Finished() {
			t.Errorf("result is %+v", r)
		}
	}
}

func TestLedgerChecksumsAreThoseOfTheRowsReadBack(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	r := load(t, dsn, fake{seed: 3, scale: 50}.dataset(), seed.Options{})
	for _, table := range r.Tables {
		c, err := seed.ContentChecksum(t.Context(), dsn, table.Table)
		if err != nil {
			t.Fatal(err)
		}
		if c.Rows != table.Rows || c.Checksum != table.Checksum {
			t.Errorf("%s: read back %d rows, checksum %x; sent %d, %x", table.Table, c.Rows, c.Checksum, table.Rows, table.Checksum)
		}
	}
	execute(t, dsn, "UPDATE comments SET body = body || '.' WHERE id = 17")
	c, err := seed.ContentChecksum(t.Context(), dsn, "comments")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range r.Tables {
		if table.Table == "comments" && table.Checksum == c.Checksum {
			t.Error("a changed comment leaves the checksum as it was")
		}
	}
}

func TestRowsAreFrozen(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	load(t, dsn, fake{seed: 1, scale: 200}.dataset(), seed.Options{})
	got := query(t, dsn, `SELECT format('%s %s', relname, relallvisible = relpages) FROM pg_class WHERE relname IN ('media_files', 'media_tags') ORDER BY relname`)
	if want := "media_files t\nmedia_tags t\n"; got != want {
		t.Errorf("pages known to be visible to all:\n%swant\n%s", got, want)
	}
}

func TestLoadAgainDoesNothing(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	f := fake{seed: 1, scale: 20}
	first := load(t, dsn, f.dataset(), seed.Options{})
	execute(t, dsn, "INSERT INTO users (email, password_hash, name) VALUES ('made@by.test', 'x', 'x')")
	before := fingerprint(t, dsn)
	r := load(t, dsn, f.dataset(), seed.Options{})
	if !r.AlreadyDone || r.Rows != 0 || r.Resumed {
		t.Errorf("result is %+v", r)
	}
	for i, table := range r.Tables {
		if table.Checksum != first.Tables[i].Checksum {
			t.Errorf("checksum of %s is %x, was %x", table.Table, table.Checksum, first.Tables[i].Checksum)
		}
	}
	same(t, "loaded again", fingerprint(t, dsn), before)
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	a, b := fake{seed: 1, scale: 20}, fake{seed: 2, scale: 20}
	var mismatch *seed.MismatchError
	var notEmpty *seed.NotEmptyError

	t.Run("fail, on an empty database", func(t *testing.T) {
		dsn := schematest.New(t)
		load(t, dsn, a.dataset(), seed.Options{OnExisting: seed.Fail})
	})
	t.Run("other dataset finished", func(t *testing.T) {
		dsn := schematest.New(t)
		load(t, dsn, a.dataset(), seed.Options{})
		before := fingerprint(t, dsn)
		_, err := seed.Load(t.Context(), dsn, b.dataset(), seed.Options{})
		if !errors.As(err, &mismatch) || strings.Join(mismatch.Differs, ", ") != "seed" {
			t.Errorf("resume: %v", err)
		}
		for _, part := range []string{"seed 1", "seed 2", "--on-existing replace"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("error %q does not mention %q", err, part)
			}
		}
		if _, err = seed.Load(t.Context(), dsn, a.dataset(), seed.Options{OnExisting: seed.Fail}); !errors.As(err, &notEmpty) {
			t.Errorf("fail: %v", err)
		}
		same(t, "refused", fingerprint(t, dsn), before)
		load(t, dsn, b.dataset(), seed.Options{OnExisting: seed.Replace})
		same(t, "replaced", fingerprint(t, dsn), undisturbed(t, b))
	})
	t.Run("rows without a ledger", func(t *testing.T) {
		dsn := schematest.New(t)
		execute(t, dsn, "INSERT INTO users (email, password_hash, name) VALUES ('by@hand.test', 'x', 'x')",
			"INSERT INTO sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), 1, now())")
		for _, p := range []seed.Policy{seed.Resume, seed.Fail} {
			_, err := seed.Load(t.Context(), dsn, a.dataset(), seed.Options{OnExisting: p})
			if !errors.As(err, &notEmpty) || strings.Join(notEmpty.Tables, ", ") != "users, sessions" {
				t.Errorf("%s: %v", p, err)
			}
		}
		load(t, dsn, a.dataset(), seed.Options{OnExisting: seed.Replace})
		same(t, "replaced", fingerprint(t, dsn), undisturbed(t, a))
	})
	t.Run("no schema", func(t *testing.T) {
		dsn := schematest.NewEmpty(t)
		if _, err := seed.Load(t.Context(), dsn, a.dataset(), seed.Options{}); !errors.Is(err, seed.ErrNotMigrated) {
			t.Errorf("error is %v, want ErrNotMigrated", err)
		}
	})
}

// brokenAt returns a fake that breaks down at a row: the server gets a column too few and refuses it.
func brokenAt(f fake, table string, row int64) fake {
	f.hook = func(e pgcopy.Encoder, at string, i int64) {
		if at == table && i == row {
			e.BeginRow(1)
			e.Null()
			e.EndRow()
		}
	}
	return f
}

func TestFailedLoadRestoresAndResumes(t *testing.T) {
	t.Parallel()
	f := fake{seed: 1, scale: 300}
	want := undisturbed(t, f)
	for _, table := range []string{"users", "media_files", "tags", "user_activity"} {
		t.Run(table, func(t *testing.T) {
			dsn := schematest.New(t)
			before := definitions(t, dsn)
			_, err := seed.Load(t.Context(), dsn, brokenAt(f, table, 5).dataset(), seed.Options{})
			if err == nil || !strings.Contains(err.Error(), table) {
				t.Fatalf("error is %v, want one that names %s", err, table)
			}
			// Everything is back, but foreign keys are not validated.
			same(t, "after the failure", strings.ReplaceAll(strings.ReplaceAll(definitions(t, dsn), " NOT VALID f", " t"), " f\n", " t\n"), before)
			r := load(t, dsn, f.dataset(), seed.Options{})
			if !r.Resumed {
				t.Error("the second load did not resume")
			}
			same(t, "resumed", fingerprint(t, dsn), want)
		})
	}
}

func TestCommittedTablesAreNotLoadedAgain(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	f := fake{seed: 1, scale: 100}
	// The longest way to the end begins with media_files, so with one worker it is committed when users break.
	if _, err := seed.Load(t.Context(), dsn, brokenAt(f, "users", 5).dataset(), seed.Options{Workers: 1}); err == nil {
		t.Fatal("no error")
	}
	f.hook = func(_ pgcopy.Encoder, table string, i int64) {
		// A few rows of each table are made to estimate their size, but only of tables to be loaded.
		if table == "media_files" {
			t.Errorf("row %d of %s is made again", i, table)
		}
	}
	r := load(t, dsn, f.dataset(), seed.Options{Workers: 1})
	for _, table := range r.Tables {
		if table.Table == "media_files" && table.Loaded != 0 {
			t.Errorf("%d rows of media_files are loaded again", table.Loaded)
		}
	}
	f.hook = nil
	same(t, "resumed", fingerprint(t, dsn), undisturbed(t, f))
}

func TestCancelledLoadRestoresAndResumes(t *testing.T) {
	t.Parallel()
	f := fake{seed: 1, scale: 300}
	want := undisturbed(t, f)
	for _, at := range []struct {
		table string
		row   int64
	}{{"media_files", 0}, {"media_files", 2399}, {"media_tags", 5000}, {"users", 299}} {
		t.Run(fmt.Sprintf("%s %d", at.table, at.row), func(t *testing.T) {
			dsn := schematest.New(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			g := f
			g.hook = func(_ pgcopy.Encoder, table string, i int64) {
				if table == at.table && i == at.row {
					cancel()
				}
			}
			if _, err := seed.Load(ctx, dsn, g.dataset(), seed.Options{}); !errors.Is(err, context.Canceled) {
				t.Fatalf("error is %v, want context.Canceled", err)
			}
			missing := query(t, dsn, "SELECT format('%s %s', kind, name) FROM seed_deferred WHERE kind = 'index'")
			if missing != "" {
				t.Errorf("not restored: %s", missing)
			}
			load(t, dsn, f.dataset(), seed.Options{})
			same(t, "resumed", fingerprint(t, dsn), want)
		})
	}
}

func TestOneSeederAtATime(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	f := fake{seed: 1, scale: 50}
	g := f
	g.hook = func(_ pgcopy.Encoder, table string, i int64) {
		if table == "media_files" && i == 399 {
			if _, err := seed.Load(context.Background(), dsn, f.dataset(), seed.Options{}); !errors.Is(err, seed.ErrBusy) {
				t.Errorf("second seeder: error is %v, want ErrBusy", err)
			}
		}
	}
	load(t, dsn, g.dataset(), seed.Options{})
}

func TestLockedTableIsNamed(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	release := lockTable(t, dsn, "collections")
	var locked *seed.LockedError
	_, err := seed.Load(t.Context(), dsn, fake{seed: 1, scale: 10}.dataset(), seed.Options{LockTimeout: time.Millisecond})
	if !errors.As(err, &locked) || strings.Join(locked.Tables, " ") != `"collections"` || len(locked.Sessions) != 1 || !strings.Contains(err.Error(), "somebody") {
		t.Errorf("error is %v, want a LockedError about collections that names the session", err)
	}
	release()
	load(t, dsn, fake{seed: 1, scale: 10}.dataset(), seed.Options{})
}

func TestStrayRowsAreNotDeleted(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	f := fake{seed: 1, scale: 20}
	if _, err := seed.Load(t.Context(), dsn, brokenAt(f, "tags", 1).dataset(), seed.Options{}); err == nil {
		t.Fatal("no error")
	}
	execute(t, dsn, "INSERT INTO tags (name) VALUES ('by hand')")
	_, err := seed.Load(t.Context(), dsn, f.dataset(), seed.Options{})
	if err == nil || !strings.Contains(err.Error(), "table tags") {
		t.Errorf("error is %v, want one about table tags", err)
	}
	if got := query(t, dsn, "SELECT name FROM tags"); got != "by hand\n" {
		t.Errorf("tags are now %q", got)
	}
	load(t, dsn, f.dataset(), seed.Options{OnExisting: seed.Replace})
	same(t, "replaced", fingerprint(t, dsn), undisturbed(t, f))
}

func TestProgress(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	var seen []seed.Progress
	f := fake{seed: 1, scale: 100}
	load(t, dsn, f.dataset(), seed.Options{Progress: func(p seed.Progress) { seen = append(seen, p) }, ProgressEvery: time.Millisecond})
	last := seen[len(seen)-1]
	if last.Phase != seed.PhaseDone || last.Rows != f.dataset().Rows() || last.Total != last.Rows {
		t.Errorf("last progress is %+v", last)
	}
	for _, table := range last.Tables {
		if table.Rows != table.Total {
			t.Errorf("%s is at %d of %d at the end", table.Table, table.Rows, table.Total)
		}
	}
	for _, s := range last.Steps {
		if s.Done != s.Total || s.Total == 0 {
			t.Errorf("%s is at %d of %d at the end", s.Kind, s.Done, s.Total)
		}
	}
	if len(last.Steps) != 3 {
		t.Errorf("kinds of steps: %+v", last.Steps)
	}
}
