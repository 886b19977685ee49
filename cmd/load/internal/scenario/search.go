package scenario

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// Search asks for the knee: the highest rate at which the thresholds hold. A scenario of an open model is run
// at one rate after another, each for a while; see Knee for the order.
type Search struct {
	// Scenario is the one whose rate is searched for; it may be left out where there is only one.
	Scenario string `json:"scenario"`
	// Start is the first rate and Max the highest, in iterations a second: the scenario's timeUnit is one.
	Start int `json:"start"`
	Max   int `json:"max"`
	// Growth is what the rate is multiplied by until the thresholds no longer hold.
	Growth float64 `json:"growth"`
	// Precision is how close the highest rate that holds and the lowest that does not must come, as a share.
	Precision float64 `json:"precision"`
	// Confirm is how often a rate must fail to count as failing, and how often the knee must hold.
	Confirm int `json:"confirm"`
	// Each rate is run for Settle, which is not judged, and then for Hold, which is; Pause lies between rates.
	Settle executor.Duration `json:"settle"`
	Hold   executor.Duration `json:"hold"`
	Pause  executor.Duration `json:"pause"`
	// MaxDuration ends the search with what is known then: no rate is begun that could not be run within it.
	MaxDuration executor.Duration `json:"maxDuration"`
}

// Defaults of Search. The duration is the document's for stress tests.
const (
	DefaultSearchGrowth      = 1.5
	DefaultSearchPrecision   = 0.05
	DefaultSearchConfirm     = 2
	DefaultSearchSettle      = executor.Duration(10 * time.Second)
	DefaultSearchHold        = executor.Duration(time.Minute)
	DefaultSearchPause       = executor.Duration(5 * time.Second)
	DefaultSearchMaxDuration = executor.Duration(2 * time.Hour)
)

func (r *reader) search(n *yaml.Node, field string) {
	s := &Search{
		Growth: DefaultSearchGrowth, Precision: DefaultSearchPrecision, Confirm: DefaultSearchConfirm,
		Settle: DefaultSearchSettle, Hold: DefaultSearchHold, Pause: DefaultSearchPause, MaxDuration: DefaultSearchMaxDuration,
	}
	r.options.Search = s
	r.object(n, field, map[string]func(*yaml.Node, string){
		"scenario": r.text(&s.Scenario), "start": r.whole(&s.Start), "max": r.whole(&s.Max),
		"growth": r.number(&s.Growth), "precision": r.number(&s.Precision), "confirm": r.whole(&s.Confirm),
		"settle": r.duration(&s.Settle), "hold": r.duration(&s.Hold), "pause": r.duration(&s.Pause),
		"maxDuration": r.duration(&s.MaxDuration),
	})
}

func (s *Search) validate(o *Options) Problems {
	var ps Problems
	add := func(field, format string, args ...any) {
		ps = append(ps, Problem{Field: "search." + field, Message: fmt.Sprintf(format, args...)})
	}
	switch c := s.of(o).(type) {
	case *executor.ConstantArrivalRate:
		if c.TimeUnit != executor.Duration(time.Second) {
			add("scenario", "has a timeUnit of %s, it should be 1s: rates that are searched for are iterations a second", c.TimeUnit)
		}
	case nil:
		var names []string
		for _, c := range o.Scenarios {
			names = append(names, c.Common().Name)
		}
		add("scenario", "there is no scenario %q%s", s.Scenario, didYouMean(s.Scenario, names))
	default:
		add("scenario", "is %s, it should be %s: the rate is what is searched for", c.Common().Type, executor.TypeConstantArrivalRate)
	}
	if s.Start < 1 {
		add("start", "is %d, it should be 1 or more", s.Start)
	}
	if s.Max < s.Start {
		add("max", "is %d, it can't be less than start, %d", s.Max, s.Start)
	}
	if s.Growth < 1.05 {
		add("growth", "is %v, it should be 1.05 or more", s.Growth)
	}
	if s.Precision <= 0 || s.Precision >= 1 {
		add("precision", "is %v, it should be a share between 0 and 1, such as 5%%", s.Precision)
	}
	if s.Confirm < 1 {
		add("confirm", "is %d, it should be 1 or more", s.Confirm)
	}
	if s.Hold < executor.Duration(time.Second) {
		add("hold", "is %s, it should be at least 1s", s.Hold)
	}
	if s.Settle < 0 || s.Pause < 0 {
		add("settle", "and pause are %s and %s, they can't be negative", s.Settle, s.Pause)
	}
	if s.MaxDuration < s.step() {
		add("maxDuration", "is %s, one rate alone takes %s", s.MaxDuration, s.step())
	}
	if len(o.Thresholds) == 0 {
		add("scenario", "has no thresholds to meet")
	}
	return ps
}

