package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

// hostile is what a target may call its endpoints, and what must never be more than text.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'{{.}}`

// started is when all runs here began.
var started = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// measured is a result of so many seconds, as a real store counts it: of every ten requests one fails, at an
// endpoint with the given name.
func measured(seconds int, endpoint string) *report.Result {
	reg := metrics.NewRegistry()
	store := metrics.NewStore(reg, started, nil)
	timeline := store.Timeline(nil)
	rec := store.Recorder()
	good := reg.Tags("method", "GET", "name", endpoint, "status", "200", "expected_response", "true", "group", "")
	bad := reg.Tags("method", "GET", "name", endpoint, "status", "503", "expected_response", "false", "group", "")
	cut := reg.Tags("method", "POST", "name", "login", "status", "0", "error", "connection reset", "expected_response", "false", "group", "")
	for i := range seconds {
		for n := range 10 {
			tags := good
			switch {
			case n == 0 && i%2 == 0:
				tags = bad
			case n == 0:
				tags = cut
			}
			rec.HTTP(&metrics.HTTPRequest{Tags: tags, Duration: float64(10 + n + i%7), Failed: n == 0})
		}
		rec.Add(reg.Builtin.VUs, reg.Tags(), float64(i))
		rec.Add(reg.Builtin.Checks, reg.Tags("check", hostile, "group", ""), float64(i%2))
		rec.Add(reg.Builtin.DroppedIterations, reg.Tags(), 1)
		store.Tick(started.Add(time.Duration(i+1) * time.Second))
	}
	elapsed := time.Duration(seconds) * time.Second
	r := &report.Result{
		Complete: true, Written: started.Add(elapsed), Machine: report.Machine{Hostname: "h", OS: "linux", Arch: "amd64", Cores: 2},
		Test: report.Test{
			Name: "core", TrendStats: report.DefaultTrendStats(), Targets: map[string]string{"api": "http://h:3000"}, Args: []string{"run", "core"},
			Options:   json.RawMessage(`{"scenarios":{"calm":{},"storm":{"startTime":"20s"}}}`),
			Scenarios: []report.Scenario{{Name: "calm", Iterations: 5, Dropped: int64(seconds)}, {Name: "storm"}},
		},
		Run: report.Run{Start: started, End: started.Add(elapsed), Elapsed: elapsed, Ended: "completed"},
	}
	r.Health.Valid, r.Health.Seconds = true, seconds
	r.Thresholds = []report.Threshold{
		{Selector: "http_req_duration", Source: "p(95)<500", State: "passed", Value: 24},
		{Selector: "http_req_failed", Source: "rate<0.05", State: "failed", Value: 0.1},
	}
	r.Collect(store, timeline)
	r.Judge(report.Findings{})
	return r
}

// everything is a run for which there is something to tell in every section.
func everything() Run {
	r := measured(60, hostile)
	r.Test.Scaled = []string{"time x 0.1"}
	r.Dataset = &report.Dataset{Fingerprint: "0123", Profile: "ci", Seed: 1}
	r.Test.Commit = "0123456789abcdef"
	r.Verified = &report.Verification{Checked: 10, Wrong: 1, Mismatches: []verify.Mismatch{{Request: hostile, Differences: []verify.Difference{{Path: "id", Want: "1", Got: "2"}}}}}
	r.Knee = &scenario.Knee{Rate: 100, Failing: 120, Limit: scenario.LimitTarget, Steps: []scenario.Step{{Rate: 100, Outcome: scenario.Holds}, {Rate: 120, Outcome: scenario.Fails, Why: hostile}}}
	r.Recovery = &scenario.Recovered{Disturbed: true, Recovered: true, Took: 3 * time.Second, InTime: true}
	r.Trends = []trend.Verdict{{Quantity: "memory of the target", Unit: "bytes", State: trend.Drifting, Bad: true, From: 1 << 20, To: 1 << 21, PerHour: 1 << 22, Reason: "it rises"}}
	r.Outputs = []report.Trouble{{Output: "out.json", Error: "disk full"}}
	r.Run.Gaps = []report.Gap{{At: 30 * time.Second, From: started.Add(30 * time.Second), To: started.Add(90 * time.Second)}}
	r.Observed = observed()
	r.Hosts = []report.Host{{URL: "http://a:3000", Requests: 400}, {URL: "http://b:3000", Requests: 200, Failed: 60, P95: 23}}
	percent, typically := 50.0, 45.0
	change := compare.Change{
		Metric: "Response Time (P95)", Endpoint: hostile, Unit: "ms", Baseline: 10, Current: 15, Change: 5, ChangePercent: &percent, Typical: &typically, Noise: 3, Threshold: 10, Severity: compare.Critical,
		Statements: []compare.StatementChange{{Query: "SELECT 1 -- " + hostile, BaselineTime: 1, CurrentTime: 2}},
	}
	return Run{
		Result: r,
		Comparison: &compare.Analysis{HasRegression: true, Severity: compare.Critical, Regressions: []compare.Change{change}, Changes: []compare.Change{change, {Metric: "Throughput", Unit: "requests/s"}},
			Summary: "p95 became worse.", Warnings: []string{hostile}, Baseline: "main", BaselineRuns: 3, Test: "core", Current: "run.json", NewEndpoints: []string{"GET /new"}},
		Recommendations: []recommend.Recommendation{{Rule: "missing-index", Category: recommend.Database, Priority: recommend.High, Title: "Add an index", Description: "d.", Impact: "i.",
			Effort: recommend.Low, Implementation: []string{"CREATE INDEX"}, Evidence: []string{hostile}, Gain: 0.25}},
	}
}

