package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating system user that the server runs as.
type account struct {
	name     string
	uid, gid uint32
	drop     bool // whether it is another than this process's user
}

// serverAccount returns the owner of an existing data directory, or the user to make a new one for: oneself,
// or for root, whom PostgreSQL refuses to serve, postgres or else nobody.
func serverAccount(data string) (account, error) {
	if euid := os.Geteuid(); euid != 0 {
		return account{name: strconv.Itoa(euid), uid: uint32(euid), gid: uint32(os.Getegid())}, nil
	}
	if info, err := os.Stat(data); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return account{name: "id " + strconv.FormatUint(uint64(owner.Uid), 10), uid: owner.Uid, gid: owner.Gid, drop: true}, nil
		}
		return account{}, fmt.Errorf("%s belongs to root, as whom PostgreSQL does not run: remove it, or name another directory with %s", data, dirVariable)
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as: create one, or give DATABASE_URL")
}

// command prepares a program of PostgreSQL to run as the account, in a session of its own, so that a
// Ctrl-C in the terminal does not reach it, and without any PG... variable of the caller's environment.
func (a account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "TZ=UTC"}
	if path := os.Getenv("LD_LIBRARY_PATH"); path != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+path)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	// The whole session, because initdb works through children.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// enters returns an error if the account may not pass through every directory down to path. What does not
// exist yet is taken to become passable.
func (a account) enters(path string) error {
	if !a.drop {
		return nil
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !a.mayExecute(info):
			return fmt.Errorf("user %s, as whom the server runs, may not enter %s (mode %v)", a.name, dir, info.Mode().Perm())
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (a account) mayExecute(info fs.FileInfo) bool {
	bit := fs.FileMode(0o001)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case owner.Uid == a.uid:
			bit = 0o100
		case owner.Gid == a.gid:
			bit = 0o010
		}
	}
	return info.Mode()&bit != 0
}

// userDir is the default directory of an ordinary user.
func userDir() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find a directory for the data (or name one with %s): %w", dirVariable, err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "medianest-testbed", "postgres"), nil
}

// TempDir returns the directory for temporary files that the server can use too: the system's, or /tmp where
// the server's user could not enter that, as when root's TMPDIR is under /root.
func TempDir() string {
	dir := os.TempDir()
	a, err := serverAccount(filepath.Join(dir, "none"))
	if err == nil && a.enters(dir) != nil {
		return "/tmp"
	}
	return dir
}
