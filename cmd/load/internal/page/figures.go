package page

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/mockapi/look"
)

// figures are those that come first.
type figures struct {
	Requests, Failed     uint64
	Rate                 float64 // requests a second
	P50, P95, P99        float64 // milliseconds
	VUs                  float64 // the most at once
	Iterations, Dropped  int64
	Interrupted          int64
	FailedShare, Elapsed float64
}

// Figures are the run's.
func (v *view) Figures() figures {
	f := figures{Elapsed: v.Run.Elapsed.Seconds()}
	if s := v.Total(metrics.Selector{Metric: "http_req_failed"}); s != nil {
		f.Requests, f.Failed, f.FailedShare = s.Count, s.Passes, shareOf(s.Passes, s.Count)
	}
	if f.Elapsed > 0 {
		f.Rate = float64(f.Requests) / f.Elapsed
	}
	if s := v.Total(metrics.Selector{Metric: "http_req_duration"}); s != nil {
		h := s.Values
		f.P50, f.P95, f.P99 = h.Quantile(0.5), h.Quantile(0.95), h.Quantile(0.99)
	}
	for _, p := range v.Timeline {
		f.VUs = max(f.VUs, p.VUs)
	}
	for _, s := range v.Test.Scenarios {
		f.Iterations, f.Dropped, f.Interrupted = f.Iterations+s.Iterations, f.Dropped+s.Dropped, f.Interrupted+s.Interrupted
	}
	return f
}

// summary tells the run in sentences.
func (v *view) summary() []string {
	f := v.Figures()
	var s []string
	if f.Requests == 0 {
		s = append(s, "No request was sent.")
	} else {
		failed := "none failed"
		if f.Failed > 0 {
			failed = fmt.Sprintf("%s (%s) failed", count(f.Failed), look.Ratio.Format(f.FailedShare))
		}
		s = append(s,
			fmt.Sprintf("%s requests in %s, %s a second; %s.", count(f.Requests), look.Seconds.Format(f.Elapsed), look.Count.Format(f.Rate), failed),
			fmt.Sprintf("Half of them took up to %s, 95 of 100 up to %s, and 99 of 100 up to %s.", look.Milliseconds.Format(f.P50), look.Milliseconds.Format(f.P95), look.Milliseconds.Format(f.P99)))
	}
	if len(v.Faults) > 0 {
		s = append(s, misbehaving(v.Faults))
	}
	if f.Dropped > 0 {
		s = append(s, fmt.Sprintf("%s iterations were due and never started, because all users were waiting for answers.", count(f.Dropped)))
	}
	if v.Comparison != nil {
		s = append(s, "Against "+v.Comparison.Baseline+": "+v.Comparison.Summary)
	}
	if v.Knee != nil {
		s = append(s, "Highest rate: "+v.Knee.String()+".")
	}
	if v.Recovery != nil {
		s = append(s, "Recovery: "+v.Recovery.String()+".")
	}
	for _, t := range v.Trends {
		if t.Bad {
			s = append(s, "Drift: "+t.Reason)
		}
	}
	if n := len(v.Recommendations); n > 0 {
		s = append(s, fmt.Sprintf("%s, the first: %s.", plural(n, "recommendation", "recommendations"), strings.TrimSuffix(v.Recommendations[0].Title, ".")))
	}
	if len(v.Test.Scaled) > 0 {
		s = append(s, "Scaled: "+strings.Join(v.Test.Scaled, ", ")+". It can't be compared with runs that are not.")
	}
	return s
}

// thresholdRow is a row of the thresholds.
type thresholdRow struct {
	report.Threshold
	Measured string
}

// thresholds are those that did not pass first.
func (v *view) thresholds() []thresholdRow {
	var rows []thresholdRow
	for _, t := range v.Thresholds {
		rows = append(rows, thresholdRow{t, v.Measured(t)})
	}
	rank := map[string]int{"failed": 0, "no data": 1, "passed": 2}
	slices.SortStableFunc(rows, func(a, b thresholdRow) int { return cmp.Compare(rank[a.State], rank[b.State]) })
	return rows
}

// checks are the sums, and the checks that failed at least once.
type checks struct {
	Passed, Total uint64
	Failed        []report.Check
}

func (v *view) checks() checks {
	var c checks
	v.Root.Each(func(x report.Check) {
		c.Passed, c.Total = c.Passed+x.Passes, c.Total+x.Passes+x.Fails
		if x.Fails > 0 {
			c.Failed = append(c.Failed, x)
		}
	})
	return c
}

// timeSpent is the time that all requests took together, in milliseconds.
func (v *view) timeSpent() float64 {
	sum := 0.0
	for _, e := range v.Endpoints {
		sum += spent(e)
	}
	return sum
}

func spent(e report.Endpoint) float64 { return e.Mean * float64(e.Requests) }

// Spent is an endpoint's share of the time that all requests took.
func (v *view) Spent(e report.Endpoint, all float64) float64 {
	if all == 0 {
		return 0
	}
	return spent(e) / all
}

// metric is a row of all metrics.
type metric struct {
	Name, Type string
	Words      []string
}

func (v *view) metrics() []metric {
	var rows []metric
	for _, name := range slices.Sorted(maps.Keys(v.Metrics)) {
		m := v.Metrics[name]
		rows = append(rows, metric{name, m.Type, v.Words(m)})
	}
	return rows
}

// errorKind is all failed requests of one kind.
type errorKind struct {
	Kind      string
	Count     uint64
	Share     float64 // of all requests
	Endpoints int     // that were affected
}

// ErrorKinds are the most frequent first.
func (v *view) ErrorKinds() []errorKind {
	var kinds []errorKind
	all := v.Figures().Requests
	for _, f := range v.Errors { // an endpoint may be there twice for one kind, with another status
		i := slices.IndexFunc(kinds, func(k errorKind) bool { return k.Kind == f.What() })
		if i < 0 {
			i = len(kinds)
			kinds = append(kinds, errorKind{Kind: f.What()})
		}
		kinds[i].Count += f.Count
	}
	for i := range kinds {
		k := &kinds[i]
		k.Share = shareOf(k.Count, all)
		endpoints := map[string]bool{}
		for _, f := range v.Errors {
			if f.What() == k.Kind {
				endpoints[f.Endpoint] = true
			}
		}
		k.Endpoints = len(endpoints)
	}
	slices.SortStableFunc(kinds, func(a, b errorKind) int { return cmp.Compare(b.Count, a.Count) })
	return kinds
}