func observed() *observe.Report {
	o := &observe.Report{Restarts: []time.Duration{40 * time.Second}, Missing: []string{"waits: no permission"}}
	for _, s := range []observe.Series{
		{Name: observe.ResidentMemory, Unit: "bytes"}, {Name: observe.PoolBusy, Unit: "connections"}, {Name: observe.CPUSeconds, Unit: "seconds", Cumulative: true},
		{Name: observe.PoolWait, Unit: "seconds", Cumulative: true}, {Name: observe.PoolAcquired, Unit: "one", Cumulative: true}, {Name: hostile, Unit: "one"},
		{Name: observe.Deadlocks, Unit: "one"},
	} {
		for i := range 12 {
			s.Points = append(s.Points, observe.Point{At: time.Duration(i*5) * time.Second, Value: float64(i * 10)})
			if s.Name == observe.Deadlocks {
				s.Points[i].Value = 0
			}
		}
		o.Series = append(o.Series, s)
	}
	o.Database = &observe.Database{
		Version: "16", Samples: 10, Waits: []observe.Wait{{Type: "Lock", Event: "tuple", Seen: 3}},
		Before: observe.Snapshot{Statements: []observe.Statement{{ID: 1, Query: "SELECT one", Calls: 10, TotalTime: 100}}, Tables: []observe.Table{{Name: "users", Size: 1000}}},
		After: observe.Snapshot{
			Statements: []observe.Statement{{ID: 1, Query: "SELECT one", Calls: 30, TotalTime: 300}, {ID: 2, Query: "SELECT " + hostile, Calls: 2, TotalTime: 600}, {ID: 3, Query: "SELECT never", Calls: 0}},
			Tables:     []observe.Table{{Name: "users", Size: 3000, SequentialScans: 4}, {Name: "idle"}},
		},
		Endpoints: map[string][]observe.Call{"GET /a": {{Statement: 1, PerRequest: 21}}},
		Plans:     []observe.Plan{{Statement: 2, Text: "Seq Scan on " + hostile}},
	}
	return o
}

// parse parses a page and finds what a page must not have: something to fetch, something to run, a style that a
// policy would forbid, the same id twice, a link to nowhere.
func parse(t *testing.T, page []byte) *html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, links, scripts := map[string]bool{}, []string{}, 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "img", "link", "iframe", "object", "base":
			t.Errorf("there is a %s in the page", n.Data)
		case "script":
			scripts++
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("the id %s is there twice", a.Val)
				}
				ids[a.Val] = true
			case a.Key == "href":
				links = append(links, a.Val)
			case a.Key == "src", a.Key == "style", strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case a.Key == "aria-labelledby", a.Key == "aria-describedby":
				links = append(links, "#"+a.Val)
			}
		}
	}
	for _, l := range links {
		if !strings.HasPrefix(l, "#") || !ids[l[1:]] {
			t.Errorf("a link to %s", l)
		}
	}
	if scripts != 1 {
		t.Errorf("%d scripts", scripts)
	}
	return doc
}

