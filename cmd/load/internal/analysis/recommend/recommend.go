package recommend

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// Of returns what a result gives reason to do: the most urgent first, and among those the one with the greatest
// expected gain. It is empty, not nil, where there is no evidence for anything.
//
// The figures of a run whose generator was the bottleneck are not the target's: all that can be recommended then is
// another generator.
func Of(r *report.Result) []Recommendation {
	f := newFacts(r)
	found := []Recommendation{}
	for _, rule := range rules() {
		if r.Health.Valid == rule.aboutGenerator {
			continue
		}
		for _, x := range rule.look(f) {
			x.Rule = rule.name
			x.Gain = min(max(x.Gain, 0), 1)
			found = append(found, x)
		}
	}
	slices.SortStableFunc(found, func(a, b Recommendation) int {
		return cmp.Or(weight(b.Priority)-weight(a.Priority), cmp.Compare(b.Gain, a.Gain), cmp.Compare(a.Rule, b.Rule))
	})
	return found
}

// weight orders priorities.
func weight(priority string) int {
	return slices.Index([]string{Low, Medium, High, Critical}, priority)
}

// rule looks for evidence of one kind.
type rule struct {
	name string
	look func(*facts) []Recommendation
	// aboutGenerator tells that the rule is for runs whose generator was the bottleneck, and for those only.
	aboutGenerator bool
}

// rules are all rules. Each has a test in which it must fire and one in which it must not.
func rules() []rule {
	return []rule{
		{name: "generator", look: generator, aboutGenerator: true},

		{name: "missing-index", look: missingIndex},
		{name: "locks", look: locks}, // before slow-statement: who waits for others is not slow
		{name: "slow-statement", look: slowStatement},
		{name: "n-plus-one", look: nPlusOne},
		{name: "pool", look: pool},
		{name: "buffer-cache", look: bufferCache},
		{name: "sort-on-disk", look: sortOnDisk},
		{name: "dead-rows", look: deadRows},

		{name: "errors", look: failures},
		{name: "rate-limit", look: rateLimit},
		{name: "wrong-data", look: wrongData},
		{name: "response-time", look: responseTime},
		{name: "long-tail", look: longTail},

		{name: "payload", look: payload},

		{name: "unreachable", look: unreachable},
		{name: "connections", look: connections},
		{name: "connection-reuse", look: connectionReuse},
		{name: "capacity", look: capacity},
		{name: "target-cpu", look: targetCPU},
		{name: "garbage", look: garbage},
		{name: "drift", look: drift},
		{name: "restarts", look: restarts},
	}
}

// facts is a result, and what several rules want to know of it.
type facts struct {
	*report.Result
	// requestTime is what all requests took together, in milliseconds, and requests how many there were.
	requestTime float64
	requests    float64
	endpoints   []endpoint // those that took the most time first
	gone        *gone      // nil where the target was there to the end
	// statements are what the database did in the run, the most time first; covered are those that a rule has
	// spoken of, which others then leave alone.
	statements []observe.Statement
	covered    map[int64]bool
}

// endpoint is an endpoint, with the share of all requests' time that it took and the bytes of one answer of it.
type endpoint struct {
	report.Endpoint
	share float64
	bytes float64
}

func newFacts(r *report.Result) *facts {
	f := &facts{Result: r, covered: make(map[int64]bool)}
	received := make(map[string]float64) // by label
	for i := range r.Series {
		if s := &r.Series[i]; s.Metric == "data_received" {
			received[r.Label(s.Tags["method"], s.Tags["name"])] += s.Sum
		}
	}
	for _, e := range r.Endpoints {
		f.requests += float64(e.Requests)
		f.requestTime += e.Mean * float64(e.Requests)
	}
	for _, e := range r.Endpoints {
		f.endpoints = append(f.endpoints, endpoint{
			Endpoint: e, share: share(e.Mean*float64(e.Requests), f.requestTime), bytes: share(received[e.Label], float64(e.Requests)),
		})
	}
	slices.SortStableFunc(f.endpoints, func(a, b endpoint) int { return cmp.Compare(b.share, a.share) })
	if r.Observed != nil {
		f.statements = r.Observed.Database.Run()
	}
	f.gone = goneFrom(r.Timeline)
	return f
}

// gone is when a target stopped answering for good.
type gone struct {
	at                time.Duration // of the run; to the point of the timeline
	requests, refused uint64        // since then
	// broken tells that requests went unanswered before that, too, and were not just under way when it happened.
	broken bool
}

// goneFrom finds the first point from which nearly all requests were refused a connection, nil where there is none.
func goneFrom(timeline []metrics.Point) *gone {
	first := len(timeline)
	var g gone
	for i, p := range slices.Backward(timeline) {
		refused := p.Errors[string(client.Refused)]
		if float64(refused) < refusedShare*float64(p.All.Requests) {
			break
		}
		if refused > 0 {
			first, g.at = i, p.Start
			g.requests += p.All.Requests
			g.refused += refused
		}
	}
	if g.refused == 0 {
		return nil
	}
	requests, unanswered := uint64(0), uint64(0)
	for _, p := range timeline[:max(first-1, 0)] {
		requests += p.All.Requests
		for kind, n := range p.Errors {
			if !strings.HasPrefix(kind, "status ") {
				unanswered += n
			}
		}
	}
	g.broken = share(float64(unanswered), float64(requests)) > brokenShare
	return &g
}

// explains tells whether requests failed because the target was gone.
func (g *gone) explains(x report.Failure) bool {
	return g != nil && (x.Kind == string(client.Refused) || x.Kind != "" && !g.broken)
}

// share is part / whole, and 0 where there is no whole.
func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}

// database returns what was observed of it, nil where nothing was.
func (f *facts) database() *observe.Database {
	if f.Observed == nil {
		return nil
	}
	return f.Observed.Database
}

// trend returns the distribution of a metric, nil where nothing was measured.
func (f *facts) trend(name string) *metrics.Histogram {
	s := f.Total(metrics.Selector{Metric: name})
	if s == nil || s.Type != metrics.Trend || s.Values.Count() == 0 {
		return nil
	}
	return s.Values
}

// increase is how much a cumulative series that was observed rose, 0 where it was not.
func (f *facts) increase(name string) float64 { return f.Observed.Find(name).Increase() }

// failed are the failures that pass a test, and their share of all requests, but for those of a target that was gone.
func (f *facts) failed(which func(report.Failure) bool) (failures []report.Failure, of float64) {
	n := 0.0
	for _, x := range f.Errors {
		if which(x) && !f.gone.explains(x) {
			failures = append(failures, x)
			n += float64(x.Count)
		}
	}
	requests := f.requests
	if f.gone != nil {
		requests -= float64(f.gone.refused)
	}
	return failures, share(n, requests)
}

// oneLine puts a statement on one line and cuts it.
func oneLine(query string) string {
	const most = 240
	query = strings.Join(strings.Fields(query), " ")
	if runes := []rune(query); len(runes) > most {
		return string(runes[:most]) + " ..."
	}
	return query
}
