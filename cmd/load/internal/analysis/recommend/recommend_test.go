package recommend

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/engine/health"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

const list = "GET /api/v1/media"

// healthy is the result of a run of a minute in which nothing is the matter: 10,000 requests of 5 ms.
func healthy() *report.Result {
	r := &report.Result{
		Health: health.Report{Valid: true}, Machine: report.Machine{Cores: 2},
		Run: report.Run{Elapsed: time.Minute},
		Test: report.Test{
			Targets:   map[string]string{"api": "http://localhost:3000"},
			Scenarios: []report.Scenario{{Name: "load", Iterations: 5000}},
		},
		Thresholds: []report.Threshold{{Selector: "http_reqs", Source: "rate>100", State: "passed", Value: 166}},
		Verified:   &report.Verification{Checked: 1000},
		Trends:     []trend.Verdict{{Quantity: "memory of the target", State: trend.Steady, Reason: "steady at 90 MB"}},
		Observed: &observe.Report{
			Series: []observe.Series{
				rising(observe.PoolAcquired, 10_000), rising(observe.PoolWaited, 10), rising(observe.PoolWait, 0.1),
				rising(observe.CPUSeconds, 30), rising(observe.GCPauseSeconds, 0.01), rising(observe.GCCount, 100),
				rising(observe.BlocksHit, 1e6), rising(observe.BlocksRead, 20_000), rising(observe.TempBytes, 1e6),
				rising(observe.Deadlocks, 0),
			},
			Database: &observe.Database{
				After: observe.Snapshot{
					Statements: []observe.Statement{{ID: 1, Query: "SELECT *\n  FROM media_files ORDER BY created_at", Calls: 10_000, TotalTime: 3000}},
					Tables:     []observe.Table{{Name: "media_files", LiveRows: 1_000_000, DeadRows: 50_000}},
				},
				Waits: []observe.Wait{{Type: "Client", Event: "ClientRead", Seen: 60}, {Type: "Lock", Event: "tuple", Seen: 1}}, Samples: 60, Active: 100,
				Endpoints: map[string][]observe.Call{list: {{Statement: 1, PerRequest: 1}}},
				Plans:     []observe.Plan{{Statement: 1, Text: "Index Scan"}},
			},
		},
	}
	durations := trendOf("http_req_duration", nil)
	add(&durations, 5, 10_000)
	r.Series = []report.Series{
		durations,
		{Metric: "data_received", Type: "counter", Tags: map[string]string{"method": "GET", "name": "http://localhost:3000/api/v1/media"}, Count: 10_000, Sum: 80e6},
		trendOf("http_req_connecting", []float64{1}), trendOf("http_req_tls_handshaking", []float64{0}), trendOf("http_req_receiving", []float64{50}),
		trendOf("db_query_time", []float64{20}), trendOf("db_connection_pool_utilization", []float64{30}), trendOf("db_lock_wait_time", []float64{1}),
	}
	r.Endpoints = []report.Endpoint{{
		Label: list, Method: "GET", Name: "http://localhost:3000/api/v1/media", Requests: 10_000, Rate: 166, Mean: 5, P50: 5, P90: 5, P95: 5, P99: 5, Max: 5,
	}}
	return r
}

func rising(name string, by float64) observe.Series {
	return observe.Series{Name: name, Cumulative: true, Points: []observe.Point{{Value: 7}, {At: time.Minute, Value: 7 + by}}}
}

func trendOf(name string, values []float64) report.Series {
	s := report.Series{Metric: name, Type: "trend", Contains: "time", Tags: map[string]string{}, Values: new(metrics.Histogram)}
	for _, v := range values {
		add(&s, v, 1)
	}
	return s
}

func add(s *report.Series, v float64, n uint64) {
	s.Values.AddN(v, n)
	s.Count += n
}

func observed(r *report.Result, name string, by float64) {
	*r.Observed.Find(name) = rising(name, by)
}

func measured(r *report.Result, name string, value float64) {
	for i := range r.Series {
		if r.Series[i].Metric == name {
			r.Series[i] = trendOf(name, slices.Repeat([]float64{value}, 100))
		}
	}
}

