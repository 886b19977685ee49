package report

import (
	"fmt"
	"slices"
	"strings"
)

// The words of a Verdict.
const (
	Passed            = "passed"
	Failed            = "failed"
	ThresholdsCrossed = "thresholds crossed"
	Invalid           = "invalid"
	Interrupted       = "interrupted"
	OutputIncomplete  = "output incomplete"
	Running           = "running"
)

// The exit codes of a run.
const (
	ExitFine              = 0
	ExitFailed            = 1
	ExitUsage             = 2
	ExitEnvironment       = 3
	ExitInvalid           = 4
	ExitThresholdsCrossed = 99 // k6's
	ExitInterrupted       = 130
)

// Findings are what a verdict looks at besides what is in the Result.
type Findings struct {
	// Interrupted tells that a signal ended the run.
	Interrupted bool
	// Failures are what makes a run fail whatever its thresholds say: a test suite that gave up, wrong data.
	Failures []string
}

// Judge comes to the verdict. What says most about the figures comes first: those of an interrupted or failed
// run are not what the test is about, and those of an overloaded generator are not the target's, so that
// thresholds on them, crossed or not, and trends in them say little.
func (r *Result) Judge(f Findings) {
	var crossed []string
	for _, t := range r.Thresholds {
		if t.Crossed() {
			crossed = append(crossed, fmt.Sprintf("%s '%s': %s", t.Selector, t.Source, r.Measured(t)))
		}
	}
	var drifts []string
	for _, t := range r.Trends {
		if t.Bad {
			drifts = append(drifts, t.Reason)
		}
	}
	var incomplete []string
	for _, o := range r.Outputs {
		incomplete = append(incomplete, o.Output+": "+o.Error)
	}
	switch {
	case f.Interrupted:
		r.Verdict = Verdict{ExitInterrupted, Interrupted, []string{"stopped by a signal before its end"}}
	case len(f.Failures) > 0:
		r.Verdict = Verdict{ExitFailed, Failed, slices.Concat(f.Failures, drifts)}
	case !r.Health.Valid:
		r.Verdict = Verdict{ExitInvalid, Invalid, append([]string{"the generator was the bottleneck, not the target"}, r.Health.Reasons...)}
	case len(drifts) > 0:
		r.Verdict = Verdict{ExitFailed, Failed, drifts}
	case len(crossed) > 0:
		r.Verdict = Verdict{ExitThresholdsCrossed, ThresholdsCrossed, nil}
	case len(incomplete) > 0:
		r.Verdict = Verdict{ExitEnvironment, OutputIncomplete, nil}
	default:
		r.Verdict = Verdict{ExitFine, Passed, r.unjudged()}
	}
	r.Verdict.Reasons = slices.Concat(r.Verdict.Reasons, crossed, incomplete)
}

// unjudged tells of failed requests that no threshold looks at, as k6 does not: the verdict is not about them.
func (r *Result) unjudged() []string {
	failed := r.Metrics["http_req_failed"].Values
	if failed["passes"] == 0 || slices.ContainsFunc(r.Thresholds, func(t Threshold) bool {
		metric, _, _ := strings.Cut(t.Selector, "{")
		return slices.Contains([]string{"http_req_failed", "error_rate", "checks"}, metric)
	}) {
		return nil
	}
	return []string{fmt.Sprintf("%s of the requests failed, which no threshold looks at: --threshold 'http_req_failed:rate<0.01' is one that does", Percent(failed["rate"]))}
}
