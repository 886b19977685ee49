package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

var (
	realPairs  = flag.Int("realpairs", 0, "how many pairs of runs TestRealPairs makes of each kind")
	realLength = flag.Duration("reallength", time.Minute, "how long each run of TestRealPairs takes")
	realBase   = flag.Duration("realbase", 0, "the median time that the target of TestRealPairs adds to its answers")
	realKeep   = flag.String("realkeep", "", "the directory in which TestRealPairs keeps its results")
)

// pairsTest is what each run of TestRealPairs does: some 300 requests a second, whatever the target takes for them.
const pairsTest = `name: pairs
suite: core
thinkTime: 0
scenarios:
  core: {executor: constant-arrival-rate, rate: 75, duration: %s, preAllocatedVUs: 50, maxVUs: 400}
`

// TestRealPairs measures how often comparisons are right about a real mock on a real PostgreSQL: it makes pairs of runs
// of which nothing was changed in between, and pairs of which the second met answers that take 15 % longer as the
// client sees it, by the fault rule stretch. It takes three runs a pair:
//
//	make measure-compare PAIRS=30 LENGTH=60s
//
// The mock answers in less than a millisecond, of which 15 % is less than what a machine at work with other things adds.
// BASE=50ms lets it take as long as services do that are busy themselves.
//
// It logs the rates and fails where they rule out, with 99 % confidence, that false alarms are at most 1 in 100 and
// detections at least 95.
func TestRealPairs(t *testing.T) {
	if *realPairs == 0 {
		t.Skip("takes an hour and a machine of its own; -realpairs N runs it")
	}
	m := startRealMock(t)
	m.load(t, "warm-up", 10*time.Second, 1)
	factor := m.calibrate(t)
	var alarms, found, open int
	var slower []float64
	for i := range *realPairs {
		before := m.load(t, fmt.Sprintf("%03d-before", i), *realLength, 1)
		after := m.load(t, fmt.Sprintf("%03d-after", i), *realLength, 1)
		slow := m.load(t, fmt.Sprintf("%03d-slow", i), *realLength, factor)
		same, worse := analyse(t, after, before), analyse(t, slow, before)
		if same.HasRegression {
			alarms++
		}
		if worse.HasRegression {
			found++
		}
		if len(same.Suspected)+len(worse.Suspected) > 0 {
			open++
		}
		slower = append(slower, 2*p50(slow)/(p50(before)+p50(after)))
		t.Logf("pair %d: nothing changed: %s %s; slower: %s %s", i+1, brief(same), same.Summary, brief(worse), worse.Summary)
	}
	slices.Sort(slower)
	n := *realPairs
	t.Logf("%d pairs of %s: false alarms %d, a slow-down of %+.1f %% (median of p50) found %d times; the machine was too busy for a verdict in %d",
		n, *realLength, alarms, 100*(slower[len(slower)/2]-1), found, open)
	if tail(n, alarms, compare.FalseAlarms) < 0.01 {
		t.Errorf("%d false alarms in %d pairs are too many for 1 in 100", alarms, n)
	}
	if tail(n, n-found, 0.05) < 0.01 {
		t.Errorf("%d of %d slow-downs found are too few for 95 in 100", found, n)
	}
}

