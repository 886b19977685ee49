package scenario

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// maxLength bounds a test, so that no sum of times is beyond what a time.Duration holds.
const (
	year      = 365 * 24 * time.Hour
	maxLength = 10 * year
)

// TimeScaled returns the test with time passing differently: start times, durations and stages are multiplied
// by the factor, and so are the windows and delays of thresholds and the times of searches and recoveries.
// Graceful stops stay, for iterations take as long as they take, and so do users, rates and limits; but a
// threshold that asks for a number of requests asks for a number that suits the time.
func (o *Options) TimeScaled(factor float64) (*Options, error) {
	if factor <= 0 || math.IsInf(factor, 0) || math.IsNaN(factor) {
		return nil, fmt.Errorf("time can't be scaled by %v: give a number above 0, such as 0.5 or 1/60", factor)
	}
	if factor == 1 {
		return o, nil
	}
	if long := float64(o.Length()) * factor; long > float64(maxLength) {
		return nil, fmt.Errorf("time can't be scaled by %v: the test would take %.0f years", factor, long/float64(year))
	}
	return o.timeScaled(factor, "time x "+significant(factor)), nil
}

func (o *Options) timeScaled(factor float64, note string) *Options {
	c := o.clone()
	for i, s := range c.Scenarios {
		c.Scenarios[i] = s.Scale(factor)
		atLeastASecond(c.Scenarios[i])
	}
	scale := func(d *executor.Duration, least time.Duration) {
		if *d > 0 {
			scaled := time.Duration(float64(*d) * factor).Round(time.Millisecond)
			*d = executor.Duration(max(scaled, min(least, time.Duration(*d))))
		}
	}
	if s := c.Search; s != nil {
		scale(&s.Settle, 0)
		scale(&s.Hold, time.Second)
		scale(&s.Pause, 0)
		scale(&s.MaxDuration, time.Duration(s.step()))
	}
	if r := c.Recovery; r != nil {
		scale(&r.At, 0)
		scale(&r.Hold, time.Second)
		scale(&r.Within, time.Second)
	}
	for i, t := range c.Thresholds {
		delay, window := executor.Duration(t.DelayAbortEval), executor.Duration(t.Window)
		scale(&delay, 0)
		scale(&window, time.Second)
		c.Thresholds[i] = rewritten(t, factor, []string{"count"}, time.Duration(window))
		c.Thresholds[i].DelayAbortEval = time.Duration(delay)
	}
	c.Scaled = append(c.Scaled, note)
	return c
}

// atLeastASecond lengthens what the executors would refuse, as k6 does: durations of less than a second.
func atLeastASecond(c executor.Config) {
	least := executor.Duration(time.Second)
	switch c := c.(type) {
	case *executor.ConstantVUs:
		c.Duration = max(c.Duration, least)
	case *executor.ConstantArrivalRate:
		c.Duration = max(c.Duration, least)
	case *executor.PerVUIterations:
		c.MaxDuration = max(c.MaxDuration, least)
	case *executor.SharedIterations:
		c.MaxDuration = max(c.MaxDuration, least)
	}
}

// Lasting returns the test with its time scaled so that it starts iterations for the given time. A search gets
// that as its limit instead, with steps as they are.
func (o *Options) Lasting(d time.Duration) (*Options, error) {
	if d < time.Second {
		return nil, fmt.Errorf("a duration of %s is too short, it should be at least 1s", d)
	}
	if d > maxLength {
		return nil, fmt.Errorf("a duration of %s is too long, it should be at most %s", d, maxLength)
	}
	if s := o.Search; s != nil {
		if d < time.Duration(s.step()) {
			return nil, fmt.Errorf("a duration of %s is too short for a search, of which one rate takes %s: scale time too", d, s.step())
		}
		c := o.clone()
		c.Search.MaxDuration = executor.Duration(d)
		c.Scaled = append(c.Scaled, fmt.Sprintf("duration %s instead of %s", executor.Duration(d), s.MaxDuration))
		return c, nil
	}
	length := o.Length()
	if length == 0 { // without end: the scenarios that are get one
		c := o.clone()
		for _, s := range c.Scenarios {
			if e, ok := s.(*executor.ExternallyControlled); ok && e.Duration == 0 {
				e.Duration = executor.Duration(max(d-time.Duration(e.StartTime), time.Second))
			}
		}
		c.Scaled = append(c.Scaled, "duration "+executor.Duration(d).String())
		return c, nil
	}
	if d == length {
		return o, nil
	}
	return o.timeScaled(float64(d)/float64(length), fmt.Sprintf("duration %s instead of %s", executor.Duration(d), executor.Duration(length))), nil
}

