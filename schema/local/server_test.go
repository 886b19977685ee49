package local

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServersSettings(t *testing.T) {
	o := serverDir(t)
	dsn := acquire(t, o).DSN("postgres")
	for name, want := range map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"password_encryption":     "scram-sha-256",
		"server_encoding":         "UTF8",
		"timezone":                "UTC",
		"fsync":                   "off",
		"full_page_writes":        "off",
		"synchronous_commit":      "on",
		"wal_level":               "minimal",
		"max_wal_senders":         "0",
		"max_connections":         "200",
		"track_io_timing":         "on",
		"jit":                     "off",
		"autovacuum":              "on",
		"data_checksums":          "off",
	} {
		if got := mustQuery(t, dsn, "SELECT current_setting($1)", name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if locale := mustQuery(t, dsn, "SELECT datcollate FROM pg_database WHERE datname = 'template1'"); locale != "C.UTF-8" && locale != "C" {
		t.Errorf("locale %q", locale)
	}
	_, _, bin := installed(t, o)
	if bin.library("pg_stat_statements") {
		execute(t, dsn, "CREATE EXTENSION pg_stat_statements")
		if n := mustQuery(t, dsn, "SELECT count(*)::text FROM pg_stat_statements"); n == "0" {
			t.Error("pg_stat_statements saw no statement")
		}
	}
}

func TestSettingsFitTheMachine(t *testing.T) {
	for _, test := range []struct {
		name string
		m    machine
		want []string
	}{
		{"small", machine{memory: 512 * mib, disk: gib, shm: 64 * mib, cpus: 1}, []string{
			"shared_buffers=128MB", "effective_cache_size=256MB", "maintenance_work_mem=64MB", "work_mem=4MB", "max_wal_size=1024MB",
			"max_parallel_workers_per_gather=0", "dynamic_shared_memory_type=mmap"}},
		{"laptop", machine{memory: 16 * gib, disk: 40 * gib, shm: 8 * gib, cpus: 8}, []string{
			"shared_buffers=2048MB", "effective_cache_size=8192MB", "maintenance_work_mem=512MB", "work_mem=32MB", "max_wal_size=5120MB",
			"max_worker_processes=8", "max_parallel_workers=8", "max_parallel_workers_per_gather=4"}},
		{"large", machine{memory: 512 * gib, disk: 4096 * gib, cpus: 64}, []string{
			"shared_buffers=2048MB", "maintenance_work_mem=512MB", "work_mem=64MB", "max_wal_size=8192MB",
			"max_worker_processes=64", "max_parallel_maintenance_workers=4"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := settings(test.m, binaries{dir: t.TempDir()}, 5432)
			all := "\n" + strings.Join(got, "\n") + "\n"
			for _, want := range test.want {
				if !strings.Contains(all, "\n"+want+"\n") {
					t.Errorf("without %s:%s", want, all)
				}
			}
			if strings.Contains(all, "shared_preload_libraries") {
				t.Error("preloads a library that is not installed")
			}
		})
	}
}

// PostgreSQL itself must accept what is chosen for the smallest machine and for the largest.
func TestServerAcceptsTheSettings(t *testing.T) {
	h, who, bin := installed(t, serverDir(t))
	for _, m := range []machine{
		{memory: 256 * mib, disk: mib, shm: 64 * mib, cpus: 1},
		{memory: 2048 * gib, disk: 1 << 50, shm: 1024 * gib, cpus: 256},
	} {
		args := []string{"-D", h.dataDir(), "-C", "port"} // reads the configuration, and prints one of it
		for _, s := range settings(m, bin, 5432) {
			args = append(args, "-c", s)
		}
		out, err := who.command(t.Context(), h.dataDir(), bin.path("postgres"), args...).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "5432" {
			t.Errorf("%+v: %v: %s", m, err, out)
		}
	}
}

func TestThisMachine(t *testing.T) {
	m := thisMachine(t.TempDir())
	if m.memory < 64*mib || m.disk <= 0 {
		t.Errorf("measured %+v", m)
	}
	if missing := thisMachine("/no/such/place"); missing.disk != 8*gib {
		t.Errorf("free space of nowhere: %d", missing.disk)
	}
}

func TestAccessNeedsThePassword(t *testing.T) {
	o := serverDir(t)
	s := acquire(t, o)
	u, err := url.Parse(s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []*url.Userinfo{url.UserPassword(superuser, "guess"), url.User(superuser), url.UserPassword("postgres", "")} {
		guess := *u
		guess.User = user
		if _, err := query(t, guess.String(), "SELECT 'in'"); sqlState(err) != "28P01" && !strings.Contains(fmt.Sprint(err), "password") {
			t.Errorf("%s: %v, want a refusal for its password", user.Username(), err)
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			conn, err := net.Dial("tcp4", net.JoinHostPort(ip.IP.String(), u.Port()))
			if err == nil {
				conn.Close()
				t.Errorf("reachable at %s", ip.IP)
			}
		}
	}
}

func TestPasswordStaysSecret(t *testing.T) {
	var log bytes.Buffer
	o := emptyDir(t)
	o.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := acquire(t, o)
	st := inspectNow(t, o)
	password := s.state.Password
	if len(password) < 20 {
		t.Fatalf("a password of %d characters", len(password))
	}
	if _, err := query(t, s.DSN("none"), "SELECT ''"); strings.Contains(fmt.Sprint(err), password) {
		t.Errorf("an error tells it: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v %v %+v", st, st, st, s, s); strings.Contains(text, password) {
		t.Errorf("printing tells it: %s", text)
	}
	release(t, s)
	if log.Len() == 0 || strings.Contains(log.String(), password) {
		t.Errorf("the log tells it, or is silent: %s", log.String())
	}
	err := filepath.WalkDir(o.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte(password)) && (e.Name() != "state.json" || info.Mode().Perm() != 0o600) {
			t.Errorf("%s (mode %v) tells it", path, info.Mode())
		}
		if filepath.Dir(path) == o.Dir && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A Unix socket would not fit into a path of this length.
func TestLongDirectory(t *testing.T) {
	o := emptyDir(t)
	inner := o
	inner.Dir = filepath.Join(o.Dir, strings.Repeat("a long name ", 10), strings.Repeat("b", 100))
	s := acquire(t, inner)
	mustQuery(t, s.DSN("postgres"), "SELECT 'alive'")
	release(t, s)
	wantStopped(t, inner)
}

func TestRootDropsItsRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("runs as an ordinary user, who has nothing to drop")
	}
	o := serverDir(t)
	acquire(t, o)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", inspectNow(t, o).PID))
	if err != nil {
		t.Skipf("the system does not tell as whom a process runs: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		name, ids, _ := strings.Cut(line, ":")
		if name == "Uid" || name == "Gid" || name == "Groups" {
			for id := range strings.FieldsSeq(ids) {
				if id == "0" {
					t.Errorf("the server runs as root: %s", line)
				}
			}
		}
	}
	if err := os.Chown(filepath.Join(o.Dir, "data"), 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := serverAccount(filepath.Join(o.Dir, "data")); err == nil {
		t.Error("data of root were accepted")
	}
}

func TestUnsafeDirectories(t *testing.T) {
	t.Run("writable by others", func(t *testing.T) {
		o := Options{Dir: t.TempDir()}
		if err := os.Chmod(o.Dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := Acquire(t.Context(), o); err == nil || !strings.Contains(err.Error(), "can be written by others") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("another user's", func(t *testing.T) {
		o := Options{Dir: "/"}
		if os.Geteuid() == 0 {
			o.Dir = t.TempDir()
			if err := os.Chown(o.Dir, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Acquire(t.Context(), o); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("closed to the server's user", func(t *testing.T) {
		closed := t.TempDir()
		if err := os.Chmod(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		who := account{name: "somebody", uid: 12345, gid: 12345, drop: true}
		err := who.enters(filepath.Join(closed, "not", "made", "yet"))
		if err == nil || !strings.Contains(err.Error(), "may not enter") || !strings.Contains(err.Error(), "somebody") {
			t.Errorf("error %v", err)
		}
		if err := who.enters("/usr/bin"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Acquire(t.Context(), Options{Dir: file}); err == nil {
			t.Error("a file was taken for a directory")
		}
	})
}

func TestNarrowUmask(t *testing.T) {
	o := emptyDir(t)
	previous := syscall.Umask(0o077)
	defer syscall.Umask(previous)
	s := acquire(t, o)
	mustQuery(t, s.DSN("postgres"), "SELECT 'alive'")
}

func TestNoGoroutinesAreLeft(t *testing.T) {
	o := emptyDir(t)
	s := acquire(t, o)
	wantNoGoroutines(t)
	release(t, s)
	wantNoGoroutines(t)
}

// wantNoGoroutines fails if another goroutine than the test's stays in this package, in pgx or in os/exec. One that has
// told that it is done still has to end.
func wantNoGoroutines(t *testing.T) {
	t.Helper()
	var left []string
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); runtime.Gosched() {
		all := make([]byte, 1<<20)
		all = all[:runtime.Stack(all, true)]
		left = nil
		for i, stack := range strings.Split(string(all), "\n\n") {
			if i > 0 && (strings.Contains(stack, "schema/local.") || strings.Contains(stack, "pgx/v5") || strings.Contains(stack, "os/exec")) &&
				!strings.Contains(stack, "local.TestMain") {
				left = append(left, stack)
			}
		}
		if left == nil {
			return
		}
	}
	t.Errorf("left behind: %s", strings.Join(left, "\n\n"))
}

func TestChoosePortPrefersTheFormer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := l.Addr().(*net.TCPAddr).Port
	other, err := choosePort(t.Context(), taken)
	if err != nil || other == taken {
		t.Fatalf("port %d instead of the taken %d, %v", other, taken, err)
	}
	l.Close()
	if again, err := choosePort(t.Context(), taken); err != nil || again != taken {
		t.Fatalf("port %s, want the former %d: %v", strconv.Itoa(again), taken, err)
	}
}
