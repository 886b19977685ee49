package seed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/local"
	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/pgcopy"
)

// Environment variables that make the test binary a seeder, or a reset, which kills itself.
const (
	victimDSN    = "SEED_TEST_VICTIM_DSN"
	victimPolicy = "SEED_TEST_VICTIM_POLICY"
	victimRows   = "SEED_TEST_VICTIM_ROWS" // killed when so many rows have been made; 0 for never
	victimSteps  = "SEED_TEST_VICTIM_STEPS"
	victimReset  = "SEED_TEST_VICTIM_RESET" // killed when its context has been looked at so often
)

func TestMain(m *testing.M) {
	if os.Getenv(victimDSN) != "" {
		os.Exit(beVictim())
	}
	os.Exit(m.Run())
}

// crashed is the dataset of the tests with kills.
var crashed = fake{seed: 9, scale: 100}

// beVictim seeds until it is time to die.
func beVictim() int {
	if at := number(os.Getenv(victimReset)); at > 0 {
		ctx := &countdown{Context: context.Background(), left: int(at), done: make(chan struct{}), end: die}
		if _, err := seed.Reset(ctx, os.Getenv(victimDSN)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	rows, steps := number(os.Getenv(victimRows)), number(os.Getenv(victimSteps))
	policy, err := seed.ParsePolicy(os.Getenv(victimPolicy))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	f := crashed
	if f.first, err = firstIDs(context.Background(), os.Getenv(victimDSN), policy); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	var made atomic.Int64
	f.hook = func(pgcopy.Encoder, string, int64) {
		if made.Add(1) == rows {
			die()
		}
	}
	_, err = seed.Load(context.Background(), os.Getenv(victimDSN), f.dataset(), seed.Options{
		OnExisting: policy, ChunkRows: 70, Logger: slog.New(&deadline{left: steps}),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func firstIDs(ctx context.Context, dsn string, p seed.Policy) (map[string]int64, error) {
	if p != seed.Append {
		return nil, nil
	}
	return seed.NextIDs(ctx, dsn)
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// deadline is a log that kills the process when it has so many records: each tells of a step that begins or
// of one that has been committed.
type deadline struct{ left int64 }

func (d *deadline) Enabled(context.Context, slog.Level) bool { return true }
func (d *deadline) WithAttrs([]slog.Attr) slog.Handler       { return d }
func (d *deadline) WithGroup(string) slog.Handler            { return d }
func (d *deadline) Handle(context.Context, slog.Record) error {
	if atomic.AddInt64(&d.left, -1) == 0 {
		die()
	}
	return nil
}

// runVictim runs a seeder and tells whether it was killed; if not, it must have succeeded.
func runVictim(t *testing.T, dsn string, p seed.Policy, rows, steps int64) (killed bool) {
	t.Helper()
	return run(t, victimDSN+"="+dsn, victimPolicy+"="+p.String(), fmt.Sprintf("%s=%d", victimRows, rows), fmt.Sprintf("%s=%d", victimSteps, steps))
}

func run(t *testing.T, environment ...string) (killed bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for limit := time.Now().Add(time.Minute); ; {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), environment...)
		out, err = cmd.CombinedOutput()
		// A busy server takes longer than a seeder waits to notice that the one before is dead.
		if !strings.Contains(string(out), seed.ErrBusy.Error()) || time.Now().After(limit) {
			break
		}
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return true
		}
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", environment[1:], err, out)
	}
	return false
}

// kills is how many times a database's seeder is killed before it may finish.
const kills = 3

// killOften runs the seeder until it has survived. Where it dies is random, and told if the test fails.
func killOften(t *testing.T, dsn string, p seed.Policy) {
	t.Helper()
	for n := 0; ; n++ {
		var rows, steps int64
		if n < kills {
			if rand.IntN(2) == 0 {
				rows = 1 + rand.Int64N(crashed.dataset().Rows())
			} else {
				steps = 1 + rand.Int64N(60)
			}
		}
		killed := runVictim(t, dsn, p, rows, steps)
		t.Logf("run %d, to be killed after %d rows or %d steps: killed %v", n+1, rows, steps, killed)
		if !killed {
			return
		}
	}
}

func TestKilledSeederResumes(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, crashed)
	for n := range 6 {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			dsn := schematest.New(t)
			killOften(t, dsn, seed.Resume)
			same(t, "resumed", fingerprint(t, dsn), want)
		})
	}
}

