package schematest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/local"
)

// otherVariable makes the test binary another test process, which gets itself a migrated database.
const otherVariable = "SCHEMATEST_TEST_OTHER_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(otherVariable) != "" {
		os.Exit(runOther())
	}
	os.Exit(m.Run())
}

// runOther prints the URL of its database, and ends without cleaning up when its input ends.
func runOther() int {
	ctx := context.Background()
	g, err := process()
	if err == nil {
		name := g.nextName()
		if err = g.createDatabase(ctx, name, true); err == nil {
			fmt.Println(withDatabase(g.url, name))
			_, _ = io.Copy(io.Discard, os.Stdin)
			return 0
		}
	}
	fmt.Println("error:", err)
	return 1
}

type other struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr io.Reader
	dsn    string
}

// startOther starts a test process whose temporary directory, and so whose server, is dir.
func startOther(t *testing.T, dir string, env ...string) *other {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), otherVariable+"=1", "TMPDIR="+dir, URLVariable+"=")
	cmd.Env = append(cmd.Env, env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "postgres://") {
		t.Fatalf("another test process: %q, %v", line, err)
	}
	return &other{t: t, cmd: cmd, stdin: stdin, stderr: stderr, dsn: strings.TrimSpace(line)}
}

// end ends the process, and waits until its guard has ended too, which is when nobody can write to standard
// error any more.
func (o *other) end(kill bool) {
	o.t.Helper()
	if kill {
		_ = o.cmd.Process.Kill()
	}
	_ = o.stdin.Close()
	complaints, err := io.ReadAll(o.stderr)
	if err != nil || len(complaints) > 0 {
		o.t.Errorf("on standard error: %q, %v", complaints, err)
	}
	_ = o.cmd.Wait()
}