// connects has n of the requests make a connection, which takes each of them ms.
func connects(r *report.Result, n uint64, ms float64) {
	for i := range r.Series {
		if s := &r.Series[i]; s.Metric == "http_req_connecting" {
			s.Values, s.Count = new(metrics.Histogram), 0
			add(s, 0, 10_000-n)
			add(s, ms, n)
		}
	}
}

type failed map[string]uint64

// second is a point of the timeline.
func second(at int, requests uint64, errors failed) metrics.Point {
	p := metrics.Point{Start: time.Duration(at) * time.Second, Length: time.Second, Errors: errors, All: metrics.Traffic{Requests: requests}}
	for _, n := range errors {
		p.All.Failed += n
	}
	return p
}

func seqScan(rows, cost float64) []observe.Plan {
	return []observe.Plan{{Statement: 1, Scans: []observe.Scan{{Table: "media_files", Filter: "(user_id = $1)", Rows: rows, Cost: cost}}}}
}

// Every rule fires where its evidence is, quoting it, and is silent where there is a little less.
func TestRules(t *testing.T) {
	tests := map[string]struct {
		fires, silent func(*report.Result)
		category      string
		priority      string
		quotes        string
	}{
		"generator": {
			fires: func(r *report.Result) {
				r.Health = health.Report{Reasons: []string{"it used 98 % of its processors"}}
				r.Errors = []report.Failure{{Endpoint: list, Status: "500", Count: 5000}} // says nothing of the target now
			},
			category: Infrastructure, priority: Critical, quotes: "98 % of its processors",
		},
		"missing-index": {
			fires:    func(r *report.Result) { r.Observed.Database.Plans = seqScan(1e6, 0.9) },
			silent:   func(r *report.Result) { r.Observed.Database.Plans = seqScan(500, 0.9) }, // a small table is read whole
			category: Database, priority: Medium, quotes: "Seq Scan on media_files, filter (user_id = $1)",
		},
		"slow-statement": {
			fires: func(r *report.Result) { r.Observed.Database.After.Statements[0].Calls = 40 },
			silent: func(r *report.Result) {
				r.Observed.Database.After.Statements[0] = observe.Statement{ID: 1, Query: "SELECT", Calls: 2, TotalTime: 150} // slow, but seldom
			},
			category: Database, priority: Medium, quotes: "SELECT * FROM media_files ORDER BY created_at",
		},
		"n-plus-one": {
			fires:    func(r *report.Result) { r.Observed.Database.Endpoints[list][0].PerRequest = 21 },
			silent:   func(r *report.Result) { r.Observed.Database.Endpoints[list][0].PerRequest = 3 },
			category: Database, priority: High, quotes: list + " runs it 21.0 times a request",
		},
		"pool": {
			fires: func(r *report.Result) { // of two pools, the one of eight is full
				observed(r, observe.PoolWaited, 4000)
				observed(r, observe.PoolWait, 20)
				r.Observed.Series = append(r.Observed.Series, observe.Series{Name: observe.PoolBusy, Points: []observe.Point{{Max: 8}}},
					observe.Series{Name: observe.PoolMax, Points: []observe.Point{{Value: 12}}})
			},
			silent:   func(r *report.Result) { observed(r, observe.PoolWaited, 4000); observed(r, observe.PoolWait, 1) },
			category: Database, priority: High, quotes: "4000 of 10000 acquires waited",
		},
		"locks": {
			fires: func(r *report.Result) {
				r.Observed.Database.Waits[1].Seen = 30
				r.Observed.Database.Blocked = []observe.Blocked{{Statement: 1, Seen: 30}}
			},
			silent:   func(r *report.Result) { r.Observed.Database.Waits[1].Seen, r.Observed.Database.Active = 3, 10 }, // too few were seen
			category: Database, priority: High, quotes: "30 % of the active backends waited for a lock: tuple 30 times\n30 of these 30 waits were of one statement\nstatement: SELECT * FROM media_files",
		},
		"buffer-cache": {
			fires:    func(r *report.Result) { observed(r, observe.BlocksRead, 1e6) },
			silent:   func(r *report.Result) { observed(r, observe.BlocksHit, 9000); observed(r, observe.BlocksRead, 9000) },
			category: Database, priority: Medium, quotes: "a hit ratio of 50 %",
		},
		"sort-on-disk": {
			fires: func(r *report.Result) {
				observed(r, observe.TempBytes, 500e6)
				r.Observed.Database.After.Statements[0].TempBlocks = 1000
			},
			silent:   func(r *report.Result) { observed(r, observe.TempBytes, 50e6) },
			category: Database, priority: Medium, quotes: "8 MB by 10000 calls of: SELECT * FROM media_files",
		},
		"dead-rows": {
			fires: func(r *report.Result) { r.Observed.Database.After.Tables[0].DeadRows = 400_000 },
			silent: func(r *report.Result) {
				r.Observed.Database.After.Tables[0] = observe.Table{Name: "tags", LiveRows: 30, DeadRows: 90}
			},
			category: Database, priority: Medium, quotes: "media_files has 400000 dead rows beside 1000000",
		},
		"errors": {
			fires: func(r *report.Result) { r.Errors = []report.Failure{{Endpoint: list, Status: "500", Count: 600}} },
			silent: func(r *report.Result) {
				r.Errors = []report.Failure{{Endpoint: list, Status: "500", Count: 10}, {Endpoint: list, Status: "429", Count: 90}}
			},
			category: API, priority: Critical, quotes: "600 times " + list + ": status 500",
		},
		"rate-limit": {
			fires:    func(r *report.Result) { r.Errors = []report.Failure{{Endpoint: list, Status: "429", Count: 3000}} },
			silent:   func(r *report.Result) { r.Errors = []report.Failure{{Endpoint: list, Status: "429", Count: 30}} },
			category: API, priority: High, quotes: "30 % of the requests were answered with 429",
		},
		"wrong-data": {
			fires: func(r *report.Result) {
				r.Verified = &report.Verification{Checked: 1000, Wrong: 2, Mismatches: []verify.Mismatch{{}}}
			},
			silent:   func(r *report.Result) { r.Verified = nil },
			category: API, priority: Critical, quotes: "2 of 1000 verified answers were wrong",
		},
		"response-time": {
			fires: func(r *report.Result) {
				measured(r, "http_req_duration", 1500)
				r.Endpoints[0].P50, r.Endpoints[0].P95 = 900, 1500
			},
			silent: func(r *report.Result) { // one that took long tells nothing of most
				measured(r, "http_req_duration", 900)
				r.Endpoints[0].Requests, r.Endpoints[0].P50, r.Endpoints[0].P95 = 1, 1500, 1500
			},
			category: API, priority: High, quotes: list + ": p50 900 ms, p95 1500 ms",
		},
		"long-tail": {
			fires:    func(r *report.Result) { r.Endpoints[0].P99 = 400 },
			silent:   func(r *report.Result) { r.Endpoints[0].P99 = 100 }, // twenty times as long, and nobody notices
			category: API, priority: Medium, quotes: "p50 5.0 ms, p99 400 ms",
		},
		"payload": {
			fires:    func(r *report.Result) { r.Series[1].Sum = 3e9 },
			silent:   func(r *report.Result) { r.Series[1].Sum = 4e8 },
			category: Frontend, priority: Medium, quotes: list + ": 300 kB an answer",
		},
		"connections": {
			fires: func(r *report.Result) {
				r.Errors = []report.Failure{{Endpoint: list, Status: "0", Kind: "reset", Count: 100}}
			},
			silent: func(r *report.Result) { // requests that were under way when the target went, and those since
				r.Timeline = []metrics.Point{second(0, 100, nil), second(1, 60, failed{"connection reset": 12, "connection refused": 9}), second(2, 50, failed{"connection refused": 50})}
				r.Errors = []report.Failure{{Endpoint: list, Status: "0", Kind: "connection refused", Count: 59}, {Endpoint: list, Status: "0", Kind: "connection reset", Count: 12}}
			},
			category: Infrastructure, priority: High, quotes: "100 times " + list + ": reset",
		},
		"unreachable": {
			fires: func(r *report.Result) {
				r.Timeline = []metrics.Point{second(0, 100, nil), second(1, 60, failed{"connection reset": 2, "connection refused": 9}), second(2, 50, failed{"connection refused": 49}), second(3, 0, nil)}
				r.Errors = []report.Failure{{Endpoint: list, Status: "0", Kind: "connection refused", Count: 58}}
			},
			silent: func(r *report.Result) { // it was there again
				r.Timeline = []metrics.Point{second(0, 100, nil), second(1, 60, failed{"connection refused": 60}), second(2, 50, failed{"connection refused": 20})}
			},
			category: Infrastructure, priority: Critical, quotes: "from 2s of the run on, of 1m0s, 49 of 50 requests failed: connection refused",
		},
		"connection-reuse": {
			fires:    func(r *report.Result) { connects(r, 4000, 2) },
			silent:   func(r *report.Result) { connects(r, 100, 80) }, // each user's first, which take as much of the time of a short run
			category: Infrastructure, priority: Medium, quotes: "4000 of 10000 requests made a connection: 13.8 % of the time of all requests and connections",
		},
		"capacity": {
			fires:    func(r *report.Result) { r.Test.Scenarios[0].Dropped = 500 },
			silent:   func(r *report.Result) { r.Test.Scenarios[0].Dropped = 5 },
			category: Infrastructure, priority: Medium, quotes: "500 of 5500 iterations",
		},
		"target-cpu": {
			fires: func(r *report.Result) { observed(r, observe.CPUSeconds, 115) },
			silent: func(r *report.Result) { // how many processors it has is not known
				observed(r, observe.CPUSeconds, 115)
				r.Test.Targets["api"] = "https://medianest.example"
			},
			category: Infrastructure, priority: Medium, quotes: "1.92 processors on average, of the machine's 2",
		},
		"garbage": {
			fires:    func(r *report.Result) { observed(r, observe.GCPauseSeconds, 1.5) },
			silent:   func(r *report.Result) { observed(r, observe.GCPauseSeconds, 0.3) },
			category: Infrastructure, priority: Medium, quotes: "100 collections stopped the target for 1.50 s of 60 s",
		},
		"drift": {
			fires: func(r *report.Result) {
				r.Trends = append(r.Trends, trend.Verdict{
					Quantity: "memory of the target", State: trend.Drifting, Bad: true, Reaches: 3 * time.Hour, Reason: "rises by 60 MB an hour, reaches 2 GiB in 3 h",
				})
			},
			silent: func(r *report.Result) { // it falls
				r.Trends = append(r.Trends, trend.Verdict{Quantity: "p95", State: trend.Drifting, Reason: "falls"})
			},
			category: Infrastructure, priority: Critical, quotes: "reaches 2 GiB in 3 h",
		},
		"restarts": {
			fires:    func(r *report.Result) { r.Observed.Restarts = []time.Duration{30 * time.Second} },
			silent:   func(r *report.Result) { r.Observed = nil },
			category: Infrastructure, priority: High, quotes: "1 restarts, after 30s",
		},
	}
	if found := Of(healthy()); len(found) > 0 {
		t.Fatalf("a healthy run gives reason for %+v", found)
	}
	for _, rule := range rules() {
		test, ok := tests[rule.name]
		if !ok {
			t.Errorf("rule %s has no test", rule.name)
			continue
		}
		t.Run(rule.name, func(t *testing.T) {
			r := healthy()
			test.fires(r)
			found := Of(r)
			i := slices.IndexFunc(found, func(x Recommendation) bool { return x.Rule == rule.name })
			if i < 0 {
				t.Fatalf("it did not fire: %+v", found)
			}
			x := found[i]
			if x.Category != test.category || x.Priority != test.priority || !strings.Contains(strings.Join(x.Evidence, "\n"), test.quotes) {
				t.Errorf("%+v; want %s, %s, and evidence with %q", x, test.category, test.priority, test.quotes)
			}
			if x.Title == "" || x.Description == "" || x.Impact == "" || x.Effort == "" || len(x.Implementation) == 0 || x.Gain < 0 || x.Gain > 1 {
				t.Errorf("%+v is incomplete", x)
			}
			if rule.name == "generator" {
				if len(found) != 1 {
					t.Errorf("%d recommendations of a run that says nothing of the target", len(found))
				}
				return
			}
			r = healthy()
			test.silent(r)
			if slices.ContainsFunc(Of(r), func(x Recommendation) bool { return x.Rule == rule.name }) {
				t.Errorf("it fired without evidence: %+v", Of(r))
			}
		})
	}
}

