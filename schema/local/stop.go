package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// stopSteps are the ways in which PostgreSQL is asked to stop, from the politest. All are safe: after the
// later ones the next start replays the log.
var stopSteps = [...]struct {
	signal   syscall.Signal
	patience time.Duration
}{
	{syscall.SIGINT, 60 * time.Second}, // fast: ends the sessions and writes everything down
	{syscall.SIGQUIT, 10 * time.Second},
	{syscall.SIGKILL, 10 * time.Second},
}

// stopIfIdle stops a server that nobody uses and nobody asked to keep. The caller has entered.
func (h *home) stopIfIdle(ctx context.Context) (stopped bool, err error) {
	clients, err := h.clients(true)
	if err != nil {
		return false, err
	}
	if len(clients) > 0 || h.kept() {
		return false, nil
	}
	return h.shutdown(ctx)
}

// shutdown stops the server, if it runs, and waits until the last of its processes has ended. The caller
// has entered.
func (h *home) shutdown(ctx context.Context) (stopped bool, err error) {
	for _, step := range stopSteps {
		held, err := tryLock(h.serverLock(), exclusive)
		if err != nil {
			return false, err
		}
		if held != nil {
			return stopped, held.Close()
		}
		stopped = true
		// After a kill of the postmaster alone its pid file is a lie, and its children end by themselves.
		pid, err := readPID(filepath.Join(h.dataDir(), "postmaster.pid"))
		if err == nil && serves(pid, h.dataDir()) {
			if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return false, fmt.Errorf("stop the server (pid %d): %w", pid, err)
			}
		}
		ended, err := h.awaitEnd(ctx, step.patience)
		if err != nil {
			return false, fmt.Errorf("wait for the server to stop: %w", err)
		}
		if ended {
			reap(pid)
			h.log.Info("stopped local PostgreSQL", "dir", h.dir)
			return true, nil
		}
		h.log.Warn("local PostgreSQL does not stop", "signal", step.signal.String(), "waited", step.patience)
	}
	return false, errors.New("the server did not stop, not even when killed" + h.logTail(0))
}

// awaitEnd waits until no process of the server is left.
func (h *home) awaitEnd(ctx context.Context, patience time.Duration) (bool, error) {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := waitLock(soon, h.serverLock(), exclusive)
	switch {
	case err == nil:
		return true, f.Close()
	case ctx.Err() == nil && soon.Err() != nil:
		return false, nil
	}
	return false, err
}

// kept tells whether Start asked for the server to stay.
func (h *home) kept() bool {
	_, err := os.Stat(h.keepFile())
	return err == nil
}

func (h *home) keep() error {
	f, err := os.OpenFile(h.keepFile(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (h *home) unkeep() error {
	if err := os.Remove(h.keepFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
