package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// startTimeout bounds a start. It is long because a server that was killed replays its log first.
	startTimeout = 5 * time.Minute
	// startTries is how many ports are tried when others take them between the choice and the start.
	startTries = 5
)

// ensureRunning returns the state of the server that runs after it: one that ran, or one that it started.
// The caller has entered.
func (h *home) ensureRunning(ctx context.Context) (state, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the server did not answer within %v", startTimeout))
	defer cancel()
	st, err := h.joinOrLaunch(ctx)
	if err == nil || !h.disposable || ctx.Err() != nil {
		return st, err
	}
	h.log.Warn("local PostgreSQL cannot use its data; making them anew", "dir", h.dir, "reason", err)
	if wipeErr := h.wipe(); wipeErr != nil {
		return state{}, errors.Join(err, wipeErr)
	}
	return h.joinOrLaunch(ctx)
}

// wipe removes the data of a server that does not run.
func (h *home) wipe() error {
	held, err := tryLock(h.serverLock(), exclusive)
	if err != nil {
		return err
	}
	if held == nil {
		return errors.New("the data are in use")
	}
	defer held.Close()
	return errors.Join(os.RemoveAll(h.dataDir()), os.RemoveAll(h.stateFile()))
}

// joinOrLaunch waits for a server that is starting, because its starter was killed, and for the children of
// a postmaster that was killed, which may live a little longer.
func (h *home) joinOrLaunch(ctx context.Context) (state, error) {
	for {
		held, err := tryLock(h.serverLock(), exclusive)
		if err != nil {
			return state{}, err
		}
		if held != nil {
			return h.launch(ctx, held)
		}
		st, err := h.readState()
		if err != nil {
			return state{}, err
		}
		err = ping(ctx, st)
		if err == nil {
			return st, nil
		}
		if code := sqlState(err); code == "28P01" || code == "28000" {
			return state{}, fmt.Errorf("join the server on port %d: %w", st.Port, err)
		}
		if ended := pause(ctx); ended != nil {
			return state{}, fmt.Errorf("join the server on port %d: %w (last answer: %v)%s", st.Port, ended, err, h.logTail(0))
		}
	}
}

// ping tells whether the server of st accepts connections. Scram authenticates both sides, so that no other
// server can be taken for it.
func ping(ctx context.Context, st state) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, st.dsn("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func sqlState(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// launch starts a server whose lock is held, and closes that.
func (h *home) launch(ctx context.Context, held *os.File) (state, error) {
	defer func() { held.Close() }()
	who, err := serverAccount(h.dataDir())
	if err != nil {
		return state{}, err
	}
	if err := who.enters(h.dir); err != nil {
		return state{}, fmt.Errorf("%w: name another directory with %s", err, dirVariable)
	}
	bin, err := h.findBinaries(ctx, who)
	if err != nil {
		return state{}, err
	}
	if err := h.initialise(ctx, who, bin); err != nil {
		return state{}, err
	}
	if err := h.removeStalePID(); err != nil {
		return state{}, err
	}
	st, err := h.readState()
	if err != nil {
		return state{}, err
	}
	st.Version = bin.version
	for try := 1; ; try++ {
		if st.Port, err = choosePort(ctx, st.Port); err != nil {
			return state{}, err
		}
		if err := h.writeState(st); err != nil {
			return state{}, err
		}
		began := time.Now()
		h.log.Info("starting local PostgreSQL", "version", bin.version, "port", st.Port, "dir", h.dir)
		err := h.run(ctx, who, bin, st, held)
		if err == nil {
			h.log.Info("started local PostgreSQL", "version", bin.version, "port", st.Port, "dir", h.dir, "took", time.Since(began).Round(time.Millisecond).String())
			return st, nil
		}
		var died *diedError
		if !errors.As(err, &died) || !died.portTaken() || try == startTries {
			return state{}, err
		}
		h.log.Info("port taken; trying another", "port", st.Port)
		st.Port = 0
	}
}

// choosePort returns the preferred port if it is free, or one that the system chooses.
func choosePort(ctx context.Context, preferred int) (int, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(preferred)))
	if err != nil && preferred != 0 {
		l, err = listen.Listen(ctx, "tcp4", "127.0.0.1:0")
	}
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// diedError says that a server ended before it served.
type diedError struct{ log string }

