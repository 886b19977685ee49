package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestEightProcessesShareAFirstStart(t *testing.T) {
	o := emptyDir(t)
	var clients []*process
	for range 8 {
		clients = append(clients, startClient(t, o.Dir))
	}
	first := clients[0].dsn()
	for _, c := range clients[1:] {
		if dsn := c.dsn(); dsn != first {
			t.Fatalf("two clients have different servers: %s and %s", first, dsn)
		}
	}
	pid := wantRunning(t, o, 8).PID
	for i, c := range clients[:7] {
		c.leave()
		if st := wantRunning(t, o, 7-i); st.PID != pid {
			t.Fatalf("the server was restarted: pid %d, then %d", pid, st.PID)
		}
	}
	clients[7].leave()
	wantStopped(t, o)
}

func TestClientsAreNamed(t *testing.T) {
	o := serverDir(t)
	c := startClient(t, o.Dir)
	c.dsn()
	want := Client{PID: c.cmd.Process.Pid, Command: filepath.Base(c.cmd.Path)}
	if st := wantRunning(t, o, 1); st.Clients[0] != want {
		t.Fatalf("client %v, want %v", st.Clients[0], want)
	}
	c.leave()
}

func TestKilledClientCountsNoMore(t *testing.T) {
	o := serverDir(t)
	killed := startClient(t, o.Dir)
	killed.dsn()
	killed.kill(false, syscall.SIGKILL)
	pid := wantRunning(t, o, 0).PID

	s := acquire(t, o)
	if st := wantRunning(t, o, 1); st.PID != pid {
		t.Fatalf("the server that the killed client left was not joined: pid %d, then %d", pid, st.PID)
	}
	release(t, s)
	wantStopped(t, o)
}

func TestCtrlCInTheTerminalSparesTheServer(t *testing.T) {
	o := serverDir(t)
	c := startClient(t, o.Dir)
	dsn := c.dsn()
	c.kill(true, syscall.SIGINT)
	wantRunning(t, o, 0)
	mustQuery(t, dsn, "SELECT 'alive'")
}

func TestReleaseAfterTheCommandWasCancelled(t *testing.T) {
	o := serverDir(t)
	s := acquire(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Release(ctx); err != nil {
		t.Fatal(err)
	}
	wantStopped(t, o)
	if err := s.Release(t.Context()); err != nil {
		t.Fatalf("second release: %v", err)
	}
}

func TestStartKeepsTheServerUntilStop(t *testing.T) {
	o := serverDir(t)
	st, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !st.Running || !st.Kept || st.PID == 0 || st.Port == 0 || st.Version == "" || st.Dir != o.Dir {
		t.Fatalf("started: %+v", st)
	}
	mustQuery(t, st.DSN("postgres"), "SELECT 'alive'")
	release(t, acquire(t, o))
	if after := wantRunning(t, o, 0); after.PID != st.PID || !after.Kept {
		t.Fatalf("after a client: %+v, want the kept server of before", after)
	}

	c := startClient(t, o.Dir)
	c.dsn()
	var inUse *InUseError
	if err := Stop(t.Context(), o); !errors.As(err, &inUse) || len(inUse.Clients) != 1 || inUse.Clients[0].PID != c.cmd.Process.Pid {
		t.Fatalf("stop while in use: %v", err)
	}
	wantRunning(t, o, 1)
	c.leave()

	for range 2 { // the second finds nothing to stop
		if err := Stop(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		wantStopped(t, o)
	}
	release(t, acquire(t, o))
	wantStopped(t, o)
}

func TestStopIsNoStart(t *testing.T) {
	o := emptyDir(t)
	if err := Stop(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	st := inspectNow(t, o)
	if st.Running || st.DSN("postgres") != "" || st.Dir != o.Dir {
		t.Fatalf("status without a server: %+v", st)
	}
	if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the directory was made (%v)", err)
	}
}

func TestOpen(t *testing.T) {
	t.Run("a given URL is used as it is", func(t *testing.T) {
		const given = "postgres://somebody@db.example:5432/theirs?sslmode=require"
		dir := filepath.Join(t.TempDir(), "pg")
		dsn, release, err := Open(t.Context(), given, Options{Dir: dir})
		if err != nil || dsn != given {
			t.Fatalf("%q, %v", dsn, err)
		}
		if err := release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("a local server was made (%v)", err)
		}
	})
	t.Run("no URL means the local database", func(t *testing.T) {
		o := serverDir(t)
		for range 2 { // created, then found
			dsn, release, err := Open(t.Context(), "", o)
			if err != nil {
				t.Fatal(err)
			}
			if name := mustQuery(t, dsn, "SELECT current_database()"); name != Database {
				t.Fatalf("database %s, want %s", name, Database)
			}
			if err := release(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantStopped(t, o)
		}
	})
	t.Run("all at once", func(t *testing.T) {
		o := emptyDir(t)
		errs := make(chan error)
		for range 8 {
			go func() {
				_, release, err := Open(context.Background(), "", o)
				errs <- errors.Join(err, release(context.Background()))
			}()
		}
		for range 8 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		wantStopped(t, o)
	})
}

func TestDefaultDir(t *testing.T) {
	t.Setenv(dirVariable, "/some/where")
	if dir, err := DefaultDir(); err != nil || dir != "/some/where" {
		t.Errorf("with %s: %q, %v", dirVariable, dir, err)
	}
	t.Setenv(dirVariable, "")
	t.Setenv("HOME", "/home/ann")
	want := []string{"/home/ann/.local/state/medianest-testbed/postgres", "/state/medianest-testbed/postgres"}
	if os.Geteuid() == 0 {
		want = []string{"/var/lib/medianest-testbed/postgres", "/var/lib/medianest-testbed/postgres"}
	}
	var got []string
	for _, state := range []string{"", "/state"} {
		t.Setenv("XDG_STATE_HOME", state)
		dir, err := DefaultDir()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, dir)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", strings.Join(got, " and "), strings.Join(want, " and "))
	}
}
