package seed_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/pgcopy"
)

// psql returns the path of psql, which is part of PostgreSQL, but not always beside the server.
func psql(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed: ", err)
	}
	return path
}

func TestFilesLoadWithPsqlAsIfSeeded(t *testing.T) {
	t.Parallel()
	client := psql(t)
	f := fake{seed: 5, scale: 60}
	want := undisturbed(t, f)
	for _, format := range []seed.Format{seed.FormatBinary, seed.FormatCSV} {
		t.Run(string(format), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made", `for "this" it's`)
			var last seed.Progress
			if err := seed.WriteFiles(t.Context(), f.dataset(), dir, format, seed.FileOptions{Progress: func(p seed.Progress) { last = p }}); err != nil {
				t.Fatal(err)
			}
			if last.Phase != seed.PhaseDone || last.Rows != f.dataset().Rows() {
				t.Errorf("last progress is %+v", last)
			}
			dsn := schematest.New(t)
			run := func() (string, error) {
				cmd := exec.CommandContext(t.Context(), client, "-X", "-f", filepath.Join(dir, seed.ScriptName), dsn)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			out, err := run()
			if err != nil || out != "" {
				t.Fatalf("psql: %v, output:\n%s", err, out)
			}
			same(t, "loaded by psql", fingerprint(t, dsn), want)
			if r := load(t, dsn, f.dataset(), seed.Options{}); !r.AlreadyDone {
				t.Errorf("what psql loaded is loaded again: %+v", r)
			}
			if out, err := run(); err == nil || !strings.Contains(out, "not empty") {
				t.Errorf("a second time: %v, output:\n%s", err, out)
			}
			same(t, "refused", fingerprint(t, dsn), want)

			moved := filepath.Join(t.TempDir(), "moved")
			if err := os.Rename(dir, moved); err != nil {
				t.Fatal(err)
			}
			dsn = schematest.New(t)
			cmd := exec.CommandContext(t.Context(), client, "-X", "-f", seed.ScriptName, dsn)
			cmd.Dir = moved
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Fatalf("psql, files moved: %v, output:\n%s", err, out)
			}
			same(t, "loaded by psql, files moved", fingerprint(t, dsn), want)
		})
	}
}

func TestFilesRefuseDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := seed.WriteFiles(t.Context(), fake{scale: 1}.dataset(), dir, seed.FormatCSV, seed.FileOptions{})
	if err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("error is %v", err)
	}
	wantEntries(t, dir, "mine")
}

func TestFailedFilesLeaveNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := fake{scale: 100}
	f.hook = func(_ pgcopy.Encoder, table string, i int64) {
		if table == "comments" && i == 400 {
			cancel()
		}
	}
	parent := t.TempDir()
	for _, dir := range []string{filepath.Join(parent, "new"), t.TempDir()} {
		err := seed.WriteFiles(ctx, f.dataset(), dir, seed.FormatBinary, seed.FileOptions{Workers: 1})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want context.Canceled", err)
		}
		if dir != filepath.Join(parent, "new") {
			wantEntries(t, dir)
		}
	}
	wantEntries(t, parent)
}

func wantEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("%s has %v, want %v", dir, names, want)
	}
}
