package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// Subject is what was measured: runs can be compared where it is the same.
type Subject struct {
	Test string `json:"test"`
	// Options are the test's, and Scaled how they differ from the test as it is defined.
	Options json.RawMessage `json:"options,omitempty"`
	Scaled  []string        `json:"scaled,omitempty"`
	// Services are those that the test had targets for.
	Services []string `json:"services,omitempty"`
	// Dataset is what the target said that it serves, null where it said nothing.
	Dataset *report.Dataset `json:"dataset"`
	Machine report.Machine  `json:"machine"`
}

// SubjectOf tells what a result has measured.
func SubjectOf(r *report.Result) Subject {
	return Subject{
		Test: r.Test.Name, Options: r.Test.Options, Scaled: r.Test.Scaled, Services: slices.Sorted(maps.Keys(r.Test.Targets)),
		Dataset: r.Dataset, Machine: r.Machine,
	}
}

// Differences holds a subject against that of a baseline: what makes them incomparable, and what only makes a
// comparison less sure.
func (s Subject) Differences(baseline Subject) (refusals, warnings []string) {
	refuse := func(format string, args ...any) { refusals = append(refusals, fmt.Sprintf(format, args...)) }
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if s.Test != baseline.Test {
		refuse("the test is %s, the baseline's %s", s.Test, baseline.Test)
	}
	if different, err := differences(s.Options, baseline.Options); err != nil {
		refuse("%v", err)
	} else if s.Test == baseline.Test {
		refusals = append(refusals, wordDifferences(different)...)
	}
	if !slices.Equal(s.Scaled, baseline.Scaled) {
		refuse("the test was %s, the baseline's %s", scaling(s.Scaled), scaling(baseline.Scaled))
	}
	if !slices.Equal(s.Services, baseline.Services) {
		refuse("the targets were %s, the baseline's %s", strings.Join(s.Services, ", "), strings.Join(baseline.Services, ", "))
	}
	switch {
	case s.Dataset == nil && baseline.Dataset == nil:
		warn("neither target said which dataset it serves: the runs may have been measured on different rows")
	case s.Dataset == nil || baseline.Dataset == nil:
		refuse("the dataset is %s, the baseline's %s", dataset(s.Dataset), dataset(baseline.Dataset))
	case s.Dataset.Fingerprint != baseline.Dataset.Fingerprint:
		refuse("the dataset is %s, the baseline's %s; seed both with the same --profile, --seed and --as-of", dataset(s.Dataset), dataset(baseline.Dataset))
	}
	a, b := s.Machine, baseline.Machine
	switch {
	case a.OS != b.OS || a.Arch != b.Arch || a.Cores != b.Cores:
		refuse("the machine has %d cores of %s/%s, the baseline's %d of %s/%s", a.Cores, a.OS, a.Arch, b.Cores, b.OS, b.Arch)
	case a.CPU != b.CPU:
		warn("the machine's processor is %s, the baseline's %s", a.CPU, b.CPU)
	case a.Hostname != b.Hostname:
		warn("the machine is %s, the baseline's %s, of the same kind", a.Hostname, b.Hostname)
	}
	return refusals, warnings
}

func scaling(scaled []string) string {
	if len(scaled) == 0 {
		return "not scaled"
	}
	return "scaled (" + strings.Join(scaled, ", ") + ")"
}

func dataset(d *report.Dataset) string {
	if d == nil {
		return "not known"
	}
	return fmt.Sprintf("%s of %s, seed %d, as of %s", d.Fingerprint, d.Profile, d.Seed, d.AsOf.Format("2006-01-02T15:04:05Z07:00"))
}

