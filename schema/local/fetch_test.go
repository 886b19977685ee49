package local

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// archive packs the installed PostgreSQL as the binaries in the repository are packed: a compressed tar in a zip.
func archive(t *testing.T, bin binaries) []byte {
	t.Helper()
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("there is no xz to make an archive with")
	}
	packed := filepath.Join(t.TempDir(), "postgres.txz")
	cmd := exec.Command("tar", "-cJf", packed, "-C", filepath.Dir(bin.dir), "bin/postgres", "bin/initdb")
	cmd.Env = append(os.Environ(), "XZ_OPT=-0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	text, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	f, err := w.Create("postgres-test.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

func TestFetch(t *testing.T) {
	o := serverDir(t)
	t.Setenv("TMPDIR", t.TempDir()) // the library leaves empty files there
	h, who, bin := installed(t, o)
	jar := archive(t, bin)
	digest := sha256.Sum256(jar)
	sum := hex.EncodeToString(digest[:])
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.Contains(r.URL.Path, "/17."):
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, ".sha256"):
			_, _ = w.Write([]byte(sum))
		default:
			_, _ = w.Write(jar)
		}
	}))
	defer repository.Close()
	h.repository = repository.URL

	if _, err := h.fetch(t.Context(), who, 18); err == nil || !strings.Contains(err.Error(), "18") {
		t.Errorf("a version that the repository lacks: %v", err)
	}
	if _, err := h.fetch(t.Context(), who, 9); err == nil {
		t.Error("fetched a version that is not known")
	}
	sum = "another digest"
	if _, err := h.fetch(t.Context(), who, 0); err == nil {
		t.Error("an archive of another digest was accepted")
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, "binaries", "*")); len(left) > 0 {
		t.Errorf("failures left %v", left)
	}
	sum = hex.EncodeToString(digest[:])
	fetched, err := h.fetch(t.Context(), who, 0)
	if err != nil {
		t.Fatal(err)
	}
	if fetched.version != bin.version || !strings.HasPrefix(fetched.dir, h.dir) {
		t.Errorf("fetched %+v, want another copy of %+v", fetched, bin)
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, "binaries", "*")); len(left) != 1 {
		t.Errorf("left %v, want one installation", left)
	}

	again, _ := installations(t.Context(), who, h.fetchedDirs())
	if len(again) != 1 || again[0] != fetched {
		t.Errorf("found %+v afterwards, want %+v", again, fetched)
	}
	out, err := who.command(t.Context(), h.dir, fetched.path("postgres"), "--version").Output()
	if err != nil || !strings.Contains(string(out), bin.version) {
		t.Errorf("the server's user ran it: %s, %v", out, err)
	}
}

func TestFetchIsCancelled(t *testing.T) {
	o := serverDir(t)
	t.Setenv("TMPDIR", t.TempDir()) // the library leaves empty files there
	h, who, _ := installed(t, o)
	asked, answer := make(chan struct{}), make(chan struct{})
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		http.NotFound(w, r)
	}))
	defer repository.Close()
	defer close(answer)
	h.repository = repository.URL
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := h.fetch(ctx, who, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the cancellation", err)
	}
}

func TestInstallations(t *testing.T) {
	_, who, bin := installed(t, serverDir(t))
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bin.path("postgres"), filepath.Join(links, "postgres")); err != nil {
		t.Fatal(err)
	}
	old, partial := filepath.Join(root, "old"), filepath.Join(root, "partial")
	write(filepath.Join(old, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) 9.6.24'\n")
	write(filepath.Join(old, "initdb"), "#!/bin/sh\n")
	write(filepath.Join(partial, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) 16.1'\n")

	usable, rejected := installations(t.Context(), account{}, []string{root, old, partial, links, bin.dir})
	if len(usable) != 1 || usable[0] != bin {
		t.Errorf("usable: %+v, want the one behind the link, once: %+v", usable, bin)
	}
	for _, want := range []string{"9.6.24", "no program initdb"} {
		if rejected == nil || !strings.Contains(rejected.Error(), want) {
			t.Errorf("rejected without %q: %v", want, rejected)
		}
	}
	if _, err := installation(t.Context(), who, bin.dir); err != nil {
		t.Error(err)
	}
}

func TestNewestVersionFirst(t *testing.T) {
	for path, want := range map[string]int{
		"/usr/lib/postgresql/9/bin": 9, "/usr/lib/postgresql/17/bin": 17,
		"/opt/homebrew/opt/postgresql@16/bin": 16, "/opt/homebrew/opt/postgresql/bin": 0,
	} {
		if got := pathVersion(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}
