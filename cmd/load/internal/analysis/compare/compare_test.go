package compare

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// still is a world without noise but for the draws of single requests.
func still() world { return world{seconds: 60, rate: 300} }

func compareRuns(t *testing.T, current *Run, baseline ...*Run) *Analysis {
	t.Helper()
	a, err := Compare(current, &Baseline{Name: "before", Runs: baseline})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func find(t *testing.T, a *Analysis, metric, endpoint string) Change {
	t.Helper()
	for _, c := range a.Changes {
		if c.Metric == metric && c.Endpoint == endpoint {
			return c
		}
	}
	t.Fatalf("there is no %s of %q", metric, endpoint)
	return Change{}
}

func TestSeverities(t *testing.T) {
	for _, c := range []struct {
		metric string
		worse  float64
		want   string
	}{
		{P95, 10.1, Minor}, {P95, 24.9, Minor}, {P95, 25, Major}, {P95, 50, Critical},
		{Throughput, 12, Minor}, {Throughput, 30, Major}, {Throughput, 60, Critical},
		{ErrorRate, 2.1, Minor}, {ErrorRate, 5, Major}, {ErrorRate, 10, Critical},
	} {
		i := slices.IndexFunc(kinds(), func(k kind) bool { return k.metric == c.metric })
		if got := kinds()[i].severity(c.worse); got != c.want {
			t.Errorf("%s worse by %v is %s, want %s", c.metric, c.worse, got, c.want)
		}
	}
	if !(Rank("") < Rank(Minor) && Rank(Minor) < Rank(Major) && Rank(Major) < Rank(Critical)) {
		t.Error("the severities are out of order")
	}
}

// What takes many times as long is told of where a variance is known too badly to tell anything: the target slows down
// more and more, or the baseline has two runs that are not alike. Runs that differ among themselves by as much are noise.
func TestPlainChangesNeedNoEstimateOfNoise(t *testing.T) {
	w := still()
	run := func(seed uint64, slower float64) *Run { return w.run(rand.New(rand.NewPCG(seed, 1)), slower) }
	filling := run(1, 4)
	for s := range filling.Stretches {
		later := run(uint64(s)+2, 4*math.Exp(float64(s)/8)) // up to thousands of times
		filling.Stretches[s] = later.Stretches[s]
	}
	for _, c := range []struct {
		name     string
		current  *Run
		baseline []*Run
		want     string // severity of p50
		note     string
	}{
		{"queues that fill", filling, []*Run{run(100, 1)}, Critical, "by a factor of 3 at least in every block"},
		{"two runs that are not alike", run(1, 30), []*Run{run(2, 1), run(3, 2)}, Critical, "by a factor of 3 at least in every block"},
		{"two runs that are not alike at all", run(1, 20), []*Run{run(2, 1), run(3, 4)}, "", "noise explains it"},
		{"not so many times", run(1, 4), []*Run{run(2, 1), run(3, 1.6)}, "", "noise explains it"},
	} {
		change := find(t, compareRuns(t, c.current, c.baseline...), P50, "")
		if change.Severity != c.want || change.Note != c.note {
			t.Errorf("%s: %s, noise %s is %q with the note %q, want %q, %q", c.name, change.typical(), change.noise(), change.Severity, change.Note, c.want, c.note)
		}
	}
	// As many times as quick is no regression.
	if a := compareRuns(t, run(1, 1), run(2, 20), run(3, 32)); a.HasRegression || len(a.Improvements) == 0 {
		t.Errorf("a twentieth of the time: %s", a.Summary)
	}
}

// A burst in a sixth of a run pulls the whole run's p95 far, and is no regression: the typical block is as before.
func TestABurstIsNoRegression(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	before, after, w := still().run(r, 1), still().run(r, 1), still()
	w.seconds = 10
	burst := w.run(r, 5)
	copy(after.Stretches[20:], burst.Stretches)
	after.Figures[""] = figures(after, "")
	a := compareRuns(t, after, before)
	if c := find(t, a, P95, ""); *c.ChangePercent < 50 || *c.Typical > 5 || c.Note != "in some of the blocks only" {
		t.Errorf("the run's p95 changed by %+.0f %%, the typical block's by %+.0f %%: %q", *c.ChangePercent, *c.Typical, c.Note)
	}
	if a.HasRegression {
		t.Error(a.Summary)
	}
}

// Blocks are compared with those at the same time of the test, so that a load that rises is no noise.
func TestARampCancelsOut(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	w := still()
	w.ramp = true
	a := compareRuns(t, w.run(r, 1.15), w.run(r, 1))
	if c := find(t, a, P50, ""); c.Noise > 5 || c.Severity != Minor {
		t.Errorf("p50 is %s with a noise of %.1f %%, want minor with less than 5 %%", c.Severity, c.Noise)
	}
	if c := find(t, a, Throughput, ""); c.Severity != "" || c.Noise > 5 {
		t.Errorf("throughput: %+v", c)
	}
}

func TestFewSamplesAreNotEnough(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	a := compareRuns(t, still().run(r, 3), still().run(r, 1))
	if c := find(t, a, P99, "GET /search?q=photo"); c.Typical != nil || c.Note != "too few samples" || c.Severity != "" {
		t.Errorf("p99 of some 150 requests: %+v", c)
	}
	if c := find(t, a, P50, "GET /search?q=photo"); c.Severity != Critical {
		t.Errorf("p50 of the same: %+v", c)
	}
	if _, err := Compare(world{seconds: 9, rate: 100}.run(r, 1), &Baseline{Runs: []*Run{still().run(r, 1)}}); err == nil || !strings.Contains(err.Error(), "9s in common") {
		t.Errorf("runs that are too short: %v", err)
	}
}

// Runs of different lengths are compared as far as both go, whatever their stretches.
// What of all requests is undecided is in the summary, and is no endpoint's.
func TestFiguresOfEndpointsAreCounted(t *testing.T) {
	a := &Analysis{Changes: []Change{{Metric: P99}, {Metric: P99, Endpoint: "GET /search"}}}
	var b strings.Builder
	if err := a.Text(&b, false); err != nil || !strings.Contains(b.String(), "\n    1 figures of endpoints had too few samples") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

func TestRunsOfDifferentLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	long := still()
	long.seconds = 200
	a := compareRuns(t, long.run(r, 1.3), still().run(r, 1))
	if a.Compared != time.Minute || a.Blocks != 15 {
		t.Errorf("%v in %d blocks, want 1m0s in the 15 that stretches of 4s make", a.Compared, a.Blocks)
	}
	if find(t, a, P50, "").Severity != Major {
		t.Error("30 % longer were not found")
	}
}

func TestThroughputThatFalls(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	less := still()
	less.rate = 210
	a := compareRuns(t, less.run(r, 1), still().run(r, 1))
	if c := find(t, a, Throughput, ""); c.Severity != Major || *c.ChangePercent > -28 || *c.Typical > -28 {
		t.Errorf("%+v", c)
	}
	if a.Regressions[0].Endpoint != "" {
		t.Error("all requests do not come first")
	}
	back := compareRuns(t, still().run(r, 1), less.run(r, 1))
	if back.HasRegression || len(back.Improvements) == 0 {
		t.Errorf("more throughput: %s", back.Summary)
	}
}

func TestAnalysisIsJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	w := noisy()
	w.wander, w.seconds = 3, 12 // hopeless
	if _, err := json.Marshal(compareRuns(t, w.run(r, 1), w.run(r, 1))); err != nil {
		t.Error(err)
	}
}

func TestBaselineFilesComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	dir := t.TempDir()
	before, current := still().run(r, 1), still().run(r, 1.3)
	before.Source = "before.json"
	b := &Baseline{Format: Format, Version: Version, Name: "test", Saved: time.Unix(1e9, 0).UTC(), Subject: Subject{Test: "test"}, Runs: []*Run{before}}
	path := dir + "/test.json"
	if err := b.write(path); err != nil {
		t.Fatal(err)
	}
	back, overlooked, err := Read(path, false)
	if err != nil || overlooked != nil {
		t.Fatal(err, overlooked)
	}
	if want, got := compareRuns(t, current, b.Runs...), compareRuns(t, current, back.Runs...); !reflect.DeepEqual(want.Changes, got.Changes) {
		t.Error("a baseline says something else after it was written and read")
	}
	if data, err := json.Marshal(b); err != nil || len(data) > 300_000 {
		t.Errorf("a run of %d endpoints takes %d bytes: %v", len(endpoints()), len(data), err)
	}
	for name, spoil := range map[string]func(*Baseline){
		"stretches":  func(b *Baseline) { b.Runs[0].Stretches = b.Runs[0].Stretches[1:] },
		"figures":    func(b *Baseline) { b.Runs[0].Figures = nil },
		"version 99": func(b *Baseline) { b.Version = 99 },
		"no run":     func(b *Baseline) { b.Runs = nil },
		"neither":    func(b *Baseline) { b.Format = "other" },
	} {
		run := *before
		spoilt := *b
		spoilt.Runs = []*Run{&run}
		spoil(&spoilt)
		if err := spoilt.write(path); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(path, true); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// A regressed endpoint is told with the statements of it whose cost changed.
func TestStatementsExplain(t *testing.T) {
	const find, list, count = "SELECT * FROM media_files WHERE id = $1", "SELECT * FROM media_files ORDER BY created_at", "SELECT count(*) FROM users"
	observed := func(listTime float64, calls float64, extra bool) *observe.Report {
		d := &observe.Database{Endpoints: map[string][]observe.Call{"GET /media": {{Statement: 1, PerRequest: 1}, {Statement: 2, PerRequest: calls}}}}
		d.Before.Statements = []observe.Statement{{ID: 2, Query: list, Calls: 100, TotalTime: 1000, BlocksHit: 500}}
		d.After.Statements = []observe.Statement{
			{ID: 1, Query: find, Calls: 1000, TotalTime: 100, BlocksHit: 4000},
			{ID: 2, Query: list, Calls: 1100, TotalTime: 1000 + 1000*listTime, BlocksHit: 500 + 9000, BlocksRead: 1000},
		}
		if extra {
			d.After.Statements = append(d.After.Statements, observe.Statement{ID: 3, Query: count, Calls: 10, TotalTime: 10})
			d.Endpoints["GET /media"] = append(d.Endpoints["GET /media"], observe.Call{Statement: 3, PerRequest: 1})
		}
		return &observe.Report{Database: d}
	}
	before, after := statementsOf(observed(2, 1, false), 10*time.Second), statementsOf(observed(5, 3, true), 10*time.Second)
	if got := before["GET /media"][1]; got != (Statement{Query: list, Time: 2, Blocks: 10, Calls: 1, PerSecond: 200}) {
		t.Errorf("the list is %+v", got)
	}
	c := &comparison{current: &Run{Statements: after}, baseline: []*Run{{Statements: before}}}
	want := []StatementChange{
		{Query: list, BaselineTime: 2, CurrentTime: 5, BaselineCalls: 1, CurrentCalls: 3, BaselineBlocks: 10, CurrentBlocks: 10, ChangePerSecond: 300},
		{Query: count, CurrentTime: 1, CurrentCalls: 1, OnlyIn: "current", ChangePerSecond: 1},
	}
	if got := c.statements("GET /media"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := c.statements("GET /other"); got != nil {
		t.Errorf("an endpoint of which nothing is known: %+v", got)
	}
	if words := want[0].words(true); words != "2.00ms → 5.00ms a call, calls a request 1 → 3" {
		t.Error(words)
	}
	if statementsOf(nil, time.Second) != nil {
		t.Error("nothing was observed")
	}
}

// What a result says goes into the run as it is, by labels that do not depend on where the target was.
func TestNewRun(t *testing.T) {
	r := &report.Result{Test: report.Test{Targets: map[string]string{"api": "http://10.0.0.1:3000"}}}
	r.Run.Elapsed, r.Run.Planned = 100*time.Second+20*time.Millisecond, 90*time.Second
	for s := range 100 {
		var h metrics.Histogram
		h.AddN(float64(s+1), 10)
		t := metrics.Traffic{Requests: 10, Failed: 1}
		t.Duration.AddHistogram(&h)
		r.Timeline = append(r.Timeline, metrics.Point{
			Start: time.Duration(s) * time.Second, Length: time.Second, All: t,
			Endpoints: map[string]*metrics.Traffic{"GET http://10.0.0.1:3000/api/v1/media": &t},
		})
	}
	run := NewRun(r, "r.json")
	if run.Length != 90*time.Second || run.Step != 2*time.Second || len(run.Stretches) != 45 {
		t.Fatalf("%v in %d stretches of %v", run.Length, len(run.Stretches), run.Step)
	}
	if err := run.check(); err != nil {
		t.Error(err)
	}
	last := run.Stretches[44].traffic("GET /api/v1/media")
	if last == nil || last.Requests != 20 || last.Failed != 2 || last.Duration.Count() != 20 || last.Duration.Mean() != 89.5 {
		t.Errorf("the last stretch is %+v", last)
	}
}

func TestOptionsThatDiffer(t *testing.T) {
	a := json.RawMessage(`{"name":"a","suite":"core","thresholds":{"x":["y"]},"scenarios":{"s":{"vus":5,"executor":"constant-vus"}},"seed":3}`)
	b := json.RawMessage(`{"name":"b","suite":"core", "scenarios":{"s":{"executor":"constant-vus","vus":5}}}`)
	if got, err := differences(a, b); err != nil || len(got) != 0 {
		t.Errorf("the same load: %v, %v", got, err)
	}
	c := json.RawMessage(`{"suite":"core","scenarios":{"s":{"executor":"constant-vus","vus":6}},"http2":true,"verifyData":0.1}`)
	got, err := differences(a, c)
	want := []string{"http2 is none, the baseline's true", "scenarios.s.vus is 5, the baseline's 6", "--verify-data is none, the baseline's 10%"}
	if words := wordDifferences(got); err != nil || !slices.Equal(words, want) {
		t.Errorf("another load: %q, %v; want %q", words, err, want)
	}
	many := make([]difference, 20)
	if words := wordDifferences(many); len(words) != mostValues+1 || !strings.HasSuffix(words[mostValues], ", 4 more") {
		t.Errorf("many differences: %q", words)
	}
	if _, err := differences(a, json.RawMessage(`[`)); err == nil {
		t.Error("damaged options were read")
	}
}

// The figures of an endpoint have the same statements, which are shown once.
func TestStatementsAreShownOnceForAnEndpoint(t *testing.T) {
	statements := []StatementChange{{Query: "SELECT one", BaselineTime: 1, CurrentTime: 9, BaselineCalls: 1, CurrentCalls: 1}}
	a := Analysis{Regressions: []Change{
		{Metric: "Response Time (P50)", Endpoint: "GET /a", Unit: "ms", Severity: Critical, Statements: statements},
		{Metric: "Response Time (P95)", Endpoint: "GET /a", Unit: "ms", Severity: Critical, Statements: statements},
	}}
	var text strings.Builder
	if err := a.Text(&text, false); err != nil {
		t.Fatal(err)
	}
	for form, out := range map[string]string{"text": text.String(), "Markdown": string(a.Markdown())} {
		if n := strings.Count(out, "SELECT one"); n != 1 {
			t.Errorf("%s shows the statement %d times:\n%s", form, n, out)
		}
	}
}
