package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/medianest/testbed/schema/schematest"
)

// controlToken is the mock's control token.
const controlToken = "let-the-tests-in"

// TestControls runs the scripts in testdata/controls against the real mock at BASE_URL, which has the dataset of
// profile smoke: what the mock is told to do wrong, load must catch, and say nothing without it. Beside the commands
// of TestStories there are:
//
//	rule JSON     makes the mock follow a rule
//	preset NAME   switches a preset on
//	mend          ends all rules
func TestControls(t *testing.T) {
	t.Parallel()
	mock := startMock(t, schematest.NewEmpty(t))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/controls",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[storyKey{}] = &story{}
			env.Setenv("BASE_URL", mock)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: controls(),
	})
}

// controls are the commands of scripts that control a mock.
func controls() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits": inStory((*story).exits),
		"rule": inStory(func(_ *story, ts *testscript.TestScript, args []string) {
			tell(ts, http.MethodPost, "/admin/faults", args[0])
		}),
		"preset": inStory(func(_ *story, ts *testscript.TestScript, args []string) {
			tell(ts, http.MethodPut, "/admin/presets/"+args[0], "")
		}),
		"mend": inStory(func(_ *story, ts *testscript.TestScript, _ []string) {
			tell(ts, http.MethodDelete, "/admin/faults", "")
		}),
	}
}

// tell tells the mock what to do.
func tell(ts *testscript.TestScript, method, path, body string) {
	r, err := http.NewRequest(method, ts.Getenv("BASE_URL")+path, strings.NewReader(body))
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+controlToken)
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode >= 300 {
		ts.Fatalf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
}

// startMock starts the mock on a database until the test's end. It returns its URL.
func startMock(t *testing.T, dsn string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs(t), "mockapi"), "--profile", "smoke", "--addr", "127.0.0.1:0", "--quiet", "--json")
	cmd.Env = append(os.Environ(), unhurried, "DATABASE_URL="+dsn, "MEDIANEST_ADMIN_TOKEN="+controlToken)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the mock ended with %v:\n%s", err, log.String())
		}
	})
	var ready struct{ URL string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil || ready.URL == "" {
		t.Fatalf("the mock did not say where it is: %q, %v", ready.URL, err)
	}
	return ready.URL
}
