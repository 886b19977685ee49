package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// A metric that has thresholds of its test's and of a flag's is named once.
func TestThresholdsAreGroupedByMetric(t *testing.T) {
	r := &Result{Complete: true, Thresholds: []Threshold{
		{Selector: "http_reqs", Source: "rate>5", State: "passed"}, {Selector: "checks", Source: "rate>0.9", State: "passed"},
		{Selector: "http_reqs", Source: "rate>=50", State: "failed"},
	}}
	var b bytes.Buffer
	if err := r.Text(&b, false); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "    ") && len(fields) > 0 {
			got = append(got, strings.Join(fields[:min(len(fields), 2)], " "))
		}
	}
	if want := []string{"http_reqs", "✓ 'rate>5'", "✗ 'rate>=50'", "checks", "✓ 'rate>0.9'"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q in\n%s", got, want, b.String())
	}
}

func TestResultFilesComeBack(t *testing.T) {
	r, _, _ := runHere(t)
	path := filepath.Join(t.TempDir(), "result.json")
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	again, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(*Result) ([]byte, error){
		"result":  func(r *Result) ([]byte, error) { return json.Marshal(r) },
		"summary": func(r *Result) ([]byte, error) { return r.Summary(Terminals{}) },
		"JUnit":   (*Result).JUnit,
		"text": func(r *Result) ([]byte, error) {
			var b bytes.Buffer
			err := r.Text(&b, true)
			return b.Bytes(), err
		},
	} {
		want, err := write(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := write(again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the %s changed on its way through the file:\n%s\n%s", name, want, got)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the result there are %v, %v", entries, err)
	}
}

func TestOnlyResultFilesAreRead(t *testing.T) {
	for content, hint := range map[string]string{
		"": "no result file", "{}": "no result file", `{"root_group":{}}`: "no result file",
		`{"format":"medianest-load-result","version":99}`:                                     "use a newer one",
		`{"format":"medianest-load-result","version":1,"series":[{"values":{"count":1}}]}`:    "buckets hold 0 values, not 1",
		`{"format":"medianest-load-result","version":1,"run":{"elapsed":-1}}`:                 "run.elapsed is -1ns",
		`{"format":"medianest-load-result","version":1,"timeline":[{"length":0}]}`:            "timeline[0] starts at 0s and is 0s long",
		`{"format":"medianest-load-result","version":1,"timeline":[{"start":-1,"length":1}]}`: "timeline[0] starts at -1ns",
	} {
		path := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: error %v, want one that says %q", content, err, hint)
		}
	}
}

func TestARestoredStoreGoesOnFromTheResult(t *testing.T) {
	r, _, _ := runHere(t)
	reg := metrics.NewRegistry()
	store := metrics.NewStore(reg, time.Now(), nil)
	if err := r.Restore(reg, store, new(threshold.Set)); err != nil {
		t.Fatal(err)
	}
	again := &Result{Test: r.Test, Run: r.Run, Thresholds: r.Thresholds}
	again.Collect(store, store.Timeline(r.Timeline))
	if !reflect.DeepEqual(again.Metrics, r.Metrics) || !reflect.DeepEqual(again.Endpoints, r.Endpoints) || !reflect.DeepEqual(again.Root, r.Root) || !reflect.DeepEqual(again.Errors, r.Errors) {
		t.Errorf("the totals changed:\n%+v\n%+v", r.Metrics, again.Metrics)
	}
}

// A window that failed before an interruption has failed for good, whatever those hold that come after it.
func TestARestoredWindowStaysFailed(t *testing.T) {
	source := "rate<0.01 over 10s"
	window, err := threshold.Parse("http_req_failed", source)
	if err != nil {
		t.Fatal(err)
	}
	reg, start := metrics.NewRegistry(), time.Now()
	store := metrics.NewStore(reg, start, nil)
	limits, err := threshold.NewSet(reg, store, []threshold.Threshold{window})
	if err != nil {
		t.Fatal(err)
	}
	past := &Result{Thresholds: []Threshold{{Selector: "http_req_failed", Source: source, State: "failed", Value: 0.5, FailedAt: 12 * time.Second}}}
	if err := past.Restore(reg, store, limits); err != nil {
		t.Fatal(err)
	}
	now := start.Add(time.Minute)
	store.Recorder().HTTP(&metrics.HTTPRequest{Tags: reg.Tags()})
	store.Tick(now)
	limits.Evaluate(now)
	r := new(Result)
	if r.SetThresholds(limits.Results(), false); r.Thresholds[0] != past.Thresholds[0] {
		t.Errorf("it was %+v and is %+v now", past.Thresholds[0], r.Thresholds[0])
	}
}

