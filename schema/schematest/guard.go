package schematest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema/local"
)

// guardVariable makes a test binary that this package is linked into a guard.
const guardVariable = "MEDIANEST_SCHEMATEST_GUARD"

// A test binary has no other place than package initialisation where it can learn, before it runs the
// tests, that it is to be a guard.
var _ = becomeGuard()

// databasePrefix is followed by 16 hexadecimal digits for the process, an underscore and a number.
const databasePrefix = "medianest_test_"

// answer is what the guard tells its parent.
type answer struct {
	URL    string `json:"url"`    // of the server
	Digits string `json:"digits"` // in the names of the process's databases, and its advisory lock
	Error  string `json:"error,omitempty"`
}

// guarded is the parent's side.
type guarded struct {
	url    *url.URL
	digits string
	last   atomic.Int64
	pipe   io.Closer // what keeps the guard waiting: never closed, and referred to so that it stays open
}

func (g *guarded) nextName() string {
	return databasePrefix + g.digits + "_" + strconv.FormatInt(g.last.Add(1), 10)
}

// startGuard starts the guard and waits until it has a server.
func startGuard() (*guarded, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), guardVariable+"=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of the terminal's Ctrl-C
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	var a answer
	if err := json.NewDecoder(out).Decode(&a); err != nil {
		return nil, errors.Join(fmt.Errorf("the guard gave no answer: %w", err), pipe.Close(), cmd.Wait())
	}
	if a.Error != "" {
		return nil, errors.Join(errors.New(a.Error), pipe.Close(), cmd.Wait())
	}
	server, err := url.Parse(a.URL)
	if err != nil {
		return nil, fmt.Errorf("%s is not a URL: %w", URLVariable, errors.Join(err, pipe.Close(), cmd.Wait()))
	}
	return &guarded{url: server, digits: a.Digits, pipe: pipe}, nil
}

// becomeGuard does not return in a guard.
func becomeGuard() struct{} {
	if os.Getenv(guardVariable) == "" {
		return struct{}{}
	}
	// Neither the end of a terminal nor that of a reader of standard error may keep it from its work.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	if err := guard(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "schematest:", err)
		os.Exit(1)
	}
	os.Exit(0)
	return struct{}{}
}

// guard serves one test process, until stdin ends.
func guard(stdin io.Reader, stdout io.Writer) error {
	begin, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	server, release, err := openServer(begin)
	if err != nil {
		return json.NewEncoder(stdout).Encode(answer{Error: err.Error()})
	}
	err = keepWatch(begin, server, stdin, stdout)
	end, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return errors.Join(err, release(end))
}

// openServer returns the server that tests use.
func openServer(ctx context.Context) (server string, release func(context.Context) error, err error) {
	if named := os.Getenv(URLVariable); named != "" {
		return named, func(context.Context) error { return nil }, nil
	}
	s, err := local.Acquire(ctx, local.Options{
		Dir:        filepath.Join(local.TempDir(), fmt.Sprintf("medianest-test-%d", os.Geteuid())),
		Disposable: true,
	})
	if err != nil {
		return "", nil, err
	}
	return s.DSN("postgres"), s.Release, nil
}

// keepWatch answers, waits for the end of the parent, and drops what it left.
func keepWatch(ctx context.Context, server string, stdin io.Reader, stdout io.Writer) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return json.NewEncoder(stdout).Encode(answer{Error: err.Error()})
	}
	defer conn.Close(context.Background())
	digits := fmt.Sprintf("%016x", rand.Uint64())
	if err := claim(ctx, conn, digits); err != nil {
		return json.NewEncoder(stdout).Encode(answer{Error: err.Error()})
	}
	if err := json.NewEncoder(stdout).Encode(answer{URL: server, Digits: digits}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, stdin)

	end, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if conn.Ping(end) != nil { // a test may have killed the server or its sessions
		if conn, err = pgx.Connect(end, server); err != nil {
			return nil //nolint:nilerr // then there is nothing left to clean up, or nothing to do it on
		}
		defer conn.Close(end)
	}
	return dropAll(end, conn, digits)
}

// claim takes the advisory lock that says that the databases of digits are in use, and drops the databases
// of processes that hold no such lock any more: those whose guard was killed too.
func claim(ctx context.Context, conn *pgx.Conn, digits string) error {
	key, err := lockKey(digits)
	if err != nil {
		return err
	}
	if err := execSQL(ctx, conn, "SELECT pg_advisory_lock($1)", key); err != nil {
		return err
	}
	names, err := databases(ctx, conn, "^"+databasePrefix+"[0-9a-f]{16}_[0-9]+$", "ORDER BY oid")
	if err != nil {
		return err
	}
	for _, name := range names {
		if owner := name[len(databasePrefix):][:16]; owner != digits {
			if err := dropUnlocked(ctx, conn, name, owner); err != nil {
				return err
			}
		}
	}
	return nil
}

func dropAll(ctx context.Context, conn *pgx.Conn, digits string) error {
	names, err := databases(ctx, conn, "^"+databasePrefix+digits+"_[0-9]+$", "ORDER BY oid")
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := execSQL(ctx, conn, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}
