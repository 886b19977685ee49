package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/medianest/testbed/schema/local"
	"github.com/medianest/testbed/schema/schematest"
)

// TestPipelineStories runs the scripts in testdata/pipeline. They have the programs seed and mockapi on PATH, and what
// they start keeps its data under TMPDIR. There is a server at URL, which stands for one that somebody else runs.
// EMPTY_DATABASE is the URL of a database for DATABASE_URL. The commands are those of TestStories, and:
//
//	none-left     waits until no process has TMPDIR in its command line, and wants nothing to be left there
//	one-left      wants processes with TMPDIR in their command lines
//	end-left      ends the process whose id stands behind kill in the last output
func TestPipelineStories(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("processes are looked for in /proc")
	}
	bin := programs(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/pipeline",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp(local.TempDir(), "medianest-load-*")
			if err != nil {
				return err
			}
			env.Defer(func() { _ = os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil {
				return err
			}
			s := &story{}
			s.server, s.twin = httptest.NewServer(http.HandlerFunc(s.answer)), httptest.NewServer(http.HandlerFunc(s.answerAsTwin))
			env.Defer(s.close)
			env.Values[storyKey{}] = s
			env.Setenv("URL", s.server.URL)
			env.Setenv("TMPDIR", dir)
			env.Setenv("EMPTY_DATABASE", schematest.NewEmpty(env.T().(testing.TB)))
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers": inStory((*story).answers), "exits": inStory((*story).exits), "start": inStory((*story).start),
			"await": inStory((*story).await), "signal": inStory((*story).signal), "ended": inStory((*story).end),
			"none-left": inStory((*story).noneLeft), "one-left": inStory((*story).oneLeft), "end-left": inStory((*story).endLeft),
		},
	})
}

// left are the processes with the text in their command lines.
func left(ts *testscript.TestScript, text string) []int {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	ts.Check(err)
	var pids []int
	for _, path := range all {
		// It may have ended since.
		if line, err := os.ReadFile(path); err == nil && bytes.Contains(line, []byte(text)) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			ts.Check(err)
			pids = append(pids, pid)
		}
	}
	return pids
}

func (s *story) noneLeft(ts *testscript.TestScript, args []string) {
	dir := ts.Getenv("TMPDIR")
	for limit := time.Now().Add(patience); len(left(ts, dir)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			ts.Fatalf("processes are left: %v", left(ts, dir))
		}
	}
	files, err := os.ReadDir(dir)
	ts.Check(err)
	if len(files) > 0 && len(args) == 0 {
		ts.Fatalf("files are left in %s: %v", dir, files)
	}
}

func (s *story) oneLeft(ts *testscript.TestScript, _ []string) {
	if len(left(ts, ts.Getenv("TMPDIR"))) == 0 {
		ts.Fatalf("nothing runs")
	}
}

func (s *story) endLeft(ts *testscript.TestScript, args []string) {
	_, after, found := bytes.Cut([]byte(ts.ReadFile("stdout")), []byte("kill "))
	number, _, ended := bytes.Cut(after, []byte(";"))
	pid, err := strconv.Atoi(string(number))
	if !found || !ended || err != nil {
		ts.Fatalf("the output does not say which process to kill")
	}
	ts.Check(syscall.Kill(pid, syscall.SIGTERM))
}
