// Package environment makes something to test where there is nothing: a dataset in a PostgreSQL of its own, and a
// mock that serves it. It does so by running the programs seed and mockapi, as a person would, and it takes
// everything away again.
//
// The mock runs in a process group of its own, so that Ctrl-C in a terminal does not reach it while a test still
// needs it, and it ends when this process dies, however it dies.
package environment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/medianest/testbed/schema/local"
)

// Options say what is to be made.
type Options struct {
	Programs Programs
	// Profile, Seed and AsOf are the dataset, as seed takes them; AsOf is "" for the present.
	Profile string
	Seed    uint64
	AsOf    string
	// DatabaseURL is a PostgreSQL to use; "" makes a private one in a temporary directory.
	DatabaseURL string
	// Log gets what the programs log; it must be open for reading too.
	Log *os.File
	// Keep lets the mock outlive this process.
	Keep bool
}

// Environment is what was made. Its methods are to be called one at a time, but for Kill.
type Environment struct {
	o    Options
	dir  string // temporary, of the private PostgreSQL; "" where there is none
	said ready

	// Kill looks at these while others set them.
	postgres atomic.Pointer[local.Server]
	mock     atomic.Pointer[process]
}

// ready is what mockapi --json tells, as far as it is of interest.
type ready struct {
	Services map[string]string `json:"services"`
}

// What bounds the steps of stopping.
const (
	stopTimeout = 30 * time.Second // the mock itself gives requests 25 s
	dropTimeout = 15 * time.Second
)

// maxSaid bounds what a program is listened to.
const maxSaid = 1 << 20

// New returns an environment without anything in it. It is to be stopped in any case.
func New(o Options) (*Environment, error) {
	e := &Environment{o: o}
	if o.DatabaseURL != "" {
		return e, nil
	}
	var err error
	// As root, PostgreSQL runs as another user, who must be able to get there.
	if e.dir, err = os.MkdirTemp(local.TempDir(), "medianest-pipeline-*"); err != nil {
		return nil, fmt.Errorf("make a directory for PostgreSQL: %w", err)
	}
	if err := os.Chmod(e.dir, 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("make a directory for PostgreSQL: %w", err), os.Remove(e.dir))
	}
	return e, nil
}

// Dir is the directory of the private PostgreSQL, "" where there is none.
func (e *Environment) Dir() string { return e.dir }

// PID is the process id of the mock, 0 before it was started.
func (e *Environment) PID() int {
	mock := e.mock.Load()
	if mock == nil {
		return 0
	}
	return mock.cmd.Process.Pid
}

// DatabaseURL is the URL of the database, password included.
func (e *Environment) DatabaseURL() string {
	if server := e.postgres.Load(); server != nil {
		return server.DSN(local.Database)
	}
	return e.o.DatabaseURL
}

// URLs are the base URLs of the mock's services by name: api, auth, media, user and notification.
func (e *Environment) URLs() map[string]string { return e.said.Services }

// Seed starts PostgreSQL, where it is to be a private one, and fills the database.
func (e *Environment) Seed(ctx context.Context) error {
	if e.dir != "" {
		// The programs join it. It is held until the mock has it, so that it is started once.
		server, err := local.Acquire(ctx, local.Options{Dir: e.postgresDir()})
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		e.postgres.Store(server)
	}
	args := []string{"--profile", e.o.Profile, "--seed", strconv.FormatUint(e.o.Seed, 10), "--no-progress"}
	if e.o.AsOf != "" {
		args = append(args, "--as-of", e.o.AsOf)
	}
	return e.seed(ctx, args...)
}

// Reset brings the data back to how they were seeded, while the mock runs. Faults that it was told to make go on,
// which those would not that POST /admin/reset resets.
func (e *Environment) Reset(ctx context.Context) error { return e.seed(ctx, "reset") }

func (e *Environment) seed(ctx context.Context, args ...string) error {
	what := strings.Join(append([]string{"seed"}, args...), " ")
	cmd := exec.Command(e.o.Programs.Seed, append(args, e.database()...)...)
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.SysProcAttr = e.o.Log, e.o.Log, e.env(), ownGroup()
	p, err := start(cmd)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.stop(nil)
		return context.Cause(ctx)
	}
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("%s: %v: %s", what, cmd.ProcessState, e.lastLine())
	}
	return nil
}