// Only returns the test with the named scenarios, of which the first starts at once.
func (o *Options) Only(names ...string) (*Options, error) {
	var all []string
	for _, s := range o.Scenarios {
		all = append(all, s.Common().Name)
	}
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, fmt.Errorf("test %s has no scenario %q%s", o.Name, n, didYouMean(n, all))
		}
	}
	c := o.clone()
	c.Scenarios = slices.DeleteFunc(c.Scenarios, func(s executor.Config) bool { return !slices.Contains(names, s.Common().Name) })
	if len(c.Scenarios) == len(all) || len(c.Scenarios) == 0 {
		return o, nil
	}
	first := c.Scenarios[0].Common().StartTime // they are sorted by it
	kept := make([]string, len(c.Scenarios))
	for i, s := range c.Scenarios {
		s.Common().StartTime -= first
		kept[i] = s.Common().Name
	}
	if r := c.Recovery; r != nil {
		r.At = max(r.At-first, 0)
	}
	// What is asked of a scenario that does not run can't be answered.
	c.Thresholds = slices.DeleteFunc(c.Thresholds, func(t threshold.Threshold) bool {
		s, of := t.Selector.Tags["scenario"]
		return of && !slices.Contains(kept, s)
	})
	if s := c.Search; s != nil && s.of(c) == nil {
		c.Search = nil
	}
	c.Scaled = append(c.Scaled, "only "+strings.Join(kept, ", "))
	return c, nil
}

// WithVUs returns the test with its closed models scaled so that the largest of them has so many users. All keep
// their proportions, and at least one of what there was any of. Thresholds that ask for a throughput or a number
// of users ask for a share of it.
func (o *Options) WithVUs(n int) (*Options, error) {
	if n < 1 {
		return nil, fmt.Errorf("%d users are too few, there should be 1 or more", n)
	}
	peak := 0
	for _, s := range o.Scenarios {
		if !isOpen(s) {
			peak = max(peak, s.PeakVUs())
		}
	}
	if peak == 0 {
		return nil, fmt.Errorf("test %s sets rates and not users: scale its rate", o.Name)
	}
	if n == peak {
		return o, nil
	}
	c := o.clone()
	factor := float64(n) / float64(peak)
	for _, s := range c.Scenarios {
		if !isOpen(s) {
			scaleLoad(s, factor)
		}
	}
	return c.lighter(factor, fmt.Sprintf("at most %d users instead of %d", n, peak)), nil
}

// WithRate is WithVUs for open models: the highest rate becomes so many iterations a second, and their users are
// scaled with it. The highest rate of a search is the one that it ends at.
func (o *Options) WithRate(perSecond float64) (*Options, error) {
	if perSecond <= 0 || math.IsInf(perSecond, 0) || math.IsNaN(perSecond) {
		return nil, fmt.Errorf("a rate of %v is too low, it should be more than 0", perSecond)
	}
	peak := o.PeakRate()
	if peak == 0 {
		return nil, fmt.Errorf("test %s sets users and not rates: scale its users", o.Name)
	}
	if perSecond == peak {
		return o, nil
	}
	c := o.clone()
	factor := perSecond / peak
	note := fmt.Sprintf("at most %s iterations/s instead of %s", significant(perSecond), significant(peak))
	if s := c.Search; s != nil {
		if perSecond < 1 {
			return nil, fmt.Errorf("a rate of %v is too low for a search, it should be 1 or more", perSecond)
		}
		s.Start, s.Max = scaledCount(s.Start, factor), scaledCount(s.Max, factor)
	}
	for _, s := range c.Scenarios {
		if isOpen(s) {
			scaleLoad(s, factor)
		}
	}
	if s := c.Search; s != nil {
		if found, ok := s.of(c).(*executor.ConstantArrivalRate); ok { // each step sets its rate, by the second
			found.Rate, found.TimeUnit = s.Start, executor.Duration(time.Second)
		}
	}
	return c.lighter(factor, note), nil
}

// lighter scales what thresholds ask for, for a test that was cloned.
func (o *Options) lighter(factor float64, note string) *Options {
	for i, t := range o.Thresholds {
		o.Thresholds[i] = rewritten(t, factor, []string{"count", "rate", "value"}, t.Window)
	}
	o.Scaled = append(o.Scaled, note)
	return o
}

// PeakRate is the highest rate of an open model, or of a search, in iterations per second; 0 where there is none.
func (o *Options) PeakRate() float64 {
	if o.Search != nil {
		return float64(o.Search.Max)
	}
	peak := 0.0
	for _, s := range o.Scenarios {
		peak = max(peak, peakRate(s))
	}
	return peak
}

func isOpen(c executor.Config) bool {
	switch c.(type) {
	case *executor.ConstantArrivalRate, *executor.RampingArrivalRate:
		return true
	}
	return false
}