// One host of several that is elsewhere makes the machine's processors none of a target's.
func TestLocalTargets(t *testing.T) {
	r := &report.Result{Test: report.Test{Targets: map[string]string{"api": "http://localhost:3000"}}}
	if !newFacts(r).local() {
		t.Error("localhost is elsewhere")
	}
	r.Test.Hosts = map[string][]string{"api": {"http://localhost:3000", "http://10.0.0.5:3000"}}
	if newFacts(r).local() {
		t.Error("10.0.0.5 is here")
	}
}

func TestTheMostUrgentComesFirst(t *testing.T) {
	r := healthy()
	r.Errors = []report.Failure{{Endpoint: list, Status: "500", Count: 600}}                                                      // critical
	r.Recovery = &scenario.Recovered{}                                                                                            // medium, no gain
	r.Observed.Database.Plans = seqScan(1e6, 0.9)                                                                                 // medium, 5.4 %
	observed(r, observe.PoolWaited, 4000)                                                                                         // high
	observed(r, observe.PoolWait, 20)                                                                                             // 40 %
	r.Observed.Database.After.Tables[0].DeadRows = 400_000                                                                        // medium, no gain
	r.Observed.Database.After.Statements[0].Query = "SELECT " + strings.Repeat("column_with_a_long_name, ", 40) + " FROM media_x" // is cut
	found := Of(r)
	var names []string
	for _, x := range found {
		names = append(names, x.Rule)
	}
	if want := []string{"errors", "pool", "missing-index", "capacity", "dead-rows"}; !slices.Equal(names, want) {
		t.Errorf("in the order %v; want %v", names, want)
	}
	for _, x := range found {
		for _, e := range x.Evidence {
			if len(e) > 400 {
				t.Errorf("evidence of %d characters: %s", len(e), e)
			}
		}
	}
}

