package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// maxStretches bounds how finely a Run is kept: stretches are a power of two of seconds long, the shortest of which
// there are at most as many.
const maxStretches = 64

// Run is what a comparison needs of one run: some 150 KB for a dozen endpoints, however long the run.
type Run struct {
	// Start is when it was, Source the file that it was read from, and Commit what was tested, where that is known.
	Start  time.Time `json:"start"`
	Source string    `json:"source"`
	Commit string    `json:"commit,omitempty"`
	// Length is the part of the run that is compared: without what comes after the last iteration's start.
	Length time.Duration `json:"length"`
	// Step is how long a stretch is.
	Step time.Duration `json:"step"`
	// Stretches are the run in its order; the i-th begins at i times Step. Endpoints go by their labels.
	Stretches []Stretch `json:"stretches"`
	// Figures are those of the whole run by label, "" being all requests.
	Figures map[string]Figures `json:"figures"`
	// Statements are what one request of each endpoint has run in the database, and under "" all statements of the
	// run; nil where the database was not observed.
	Statements map[string][]Statement `json:"statements,omitempty"`
}

// Stretch is the requests of one stretch of a run.
type Stretch struct {
	All       metrics.Traffic             `json:"all"`
	Endpoints map[string]*metrics.Traffic `json:"endpoints"`
}

// Figures are those of a whole run. Times are milliseconds, the rate is requests per second.
type Figures struct {
	Requests uint64  `json:"requests"`
	Failed   uint64  `json:"failed"`
	Rate     float64 `json:"rate"`
	P50      float64 `json:"p50"`
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
}

// NewRun takes from a result what a comparison needs. Source names the result in messages.
func NewRun(r *report.Result, source string) *Run {
	run := &Run{
		Start: r.Run.Start, Source: source, Commit: r.Test.Commit,
		Length:  r.Run.Elapsed.Round(time.Second), // a run ends some milliseconds before or after what was planned
		Figures: make(map[string]Figures), Statements: statementsOf(r.Observed, r.Run.Elapsed),
	}
	if r.Run.Planned > 0 {
		run.Length = min(run.Length, r.Run.Planned)
	}
	run.Step = stepFor(run.Length)
	// A last stretch that the run did not fill would be taken for one with less load.
	run.Stretches = make([]Stretch, run.Length/run.Step)
	for i := range r.Timeline {
		p := &r.Timeline[i]
		at := int(p.Start / run.Step)
		if at >= len(run.Stretches) {
			break
		}
		s := &run.Stretches[at]
		add(&s.All, &p.All)
		for name, traffic := range p.Endpoints {
			method, rest, _ := strings.Cut(name, " ")
			add(s.endpoint(r.Label(method, rest)), traffic)
		}
	}
	for _, e := range r.Endpoints {
		run.Figures[e.Label] = Figures{Requests: e.Requests, Failed: e.Failed, Rate: e.Rate, P50: e.P50, P95: e.P95, P99: e.P99}
	}
	run.Figures[""] = overall(r)
	return run
}

func overall(r *report.Result) Figures {
	var f Figures
	if t := r.Total(metrics.Selector{Metric: "http_req_failed"}); t != nil {
		f.Requests, f.Failed = t.Count, t.Passes
	}
	if s := r.Run.Elapsed.Seconds(); s > 0 {
		f.Rate = float64(f.Requests) / s
	}
	if t := r.Total(metrics.Selector{Metric: "http_req_duration"}); t != nil {
		f.P50, f.P95, f.P99 = t.Values.Quantile(0.5), t.Values.Quantile(0.95), t.Values.Quantile(0.99)
	}
	return f
}

// stepFor is a power of two of seconds, as the steps of a timeline are, so that its points never straddle two
// stretches.
func stepFor(length time.Duration) time.Duration {
	step := time.Second
	for length/step > maxStretches {
		step *= 2
	}
	return step
}

func (s *Stretch) endpoint(label string) *metrics.Traffic {
	if s.Endpoints == nil {
		s.Endpoints = make(map[string]*metrics.Traffic)
	}
	t := s.Endpoints[label]
	if t == nil {
		t = new(metrics.Traffic)
		s.Endpoints[label] = t
	}
	return t
}

func add(to, from *metrics.Traffic) {
	to.Requests += from.Requests
	to.Failed += from.Failed
	to.Duration.Merge(&from.Duration)
}

// traffic is the requests with the label in the stretch, nil where there are none; "" is all.
func (s *Stretch) traffic(label string) *metrics.Traffic {
	if label == "" {
		return &s.All
	}
	return s.Endpoints[label]
}

// labels are the endpoints of the run, the busiest first.
func (r *Run) labels() []string {
	var labels []string
	for label, f := range r.Figures {
		if label != "" && f.Requests > 0 {
			labels = append(labels, label)
		}
	}
	slices.SortFunc(labels, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Figures[b].Requests, r.Figures[a].Requests), cmp.Compare(a, b))
	})
	return labels
}

// blocks cuts the requests with the label in the run's first stretches into blocks of equal length, which is
// returned in seconds.
func (r *Run) blocks(label string, step time.Duration, stretches, blocks int) ([]metrics.Traffic, []float64) {
	cut, seconds := make([]metrics.Traffic, blocks), make([]float64, blocks)
	finer := int(step / r.Step)
	for i := range stretches {
		at := i * blocks / stretches
		seconds[at] += step.Seconds()
		for j := i * finer; j < (i+1)*finer; j++ {
			if t := r.Stretches[j].traffic(label); t != nil {
				add(&cut[at], t)
			}
		}
	}
	return cut, seconds
}

// check tells what is wrong with a run that was read from a file.
func (r *Run) check() error {
	if r.Step < time.Second || r.Step%time.Second != 0 || len(r.Stretches) > maxStretches || time.Duration(len(r.Stretches)) != r.Length/r.Step {
		return fmt.Errorf("run of %s: %d stretches of %s are not its length %s", r.Source, len(r.Stretches), r.Step, r.Length)
	}
	if _, ok := r.Figures[""]; !ok {
		return fmt.Errorf("run of %s: there are no figures of all requests", r.Source)
	}
	return nil
}
