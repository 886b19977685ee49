package scenario

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// Recovery asks how long the target takes to get over a spike: the time from when it comes until requests are
// answered within limits again, and stay so for a while.
type Recovery struct {
	// At is when, in the test's time, the spike comes.
	At executor.Duration `json:"at"`
	// Hold is how long the limits must be kept for the target to count as recovered.
	Hold executor.Duration `json:"hold"`
	// Within is how long it may take, 0 for any time.
	Within executor.Duration `json:"within,omitzero"`
	// P95 is the limit for the 95th percentile of http_req_duration in milliseconds, Failed for the share of
	// failed requests; of each point of the timeline, which is a second in tests of up to a quarter of an hour.
	P95    float64 `json:"p95"`
	Failed float64 `json:"failed"`
}

// Defaults of Recovery: the document's limits for load.
const (
	DefaultRecoveryHold   = executor.Duration(30 * time.Second)
	DefaultRecoveryP95    = 1000 // ms
	DefaultRecoveryFailed = 0.05
)

func (r *reader) recovery(n *yaml.Node, field string) {
	c := &Recovery{Hold: DefaultRecoveryHold, P95: DefaultRecoveryP95, Failed: DefaultRecoveryFailed}
	r.options.Recovery = c
	r.object(n, field, map[string]func(*yaml.Node, string){
		"at": r.duration(&c.At), "hold": r.duration(&c.Hold), "within": r.duration(&c.Within),
		"p95": r.number(&c.P95), "failed": r.number(&c.Failed),
	})
}

func (c *Recovery) validate() Problems {
	var ps Problems
	add := func(field, format string, args ...any) {
		ps = append(ps, Problem{Field: "recovery." + field, Message: fmt.Sprintf(format, args...)})
	}
	if c.At < 0 {
		add("at", "is %s, it can't be negative", c.At)
	}
	if c.Hold <= 0 {
		add("hold", "is %s, it should be more than 0", c.Hold)
	}
	if c.Within < 0 {
		add("within", "is %s, it can't be negative", c.Within)
	}
	if c.P95 <= 0 {
		add("p95", "is %v, it should be more than 0 milliseconds", c.P95)
	}
	if c.Failed > 1 {
		add("failed", "is %v, it should be a share from 0 to 1", c.Failed)
	}
	return ps
}

// Recovered is how a target got over a spike.
type Recovered struct {
	// Disturbed tells that the limits were exceeded at all; without that the target needed no time.
	Disturbed bool `json:"disturbed"`
	// Recovered tells that they were kept for Hold again, or never exceeded.
	Recovered bool `json:"recovered"`
	// Took is the time from the spike until the limits were kept again; where they never were, until the end.
	Took time.Duration `json:"took"`
	// Relapsed tells that they were exceeded again later.
	Relapsed bool `json:"relapsed"`
	// WorstP95 is the highest 95th percentile since the spike, in milliseconds, and WorstFailed the highest
	// share of failed requests.
	WorstP95    float64 `json:"worstP95"`
	WorstFailed float64 `json:"worstFailed"`
	// InTime tells that the target recovered within the time that was allowed, where one was.
	InTime bool `json:"inTime"`
	// Within is the time that was allowed, 0 for any.
	Within time.Duration `json:"within,omitzero"`
	// LimitP95 and LimitFailed are the limits, as in [Recovery]; 0 in results of before they were written down.
	LimitP95    float64 `json:"limitP95,omitzero"`
	LimitFailed float64 `json:"limitFailed,omitzero"`
}

// String says it in a sentence.
func (r Recovered) String() string {
	worst := fmt.Sprintf("at worst p95 %.0f ms and %.1f %% failed", r.WorstP95, 100*r.WorstFailed)
	if r.LimitP95 > 0 {
		worst += fmt.Sprintf("; the limits are %.0f ms and %.3g %%", r.LimitP95, 100*r.LimitFailed)
	}
	switch {
	case !r.Disturbed:
		return "the spike was taken within the limits, " + worst
	case !r.Recovered:
		return fmt.Sprintf("not recovered %s after the spike, %s", r.Took.Round(time.Second), worst)
	case !r.InTime && r.Within > 0:
		return fmt.Sprintf("recovered too late, %s after the spike where %s are allowed, %s", tenths(r.Took), tenths(r.Within), worst)
	case r.Relapsed:
		return fmt.Sprintf("recovered %s after the spike, with a relapse later, %s", r.Took.Round(time.Second), worst)
	}
	return fmt.Sprintf("recovered %s after the spike, %s", r.Took.Round(time.Second), worst)
}

func tenths(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

// Judge reads the answer from a run's timeline. A stretch that is missing keeps no limits. One without any request does
// where somebody asked and waited, which [Recovery.waited] tells; where nobody asked, as when the few users of a small
// run all pause, it says nothing. Nor does it after length, from when on iterations only finish; 0 is for a test without
// end.
func (c *Recovery) Judge(points []metrics.Point, length time.Duration) Recovered {
	r := Recovered{Within: time.Duration(c.Within), LimitP95: c.P95, LimitFailed: c.Failed}
	var end, goodSince time.Duration
	good := false // since goodSince
	at := time.Duration(c.At)
	for i, p := range points {
		if p.Start+p.Length <= at || length > 0 && p.Start+p.Length > length && p.All.Requests == 0 {
			continue
		}
		if end != 0 && p.Start > end {
			good = false
		}
		end = p.Start + p.Length
		silent := p.All.Requests == 0
		if silent && c.waited(points[i:]) || !silent && !c.within(&p, &r) {
			r.Disturbed = true
			if r.Recovered {
				r.Relapsed = true
			}
			good = false
			continue
		}
		if silent {
			continue
		}
		if !good {
			good, goodSince = true, max(p.Start, at)
		}
		if r.Disturbed && !r.Recovered && end-goodSince >= time.Duration(c.Hold) {
			r.Recovered, r.Took = true, goodSince-at
		}
	}
	switch {
	case end == 0: // the run ended before the spike
	case !r.Disturbed:
		r.Recovered = true
	case !r.Recovered:
		r.Took = end - at
	}
	r.InTime = r.Recovered && (c.Within == 0 || r.Took <= time.Duration(c.Within))
	return r
}

// waited tells whether somebody waited for an answer through the first of these points, which has none. Whoever did
// is among those of the next point that has any, as one who failed or waited for longer than the limit. Where none
// has, users whose iterations end have only paused, and others are taken to wait.
func (c *Recovery) waited(points []metrics.Point) bool {
	iterations := 0.0
	for i := range points {
		if all := &points[i].All; all.Requests > 0 {
			return all.Failed > 0 || all.Duration.Quantile(1) > c.P95
		}
		iterations += points[i].Iterations
	}
	return iterations == 0 && points[0].VUs > 0
}

// within tells whether a point with requests keeps the limits, and remembers the worst.
func (c *Recovery) within(p *metrics.Point, r *Recovered) bool {
	p95 := p.All.Duration.Quantile(0.95)
	failed := float64(p.All.Failed) / float64(p.All.Requests)
	r.WorstP95, r.WorstFailed = max(r.WorstP95, p95), max(r.WorstFailed, failed)
	return p95 <= c.P95 && failed <= c.Failed
}
