package scenario

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
)

// Trends asks whether the target drifts while the load is the same: whether it gets slower, fails more often, or takes
// more and more memory, connections or disk. A bad drift fails the run. See trend.Options for the rules.
type Trends struct {
	// WarmUp is the share of the constant part of the test that is not judged, at its beginning.
	WarmUp float64 `json:"warmUp"`
	// Confidence is that of the intervals of slopes.
	Confidence float64 `json:"confidence"`
	// Tolerance is the drift of latency, throughput, memory, connections and the like that is tolerated over the run, as
	// a share of where they were; Errors is that of the share of failed requests, in absolute terms.
	Tolerance float64 `json:"tolerance"`
	Errors    float64 `json:"errors"`
	// MemoryLimit and DatabaseLimit are what the target's memory and its database must not reach, 0 for no limit.
	MemoryLimit   Size `json:"memoryLimit,omitzero"`
	DatabaseLimit Size `json:"databaseLimit,omitzero"`
	// Horizon is how long after the run no limit may be reached, were the drift to go on; thresholds on
	// http_req_duration and http_req_failed are limits too.
	Horizon executor.Duration `json:"horizon"`
}

// Defaults of Trends. The tolerance is the document's for regressions, and the horizon is a week.
const (
	DefaultTrendsWarmUp     = 0.1
	DefaultTrendsConfidence = 0.99
	DefaultTrendsTolerance  = 0.1
	DefaultTrendsErrors     = 0.01
	DefaultTrendsHorizon    = executor.Duration(168 * time.Hour)
)

// DefaultTrends returns the defaults.
func DefaultTrends() *Trends {
	return &Trends{
		WarmUp: DefaultTrendsWarmUp, Confidence: DefaultTrendsConfidence, Tolerance: DefaultTrendsTolerance,
		Errors: DefaultTrendsErrors, Horizon: DefaultTrendsHorizon,
	}
}

func (r *reader) trends(n *yaml.Node, field string) {
	c := DefaultTrends()
	r.options.Trends = c
	r.object(n, field, map[string]func(*yaml.Node, string){
		"warmUp": r.number(&c.WarmUp), "confidence": r.number(&c.Confidence), "tolerance": r.number(&c.Tolerance), "errors": r.number(&c.Errors),
		"memoryLimit": r.size(&c.MemoryLimit), "databaseLimit": r.size(&c.DatabaseLimit), "horizon": r.duration(&c.Horizon),
	})
}

func (c *Trends) validate() Problems {
	var ps Problems
	add := func(field, format string, args ...any) {
		ps = append(ps, Problem{Field: "trends." + field, Message: fmt.Sprintf(format, args...)})
	}
	if c.WarmUp > 0.9 {
		add("warmUp", "is %v, it should be a share from 0 to 0.9, such as 10%%", c.WarmUp)
	}
	if c.Confidence < 0.5 || c.Confidence >= 1 {
		add("confidence", "is %v, it should be a share from 0.5 to less than 1, such as 99%%", c.Confidence)
	}
	if c.Errors > 1 {
		add("errors", "is %v, it should be a share from 0 to 1", c.Errors)
	}
	if c.Horizon < 0 {
		add("horizon", "is %s, it can't be negative", c.Horizon)
	}
	return ps
}

// JudgeTrends comes to a verdict on each quantity that a run of the test tells of, up to the run's time elapsed; gaps are
// when it was interrupted and went on. There is none where the test does not ask.
func (o *Options) JudgeTrends(timeline []metrics.Point, observed *observe.Report, elapsed time.Duration, gaps []time.Duration) []trend.Verdict {
	c := o.Trends
	if c == nil {
		return nil
	}
	from, to := o.Steady()
	return trend.Judge(trend.Options{
		Confidence: c.Confidence, WarmUp: c.WarmUp, Tolerance: c.Tolerance, Errors: c.Errors,
		MemoryLimit: float64(c.MemoryLimit), DatabaseLimit: float64(c.DatabaseLimit), Horizon: time.Duration(c.Horizon),
		P50Limit: o.limit("http_req_duration", "p(50)", "med"), P95Limit: o.limit("http_req_duration", "p(95)"), FailedLimit: o.limit("http_req_failed", "rate"),
	}, trend.Evidence{Timeline: timeline, Observed: observed, From: from, To: min(to, elapsed), Gaps: gaps})
}

// limit is the lowest bound that thresholds on the whole metric set for the aggregations, 0 where none does.
func (o *Options) limit(metric string, aggregations ...string) float64 {
	lowest := 0.0
	for _, t := range o.Thresholds {
		if t.Selector.Metric != metric || len(t.Selector.Tags) > 0 || t.Window > 0 {
			continue
		}
		aggregation, bound, below := strings.Cut(t.Source, "<")
		v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimPrefix(bound, "=")), 64)
		if below && err == nil && v > 0 && slices.Contains(aggregations, strings.ReplaceAll(aggregation, " ", "")) && (lowest == 0 || v < lowest) {
			lowest = v
		}
	}
	return lowest
}

// Steady returns the longest stretch of the test's time in which the planned load stays the same: no scenario starts,
// ends, or changes its users or its rate. Without an end, to is the latest time there is.
func (o *Options) Steady() (from, to time.Duration) {
	const never = time.Duration(math.MaxInt64)
	type stretch struct{ from, to time.Duration }
	end := time.Duration(0)
	var changing []stretch // of no length where the load jumps
	for _, c := range o.Scenarios {
		at := time.Duration(c.Common().StartTime)
		changing = append(changing, stretch{at, at})
		last := 0
		for _, s := range stagesOf(c, &last) {
			next := at + time.Duration(s.Duration)
			if s.Target != last {
				changing = append(changing, stretch{at, next})
			}
			at, last = next, s.Target
		}
		ends := never
		if c.Length() > 0 {
			ends = time.Duration(c.Common().StartTime) + c.Length()
		}
		changing = append(changing, stretch{ends, ends})
		end = max(end, ends)
	}
	slices.SortFunc(changing, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	still := time.Duration(0) // since when nothing changes
	for _, c := range changing {
		if until := min(c.from, end); until-still > to-from {
			from, to = still, until
		}
		still = max(still, c.to)
	}
	return from, to
}

// stagesOf returns the stages of a scenario that has some, and sets what it starts with.
func stagesOf(c executor.Config, start *int) []executor.Stage {
	switch c := c.(type) {
	case *executor.RampingVUs:
		*start = c.StartVUs
		return c.Stages
	case *executor.RampingArrivalRate:
		*start = c.StartRate
		return c.Stages
	}
	return nil
}