func TestTextSaysWhatMatters(t *testing.T) {
	r, _, _ := runHere(t)
	var b bytes.Buffer
	if err := r.Text(&b, false); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"✗ 'avg<0.0000001' avg=", "✓ 'count>1' count=4", "66.67% of 6 succeeded, 2 failed", "✗ outer::never: 0%, ✓ 0 / ✗ 2",
		"2 x GET bad: status 500", "THRESHOLDS CROSSED", "http_req_duration{expected_response:true}", "my_gauge", "2 out of 4",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colours, although none are wanted")
	}
	r.Complete = false
	b.Reset()
	if err := r.Text(&b, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "cut: this is a checkpoint") || !strings.Contains(b.String(), "\x1b[31m✗") {
		t.Errorf("the text of a checkpoint:\n%s", b.String())
	}
}

func TestJUnitCountsItsFailures(t *testing.T) {
	r, _, _ := runHere(t)
	data, err := r.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var doc junitSuites
	if err := xml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	// run, four thresholds, three checks; one threshold and one check failed
	if doc.Tests != 8 || doc.Failures != 2 || len(doc.Suites) != 3 || doc.Suites[0].Failures != 0 {
		t.Errorf("%d tests, %d failures in\n%s", doc.Tests, doc.Failures, data)
	}
	r.Judge(Findings{Failures: []string{"wrong <data> & more"}})
	if data, err = r.JUnit(); err != nil || !strings.Contains(string(data), `failed; wrong &lt;data&gt; &amp; more`) {
		t.Errorf("%v in\n%s", err, data)
	}
}

// forms are a result as text and as JUnit XML.
func forms(t *testing.T, r *Result) (text, junit string) {
	t.Helper()
	var b bytes.Buffer
	if err := r.Text(&b, false); err != nil {
		t.Fatal(err)
	}
	data, err := r.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), string(data)
}

// TestTrendsAreShown wants what fails a run, and what could not be told, in every form for people and for CI.
func TestTrendsAreShown(t *testing.T) {
	r, _, _ := runHere(t)
	r.Trends = []trend.Verdict{
		{Quantity: "p95", State: trend.Steady, Reason: "p95 is steady"},
		{Quantity: "memory", State: trend.Drifting, Bad: true, Reason: "memory rises"},
		{Quantity: "files", State: trend.Drifting, Reason: "files rise, which is tolerated"},
		{Quantity: "heap", State: trend.TooShort, Reason: "heap: too short to tell"},
	}
	const summary = "bad drift of memory, 1 steady, 1 drifting within bounds, 1 too short to tell"
	text, junit := forms(t, r)
	for form, want := range map[string][]string{
		text:                 {"✓ p95 is steady", "✗ memory rises", "✓ files rise", "· heap: too short", "trends: " + summary},
		string(r.Markdown()): {"Trends: " + summary + ".", "- :x: memory rises", "- files rise"},
		junit:                {`<testsuite name="trends" tests="4" failures="1"`, `<failure message="memory rises" type="trend">`},
	} {
		for _, w := range want {
			if !strings.Contains(form, w) {
				t.Errorf("%q is missing in\n%s", w, form)
			}
		}
	}
}

func TestMarkdownTablesHold(t *testing.T) {
	r, _, _ := runHere(t)
	r.Endpoints[0].Label = "a|b\n<script>"
	text := string(r.Markdown())
	if !strings.Contains(text, `| a\|b &lt;script> |`) || !strings.Contains(text, "| :x: | `http_req_duration` | `avg<0.0000001` |") {
		t.Errorf("Markdown:\n%s", text)
	}
}

