// Package threshold reads and judges k6's thresholds over this runner's metrics, and beyond k6 those over a
// sliding window: "p(95)<1000 over 1m".
package threshold

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/nearmiss"
)

// Threshold is one condition on one metric or submetric.
type Threshold struct {
	Selector metrics.Selector
	// Source is the condition as it was written: p(95)<1000.
	Source string
	// AbortOnFail ends the run as soon as the condition fails, though not before DelayAbortEval of the run's
	// time has passed.
	AbortOnFail    bool
	DelayAbortEval time.Duration
	// Window is how much of the recent past the condition looks at; 0 is the whole run.
	Window time.Duration

	aggregation string  // avg, min, max, med, p, count, rate, value
	quantile    float64 // of p
	operator    string
	bound       float64
}

var (
	// condition is aggregation, operator, number and perhaps a window, with spaces anywhere between.
	condition = regexp.MustCompile(`^\s*(avg|min|max|med|count|rate|value|p\(\s*([0-9.]+)\s*\))\s*(<=|>=|===|==|!=|<|>)\s*(\S+?)\s*(?:\s+over\s+(\S+)\s*)?$`)
	// key is a metric's name and perhaps tags in braces.
	key = regexp.MustCompile(`^\s*([^\s{}]+)\s*(?:\{(.*)\})?\s*$`)
)

// aggregations are what each type of metric offers.
var aggregations = map[metrics.Type][]string{
	metrics.Counter: {"count", "rate"},
	metrics.Gauge:   {"value"},
	metrics.Rate:    {"rate"},
	metrics.Trend:   {"avg", "min", "max", "med", "p"},
}

// Parse reads a condition on the metric or submetric that a threshold key names, such as
// "http_req_duration{scenario:load}". It does not know the metrics: Check does.
func Parse(selector, source string) (Threshold, error) {
	sel, err := ParseSelector(selector)
	if err != nil {
		return Threshold{}, err
	}
	t := Threshold{Selector: sel, Source: strings.TrimSpace(source)}
	m := condition.FindStringSubmatch(source)
	if m == nil {
		return Threshold{}, fmt.Errorf("threshold %s: %q is not a condition such as p(95)<1000, rate<0.05, count>=10 or avg<200 over 1m", selector, source)
	}
	t.aggregation, t.operator = m[1], m[3]
	if m[2] != "" {
		t.aggregation = "p"
		p, err := strconv.ParseFloat(m[2], 64)
		if err != nil || p < 0 || p > 100 {
			return Threshold{}, fmt.Errorf("threshold %s: %q asks for a percentile that is not from 0 to 100", selector, source)
		}
		t.quantile = p / 100
	}
	if t.bound, err = strconv.ParseFloat(m[4], 64); err != nil {
		return Threshold{}, fmt.Errorf("threshold %s: %q compares with %q, which is not a number", selector, source, m[4])
	}
	if m[5] != "" {
		if t.Window, err = time.ParseDuration(m[5]); err != nil || t.Window < time.Second {
			return Threshold{}, fmt.Errorf("threshold %s: %q has a window that is not a duration of a second or more, such as 1m", selector, source)
		}
	}
	return t, nil
}

// ParseSelector reads a threshold key: a metric, or a metric with tags in braces.
func ParseSelector(text string) (metrics.Selector, error) {
	m := key.FindStringSubmatch(text)
	if m == nil {
		return metrics.Selector{}, fmt.Errorf("threshold key %q is neither a metric nor metric{tag:value,...}", text)
	}
	sel := metrics.Selector{Metric: m[1]}
	if strings.TrimSpace(m[2]) == "" {
		return sel, nil
	}
	sel.Tags = make(map[string]string)
	for pair := range strings.SplitSeq(m[2], ",") {
		name, value, ok := strings.Cut(pair, ":")
		name = unquote(name)
		if !ok || name == "" {
			return metrics.Selector{}, fmt.Errorf("threshold key %q: %q is not tag:value", text, strings.TrimSpace(pair))
		}
		sel.Tags[name] = unquote(value)
	}
	return sel, nil
}

// unquote trims a tag's name or value and the quotes that it may have.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	for _, q := range []string{`"`, `'`} {
		if len(s) >= 2 && strings.HasPrefix(s, q) && strings.HasSuffix(s, q) {
			return s[1 : len(s)-1]
		}
	}
	return s
}

// Check tells whether the threshold's metric exists and offers what the condition asks for.
func (t *Threshold) Check(r *metrics.Registry) error {
	m := r.Lookup(t.Selector.Metric)
	if m == nil {
		return fmt.Errorf("threshold %s: there is no metric %s%s", t.Selector, t.Selector.Metric, nearest(t.Selector.Metric, r))
	}
	if !slices.Contains(aggregations[m.Type], t.aggregation) {
		return fmt.Errorf("threshold %s: %q asks a %s for %s, it has %s", t.Selector, t.Source, m.Type, t.aggregation,
			strings.Join(aggregations[m.Type], ", "))
	}
	return nil
}