// Unusable tells why the figures of a run say nothing of its target; empty where they do.
func Unusable(r *report.Result) []string {
	var reasons []string
	switch {
	case !r.Complete:
		reasons = append(reasons, "it is incomplete: a checkpoint, not a result")
	case r.Verdict.Word == report.Interrupted:
		reasons = append(reasons, "it was interrupted")
	case r.Verdict.Word == report.Failed:
		reasons = append(reasons, "it failed: "+strings.Join(r.Verdict.Reasons, "; "))
	}
	if !r.Health.Valid {
		reasons = append(reasons, "the generator was the bottleneck, not the target: "+strings.Join(r.Health.Reasons, "; "))
	}
	if r.Knee != nil {
		reasons = append(reasons, "it is a search for a rate, of which each run has another load")
	}
	if len(r.Run.Gaps) > 0 {
		reasons = append(reasons, "it was interrupted and resumed, and nothing ran in between")
	}
	return reasons
}

// Refused is a comparison that would say nothing, or a run that makes no baseline, and why.
type Refused struct{ Reasons []string }

// Error implements error.
func (r Refused) Error() string { return strings.Join(r.Reasons, "\n") }

// Results holds a result against a baseline, if they may be compared; otherwise the error is Refused. With force
// they are compared all the same, and the reasons are among the warnings. Source names the result.
func Results(current *report.Result, source string, baseline *Baseline, force bool) (*Analysis, error) {
	var refusals []string
	for _, reason := range Unusable(current) {
		refusals = append(refusals, source+" can't be compared: "+reason)
	}
	if slices.ContainsFunc(baseline.Runs, func(r *Run) bool { return r.Start.Equal(current.Run.Start) }) {
		refusals = append(refusals, source+" can't be compared: the baseline was made of this very run, against which nothing can have become worse")
	}
	different, warnings := SubjectOf(current).Differences(baseline.Subject)
	refusals = append(refusals, different...)
	if len(refusals) > 0 && !force {
		return nil, Refused{refusals}
	}
	a, err := Compare(NewRun(current, source), baseline)
	if err != nil {
		return nil, err
	}
	if busy := Busy(current); busy != "" {
		warnings = append(warnings, source+": "+busy)
		if !force {
			a.suspect(current.Health.ProbeP99)
		}
	}
	a.Warnings = slices.Concat(refusals, warnings)
	return a, nil
}

// A machine is busy where nothing of it is idle and timers ring late.
const (
	busyIdle = 0.05
	busyLate = 5 * time.Millisecond
)

// Busy tells in words whether the machine that a run was made on was short of processors, "" where it was not. The
// generator takes next to nothing itself in a valid run: its timers are late because of the target beside it, or of
// something that has nothing to do with the test.
func Busy(r *report.Result) string {
	h := &r.Health
	if h.MachineIdle >= busyIdle || h.ProbeP99 <= busyLate {
		return ""
	}
	return fmt.Sprintf("the machine was short of processors: %s idle, %s used by the generator, and its timers rang %s late at the 99th percentile",
		report.Percent(h.MachineIdle), report.Percent(h.CPU), h.ProbeP99.Round(time.Millisecond))
}

// explains tells whether a busy machine whose timers rang late, by so much at the 99th percentile, may be the reason for
// a change for the worse. In 45 runs on two cores with ten to thirty other processes, the median of requests that cross
// three processes rose to a sixth of that at most, and p95 to 13 times; errors have other reasons.
func explains(late time.Duration, c Change) bool {
	times := map[string]float64{P50: 0.25, P95: 15, P99: 20, Throughput: math.Inf(1)}
	return math.Abs(c.Change) <= times[c.Metric]*float64(late)/float64(time.Millisecond)
}

// suspect turns the regressions that a busy machine explains into suspected ones.
func (a *Analysis) suspect(late time.Duration) {
	regressions := []Change{}
	for _, c := range a.Regressions {
		if !explains(late, c) {
			regressions = append(regressions, c)
			continue
		}
		a.Suspected = append(a.Suspected, c)
		for i := range a.Changes {
			if x := &a.Changes[i]; x.Metric == c.Metric && x.Endpoint == c.Endpoint {
				x.Severity = ""
			}
		}
	}
	a.Regressions = regressions
	a.HasRegression, a.Severity = len(regressions) > 0, ""
	if a.HasRegression {
		a.Severity = regressions[0].Severity
	}
	a.summarize()
}
