package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// initialise makes the data directory if there is none. It is made under another name and renamed, so that
// a directory called data is always whole; the password is written down before.
func (h *home) initialise(ctx context.Context, who account, bin binaries) error {
	switch _, err := os.Stat(h.dataDir()); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	began := time.Now()
	unfinished, err := filepath.Glob(filepath.Join(h.dir, "data.new-*"))
	if err != nil {
		return err
	}
	for _, dir := range unfinished {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove an unfinished data directory: %w", err)
		}
	}
	work, err := os.MkdirTemp(h.dir, "data.new-") // of mode 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	password := rand.Text()
	passwordFile := filepath.Join(work, "password")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		return err
	}
	data := filepath.Join(work, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if who.drop {
		for _, path := range []string{work, passwordFile, data} {
			if err := os.Chown(path, int(who.uid), int(who.gid)); err != nil {
				return err
			}
		}
	}
	h.log.Info("making a database cluster, which takes some seconds", "version", bin.version, "dir", h.dataDir())
	if err := initdb(ctx, who, bin, work, data, passwordFile); err != nil {
		return err
	}
	if err := h.writeState(state{Password: password}); err != nil {
		return err
	}
	if err := os.Rename(data, h.dataDir()); err != nil {
		return err
	}
	h.log.Info("made a database cluster", "version", bin.version, "dir", h.dataDir(), "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// initdb fills the empty directory data. Where the system has no locale C.UTF-8 (older macOS and glibc) it
// takes C, which sorts the same.
func initdb(ctx context.Context, who account, bin binaries, work, data, passwordFile string) error {
	var problem error
	for _, locale := range []string{"C.UTF-8", "C"} {
		args := []string{
			"--pgdata=" + data, "--username=" + superuser, "--pwfile=" + passwordFile, "--auth=scram-sha-256",
			"--encoding=UTF8", "--locale=" + locale, "--no-sync", "--no-instructions",
		}
		if bin.major >= 18 {
			args = append(args, "--no-data-checksums") // the default of older versions
		}
		cmd := who.command(ctx, work, bin.path("initdb"), args...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("initdb: %w", context.Cause(ctx))
		}
		text := strings.TrimSpace(string(out))
		problem = fmt.Errorf("%s: %w:\n%s", bin.path("initdb"), err, text)
		if !strings.Contains(text, "locale") {
			break
		}
	}
	return problem
}