func (e *diedError) Error() string { return "the server ended while it started" + e.log }

func (e *diedError) portTaken() bool {
	return strings.Contains(e.log, "could not bind IPv4 address") || strings.Contains(e.log, "Address already in use")
}

// run starts a server, which inherits the lock held, and waits until it serves.
func (h *home) run(ctx context.Context, who account, bin binaries, st state, held *os.File) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	child, logged, err := h.spawn(ctx, who, bin, st, held)
	if err != nil {
		return err
	}
	return h.awaitStart(ctx, child, st, logged)
}

// spawn starts a postmaster and returns it and where in the log its lines begin.
func (h *home) spawn(ctx context.Context, who account, bin binaries, st state, held *os.File) (child *os.Process, logged int64, err error) {
	log, err := os.OpenFile(h.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	if logged, err = trimLog(log); err != nil {
		return nil, 0, err
	}

	args := []string{"-D", h.dataDir()}
	for _, s := range settings(thisMachine(h.dir), bin, st.Port) {
		args = append(args, "-c", s)
	}
	// Its life is not that of ctx: a server outlives the command that starts it.
	cmd := who.command(context.WithoutCancel(ctx), h.dataDir(), bin.path("postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{held}
	if err := cmd.Start(); err != nil {
		if who.drop && errors.Is(err, syscall.EPERM) {
			err = fmt.Errorf("%w (may root change to user %s here?)", err, who.name)
		}
		return nil, 0, fmt.Errorf("start %s: %w", bin.path("postgres"), err)
	}
	return cmd.Process, logged, nil
}

// awaitStart returns when the child serves, has died, or ctx is done: then it is ended.
func (h *home) awaitStart(ctx context.Context, child *os.Process, st state, logged int64) error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(child.Pid, &status, syscall.WNOHANG, nil)
		if pid == child.Pid || errors.Is(err, syscall.ECHILD) {
			return &diedError{log: h.logTail(logged)}
		}
		// Before it has the port, what answers there would be another.
		if err = errNotReady; ready(h.dataDir(), child.Pid) {
			err = ping(ctx, st)
		}
		if err == nil {
			// Nobody waits for the child any more. Should it end before this process, which is about to
			// end too when that happens, it stays a zombie until then.
			return child.Release()
		}
		if code := sqlState(err); code == "28P01" || code == "28000" {
			end(child)
			return fmt.Errorf("the server does not accept the password of %s: remove %s to begin anew: %w", h.stateFile(), h.dir, err)
		}
		if ended := pause(ctx); ended != nil {
			end(child)
			return fmt.Errorf("wait for the server to start: %w (last answer: %v)%s", ended, err, h.logTail(logged))
		}
	}
}

var errNotReady = errors.New("not ready yet")

// end ends a child, which ends its own children first.
func end(child *os.Process) {
	_ = child.Signal(syscall.SIGQUIT)
	_, _ = child.Wait()
}

// logLimit is the size in bytes beyond which the server's log is begun anew at a start.
const logLimit = 16 << 20

// trimLog returns where the next line will be written.
func trimLog(log *os.File) (int64, error) {
	info, err := log.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() <= logLimit {
		return info.Size(), nil
	}
	return 0, log.Truncate(0)
}

// logTail returns the last lines of the server's log since offset, set off for the end of an error message.
func (h *home) logTail(offset int64) string {
	const most = 4 << 10
	f, err := os.Open(h.logFile())
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		offset = max(offset, info.Size()-most)
	}
	text := make([]byte, most)
	n, _ := f.ReadAt(text, offset)
	lines := strings.Split(strings.TrimSpace(string(text[:n])), "\n")
	if len(lines) > 10 {
		lines = lines[len(lines)-10:]
	}
	if lines[0] == "" && len(lines) == 1 {
		return ""
	}
	return "; its log (" + h.logFile() + ") ends with:\n  " + strings.Join(lines, "\n  ")
}