func (o *other) server() string {
	u, err := url.Parse(o.dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	return u.Host
}

func inspect(t *testing.T, dir string) local.Status {
	t.Helper()
	st, err := local.Inspect(t.Context(), serverOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func serverOf(dir string) local.Options {
	return local.Options{Dir: filepath.Join(dir, fmt.Sprintf("medianest-test-%d", os.Geteuid()))}
}

// left lists the databases on the server of dir.
func left(t *testing.T, dir string) []string {
	t.Helper()
	s, err := local.Acquire(t.Context(), serverOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Release(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	names, err := databases(t.Context(), conn, "^medianest_", "ORDER BY datname")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestProcesses(t *testing.T) {
	dir, err := os.MkdirTemp(local.TempDir(), "schematest-") // unlike t.TempDir's, one that the server's user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := local.Stop(context.Background(), serverOf(dir)); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	template := []string{templatePrefix + schema.Digest()[:16]}

	t.Run("share a server", func(t *testing.T) {
		first, second := startOther(t, dir), startOther(t, dir)
		if first.server() != second.server() || first.dsn == second.dsn {
			t.Errorf("databases %s and %s: want two on one server", first.dsn, second.dsn)
		}
		first.end(false)
		if current, newest, err := schema.Version(t.Context(), second.dsn); err != nil || current != newest {
			t.Errorf("the second's database after the first's end: version %d of %d, %v", current, newest, err)
		}
		second.end(false)
		if st := inspect(t, dir); st.Running {
			t.Errorf("the server still runs: %+v", st)
		}
		if names := left(t, dir); !slices.Equal(names, template) {
			t.Errorf("databases left: %v, want the template alone", names)
		}
	})

	t.Run("killed", func(t *testing.T) {
		startOther(t, dir).end(true)
		if st := inspect(t, dir); st.Running {
			t.Errorf("the server still runs: %+v", st)
		}
		if names := left(t, dir); !slices.Equal(names, template) {
			t.Errorf("databases left: %v, want the template alone", names)
		}
	})

	t.Run("killed with its guard", func(t *testing.T) {
		victim := startOther(t, dir)
		guards := inspect(t, dir).Clients
		if len(guards) != 1 {
			t.Fatalf("clients of the server: %v, want the guard", guards)
		}
		if err := syscall.Kill(guards[0].PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		victim.end(true)
		if st := inspect(t, dir); !st.Running {
			t.Fatal("somebody stopped the server, so this test shows nothing")
		}
		u, err := url.Parse(victim.dsn)
		if err != nil {
			t.Fatal(err)
		}
		next := startOther(t, dir) // joins the server, and drops what is nobody's
		conn, err := pgx.Connect(t.Context(), next.dsn)
		if err != nil {
			t.Fatal(err)
		}
		exists, err := databaseExists(t.Context(), conn, strings.TrimPrefix(u.Path, "/"))
		if err != nil || exists {
			t.Errorf("the killed process's database exists: %v, %v", exists, err)
		}
		conn.Close(t.Context())
		next.end(false)
		if st := inspect(t, dir); st.Running {
			t.Errorf("the server still runs: %+v", st)
		}
	})

	t.Run("with a server of their own", func(t *testing.T) {
		s, err := local.Acquire(t.Context(), serverOf(dir))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Release(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		given := s.DSN("postgres") + "&application_name=given"
		o := startOther(t, dir, URLVariable+"="+given)
		if !strings.Contains(o.dsn, "application_name=given") {
			t.Errorf("the process uses %s, which does not come from %s", o.dsn, given)
		}
		if clients := inspect(t, dir).Clients; len(clients) != 1 || clients[0].PID != os.Getpid() {
			t.Errorf("clients of the local server: %v, want this process alone", clients)
		}
		o.end(true)
		if names := left(t, dir); !slices.Equal(names, template) {
			t.Errorf("databases left: %v, want the template alone", names)
		}
	})

	t.Run("old templates", func(t *testing.T) { testOldTemplatesAreDropped(t, dir) })
}

func testOldTemplatesAreDropped(t *testing.T, dir string) {
	s, err := local.Acquire(t.Context(), serverOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Release(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var conns [2]*pgx.Conn
	for i := range conns {
		if conns[i], err = pgx.Connect(t.Context(), s.DSN("postgres")); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close(context.Background())
	}
	conn, user := conns[0], conns[1]
	var made []string
	for i := range templatesKept + 2 { // each newer than the one before
		made = append(made, fmt.Sprintf("%s%016x", templatePrefix, i+1))
		if err := execSQL(t.Context(), conn, "CREATE DATABASE "+quote(made[i])+" TEMPLATE template0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := execSQL(t.Context(), user, "SELECT pg_advisory_lock_shared($1)", 1); err != nil { // copies the oldest
		t.Fatal(err)
	}
	if err := dropOldTemplates(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	want := append([]string{made[0]}, made[2:]...) // neither that of these migrations, which is older still
	if names := left(t, dir); !slices.Equal(names, want) {
		t.Errorf("templates left: %v, want %v", names, want)
	}
}

// Many tests may need a template at once that nobody has made yet, or that another has just dropped.
func TestMissingTemplateIsMadeOnce(t *testing.T) {
	g, err := process()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), g.url.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	digits := schema.Digest()[:16]
	key, err := lockKey(digits)
	if err != nil {
		t.Fatal(err)
	}
	// Not dropUnlocked: another package's tests may be copying it just now.
	for _, sql := range []string{"SELECT pg_advisory_lock($1)", "", "SELECT pg_advisory_unlock($1)"} {
		if sql == "" {
			err = execSQL(t.Context(), conn, "DROP DATABASE IF EXISTS "+quote(templatePrefix+digits))
		} else {
			err = execSQL(t.Context(), conn, sql, key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	urls := make(chan string)
	for range 8 {
		go func() {
			name := g.nextName()
			if err := g.createDatabase(context.Background(), name, true); err != nil {
				t.Error(err)
			}
			urls <- withDatabase(g.url, name)
		}()
	}
	var all []string
	for range 8 {
		dsn := <-urls
		if slices.Contains(all, dsn) {
			t.Errorf("%s was given out twice", dsn)
		}
		all = append(all, dsn)
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.dropDatabase(t.Context(), strings.TrimPrefix(u.Path, "/")); err != nil {
			t.Error(err)
		}
	}
}