// TestNoDataThatIsAllowedIsNoFailure wants a threshold that fails nothing to look it, in every form.
func TestNoDataThatIsAllowedIsNoFailure(t *testing.T) {
	const source = "p(95)<1"
	reg := metrics.NewRegistry()
	selector, err := threshold.ParseSelector("http_req_duration{name:nothing}")
	if err != nil {
		t.Fatal(err)
	}
	for _, allowed := range []bool{false, true} {
		r := &Result{Complete: true, Test: Test{TrendStats: DefaultTrendStats()}}
		r.Health.Valid = true
		r.SetThresholds([]threshold.Result{{Threshold: threshold.Threshold{Selector: selector, Source: source}, State: threshold.NoData}}, allowed)
		r.Collect(metrics.NewStore(reg, time.Now(), nil), nil)
		r.Judge(Findings{})
		if ok := r.Metrics[selector.String()].Thresholds[source].OK; ok != allowed {
			t.Errorf("allowed %v: k6's summary says %v", allowed, ok)
		}
		text, junit := forms(t, r)
		for form, want := range map[string][2]string{
			text:                 {"✗ 'p(95)<1' nothing was measured\n", "· 'p(95)<1' nothing was measured, which is allowed\n"},
			string(r.Markdown()): {"| :x: | `http_req_duration{name:nothing}`", "| :heavy_minus_sign: | `http_req_duration{name:nothing}`"},
			junit:                {`<failure message="no data: nothing was measured" type="threshold">`, `<skipped message="no data: nothing was measured, which is allowed">`},
		} {
			if got := [2]bool{strings.Contains(form, want[0]), strings.Contains(form, want[1])}; got != [2]bool{!allowed, allowed} {
				t.Errorf("allowed %v:\n%s", allowed, form)
			}
		}
		var doc junitSuites
		if err := xml.Unmarshal([]byte(junit), &doc); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 1}[allowed]; doc.Failures != 1-want || doc.Skipped != want {
			t.Errorf("allowed %v: %d failures and %d skipped in\n%s", allowed, doc.Failures, doc.Skipped, junit)
		}
	}
}

func TestVerdicts(t *testing.T) {
	crossed := Threshold{Selector: "http_reqs", Source: "count>1", State: "failed"}
	silent := Threshold{Selector: "x", Source: "p(95)<1", State: "no data"}
	allowed := silent
	allowed.Allowed = true
	leak := []trend.Verdict{{State: trend.Steady}, {State: trend.Drifting, Bad: true, Reason: "memory: up"}}
	for name, c := range map[string]struct {
		thresholds []Threshold
		findings   Findings
		overloaded bool
		outputs    []Trouble
		trends     []trend.Verdict
		want       int
	}{
		"nothing wrong":            {want: ExitFine},
		"crossed":                  {thresholds: []Threshold{crossed}, want: ExitThresholdsCrossed},
		"no data fails":            {thresholds: []Threshold{silent}, want: ExitThresholdsCrossed},
		"no data, allowed":         {thresholds: []Threshold{allowed}, want: ExitFine},
		"overloaded":               {overloaded: true, want: ExitInvalid},
		"overloaded and crossed":   {overloaded: true, thresholds: []Threshold{crossed}, want: ExitInvalid},
		"failed and overloaded":    {overloaded: true, findings: Findings{Failures: []string{"wrong data"}}, want: ExitFailed},
		"drifting":                 {trends: leak, want: ExitFailed},
		"drifting and crossed":     {trends: leak, thresholds: []Threshold{crossed}, want: ExitFailed},
		"drifting and overloaded":  {trends: leak, overloaded: true, want: ExitInvalid},
		"tolerated":                {trends: []trend.Verdict{{State: trend.Drifting}, {State: trend.TooShort}}, want: ExitFine},
		"interrupted and all that": {overloaded: true, thresholds: []Threshold{crossed}, findings: Findings{Interrupted: true, Failures: []string{"x"}}, want: ExitInterrupted},
		"disk full":                {outputs: []Trouble{{"json", "no space"}}, want: ExitEnvironment},
		"disk full and crossed":    {outputs: []Trouble{{"json", "no space"}}, thresholds: []Threshold{crossed}, want: ExitThresholdsCrossed},
	} {
		r := &Result{Thresholds: c.thresholds, Outputs: c.outputs, Trends: c.trends}
		r.Health.Valid = !c.overloaded
		r.Judge(c.findings)
		if r.Verdict.ExitCode != c.want {
			t.Errorf("%s: %+v, want %d", name, r.Verdict, c.want)
		}
		if c.want != ExitFine && len(r.Verdict.Reasons) == 0 {
			t.Errorf("%s: no reasons", name)
		}
		for _, o := range c.outputs {
			if !slices.Contains(r.Verdict.Reasons, o.Output+": "+o.Error) {
				t.Errorf("%s: of an output that is incomplete nothing is told: %v", name, r.Verdict.Reasons)
			}
		}
	}
}

