package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// clientVariable makes the test binary a command that uses the server in the directory it names.
const clientVariable = "LOCAL_TEST_CLIENT_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(clientVariable); dir != "" {
		os.Exit(runClient(dir))
	}
	code := m.Run()
	prepared.remove()
	os.Exit(code)
}

// cluster is a directory with a database cluster that tests copy, because initdb takes a second.
type cluster struct {
	once sync.Once
	dir  string
	err  error
}

var prepared cluster

func (c *cluster) copyTo(dir string) error {
	c.once.Do(func() {
		if c.dir, c.err = os.MkdirTemp(TempDir(), "local-test-"); c.err != nil {
			return
		}
		if c.err = os.Chmod(c.dir, 0o755); c.err != nil {
			return
		}
		var s *Server
		if s, c.err = Acquire(context.Background(), Options{Dir: c.dir}); c.err == nil {
			c.err = s.Release(context.Background())
		}
	})
	if c.err != nil {
		return c.err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"data", "state.json"} {
		if out, err := exec.Command("cp", "-a", filepath.Join(c.dir, name), dir).CombinedOutput(); err != nil {
			return fmt.Errorf("cp: %w: %s", err, out)
		}
	}
	return nil
}

func (c *cluster) remove() {
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

// runClient acquires the server, prints its URL, and releases the server when its input ends.
func runClient(dir string) int {
	// In the background of a script, programs are started with SIGINT ignored.
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT)
	go func() {
		<-interrupted
		os.Exit(130)
	}()
	ctx := context.Background()
	s, err := Acquire(ctx, Options{Dir: dir})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println(s.DSN("postgres"))
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Release(ctx); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// process is another process that uses the server.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
	t     *testing.T
}

func startClient(t *testing.T, dir string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), clientVariable+"="+dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does it for a command
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: stdin, out: bufio.NewReader(out), t: t}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return p
}

// dsn waits until the process has the server.
func (p *process) dsn() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "postgres://") {
		p.t.Fatalf("client %d: %q, %v", p.cmd.Process.Pid, line, err)
	}
	return strings.TrimSpace(line)
}

// leave lets the process release the server and waits for its end.
func (p *process) leave() {
	p.t.Helper()
	if err := p.stdin.Close(); err != nil {
		p.t.Fatal(err)
	}
	rest, _ := io.ReadAll(p.out)
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("client %d: %v: %s", p.cmd.Process.Pid, err, rest)
	}
}

// kill ends the process, or its group, with a signal.
func (p *process) kill(group bool, signal syscall.Signal) {
	p.t.Helper()
	pid := p.cmd.Process.Pid
	if group {
		pid = -pid
	}
	if err := syscall.Kill(pid, signal); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err == nil {
		p.t.Fatalf("client %d ended well despite %v", p.cmd.Process.Pid, signal)
	}
}

// serverDir returns a directory with a cluster that has not run. A server in it is stopped at the end of the test.
func serverDir(t *testing.T) Options {
	t.Helper()
	o := emptyDir(t)
	if err := prepared.copyTo(o.Dir); err != nil {
		t.Fatal(err)
	}
	return o
}

// emptyDir returns a directory that does not exist yet. A server in it is stopped at the end of the test.
func emptyDir(t *testing.T) Options {
	t.Helper()
	// Unlike t.TempDir's, one that the server's user can enter.
	parent, err := os.MkdirTemp(TempDir(), "local-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: filepath.Join(parent, "pg")}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := Stop(ctx, o); err != nil {
			t.Errorf("clean up: %v", err)
		}
		if err := os.RemoveAll(parent); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return o
}

func acquire(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { release(t, s) })
	return s
}

func release(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Release(context.Background()); err != nil {
		t.Error(err)
	}
}

func inspectNow(t *testing.T, o Options) Status {
	t.Helper()
	st, err := Inspect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// wantRunning fails unless the server runs with so many clients.
func wantRunning(t *testing.T, o Options, clients int) Status {
	t.Helper()
	st := inspectNow(t, o)
	if !st.Running || len(st.Clients) != clients {
		t.Fatalf("server: running %v, clients %v; want it running with %d", st.Running, st.Clients, clients)
	}
	return st
}

// wantStopped fails unless no process of the server is left.
func wantStopped(t *testing.T, o Options) {
	t.Helper()
	if st := inspectNow(t, o); st.Running || st.PID != 0 || len(st.Clients) != 0 {
		t.Fatalf("server: %+v; want it stopped", st)
	}
	f, err := tryLock(filepath.Join(o.Dir, "server.lock"), exclusive)
	if err != nil {
		t.Fatal(err)
	}
	if f == nil {
		t.Fatal("a process of the server is left")
	}
	f.Close()
}

// query runs SQL and returns its one value as text.
func query(t *testing.T, dsn, sql string, args ...any) (string, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(t.Context())
	var value string
	return value, conn.QueryRow(t.Context(), sql, args...).Scan(&value)
}

func mustQuery(t *testing.T, dsn, sql string, args ...any) string {
	t.Helper()
	value, err := query(t, dsn, sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}
