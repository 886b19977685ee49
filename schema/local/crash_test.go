package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestRestartKeepsDataAndPort(t *testing.T) {
	o := serverDir(t)
	s := acquire(t, o)
	dsn := s.DSN("postgres")
	execute(t, dsn, "CREATE TABLE kept AS SELECT 'still here' AS word")
	release(t, s)
	wantStopped(t, o)

	s = acquire(t, o)
	if s.DSN("postgres") != dsn {
		t.Errorf("the URL changed from %s to %s", dsn, s.DSN("postgres"))
	}
	if word := mustQuery(t, dsn, "SELECT word FROM kept"); word != "still here" {
		t.Errorf("read %q", word)
	}
}

func TestKilledServerLosesNothing(t *testing.T) {
	for _, victim := range []string{"postmaster", "backend"} {
		t.Run(victim, func(t *testing.T) {
			o := serverDir(t)
			s := acquire(t, o)
			dsn := s.DSN("postgres")
			execute(t, dsn, "CREATE TABLE kept (n int)")

			conn, err := pgx.Connect(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			for n := range 100 {
				if _, err := conn.Exec(t.Context(), "INSERT INTO kept VALUES ($1)", n); err != nil {
					t.Fatal(err)
				}
			}
			witness, err := pgx.Connect(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer witness.Close(context.Background())
			pid := inspectNow(t, o).PID
			if victim == "backend" {
				pid = int(conn.PgConn().PID())
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}

			// After a backend's crash the server ends all connections, new ones too, and is itself again when it takes one.
			_, _ = witness.WaitForNotification(t.Context())
			for victim == "backend" {
				if _, err := query(t, dsn, "SELECT ''"); err == nil {
					break
				}
			}
			// The next client starts it again, on the same port, so that those that outlived the crash have it back.
			other := acquire(t, o)
			if other.DSN("postgres") != dsn {
				t.Errorf("the URL changed from %s to %s", dsn, other.DSN("postgres"))
			}
			if n := mustQuery(t, dsn, "SELECT count(*)::text FROM kept"); n != "100" {
				t.Errorf("%s of 100 committed rows are left", n)
			}
			release(t, other)
			wantRunning(t, o, 1)
			release(t, s)
			wantStopped(t, o)
		})
	}
}

func TestStalePIDFile(t *testing.T) {
	o := serverDir(t)
	release(t, acquire(t, o))
	alive := exec.Command("sleep", "600")
	if err := alive.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Process.Kill(); _ = alive.Wait() }()
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for what, first := range map[string]string{
		"a process that ended":  strconv.Itoa(dead.ProcessState.Pid()),
		"another program":       strconv.Itoa(alive.Process.Pid),
		"no process, but noise": "noise",
	} {
		t.Run(what, func(t *testing.T) {
			text := first + "\n" + filepath.Join(o.Dir, "data") + "\n1700000000\n5432\n\n127.0.0.1\n  1234567        12\nready   \n"
			if err := os.WriteFile(filepath.Join(o.Dir, "data", "postmaster.pid"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if st := inspectNow(t, o); st.Running {
				t.Fatalf("taken for a server: %+v", st)
			}
			s := acquire(t, o)
			mustQuery(t, s.DSN("postgres"), "SELECT 'alive'")
			release(t, s)
			wantStopped(t, o)
		})
	}
}

func TestServerOfSomebodyElseOnTheData(t *testing.T) {
	o := serverDir(t)
	s := acquire(t, o)
	release(t, s)
	// One that holds no lock of ours, as if started by hand.
	h, who, bin := installed(t, o)
	cmd := who.command(t.Context(), h.dataDir(), bin.path("postgres"), "-D", h.dataDir(),
		"-c", "port="+strconv.Itoa(s.state.Port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(syscall.SIGQUIT); _ = cmd.Wait() }()
	waitUntil(t, "the server of somebody else answers", func() bool { return ping(t.Context(), *s.state) == nil })

	_, err := Acquire(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", cmd.Process.Pid)) {
		t.Fatalf("error %v, want one that names the other server", err)
	}
}

func TestTakenPort(t *testing.T) {
	o := serverDir(t)
	s := acquire(t, o)
	release(t, s)
	taken, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.state.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	other := acquire(t, o)
	if other.state.Port == s.state.Port {
		t.Fatal("the port of the other program was chosen")
	}
	mustQuery(t, other.DSN("postgres"), "SELECT 'alive'")
}

// The port can be taken between the choice and the start. The server's death must then be told from others.
func TestPortTakenAfterItWasChosen(t *testing.T) {
	o := serverDir(t)
	release(t, acquire(t, o))
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h, who, bin := installed(t, o)
	held, err := tryLock(h.serverLock(), exclusive)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	st, err := h.readState()
	if err != nil {
		t.Fatal(err)
	}
	st.Port = taken.Addr().(*net.TCPAddr).Port
	err = h.run(t.Context(), who, bin, st, held)
	var died *diedError
	if !errors.As(err, &died) || !died.portTaken() {
		t.Fatalf("error %v, want one that says that the port is taken", err)
	}
}

func TestUnfinishedInitdbIsRemoved(t *testing.T) {
	o := emptyDir(t)
	half := filepath.Join(o.Dir, "data.new-1", "data", "base")
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	release(t, acquire(t, o))
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "data.new-*")); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
}

func TestUnusableData(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(dir string) error
		want  []string
	}{
		{"another major version", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("99\n"), 0o600)
		}, []string{"PostgreSQL 99", dirVariable}},
		{"no version", func(dir string) error {
			return os.Remove(filepath.Join(dir, "data", "PG_VERSION"))
		}, []string{"PG_VERSION", "remove it"}},
		{"a broken configuration", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "data", "postgresql.conf"), []byte("shared_bufers = what\n"), 0o600)
		}, []string{"server.log", "shared_bufers"}},
		{"no password", func(dir string) error {
			return os.Remove(filepath.Join(dir, "state.json"))
		}, []string{"state.json", "password", "begin anew"}},
		{"another password", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "state.json"), []byte(`{"password":"wrong"}`), 0o600)
		}, []string{"does not accept the password", "begin anew"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := serverDir(t)
			release(t, acquire(t, o))
			if err := test.spoil(o.Dir); err != nil {
				t.Fatal(err)
			}
			_, err := Acquire(t.Context(), o)
			if err == nil {
				t.Fatal("the data were accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error without %q: %v", want, err)
				}
			}

			o.Disposable = true
			s := acquire(t, o)
			mustQuery(t, s.DSN("postgres"), "SELECT 'alive'")
			release(t, s)
			wantStopped(t, o)
		})
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Run("in initdb", func(t *testing.T) {
		o := emptyDir(t)
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 1)
		go func() {
			_, err := Acquire(ctx, o)
			errs <- err
		}()
		waitUntil(t, "initdb has begun", func() bool {
			begun, _ := filepath.Glob(filepath.Join(o.Dir, "data.new-*", "data", "base"))
			return len(begun) > 0
		})
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want the cancellation", err)
		}
		if left, _ := filepath.Glob(filepath.Join(o.Dir, "data*")); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		wantStopped(t, o)
		release(t, acquire(t, o))
	})
	t.Run("in the server's start", func(t *testing.T) {
		o := serverDir(t)
		release(t, acquire(t, o))
		h, who, bin := installed(t, o)
		held, err := tryLock(h.serverLock(), exclusive)
		if err != nil {
			t.Fatal(err)
		}
		st, err := h.readState()
		if err != nil {
			t.Fatal(err)
		}
		child, logged, err := h.spawn(t.Context(), who, bin, st, held)
		if err != nil {
			t.Fatal(err)
		}
		held.Close()
		waitUntil(t, "the server answers", func() bool { return ping(t.Context(), st) == nil })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		nobody := st
		nobody.Port = 1 // as if it did not answer yet
		if err := h.awaitStart(ctx, child, nobody, logged); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want the cancellation", err)
		}
		if _, err := h.awaitEnd(t.Context(), time.Minute); err != nil { // its children end a moment later
			t.Fatal(err)
		}
		wantStopped(t, o)
	})
	t.Run("in the queue", func(t *testing.T) {
		o := serverDir(t)
		release(t, acquire(t, o))
		h, _, _ := installed(t, o)
		unlock, err := h.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 1)
		go func() {
			_, err := Acquire(ctx, o)
			errs <- err
		}()
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the cancellation", err)
		}
		unlock()
		wantStopped(t, o)
	})
}

// installed returns the parts that a start is made of, for a directory that exists.
func installed(t *testing.T, o Options) (*home, account, binaries) {
	t.Helper()
	h, err := openHome(o)
	if err != nil {
		t.Fatal(err)
	}
	who, err := serverAccount(h.dataDir())
	if err != nil {
		t.Fatal(err)
	}
	bin, err := h.findBinaries(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return h, who, bin
}

// waitUntil polls for what another process does.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !done() {
		if err := pause(ctx); err != nil {
			t.Fatalf("wait until %s: %v", what, err)
		}
	}
}

func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