// What failed and was judged by nothing is told beside the verdict.
func TestUnjudgedFailures(t *testing.T) {
	for _, c := range []struct {
		selector string
		failed   float64
		told     bool
	}{
		{"http_req_duration", 3, true}, {"http_reqs{name:error_rate}", 3, true}, {"http_req_duration", 0, false},
		{"http_req_failed", 3, false}, {"http_req_failed{endpoint:x}", 3, false}, {"error_rate", 3, false}, {"checks", 3, false},
	} {
		r := &Result{
			Thresholds: []Threshold{{Selector: c.selector, State: "passed"}},
			Metrics:    map[string]Metric{"http_req_failed": {Values: map[string]float64{"passes": c.failed, "rate": c.failed / 4}}},
		}
		r.Health.Valid = true
		r.Judge(Findings{})
		told := len(r.Verdict.Reasons) == 1 && strings.HasPrefix(r.Verdict.Reasons[0], "75% of the requests failed, which no threshold looks at")
		if r.Verdict.ExitCode != ExitFine || told != c.told || !c.told && r.Verdict.Reasons != nil {
			t.Errorf("a threshold on %s, %v failed: %+v", c.selector, c.failed, r.Verdict)
		}
	}
}

func TestAFullDiskIsToldAndEndsNothing(t *testing.T) {
	s, err := NewCSV(Target{Path: "/dev/full"})
	if err != nil {
		t.Skip("there is no /dev/full:", err)
	}
	reg := metrics.NewRegistry()
	sample := metrics.Sample{Metric: reg.Builtin.HTTPReqs, Tags: reg.Tags(), Time: time.Now(), Value: 1}
	s.Add([]metrics.Sample{sample})
	if err := s.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want a full disk", err)
	}
	s.Add([]metrics.Sample{sample, sample})
	err = s.Close()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "2 of 3 samples") {
		t.Errorf("error %v", err)
	}
}

func TestLabelsLeaveTheTargetOut(t *testing.T) {
	r := &Result{Test: Test{Targets: map[string]string{"api": "http://h:3000", "auth": "http://h:3001/", "media": "http://h:30000"}}}
	for name, want := range map[string]string{
		"http://h:3000/api/v1/media": "GET /api/v1/media", "http://h:3001/login": "GET auth:/login", "http://h:30000/x": "GET media:/x",
		"http://h:30001/x": "GET http://h:30001/x", "list": "GET list", "http://h:3000": "GET",
	} {
		if got := r.Label("GET", name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestAStreamGoesOnAfterACutLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.csv")
	for _, before := range []string{"head\nwhole\n", "head\ncut", ""} {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := NewCSV(Target{Path: path, Append: true})
		if err != nil {
			t.Fatal(err)
		}
		reg := metrics.NewRegistry()
		s.Add([]metrics.Sample{{Metric: reg.Builtin.HTTPReqs, Tags: reg.Tags(), Time: time.Unix(1, 0), Value: 1}})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := string(read(t, path)); !strings.HasSuffix(got, "\nhttp_reqs,1,1.000000,,,,,,,,,,,,,,,,\n") && before != "" || strings.Contains(got, "\n\n") {
			t.Errorf("after %q: %q", before, got)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for got, want := range map[string]string{
		Milliseconds(0): "0s", Milliseconds(0.4): "400µs", Milliseconds(0.0123): "12.3µs", Milliseconds(0.0004): "400ns", Milliseconds(12.345): "12.35ms", Milliseconds(1500): "1.50s", Milliseconds(65_000): "1m5s",
		Bytes(999): "999 B", Bytes(1_500_000): "1.5 MB", Percent(1): "100%", Percent(0.999999): ">99.99%", Percent(0.00001): "<0.01%", Percent(0): "0%",
		Number(1000): "1000", Number(0.12345): "0.123",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func BenchmarkStreams(b *testing.B) {
	reg := metrics.NewRegistry()
	tags := reg.Tags("name", "list media", "method", "GET", "status", "200", "scenario", "core", "group", "::browse", "expected_response", "true")
	samples := []metrics.Sample{{Metric: reg.Builtin.HTTPReqDuration, Tags: tags, URL: "http://127.0.0.1:3000/api/v1/media?page=1", Time: time.Now(), Value: 12.345678}}
	for name, open := range map[string]func() (*Stream, error){
		"json": func() (*Stream, error) { return NewJSON(Target{Path: os.DevNull}, nil) },
		"csv":  func() (*Stream, error) { return NewCSV(Target{Path: os.DevNull}) },
	} {
		b.Run(name, func(b *testing.B) {
			s, err := open()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Add(samples)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
