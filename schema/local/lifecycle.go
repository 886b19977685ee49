package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Status describes a local server. It holds no password, except in what [Status.DSN] returns.
type Status struct {
	Running bool     `json:"running"`
	PID     int      `json:"pid,omitempty"`     // of the postmaster; 0 if it does not run
	Port    int      `json:"port,omitempty"`    // on 127.0.0.1; 0 if it does not run
	Version string   `json:"version,omitempty"` // of PostgreSQL, such as 15.13; empty if it never ran
	Dir     string   `json:"dir"`
	Kept    bool     `json:"kept"` // whether it stays when the last client leaves
	Clients []Client `json:"clients"`

	state *state // by pointer, so that printing a Status shows no password
}

// DSN returns the URL of the named database, password included, or an empty string if the server does not
// run. It creates nothing.
func (s Status) DSN(database string) string {
	if !s.Running {
		return ""
	}
	return s.state.dsn(database)
}

// Start starts the local server unless it runs, and keeps it running, also over the next commands, until
// [Stop].
func Start(ctx context.Context, o Options) (Status, error) {
	st, err := start(ctx, o)
	if err != nil {
		return Status{}, fmt.Errorf("start local PostgreSQL: %w", err)
	}
	return st, nil
}

func start(ctx context.Context, o Options) (Status, error) {
	h, err := openHome(o)
	if err != nil {
		return Status{}, err
	}
	unlock, err := h.enter(ctx)
	if err != nil {
		return Status{}, err
	}
	defer unlock()
	if _, err := h.ensureRunning(ctx); err != nil {
		return Status{}, err
	}
	if err := h.keep(); err != nil {
		return Status{}, err
	}
	return h.status()
}

// Stop stops the local server, even one that was kept running. It refuses with an [*InUseError] while other
// commands use the server. To stop one that does not run is no error.
func Stop(ctx context.Context, o Options) error {
	if err := stop(ctx, o); err != nil {
		return fmt.Errorf("stop local PostgreSQL: %w", err)
	}
	return nil
}

func stop(ctx context.Context, o Options) error {
	h, unlock, err := enterExisting(ctx, o, exclusive)
	if h == nil || err != nil {
		return err
	}
	defer unlock()
	clients, err := h.clients(true)
	if err != nil {
		return err
	}
	if len(clients) > 0 {
		return &InUseError{Clients: clients}
	}
	// First, so that a stop that is interrupted is not undone by the next command.
	if err := h.unkeep(); err != nil {
		return err
	}
	_, err = h.shutdown(ctx)
	return err
}

// Inspect describes the local server without changing anything. It waits for a start or stop in progress.
func Inspect(ctx context.Context, o Options) (Status, error) {
	st, err := inspect(ctx, o)
	if err != nil {
		return Status{}, fmt.Errorf("inspect local PostgreSQL: %w", err)
	}
	return st, nil
}

func inspect(ctx context.Context, o Options) (Status, error) {
	h, unlock, err := enterExisting(ctx, o, shared)
	if err != nil {
		return Status{}, err
	}
	if h == nil {
		dir, err := o.dir()
		return Status{Dir: dir}, err
	}
	defer unlock()
	return h.status()
}

// enterExisting returns nil if there is no server, and never was.
func enterExisting(ctx context.Context, o Options, mode lockMode) (h *home, unlock func(), err error) {
	dir, err := o.dir()
	if err != nil {
		return nil, nil, err
	}
	h, err = existingHome(dir, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(h.startLock()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	f, err := waitLock(ctx, h.startLock(), mode)
	if err != nil {
		return nil, nil, err
	}
	return h, func() { f.Close() }, nil
}

// status looks around; the caller has entered.
func (h *home) status() (Status, error) {
	st := Status{Dir: h.dir, Kept: h.kept()}
	var err error
	if st.Clients, err = h.clients(false); err != nil {
		return Status{}, err
	}
	known, err := h.readState()
	if err != nil {
		if _, statErr := os.Stat(h.dataDir()); errors.Is(statErr, fs.ErrNotExist) {
			return st, nil
		}
		return Status{}, err
	}
	st.state, st.Version = &known, known.Version
	pid, err := readPID(filepath.Join(h.dataDir(), "postmaster.pid"))
	if err == nil && serves(pid, h.dataDir()) {
		st.Running, st.PID, st.Port = true, pid, known.Port
	}
	return st, nil
}