func TestKilledReplacementResumes(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, crashed)
	for n := range 2 {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			dsn := schematest.New(t)
			load(t, dsn, fake{seed: 1, scale: 30}.dataset(), seed.Options{})
			killOften(t, dsn, seed.Replace)
			same(t, "replaced", fingerprint(t, dsn), want)
		})
	}
}

func TestKilledAppendResumes(t *testing.T) {
	t.Parallel()
	base := fake{seed: 1, scale: 30}
	prepared := func(t *testing.T) string {
		dsn := schematest.New(t)
		load(t, dsn, base.dataset(), seed.Options{})
		execute(t, dsn, "INSERT INTO users (email, password_hash, name) VALUES ('made@by.test', 'x', 'x')",
			// A time of its own would tell two databases apart.
			"UPDATE users SET created_at = '2026-01-01', updated_at = '2026-01-01' WHERE email = 'made@by.test'")
		return dsn
	}
	undisturbed := prepared(t)
	if runVictim(t, undisturbed, seed.Append, 0, 0) {
		t.Fatal("killed")
	}
	want := fingerprint(t, undisturbed)
	for n := range 4 {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			dsn := prepared(t)
			killOften(t, dsn, seed.Append)
			same(t, "appended", fingerprint(t, dsn), want)
		})
	}
}

func TestKilledResetIsFinished(t *testing.T) {
	t.Parallel()
	dsn := seeded(t, fake{seed: 1, scale: 5})
	want := fingerprint(t, dsn)
	if _, err := seed.Snapshot(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	whole := &countdown{Context: t.Context(), left: math.MaxInt, done: make(chan struct{})}
	if _, err := seed.Reset(whole, dsn); err != nil {
		t.Fatal(err)
	}
	points := math.MaxInt - whole.rest()
	for range 5 {
		spoil(t, dsn)
		at := 1 + rand.IntN(points)
		killed := run(t, victimDSN+"="+dsn, fmt.Sprintf("%s=%d", victimReset, at))
		t.Logf("killed at point %d of %d: %v", at, points, killed)
		reset(t, dsn)
		same(t, "reset again", fingerprint(t, dsn), want)
	}
}

// TestKilledServerResumes kills PostgreSQL itself in the middle of a load. It is not for running beside others that start
// programs: until these are what they are to be, they share the locks that tell who uses the server.
func TestKilledServerResumes(t *testing.T) {
	want := undisturbed(t, crashed)
	// Not t.TempDir: as root, the server runs as another user, who may not enter that.
	dir, err := os.MkdirTemp(local.TempDir(), "seed-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	o := local.Options{Dir: filepath.Join(dir, "pg"), Disposable: true}
	server, err := local.Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Release(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for n := range 3 {
		name := fmt.Sprintf("killed%d", n)
		execute(t, server.DSN("postgres"), "CREATE DATABASE "+name)
		dsn := server.DSN(name)
		if err := schema.Up(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
		at := 1 + rand.Int64N(crashed.dataset().Rows())
		var made atomic.Int64
		f := crashed
		f.hook = func(pgcopy.Encoder, string, int64) {
			if made.Add(1) == at {
				state, err := local.Inspect(context.Background(), o)
				if err == nil {
					err = syscall.Kill(state.PID, syscall.SIGKILL)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
		t.Logf("kill the server after row %d", at)
		if _, err := seed.Load(t.Context(), dsn, f.dataset(), seed.Options{}); err == nil {
			t.Error("the loss of the server goes unnoticed")
		} else if !strings.Contains(err.Error(), "run the same again") {
			t.Errorf("error is %v", err)
		}
		again, err := local.Acquire(t.Context(), o) // as the next command does
		if err != nil {
			t.Fatal(err)
		}
		if again.DSN(name) != dsn {
			t.Errorf("the server is at %s after the crash, was at %s", again.DSN(name), dsn)
		}
		if err := again.Release(t.Context()); err != nil {
			t.Error(err)
		}
		load(t, dsn, crashed.dataset(), seed.Options{})
		same(t, "after the crash", fingerprint(t, dsn), want)
	}
}
