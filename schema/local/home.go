package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// home is the directory of one local server.
type home struct {
	dir        string // absolute, without symbolic links
	log        *slog.Logger
	disposable bool
	repository string // that binaries are fetched from
}

func (h *home) dataDir() string    { return filepath.Join(h.dir, "data") }
func (h *home) clientsDir() string { return filepath.Join(h.dir, "clients") }
func (h *home) startLock() string  { return filepath.Join(h.dir, "start.lock") }
func (h *home) serverLock() string { return filepath.Join(h.dir, "server.lock") }
func (h *home) stateFile() string  { return filepath.Join(h.dir, "state.json") }
func (h *home) keepFile() string   { return filepath.Join(h.dir, "keep") }
func (h *home) logFile() string    { return filepath.Join(h.dir, "server.log") }

// openHome makes the directory if it is missing.
func openHome(o Options) (*home, error) {
	dir, err := o.dir()
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o755 // the server's user must be able to pass
	}
	if err := makeDir(dir, mode); err != nil {
		return nil, fmt.Errorf("make the directory (name another with %s): %w", dirVariable, err)
	}
	return existingHome(dir, o)
}

// makeDir is os.MkdirAll with the same mode whatever the umask is, which root often has at 077.
func makeDir(dir string, mode fs.FileMode) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := makeDir(filepath.Dir(dir), mode); err != nil {
		return err
	}
	err := os.Mkdir(dir, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil // made by another process since; should it be a file, the caller will see
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}

// existingHome makes nothing; a directory that does not exist is an fs.ErrNotExist.
func existingHome(dir string, o Options) (*home, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode()&fs.ModeSymlink != 0 && int(owner.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("%s is another user's link: name another directory with %s", dir, dirVariable)
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if info, err = os.Stat(dir); err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	// Whoever else could write here could make this user, who may be root, trust what it says.
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("%s belongs to another user (id %d): name another directory with %s", dir, owner.Uid, dirVariable)
	}
	if info.Mode()&0o022 != 0 {
		return nil, fmt.Errorf("%s can be written by others (mode %v): take that right away, or name another directory with %s", dir, info.Mode().Perm(), dirVariable)
	}
	return &home{dir: dir, log: o.logger(), disposable: o.Disposable, repository: mavenCentral}, nil
}

func (o Options) dir() (string, error) {
	dir := o.Dir
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return "", err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find directory %s: %w", o.Dir, err)
	}
	return dir, nil
}

// enter waits until no other process starts, joins, leaves or stops the server, and keeps others from it
// until unlock is called.
func (h *home) enter(ctx context.Context) (unlock func(), err error) {
	f, err := waitLock(ctx, h.startLock(), exclusive)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// superuser is the role that owns everything on the local server.
const superuser = "medianest"

// state is what must be known to reach the server. Its file is the only place where the password is kept.
type state struct {
	Password string `json:"password"`
	Port     int    `json:"port"`    // of the running server, or of the last one
	Version  string `json:"version"` // of the running server, or of the last one
}

func (s state) dsn(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.Password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (h *home) readState() (state, error) {
	text, err := os.ReadFile(h.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, fmt.Errorf("%s, which holds the password, is missing: remove %s to begin anew", h.stateFile(), h.dir)
	}
	if err != nil {
		return state{}, err
	}
	var st state
	if err := json.Unmarshal(text, &st); err != nil || st.Password == "" {
		return state{}, fmt.Errorf("%s, which holds the password, is damaged: remove %s to begin anew", h.stateFile(), h.dir)
	}
	return st, nil
}

// writeState replaces the file in one step, so that a reader never sees half of it.
func (h *home) writeState(st state) error {
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	next := h.stateFile() + ".new"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, h.stateFile())
}
