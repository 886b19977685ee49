package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// judge decides on all figures.
func (c *comparison) judge(a *Analysis) {
	var overall, endpoints float64
	between := map[string][]float64{}
	for _, f := range c.figures {
		switch {
		case !f.compared:
			continue
		case f.Endpoint == "":
			overall++
		default:
			endpoints++
		}
		if len(f.each) > 1 {
			between[f.metric] = append(between[f.metric], betweenRuns(f.all, f.each))
		}
	}
	for _, f := range c.figures {
		direction := 0.0
		if f.compared {
			figures := overall
			if f.Endpoint != "" {
				figures = endpoints
			}
			var prior spread
			if s := between[f.metric]; len(s) > 1 {
				prior = spread{mean(s), priorDegrees}
			}
			direction = f.decide(overRuns(f.all, f.each, prior), FalseAlarms/2/figures)
		}
		if direction > 0 {
			f.Statements = c.statements(f.Endpoint)
			a.Regressions = append(a.Regressions, f.Change)
		} else if direction < 0 {
			a.Improvements = append(a.Improvements, f.Change)
		}
		a.Changes = append(a.Changes, f.Change)
	}
	slices.SortStableFunc(a.Regressions, func(x, y Change) int {
		return cmp.Or(Rank(y.Severity)-Rank(x.Severity), cmp.Compare(min(len(x.Endpoint), 1), min(len(y.Endpoint), 1)))
	})
	if a.HasRegression = len(a.Regressions) > 0; a.HasRegression {
		a.Severity = a.Regressions[0].Severity
	}
}

// decide fills in what the estimate says, and returns 1 for a regression, -1 for an improvement and 0 for neither.
func (f *figure) decide(e estimate, alpha float64) float64 {
	typical, noise := e.value, e.noise(alpha)
	// A change of logarithms that noise explains is larger in percent upwards than downwards.
	bound := noise
	switch f.metric {
	case P50, P95, P99:
		bound = math.Expm1(noise)
		if typical < 0 {
			bound = -math.Expm1(-noise)
		}
		typical = 100 * math.Expm1(typical)
		bound *= 100
	case Throughput:
		typical, bound = 100*typical, 100*bound
	}
	f.Typical, f.Noise = &typical, bound
	if math.IsInf(bound, 0) || bound > unbounded {
		f.Noise = unbounded
	}
	worse := f.sign * typical
	switch {
	case math.Abs(worse) <= f.threshold:
		if f.ChangePercent != nil && f.metric != ErrorRate && f.sign**f.ChangePercent > f.threshold {
			f.remark("in some of the blocks only")
		}
		return 0
	case math.Abs(worse) > bound:
	case f.plain:
		f.remark(fmt.Sprintf("by a factor of %g at least in every block", plainFactor))
	default:
		f.remark("noise explains it")
		return 0
	}
	if worse < 0 {
		return -1
	}
	f.Severity = f.severity(worse)
	return 1
}

// unbounded stands for any noise that is so large that nothing can be told, in percent; JSON has no infinity.
const unbounded = 1e6

func (f *figure) remark(note string) {
	if f.Note != "" {
		note = f.Note + "; " + note
	}
	f.Note = note
}

func (k kind) severity(worse float64) string {
	switch {
	case worse >= k.critical:
		return Critical
	case worse >= k.major:
		return Major
	}
	return Minor
}

// Rank orders severities: 0 for "", 3 for Critical.
func Rank(severity string) int { return slices.Index([]string{"", Minor, Major, Critical}, severity) }

func (a *Analysis) summarize() {
	switch {
	case a.HasRegression:
		a.Summary = counts(a.Regressions)
	case len(a.Suspected) > 0:
		a.Summary = "Inconclusive: " + strings.TrimSuffix(counts(a.Suspected), ".") +
			", for which the busy machine may be the reason; repeat the run on an idle one."
	default:
		a.Summary = "No regression beyond the thresholds and the noise."
	}
	if open := a.undecided(); len(open) > 0 {
		last := len(open) - 1
		names, are := open[last], "is"
		if last > 0 {
			names, are = strings.Join(open[:last], ", ")+" and "+names, "are"
		}
		a.Summary += fmt.Sprintf(" Of all requests, %s %s undecided for want of requests: take longer runs.", names, are)
	}
}

// undecided are the figures of all requests of which there were too few samples.
func (a *Analysis) undecided() []string {
	short := map[string]string{P50: "p50", P95: "p95", P99: "p99", Throughput: "throughput", ErrorRate: "the error rate"}
	var names []string
	for _, c := range a.Changes {
		if c.Endpoint == "" && c.Typical == nil {
			names = append(names, short[c.Metric])
		}
	}
	return names
}

// counts words how many regressions there are of each severity.
func counts(regressions []Change) string {
	var parts []string
	for _, severity := range []string{Critical, Major, Minor} {
		n := 0
		for _, r := range regressions {
			if r.Severity == severity {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	noun := "regressions"
	if len(regressions) == 1 {
		noun = "regression"
	}
	return strings.Join(parts, ", ") + " " + noun + "."
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}
