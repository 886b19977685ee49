package page

import (
	"encoding/json"
	"time"

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