// Statements that read a table whole want one index of it, as far as one can tell.
func TestTwoStatementsWithoutAnIndex(t *testing.T) {
	r := healthy()
	d := r.Observed.Database
	d.After.Statements = append(d.After.Statements, observe.Statement{ID: 2, Query: "SELECT count", Calls: 10_000, TotalTime: 4000},
		observe.Statement{ID: 3, Query: "SELECT FROM tags", Calls: 10_000, TotalTime: 5000})
	d.Plans = append(seqScan(1e6, 0.9),
		observe.Plan{Statement: 2, Scans: []observe.Scan{{Table: "media_files", Filter: "(user_id = ANY ($1))", Rows: 1e6, Cost: 1}}},
		observe.Plan{Statement: 3, Scans: []observe.Scan{{Table: "tags", Filter: "(name = $1)", Rows: 1e6, Cost: 0.8}}})
	found := Of(r) // of 50,000 ms
	if len(found) != 2 || found[0].Title != "Add an index to media_files" || found[1].Title != "Add an index to tags" {
		t.Fatalf("%+v", found)
	}
	x := found[0]
	if want := (0.9*3000 + 4000) / 50_000; math.Abs(x.Gain-want) > 1e-9 || x.Priority != High || len(x.Evidence) != 7 ||
		!strings.HasSuffix(x.Implementation[0], "(user_id = $1); (user_id = ANY ($1))") {
		t.Errorf("%+v; want a gain of %v", x, want)
	}
}

