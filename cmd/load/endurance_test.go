package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/schema/schematest"
)

var proveEndurance = flag.Bool("prove-endurance", false, "run endurance tests of 45 s each against mocks that leak, get slower, or are well, and tabulate the verdicts; make prove-endurance does")

// target is a mock that runs.
type target struct {
	url   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// startTarget starts a mock on a database and waits until it is ready. Two things make a minute of it like a run of hours:
// its garbage collector runs ten times as often as by default, and its journal is short, which by default takes the
// first 10,000 requests to fill.
func startTarget(t *testing.T, database, addr string, rules ...string) *target {
	t.Helper()
	args := []string{"--profile", "smoke", "--addr", addr, "--services", "api", "--journal", "100", "--json", "--quiet"}
	for _, text := range rules {
		file := filepath.Join(t.TempDir(), "rules.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--fault", file)
	}
	m := &target{cmd: exec.Command(filepath.Join(programs(t), "mockapi"), args...), ended: make(chan struct{})}
	m.cmd.Env = append(os.Environ(), unhurried, "GOGC=10", "DATABASE_URL="+database)
	var log bytes.Buffer
	m.cmd.Stderr = &log
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
	var ready struct{ URL string }
	err = json.NewDecoder(out).Decode(&ready)
	go func() {
		_ = m.cmd.Wait() // it is killed
		close(m.ended)
	}()
	if err != nil {
		<-m.ended
		t.Fatalf("mockapi does not say that it is ready: %v\n%s", err, log.String())
	}
	m.url = ready.URL
	return m
}

func (m *target) kill() {
	_ = m.cmd.Process.Kill() // it may have ended
	<-m.ended
}

// loadRun runs load and returns its result, its output and its exit code.
func loadRun(ctx context.Context, t *testing.T, args ...string) (*report.Result, string, int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "result.json")
	cmd := exec.CommandContext(ctx, "load", append(args, "--result", path)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	r, readErr := report.Read(path)
	if readErr != nil {
		t.Fatalf("load: %v, %v\n%s", err, readErr, log.String())
	}
	return r, string(out), cmd.ProcessState.ExitCode()
}

// endure runs the test endurance in a short time against a mock with the rules.
func endure(t *testing.T, rules, length, users string) (*report.Result, string, int) {
	t.Helper()
	given := []string{}
	if rules != "" {
		given = append(given, rules)
	}
	m := startTarget(t, schematest.NewEmpty(t), "127.0.0.1:0", given...)
	defer m.kill()
	return loadRun(t.Context(), t, "run", "endurance", "-d", length, "--vus", users, "--think-time", "0.05", "-t", m.url)
}

func leak(bytesPerSecond int) string {
	return fmt.Sprintf("- leak: {bytesPerSecond: %d, max: 2147483648}", bytesPerSecond)
}

func slowDown(perMinute string) string {
	return fmt.Sprintf("- slowDown: {perMinute: %s, max: 5s}", perMinute)
}

// badTrends are the first words of the quantities whose drift was bad: memory, heap, p95.
func badTrends(r *report.Result) []string {
	var bad []string
	for _, v := range r.Trends {
		if v.Bad {
			word, _, _ := strings.Cut(v.Quantity, " ")
			bad = append(bad, word)
		}
	}
	return bad
}

// TestEndurance: a run against a real mock that leaks fails and says so, one against a healthy mock has nothing to say
// about its memory.
func TestEndurance(t *testing.T) {
	t.Parallel()
	t.Run("leak", func(t *testing.T) {
		t.Parallel()
		r, out, code := endure(t, leak(4<<20), "40s", "5")
		if bad := badTrends(r); code != report.ExitFailed || !slices.Contains(bad, "memory") || !slices.Contains(bad, "heap") {
			t.Errorf("exit code %d, bad are %v:\n%s", code, bad, out)
		}
		if !regexp.MustCompile(`(?m)✗ memory of the target: up by .* an hour \(.*\), from .* to .*; it reaches 2 GiB in \d+ min$`).MatchString(out) {
			t.Errorf("the leak is not in\n%s", out)
		}
	})
	t.Run("healthy", func(t *testing.T) {
		t.Parallel()
		r, out, _ := endure(t, "", "40s", "5")
		for _, v := range r.Trends {
			word, _, _ := strings.Cut(v.Quantity, " ")
			if (word == "memory" || word == "heap") && (v.Bad || v.State == trend.TooShort) {
				t.Errorf("%s\n%s", v.Reason, out)
			}
		}
		if len(r.Trends) < 6 {
			t.Errorf("judged were %+v", r.Trends)
		}
	})
}

// TestProveEndurance tabulates the verdicts of runs against mocks that misbehave at three rates, and that do not.
func TestProveEndurance(t *testing.T) {
	if !*proveEndurance {
		t.Skip("takes ten minutes; make prove-endurance runs it")
	}
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "the mock\texit\tmemory an hour\theap an hour\tp50\tp95\tbad\n")
	for _, x := range []struct {
		name, rules string
		want        []string // what must be bad, one of it at least; nothing may be where it is empty
	}{
		{"healthy", "", nil},
		{"leaks 0.25 MiB/s", leak(1 << 18), []string{"memory", "heap"}},
		{"leaks 1 MiB/s", leak(1 << 20), []string{"memory", "heap"}},
		{"leaks 4 MiB/s", leak(4 << 20), []string{"memory", "heap"}},
		{"healthy", "", nil},
		{"slows by 10 ms/min", slowDown("10ms"), []string{"p50", "p95"}},
		{"slows by 40 ms/min", slowDown("40ms"), []string{"p50", "p95"}},
		{"slows by 160 ms/min", slowDown("160ms"), []string{"p50", "p95"}},
		{"healthy", "", nil},
		{"healthy", "", nil},
	} {
		r, out, code := endure(t, x.rules, "45s", "20")
		cell := map[string]string{}
		for _, v := range r.Trends {
			word, _, _ := strings.Cut(v.Quantity, " ")
			switch _, after, _ := strings.Cut(v.Reason, ": "); {
			case v.State != trend.Drifting:
				cell[word] = v.State
			case strings.HasPrefix(word, "p"):
				cell[word] = fmt.Sprintf("%.1f → %.1f ms", v.From, v.To)
			default:
				cell[word], _, _ = strings.Cut(after, " an hour")
			}
		}
		bad := badTrends(r)
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", x.name, code, cell["memory"], cell["heap"], cell["p50"], cell["p95"], strings.Join(bad, " "))
		found := slices.ContainsFunc(bad, func(word string) bool { return slices.Contains(x.want, word) })
		if found != (len(x.want) > 0) || !found && len(bad) > 0 || found && code != report.ExitFailed {
			t.Errorf("%s: exit code %d, bad are %v, want %v\n%s", x.name, code, bad, x.want, out)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("verdicts:\n%s", table.String())
}

// TestTargetRestarts: the target is killed and started again while a test runs. The test goes on, users whose tokens
// died with the target log in again, what failed meanwhile is counted, and the result says when it was.
func TestTargetRestarts(t *testing.T) {
	t.Parallel()
	database := schematest.NewEmpty(t)
	m := startTarget(t, database, "127.0.0.1:0")
	path := filepath.Join(t.TempDir(), "result.json")
	cmd := exec.CommandContext(t.Context(), "load", "run", "volume", "-d", "20s", "--vus", "4", "--think-time", "0.1", "-t", m.url, "--result", path)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	checkpointed := func() time.Duration {
		r, err := report.Read(path + ".checkpoint")
		if err != nil {
			return 0 // not yet
		}
		return r.Run.Elapsed
	}
	for checkpointed() == 0 {
		select {
		case err := <-ended:
			t.Fatalf("load ended before its checkpoint: %v\n%s", err, out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	m.kill()
	addr := strings.TrimPrefix(m.url, "http://")
	if _, _, err := net.SplitHostPort(addr); err != nil {
		t.Fatal(err)
	}
	startTarget(t, database, addr)
	err := <-ended
	r, readErr := report.Read(path)
	if readErr != nil {
		t.Fatalf("%v, %v\n%s", err, readErr, out.String())
	}
	if !r.Complete || r.Run.Ended != "completed" || r.Run.Elapsed < 19*time.Second {
		t.Errorf("the run ended %q after %s: %s", r.Run.Ended, r.Run.Elapsed, r.Run.Error)
	}
	if len(r.Observed.Restarts) != 1 || !strings.Contains(out.String(), "another process than before") {
		t.Errorf("restarts at %v:\n%s", r.Observed.Restarts, out.String())
	}
	if !regexp.MustCompile(`(?m)^    trends: `).MatchString(out.String()) {
		t.Errorf("there is no judgement of the trends in\n%s", out.String())
	}
	kinds := map[string]bool{}
	for _, f := range r.Errors {
		kinds[f.Kind] = kinds[f.Kind] || f.Kind != ""
		if f.Kind == "" && f.Status != "401" {
			t.Errorf("failed with status %s: %+v", f.Status, f)
		}
	}
	if len(kinds) == 0 {
		t.Errorf("no request failed for want of a target: %+v", r.Errors)
	}
	// At the end everybody is logged in and served again. What begins after the end has the last iterations' rest, if any.
	points := slices.DeleteFunc(slices.Clone(r.Timeline), func(p metrics.Point) bool { return p.Start >= 20*time.Second })
	for _, p := range points[max(len(points)-3, 0):] {
		if p.All.Requests == 0 || p.All.Failed > 0 {
			t.Errorf("at %s: %d requests, %d failed", p.Start, p.All.Requests, p.All.Failed)
		}
	}
}