// find returns the element with the id, nil where there is none.
func find(doc *html.Node, id string) *html.Node {
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" && a.Val == id {
				return n
			}
		}
	}
	return nil
}

func text(n *html.Node) string {
	var b strings.Builder
	if n != nil {
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				b.WriteString(c.Data + " ")
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func page(t *testing.T, runs ...Run) (*html.Node, int) {
	t.Helper()
	data, err := Report{Runs: runs}.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data), len(data)
}

// sectionIDs are the sections of the first run.
func sectionIDs(doc *html.Node) []string {
	var ids []string
	for n := range doc.Descendants() {
		if n.Data == "section" {
			for _, a := range n.Attr {
				if id, ok := strings.CutPrefix(a.Val, "r1-"); ok && a.Key == "id" {
					ids = append(ids, id)
				}
			}
		}
	}
	return ids
}

func TestEverySectionIsThereIffThereIsSomethingToTell(t *testing.T) {
	all := "thresholds comparison recommendations over-time trends knee recovery errors verified checks endpoints hosts percentiles target statements generator tested metrics"
	doc, _ := page(t, everything())
	if got := strings.Join(sectionIDs(doc), " "); got != all {
		t.Errorf("the sections are %s, want %s", got, all)
	}
	doc, _ = page(t, Run{Result: &report.Result{Complete: true}, NotCompared: hostile})
	if got := text(find(doc, "r1-not-compared")); got != "Against the baseline Not compared: "+hostile {
		t.Errorf("not compared: %s", got)
	}
	doc, _ = page(t, Run{Result: &report.Result{Complete: true}})
	if got := sectionIDs(doc); fmt.Sprint(got) != "[generator tested]" { // the health of the zero Result is not valid
		t.Errorf("the sections of an empty result are %s", got)
	}
	for id, without := range map[string]func(*Run){
		"thresholds":      func(r *Run) { r.Thresholds = nil },
		"comparison":      func(r *Run) { r.Comparison = nil },
		"recommendations": func(r *Run) { r.Recommendations = nil },
		"over-time":       func(r *Run) { r.Timeline = nil },
		"trends":          func(r *Run) { r.Trends = nil },
		"knee":            func(r *Run) { r.Knee = nil },
		"recovery":        func(r *Run) { r.Recovery = nil },
		"errors":          func(r *Run) { r.Errors = nil },
		"verified":        func(r *Run) { r.Verified = nil },
		"checks":          func(r *Run) { r.Root = report.Group{} },
		"endpoints":       func(r *Run) { r.Endpoints = nil },
		"hosts":           func(r *Run) { r.Hosts = nil },
		"percentiles":     func(r *Run) { r.Series = nil },
		"target":          func(r *Run) { r.Observed = nil },
		"statements":      func(r *Run) { r.Observed.Database = nil },
		"generator":       func(r *Run) { r.Health.Seconds, r.Outputs = 0, nil },
		"metrics":         func(r *Run) { r.Metrics = nil },
	} {
		r := everything()
		without(&r)
		doc, _ := page(t, r)
		if find(doc, "r1-"+id) != nil {
			t.Errorf("there is a section %s without anything to tell", id)
		}
	}
}

func TestTheReportTellsTheFigures(t *testing.T) {
	doc, size := page(t, everything())
	if size > 300_000 {
		t.Errorf("the report has %d bytes", size)
	}
	for id, wants := range map[string][]string{
		"r1-title":           {"core thresholds crossed"},
		"r1":                 {"The target did not meet 1 of 2 thresholds", "http_req_failed 'rate<0.05': rate=10%", "600 requests in 60 s", "60 (10 %) failed", "Scaled: time x 0.1"},
		"r1-thresholds":      {"✗ failed http_req_failed rate<0.05 rate=10%", "✓ passed http_req_duration p(95)<500"},
		"r1-comparison":      {"critical: p95 became worse. Baseline: main, 3 runs.", "10 ms 15 ms +50 % +45 % 3 % critical", "Only in this run: GET /new", "1 statement of it changed"},
		"r1-recommendations": {"Add an index", "high priority , database, low effort, may save 25 % of the time"},
		"r1-over-time":       {"storm", "interrupted for 60 s", "target restarted", "Dropped iterations a second"},
		"r1-trends":          {"memory of the target drifting 1 MiB 2 MiB 4 MiB it rises"},
		"r1-knee":            {"100 meets the thresholds, 120 does not", "120/s fails"},
		"r1-errors":          {"connection reset 30 5 % 1", "status 503 30 5 % 1", "connection reset: "},
		"r1-verified":        {"1 of 10 answers", "id is 2, must be 1"},
		"r1-endpoints":       {"POST login 30 0.5/s 100 %"},
		"r1-hosts":           {"http://a:3000 400", "http://b:3000 200 0/s 30 % 0 ms 23 ms"},
		"r1-target":          {"waits: no permission", "Memory", "target restarted", "Zero throughout: Deadlocks so far."},
		"r1-statements":      {"2 300 ms 75 %", "SELECT one 20 10 ms 25 %", "Lock: tuple 3", "GET /a 21 21 × SELECT one", "users 2.93 KiB 1.95 KiB", "Seq Scan"},
		"r1-generator":       {"out.json: disk full"},
		"r1-tested":          {"0123456789abcdef", "fingerprint 0123", "load run core", "Gap at 30 s nothing ran"},
	} {
		got := text(find(doc, id))
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing in\n%s", id, want, got)
			}
		}
	}
	busy := everything()
	busy.Comparison = &compare.Analysis{Summary: "Inconclusive.", Suspected: busy.Comparison.Regressions}
	busyDoc, _ := page(t, busy)
	if got := text(find(busyDoc, "r1-comparison")); !strings.Contains(got, "inconclusive: Inconclusive.") || !strings.Contains(got, "perhaps because the machine was busy") || !strings.Contains(got, "10 ms 15 ms") {
		t.Errorf("what is suspected is not told:\n%s", got)
	}
	if got := text(find(doc, "r1-statements")); strings.Contains(got, "SELECT never") || strings.Contains(got, "idle") {
		t.Errorf("the database section tells of what did not happen:\n%s", got)
	}
}