// A statement that several endpoints repeat is one thing to mend. What it is run for once is no part of the gain.
func TestOneStatementRepeatedByMany(t *testing.T) {
	r := healthy()
	const search = "GET /api/v1/search"
	r.Endpoints[0].Requests, r.Series[1].Sum = 100, 0
	r.Endpoints = append(r.Endpoints, report.Endpoint{Label: search, Requests: 400, Mean: 5, P50: 5, P95: 5})
	r.Observed.Database.After.Statements[0] = observe.Statement{ID: 1, Query: "SELECT name", Calls: 10_000, TotalTime: 1000}
	r.Observed.Database.Endpoints = map[string][]observe.Call{list: {{Statement: 1, PerRequest: 21}}, search: {{Statement: 1, PerRequest: 11}}}
	found := Of(r)
	if len(found) != 1 || found[0].Title != "Ask once instead of 21 times for GET /api/v1/media and 1 more" {
		t.Fatalf("%+v", found)
	}
	// Of 2,500 ms, 100 requests spare 20 calls of 0.1 ms each and 400 spare 10; and with each call that part of a round
	// trip of half the other 2.9 and 3.9 ms.
	if want := (100*20*(0.1+2.9/2/21) + 400*10*(0.1+3.9/2/11)) / 2500; math.Abs(found[0].Gain-want) > 1e-9 {
		t.Errorf("a gain of %v; want %v", found[0].Gain, want)
	}
}