// peakRate is the highest rate of an open model in iterations per second.
func peakRate(c executor.Config) float64 {
	switch c := c.(type) {
	case *executor.ConstantArrivalRate:
		return float64(c.Rate) / time.Duration(c.TimeUnit).Seconds()
	case *executor.RampingArrivalRate:
		peak := c.StartRate
		for _, s := range c.Stages {
			peak = max(peak, s.Target)
		}
		return float64(peak) / time.Duration(c.TimeUnit).Seconds()
	}
	return 0
}

// scaledCount keeps at least one of what there was any of.
func scaledCount(n int, factor float64) int {
	if n == 0 {
		return 0
	}
	return max(1, int(min(math.Round(float64(n)*factor), math.MaxInt32))) // which Validate refuses
}

// scaleLoad multiplies users, or rates and the users that they need.
func scaleLoad(c executor.Config, factor float64) {
	scale := func(counts ...*int) {
		for _, n := range counts {
			*n = scaledCount(*n, factor)
		}
	}
	switch c := c.(type) {
	case *executor.ConstantVUs:
		scale(&c.VUs)
	case *executor.RampingVUs:
		scale(&c.StartVUs)
		for i := range c.Stages {
			scale(&c.Stages[i].Target)
		}
	case *executor.PerVUIterations:
		scale(&c.VUs)
	case *executor.SharedIterations:
		scale(&c.VUs)
		c.Iterations = max(c.Iterations, c.VUs)
	case *executor.ExternallyControlled:
		scale(&c.VUs, &c.MaxVUs)
	case *executor.ConstantArrivalRate:
		c.TimeUnit *= scaleRates(factor, &c.Rate)
		scale(&c.PreAllocatedVUs, &c.MaxVUs)
	case *executor.RampingArrivalRate:
		rates := []*int{&c.StartRate}
		for i := range c.Stages {
			rates = append(rates, &c.Stages[i].Target)
		}
		c.TimeUnit *= scaleRates(factor, rates...)
		scale(&c.PreAllocatedVUs, &c.MaxVUs)
	}
}

// scaleRates multiplies rates, and returns how many times longer the time must be that they are meant for: rates
// are whole numbers, and half an iteration a second is 30 a minute.
func scaleRates(factor float64, rates ...*int) executor.Duration {
	for _, unit := range []executor.Duration{1, 10, 60, 600, 3600} {
		fits := true
		for _, r := range rates {
			exact := float64(*r) * factor * float64(unit)
			if off := math.Abs(exact-math.Round(exact)) / max(exact, 1e-9); *r > 0 && (math.Round(exact) < 1 || off > 0.01) {
				fits = false
			}
		}
		if fits || unit == 3600 {
			for _, r := range rates {
				*r = scaledCount(*r, factor*float64(unit))
			}
			return unit
		}
	}
	panic("unreachable")
}

// atLeast is a condition that asks for so much of something or more, which less load can't come up with.
var atLeast = regexp.MustCompile(`^(count|rate|value)(\s*>=?\s*)([0-9.eE+]+)(.*)$`)

// overWindow is the end of a condition that has a window.
var overWindow = regexp.MustCompile(`\s+over\s+\S+\s*$`)

// rewritten returns a threshold over a window of the given length that asks for a share of what it asked for, if
// that is one of the given aggregations of something that depends on the load.
func rewritten(t threshold.Threshold, factor float64, aggregations []string, window time.Duration) threshold.Threshold {
	source := t.Source
	m := atLeast.FindStringSubmatch(source)
	if m != nil && slices.Contains(aggregations, m[1]) && dependsOnLoad(t.Selector.Metric) {
		if bound, err := strconv.ParseFloat(m[3], 64); err == nil {
			source = m[1] + m[2] + significant(bound*factor) + m[4]
		}
	}
	if window != t.Window {
		source = overWindow.ReplaceAllString(source, " over "+window.String())
	}
	if source == t.Source {
		return t
	}
	n, err := threshold.Parse(t.Selector.String(), source)
	if err != nil {
		return t // what was read once with other numbers
	}
	n.AbortOnFail, n.DelayAbortEval = t.AbortOnFail, t.DelayAbortEval
	return n
}

// dependsOnLoad tells of a metric that its total or its rate per second falls with the load. The rates of Rates
// are shares, and do not.
func dependsOnLoad(metric string) bool {
	switch metric {
	case "http_reqs", "iterations", "data_sent", "data_received", "rows_read", "vus", "vus_max":
		return true
	}
	return false
}

// significant writes a number to four digits.
func significant(v float64) string { return strconv.FormatFloat(rounded(v), 'f', -1, 64) }

func rounded(v float64) float64 {
	if v == 0 {
		return 0
	}
	digits := math.Pow(10, 4-math.Ceil(math.Log10(math.Abs(v))))
	return math.Round(v*digits) / digits
}
