package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

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
		"r1-knee":            {"100/s meets the thresholds, 120/s does not", "120/s fails"},
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
	for _, want := range []string{"core thresholds crossed 2026-03-01 08:00 1 of 2 600 ", " critical database passed 2026-03-01 08:00 0 of 1 300 ", "not compared"} {
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