// wantRules wants just these rules to fire, in this order.
func wantRules(t *testing.T, r *report.Result, want []string) {
	t.Helper()
	var rules []string
	for _, x := range Of(r) {
		rules = append(rules, x.Rule)
	}
	if !slices.Equal(rules, want) {
		t.Errorf("%v; want %v", rules, want)
	}
}

// What a statement waits for locks, nobody is told to make faster; what it takes besides, they are.
func TestStatementsThatWaitForLocksAreNotSlow(t *testing.T) {
	for name, test := range map[string]struct {
		seen int // waiting for a lock, of 100 active backends; half of the time is the statement's
		want []string
	}{
		"most of its time":     {40, []string{"locks"}},
		"a little of its time": {10, []string{"locks", "slow-statement"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := healthy()
			d := r.Observed.Database
			d.After.Statements = []observe.Statement{{ID: 1, Query: "UPDATE counters", Calls: 100, TotalTime: 9000}, {ID: 2, Query: "SELECT", Calls: 9000, TotalTime: 9000}}
			d.Waits, d.Blocked, d.Active = []observe.Wait{{Type: "Lock", Event: "tuple", Seen: test.seen}}, []observe.Blocked{{Statement: 1, Seen: test.seen}}, 100
			wantRules(t, r, test.want)
		})
	}
}

// Of a target that stops answering, the failures are told once; those that have nothing to do with that are told, too.
func TestATargetThatIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		before failed
		errors []report.Failure
		want   []string
	}{
		"nothing else":     {nil, []report.Failure{{Kind: "connection refused", Count: 50}, {Kind: "connection reset", Count: 12}}, []string{"unreachable"}},
		"statuses":         {failed{"status 500": 60}, []report.Failure{{Status: "500", Count: 600}, {Kind: "connection refused", Count: 50}}, []string{"errors", "unreachable"}},
		"broken before it": {failed{"connection reset": 60}, []report.Failure{{Kind: "connection reset", Count: 600}, {Kind: "connection refused", Count: 50}}, []string{"errors", "unreachable", "connections"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := healthy()
			r.Errors = test.errors
			r.Timeline = []metrics.Point{second(0, 100, test.before), second(1, 100, nil), second(2, 50, failed{"connection refused": 50})}
			wantRules(t, r, test.want)
		})
	}
}

// A result of a target that tells nothing, as after load resume of an old checkpoint, is no trouble.
func TestNothingObserved(t *testing.T) {
	if found := Of(&report.Result{Health: health.Report{Valid: true}}); found == nil || len(found) != 0 {
		t.Errorf("%+v; want an empty list", found)
	}
}