// Serve starts the mock and returns when it serves.
func (e *Environment) Serve(ctx context.Context) error {
	hear, say, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start mockapi: %w", err)
	}
	defer hear.Close()
	cmd := exec.Command(e.o.Programs.Mock, append([]string{"--addr", "127.0.0.1:0", "--json", "--snapshot"}, e.database()...)...)
	cmd.Stdout, cmd.Stderr, cmd.Env = say, e.o.Log, e.env()
	cmd.SysProcAttr = ownGroup()
	if !e.o.Keep {
		// It ends when its standard input does, which is as soon as this process is gone.
		cmd.Args = append(cmd.Args, "--stop-at-eof")
		if _, err := cmd.StdinPipe(); err != nil { // which cmd keeps open
			return fmt.Errorf("start mockapi: %w", err)
		}
	}
	mock, err := start(cmd)
	_ = say.Close() // the mock has its own
	if err != nil {
		return fmt.Errorf("start mockapi: %w", err)
	}
	e.mock.Store(mock)
	stop := context.AfterFunc(ctx, func() { _ = hear.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := json.NewDecoder(io.LimitReader(hear, maxSaid)).Decode(&e.said); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, io.EOF) {
			<-mock.ended
			return fmt.Errorf("start mockapi: it ended with %v: %s", mock.cmd.ProcessState, e.lastLine())
		}
		return fmt.Errorf("start mockapi: read what it says: %w", err)
	}
	if e.said.Services["api"] == "" {
		return fmt.Errorf("start mockapi: %s does not say where it serves: is it of another version?", e.o.Programs.Mock)
	}
	// From now on it is the mock's, which stops it at its end, also when this process is gone.
	return e.release(ctx)
}

// Ended tells whether the mock has ended by itself, and how.
func (e *Environment) Ended() error {
	mock := e.mock.Load()
	if mock == nil {
		return nil
	}
	select {
	case <-mock.ended:
		return fmt.Errorf("the mock has ended with %v: %s", mock.cmd.ProcessState, e.lastLine())
	default:
		return nil
	}
}

// Stop ends the mock and its PostgreSQL, and removes the directory. As soon as hurry is closed, nothing is waited
// for that can be cut off. Stopping twice is harmless.
func (e *Environment) Stop(hurry <-chan struct{}) error {
	if mock := e.mock.Load(); mock != nil {
		mock.stop(hurry)
	}
	return e.remove()
}

// Kill is Stop for who can't wait: it takes a second or two.
func (e *Environment) Kill() {
	if mock := e.mock.Load(); mock != nil {
		_ = syscall.Kill(-mock.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		<-mock.ended
	}
	_ = e.remove() // nobody waits to be told
}

func (e *Environment) remove() error {
	if e.dir == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	// The mock has stopped it already, unless it was killed.
	err := errors.Join(e.release(ctx), local.Stop(ctx, local.Options{Dir: e.postgresDir()}))
	return errors.Join(err, os.RemoveAll(e.dir))
}

// release gives the private PostgreSQL up; doing so twice is harmless.
func (e *Environment) release(ctx context.Context) error {
	if server := e.postgres.Load(); server != nil {
		return server.Release(ctx)
	}
	return nil
}

func (e *Environment) postgresDir() string { return filepath.Join(e.dir, "postgres") }

// database are the flags that name the database.
func (e *Environment) database() []string {
	if e.dir == "" {
		return nil // the environment does, where nobody reads the password
	}
	return []string{"--pg-dir", e.postgresDir()}
}

// env is the environment of the programs. MEDIANEST_FAULTS and the like reach them as they do from a shell, but
// not what is decided here.
func (e *Environment) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "DATABASE_URL", "MEDIANEST_PROFILE", "MEDIANEST_SEED", "MEDIANEST_AS_OF", "MEDIANEST_ON_EXISTING", "MEDIANEST_QUIET", "MEDIANEST_SERVICES":
			return true
		}
		return false
	})
	if e.o.DatabaseURL != "" {
		env = append(env, "DATABASE_URL="+e.o.DatabaseURL)
	}
	return env
}

// lastLine is the last line of the log: what a program says at its end is the reason.
func (e *Environment) lastLine() string {
	info, err := e.o.Log.Stat()
	if err != nil {
		return err.Error()
	}
	end := make([]byte, min(info.Size(), maxLine))
	n, err := e.o.Log.ReadAt(end, info.Size()-int64(len(end)))
	if err != nil && !errors.Is(err, io.EOF) {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(end[:n])), "\n")
	return lines[len(lines)-1]
}

const maxLine = 8 << 10