// tail is how likely at least k of n are, each with the chance p.
func tail(n, k int, p float64) float64 {
	less := 0.0
	for i := range k {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(i + 1))
		c, _ := math.Lgamma(float64(n - i + 1))
		less += math.Exp(a - b - c + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return 1 - less
}

func analyse(t *testing.T, current, before *report.Result) *compare.Analysis {
	t.Helper()
	a, err := compare.Results(current, "current", compare.NewBaseline(before, "before"), false)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// brief shows the percentiles of all requests: typical change and noise.
func brief(a *compare.Analysis) string {
	var parts []string
	for _, c := range a.Changes {
		if c.Endpoint == "" && c.Unit == "ms" && c.Typical != nil {
			parts = append(parts, fmt.Sprintf("%+.1f±%.0f%%", *c.Typical, c.Noise))
		}
	}
	return strings.Join(parts, " ")
}

func p50(r *report.Result) float64 { return r.Metrics["http_req_duration"].Values["med"] }

// realMock is the real mock on a private PostgreSQL with the profile ci.
type realMock struct {
	program    string // the program
	dir, keep  string
	url, token string
	client     *http.Client
}

func startRealMock(t *testing.T) *realMock {
	t.Helper()
	// Not t.TempDir, whose parents nobody else may enter: as root, PostgreSQL runs as another user.
	dir, err := os.MkdirTemp("", "medianest-pairs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m := &realMock{program: filepath.Join(dir, "load"), dir: dir, keep: *realKeep, client: &http.Client{Timeout: time.Minute}}
	if m.keep == "" {
		m.keep = dir
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", ".", "../mockapi").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "mockapi"), "--profile", "ci", "--snapshot", "--json", "--quiet",
		"--addr", "127.0.0.1:0", "--pg-dir", filepath.Join(dir, "pg"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to end
	})
	var told struct {
		URL   string                 `json:"url"`
		Admin struct{ Token string } `json:"admin"`
	}
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&told); err != nil {
		t.Fatalf("the mock did not start: %v", err)
	}
	m.url, m.token = told.URL, told.Admin.Token
	return m
}

// control sends a request to the mock's control API and returns the answer.
func (m *realMock) control(t *testing.T, method, path, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, m.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+m.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := m.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %v %s", method, path, resp.StatusCode, err, raw)
	}
	return raw
}

// calibrate finds the factor by which a server has to be slower for its client to see 15 % more: a part of what the
// client sees is not the server's.
func (m *realMock) calibrate(t *testing.T) float64 {
	t.Helper()
	if *realBase > 0 {
		return 1.15
	}
	const length = 15 * time.Second
	own, twice := p50(m.load(t, "calibrate-1", length, 1)), p50(m.load(t, "calibrate-2", length, 2))
	factor := 1 + 0.15/(twice/own-1)
	t.Logf("p50 %.3f ms, %.3f ms with a factor of 2: a factor of %.3f makes 15 %%", own, twice, factor)
	if !(factor > 1.14 && factor < 2) {
		t.Fatalf("the machine is too noisy to calibrate the slow-down: a factor of %.3f can't be", factor)
	}
	return factor
}

// load runs the test on fresh data, while answers take factor times as long.
func (m *realMock) load(t *testing.T, name string, length time.Duration, factor float64) *report.Result {
	t.Helper()
	m.control(t, "POST", "/admin/reset", "") // ends the rules of the run before, too
	var rules []string
	if *realBase > 0 {
		base := *realBase
		if factor != 1 {
			base = base * 115 / 100
		}
		rules = append(rules, fmt.Sprintf(`{"latency":{"logNormal":{"p50":"%s","p99":"%s"}}}`, base, 3*base))
	}
	if factor != 1 {
		rules = append(rules, fmt.Sprintf(`{"stretch":{"factor":%g}}`, factor))
	}
	if len(rules) > 0 {
		m.control(t, "POST", "/admin/faults", "["+strings.Join(rules, ",")+"]")
	}
	test, result := filepath.Join(m.dir, "pairs.yaml"), filepath.Join(m.keep, name+".json")
	if err := os.WriteFile(test, fmt.Appendf(nil, pairsTest, length), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), m.program, "run", test, "--target", m.url, "--quiet", "--result", result).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	var faults struct{ Data []struct{ Fired int } }
	if err := json.Unmarshal(m.control(t, "GET", "/admin/faults", ""), &faults); err != nil {
		t.Fatal(err)
	}
	for _, f := range faults.Data {
		if f.Fired == 0 {
			t.Fatalf("%s: a rule met nobody", name)
		}
	}
	if len(faults.Data) != len(rules) {
		t.Fatalf("%s: %d rules instead of %d", name, len(faults.Data), len(rules))
	}
	r, err := report.Read(result)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