func nearest(name string, r *metrics.Registry) string {
	var known []string
	for _, m := range r.Metrics() {
		known = append(known, m.Name)
	}
	best := nearmiss.Of(name, known)
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// State is what a threshold says.
type State uint8

// The states. NoData fails too, unless the run allows it.
const (
	Passed State = iota
	Failed
	NoData
)

// String returns the state's word.
func (s State) String() string { return [...]string{"passed", "failed", "no data"}[s] }

// Judge holds the condition against what was counted in the given time, and returns the value that it looked
// at. Counters without values count nothing, which is data; everything else without values is NoData.
func (t *Threshold) Judge(s *metrics.Sink, elapsed time.Duration) (State, float64) {
	if s.Count == 0 && s.Type != metrics.Counter {
		return NoData, 0
	}
	v := t.value(s, elapsed)
	if t.holds(v) {
		return Passed, v
	}
	return Failed, v
}

func (t *Threshold) value(s *metrics.Sink, elapsed time.Duration) float64 {
	switch t.aggregation {
	case "count":
		return s.Sum
	case "rate":
		return s.RateValue(elapsed)
	case "value":
		return s.Last
	case "avg":
		return s.Values.Mean()
	case "min":
		return s.Values.Min()
	case "max":
		return s.Values.Max()
	case "med":
		return s.Values.Quantile(0.5)
	default:
		return s.Values.Quantile(t.quantile)
	}
}

func (t *Threshold) holds(v float64) bool {
	switch t.operator {
	case "<":
		return v < t.bound
	case "<=":
		return v <= t.bound
	case ">":
		return v > t.bound
	case ">=":
		return v >= t.bound
	case "!=":
		return v != t.bound
	default: // == and ===
		return v == t.bound
	}
}

// Result is a threshold and what it says.
type Result struct {
	Threshold
	State State
	// Value is what was compared. Over a window it is the worst that was seen, once the window was full.
	Value float64
	// FailedAt is when, into the run, a windowed or aborting threshold first failed; 0 where it did not.
	FailedAt time.Duration
}

// Set judges the thresholds of a run.
type Set struct {
	store   *metrics.Store
	results []Result
	windows []*metrics.Window // nil for those over the whole run
}

// NewSet prepares to judge the thresholds; the error names all that can't be.
func NewSet(r *metrics.Registry, s *metrics.Store, thresholds []Threshold) (*Set, error) {
	set := &Set{store: s}
	var errs []error
	for _, t := range thresholds {
		errs = append(errs, t.Check(r))
		set.results = append(set.results, Result{Threshold: t, State: NoData})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, t := range thresholds {
		var w *metrics.Window
		if t.Window > 0 {
			w = s.Watch(t.Selector, t.Window)
		}
		set.windows = append(set.windows, w)
	}
	return set, nil
}

// Restore takes over what thresholds over windows said before an interruption, which no later window tells: one that
// failed has failed for good. It is to be called before Evaluate.
func (s *Set) Restore(past []Result) {
	for i := range s.results {
		r := &s.results[i]
		for _, p := range past {
			if r.Window > 0 && p.Source == r.Source && p.Selector.String() == r.Selector.String() {
				r.State, r.Value, r.FailedAt = p.State, p.Value, p.FailedAt
			}
		}
	}
}

// Evaluate judges every threshold on what the store has seen up to its last tick, and tells whether one of
// them wants the run to end. A threshold over a window fails for good when its window, once full, fails.
func (s *Set) Evaluate(now time.Time) (abort bool) {
	elapsed := s.store.Elapsed(now)
	for i := range s.results {
		r := &s.results[i]
		if w := s.windows[i]; w != nil {
			s.evaluateWindow(r, w, now, elapsed)
		} else {
			r.State, r.Value = r.Judge(s.store.Total(r.Selector), elapsed)
		}
		if r.State == Failed && r.AbortOnFail && elapsed >= r.DelayAbortEval {
			abort = true
			if r.FailedAt == 0 {
				r.FailedAt = elapsed
			}
		}
	}
	return abort
}

func (s *Set) evaluateWindow(r *Result, w *metrics.Window, now time.Time, elapsed time.Duration) {
	if r.State == Failed {
		return
	}
	sink, covered := w.Sink(now)
	if covered < r.Window {
		return
	}
	state, value := r.Judge(sink, covered)
	if state == NoData {
		return // a quiet minute is no failure; a run without any stays at no data
	}
	if r.State == NoData || state == Failed || worse(r.operator, value, r.Value) {
		r.Value = value
	}
	r.State = state
	if state == Failed {
		r.FailedAt = elapsed
	}
}

// worse tells whether a is nearer to failing than b.
func worse(operator string, a, b float64) bool {
	switch operator {
	case "<", "<=":
		return a > b
	case ">", ">=":
		return a < b
	}
	return false
}

// Results returns what the thresholds said at the last Evaluate.
func (s *Set) Results() []Result { return slices.Clone(s.results) }