func TestNoDataThatIsAllowedIsNotCrossed(t *testing.T) {
	r := measured(10, "list")
	r.Thresholds = []report.Threshold{{Selector: "checks", Source: "rate>0.9", State: "no data"}, {Selector: "http_reqs", Source: "count>1", State: "no data", Allowed: true}}
	doc, _ := page(t, Run{Result: r}, Run{Result: r})
	got := text(find(doc, "r1-thresholds"))
	for _, want := range []string{"✗ no data checks rate>0.9 nothing was measured", "· no data http_reqs count>1 nothing was measured, which is allowed"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if got := text(find(doc, "overview")); !strings.Contains(got, "1 of 2") {
		t.Errorf("the overview is %s", got)
	}
}

func TestSeveralRunsHaveAnOverview(t *testing.T) {
	second := measured(30, "list")
	second.Test.Name = "database"
	second.Thresholds = second.Thresholds[:1]
	second.Judge(report.Findings{})
	doc, _ := page(t, everything(), Run{Result: second})
	overview := text(find(doc, "overview"))
	for _, want := range []string{"core 2026-03-01 08:00 thresholds crossed 1 of 2 600 ", " critical database 2026-03-01 08:00 passed 0 of 1 300 ", "not compared"} {
		if !strings.Contains(overview, want) {
			t.Errorf("%q is missing in %s", want, overview)
		}
	}
	if find(doc, "r2-thresholds") == nil || find(doc, "r2-knee") != nil {
		t.Error("the second run has not its own sections")
	}
	if doc, _ := page(t, everything()); find(doc, "overview") != nil {
		t.Error("a single run has an overview")
	}
}

func TestACheckpointIsNoVerdict(t *testing.T) {
	r := measured(10, "list")
	r.Complete, r.Verdict = false, report.Verdict{Word: report.Running}
	doc, _ := page(t, Run{Result: r})
	if got := text(find(doc, "r1")); !strings.Contains(got, "core running This is a checkpoint of 2026-03-01 08:00:10 UTC") {
		t.Errorf("%s", got)
	}
}

// A run of three days has as large a report as one of minutes, and its worst second is still in it.
func TestLongRunsHaveSmallReports(t *testing.T) {
	r := measured(1000, "list")
	_, size := page(t, Run{Result: r})
	if size > 300_000 {
		t.Errorf("the report has %d bytes", size)
	}
	s := Stretches(r.Timeline, r.Run.Elapsed)
	if len(s) > maxPoints {
		t.Errorf("%d stretches", len(s))
	}
	requests, failed, kinds := 0.0, 0.0, uint64(0)
	for _, x := range s {
		requests, failed, kinds = requests+x.Requests, failed+x.Failed, kinds+x.Errors["status 503"]+x.Errors["connection reset"]
	}
	if requests != 10_000 || failed != 1000 || kinds != 1000 {
		t.Errorf("%v requests, %v failed, %d by kind", requests, failed, kinds)
	}
}

func TestHolesBreakTheLines(t *testing.T) {
	point := func(at int) metrics.Point {
		return metrics.Point{Start: time.Duration(at) * time.Second, Length: time.Second, VUs: 1}
	}
	s := Stretches([]metrics.Point{point(0), point(1), point(5), point(6)}, 7*time.Second)
	points := Users("x", s, nil).Lines[0].Points
	if len(points) != 5 || points[2].Y == points[2].Y || points[3].X != 5.5 {
		t.Errorf("%v", points)
	}
}

func TestCountersAreBrokenByRestarts(t *testing.T) {
	r := everything()
	v := &view{Result: r.Result, ID: "r1"}
	cpu := v.seriesPoints(drawnSeries{"cores", observe.CPUSeconds, elapsed})
	wait := v.seriesPoints(drawnSeries{"wait", observe.PoolWait, observe.PoolAcquired})
	if len(cpu) != 11 || cpu[0].Y != 2 || wait[0].Y != 1 {
		t.Errorf("%v, %v", cpu, wait)
	}
	for _, p := range cpu {
		if broken := p.Y != p.Y; broken != (p.X == 40) {
			t.Errorf("at %v: %v", p.X, p.Y)
		}
	}
}

func TestGistsOfStatementsDiffer(t *testing.T) {
	columns := strings.Repeat("column, ", 20)
	for query, want := range map[string]string{
		"SELECT " + columns + "last\n  FROM a WHERE id = $1":                  "SELECT … FROM a WHERE id = $1",
		"SELECT (SELECT count(*) FROM b WHERE x), " + columns + "last FROM a": "SELECT … FROM a",
		"SELECT id FROM (SELECT " + columns + "last FROM b) ORDER BY id":      "SELECT id FROM (SELECT … FROM b) ORDER B…",
		"SELECT id FROM a": "SELECT id FROM a",
		"INSERT INTO a (" + columns + "last) SELECT 1 FROM c":                                       "INSERT INTO a (column, column, column, c…",
		"SELECT " + columns + "last":                                                                "SELECT column, column, column, column, c…",
		"SELECT … FROM a WHERE name = 'this is much longer than there is room for in a row of it' ": "SELECT … FROM a WHERE name = 'this is mu…",
	} {
		if got := gist(41, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestTheOtherForms(t *testing.T) {
	r := Report{Runs: []Run{everything()}}
	md, err := r.Markdown()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## load core: thresholds crossed", "## load compare core: p95 became worse.", "| Response Time (P95) | 10.00ms | 15.00ms | +50.0% |", "1. **Add an index** (high priority, database): d. i."} {
		if !strings.Contains(string(md), want) {
			t.Errorf("%q is missing in\n%s", want, md)
		}
	}
	md = regexp.MustCompile("`[^`]*`").ReplaceAll(md, nil) // code is text already
	if strings.Contains(string(md), "<script") || strings.Contains(string(md), "<img") {
		t.Errorf("a name is more than text in\n%s", md)
	}
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Runs []struct {
			Result          report.Result
			Comparison      compare.Analysis
			Recommendations []recommend.Recommendation
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil || len(doc.Runs) != 1 || doc.Runs[0].Result.Verdict.ExitCode != 99 || doc.Runs[0].Comparison.Severity != compare.Critical || len(doc.Runs[0].Recommendations) != 1 {
		t.Errorf("%v: %s", err, data)
	}
	if bytes.Contains(data, []byte(`"series":[`)) || bytes.Contains(data, []byte(`"timeline"`)) {
		t.Error("the JSON has timeline or series")
	}
}