func (s *Search) of(o *Options) executor.Config {
	for _, c := range o.Scenarios {
		if c.Common().Name == s.Scenario {
			return c
		}
	}
	return nil
}

// step is how long one rate takes, at least: iterations finish after that.
func (s *Search) step() executor.Duration { return s.Settle + s.Hold + s.Pause }

// settling is what the part of a step is called that is not judged.
const settling = "_settle"

// AtRate returns the test of one step: the searched scenario at the rate, first to settle, under a name of its
// own, and then to be judged by the thresholds, which look at that part alone. Other scenarios are left out.
func (o *Options) AtRate(rate int) *Options {
	c := o.clone()
	s := c.Search
	c.Search = nil
	found, ok := s.of(c).(*executor.ConstantArrivalRate)
	if !ok {
		panic("scenario: AtRate of a search that was not validated")
	}
	found.Rate, found.Duration, found.StartTime = rate, s.Hold, 0
	c.Scenarios = []executor.Config{found}
	if s.Settle > 0 {
		first := *found
		first.Name, first.Duration = s.Scenario+settling, max(s.Settle, executor.Duration(time.Second))
		found.StartTime = first.Duration
		c.Scenarios = []executor.Config{&first, found}
	}
	for i := range c.Thresholds {
		c.Thresholds[i] = ofScenario(c.Thresholds[i], s.Scenario)
	}
	return c
}

// ofScenario makes a threshold look at one scenario only.
func ofScenario(t threshold.Threshold, name string) threshold.Threshold {
	tags := map[string]string{"scenario": name}
	for k, v := range t.Selector.Tags {
		tags[k] = v
	}
	t.Selector.Tags = tags
	return t
}

// Outcome is what running one rate came to.
type Outcome string

// The outcomes of a step.
const (
	Holds     Outcome = "holds"     // the thresholds do
	Fails     Outcome = "fails"     // one of them does not
	Saturated Outcome = "saturated" // the generator could not keep up: nothing is known of the target
)

// Step is one rate that was run, in iterations a second.
type Step struct {
	Rate    int     `json:"rate"`
	Outcome Outcome `json:"outcome"`
	// Why is what failed.
	Why string `json:"why,omitempty"`
}

// Limit is what kept a knee from being higher.
type Limit string

// The limits.
const (
	LimitTarget    Limit = "target"    // the target fails above: the knee is found
	LimitMax       Limit = "max"       // the search's highest rate holds: the knee lies above
	LimitGenerator Limit = "generator" // this machine can't do more: the knee lies at or above it
	LimitTime      Limit = "time"      // MaxDuration was over: the knee lies between Rate and Failing
	LimitNone      Limit = "none"      // no rate holds
)

// Knee is what a search found.
type Knee struct {
	// Rate is the highest rate that holds, 0 where none does; Confirmed tells that it did as often as asked.
	Rate      int  `json:"rate"`
	Confirmed bool `json:"confirmed"`
	// Failing is the lowest rate above it that does not hold, 0 where none was met.
	Failing int    `json:"failing,omitempty"`
	Limit   Limit  `json:"limit"`
	Steps   []Step `json:"steps"`
}

// String says it in a sentence.
func (k Knee) String() string {
	switch k.Limit {
	case LimitNone:
		return fmt.Sprintf("no rate meets the thresholds, %d/s did not either (%d steps)", k.Failing, len(k.Steps))
	case LimitMax:
		return fmt.Sprintf("%d/s meets the thresholds, the highest rate that was to be tried (%d steps)", k.Rate, len(k.Steps))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d/s meets the thresholds", k.Rate)
	if k.Failing > 0 {
		fmt.Fprintf(&b, ", %d/s does not", k.Failing)
	}
	if !k.Confirmed {
		b.WriteString("; not confirmed")
	}
	switch k.Limit {
	case LimitGenerator:
		b.WriteString("; the generator was at its limit, not the target")
	case LimitTime:
		b.WriteString("; the time was over before it was found")
	}
	fmt.Fprintf(&b, " (%d steps)", len(k.Steps))
	return b.String()
}
