// Package environment makes something to test where there is nothing: a dataset in a PostgreSQL of its own, and a
// mock that serves it. It does so by running the programs seed and mockapi, as a person would, and it takes
// everything away again.
//
// They run in process groups of their own, so that Ctrl-C in a terminal does not reach them while a test still needs
// them, and they end when this process dies, however it dies. That is why the private PostgreSQL is held by a program
// too: one that this process held itself would go on without it.
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
	dsn  string // of the database, password included
	said ready

	// Kill looks at these while others set them.
	holder atomic.Pointer[process] // of the private PostgreSQL
	mock   atomic.Pointer[process]
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
	e := &Environment{o: o, dsn: o.DatabaseURL}
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

// DatabaseURL is the URL of the database, password included; "" before there is one.
func (e *Environment) DatabaseURL() string { return e.dsn }

// URLs are the base URLs of the mock's services by name: api, auth, media, user and notification.
func (e *Environment) URLs() map[string]string { return e.said.Services }

// Seed starts PostgreSQL, where it is to be a private one, and fills the database.
func (e *Environment) Seed(ctx context.Context) error {
	if e.dir != "" {
		if err := e.hold(ctx); err != nil {
			return err
		}
	}
	args := []string{"--profile", e.o.Profile, "--seed", strconv.FormatUint(e.o.Seed, 10), "--no-progress"}
	if e.o.AsOf != "" {
		args = append(args, "--as-of", e.o.AsOf)
	}
	return e.seed(ctx, args...)
}

// hold starts the private PostgreSQL, which the other programs join, and has it held until the end.
func (e *Environment) hold(ctx context.Context) error {
	cmd := exec.Command(e.o.Programs.Seed, append([]string{"db", "run", "--json"}, e.database()...)...)
	cmd.Env = e.env()
	var runs local.Status
	if err := e.hear(ctx, "PostgreSQL", cmd, true, &e.holder, &runs); err != nil {
		return err
	}
	server, err := local.Inspect(ctx, local.Options{Dir: e.postgresDir()})
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	e.dsn = server.DSN(local.Database)
	return nil
}

// Reset brings the data back to how they were seeded, while the mock runs. Faults that it was told to make go on,
// which those would not that POST /admin/reset resets.
func (e *Environment) Reset(ctx context.Context) error { return e.seed(ctx, "reset") }

func (e *Environment) seed(ctx context.Context, args ...string) error {
	what := strings.Join(append([]string{"seed"}, args...), " ")
	cmd := exec.Command(e.o.Programs.Seed, append(args, e.database()...)...)
	cmd.Stdout, cmd.Stderr, cmd.Env = e.o.Log, e.o.Log, e.env()
	p, err := start(cmd, true)
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
	cmd := exec.Command(e.o.Programs.Mock, append([]string{"--addr", "127.0.0.1:0", "--json", "--snapshot"}, e.database()...)...)
	cmd.Env = e.env()
	if err := e.hear(ctx, "mockapi", cmd, !e.o.Keep, &e.mock, &e.said); err != nil {
		return err
	}
	if e.said.Services["api"] == "" {
		return fmt.Errorf("start mockapi: %s does not say where it serves: is it of another version?", e.o.Programs.Mock)
	}
	return nil
}

// hear starts a program and returns when it has said, as JSON on its standard output, that it is ready.
func (e *Environment) hear(ctx context.Context, what string, cmd *exec.Cmd, bound bool, as *atomic.Pointer[process], said any) error {
	hear, say, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", what, err)
	}
	defer hear.Close()
	cmd.Stdout, cmd.Stderr = say, e.o.Log
	p, err := start(cmd, bound)
	_ = say.Close() // the program has its own
	if err != nil {
		return fmt.Errorf("start %s: %w", what, err)
	}
	as.Store(p)
	stop := context.AfterFunc(ctx, func() { _ = hear.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := json.NewDecoder(io.LimitReader(hear, maxSaid)).Decode(said); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, io.EOF) {
			<-p.ended
			return fmt.Errorf("start %s: it ended with %v: %s", what, cmd.ProcessState, e.lastLine())
		}
		return fmt.Errorf("start %s: read what it says: %w", what, err)
	}
	return nil
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
	for _, p := range e.processes() {
		p.stop(hurry)
	}
	return e.remove()
}

// Kill is Stop for who can't wait: it takes a second or two.
func (e *Environment) Kill() {
	for _, p := range e.processes() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		<-p.ended
	}
	_ = e.remove() // nobody waits to be told
}

// processes are those that have been started to stay, in the order in which they are to be stopped.
func (e *Environment) processes() []*process {
	return slices.DeleteFunc([]*process{e.mock.Load(), e.holder.Load()}, func(p *process) bool { return p == nil })
}

func (e *Environment) remove() error {
	if e.dir == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	// PostgreSQL has stopped already, unless its holder was killed.
	err := local.Stop(ctx, local.Options{Dir: e.postgresDir()})
	return errors.Join(err, os.RemoveAll(e.dir))
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
