package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// logged is the output of a program that runs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestDiskFull: the disk of a run's outputs fills up while it goes on. It is told of at once, the run goes on to its end,
// and the last checkpoint that was written stays as it is.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("a small disk takes root to make:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(http.HandlerFunc((&story{}).answer))
	defer server.Close()
	dir := t.TempDir()
	test := filepath.Join(dir, "test.yaml")
	if err := os.WriteFile(test, []byte("{suite: synthetic, vus: 1, duration: 20s}"), 0o600); err != nil {
		t.Fatal(err)
	}
	checkpoint, result := filepath.Join(disk, "checkpoint"), filepath.Join(dir, "result.json")
	cmd := exec.CommandContext(t.Context(), "load", "run", test, "--target", server.URL, "--result", result,
		"--checkpoint", checkpoint, "--out", "csv="+filepath.Join(disk, "samples.csv"))
	var out bytes.Buffer
	var log logged
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	until := func(what string, done func() bool) {
		t.Helper()
		for !done() {
			select {
			case err := <-ended:
				t.Fatalf("load ended before %s: %v\n%s%s", what, err, out.String(), log.String())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	until("its checkpoint", func() bool { _, err := os.Stat(checkpoint); return err == nil })
	fill(t, filepath.Join(disk, "filler"))
	before, err := report.Read(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	until("it told of the disk", func() bool {
		s := log.String()
		return strings.Contains(s, "the checkpoint can't be written, the run goes on") && strings.Contains(s, "an output can't be written any more")
	})
	after, err := report.Read(checkpoint)
	if err != nil || after.Run.Elapsed != before.Run.Elapsed {
		t.Errorf("the checkpoint is another one than the last that could be written: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(disk, ".checkpoint*")); err != nil || len(left) > 0 {
		t.Errorf("parts of checkpoints are left: %v, %v", left, err)
	}
	<-ended
	r, err := report.Read(result)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if code := cmd.ProcessState.ExitCode(); code != report.ExitEnvironment || r.Verdict.Word != report.OutputIncomplete || !r.Complete || r.Run.Ended != "completed" {
		t.Errorf("exit code %d, %+v, ended %q", code, r.Verdict, r.Run.Ended)
	}
	if len(r.Outputs) != 1 || !strings.Contains(r.Outputs[0].Error, "no space left") {
		t.Errorf("outputs in trouble: %+v", r.Outputs)
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // the disk is thrown away
	// Large pieces leave the rest of the last page to nobody.
	for piece := make([]byte, 1<<16); len(piece) > 0; {
		if _, err := f.Write(piece); errors.Is(err, syscall.ENOSPC) {
			piece = piece[:len(piece)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
