// Package report writes what a run came to: the run's own result file, from which everything else can be made
// again, k6's two summaries, JUnit, Markdown and text for people, and the streams of samples.
//
// A result file is one JSON object, a [Result]. A checkpoint is a result file of a run that goes on, written
// every few seconds, with complete being false; a killed run leaves it behind. RESULT.md in cmd/load is the format for
// readers outside of this program.
package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/engine/health"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// Format and Version mark result files. The version rises when something in them changes its meaning or goes
// away; readers ignore what they do not know.
const (
	Format  = "medianest-load-result"
	Version = 1
)

// Result is a result file. Durations are nanoseconds, durations of requests milliseconds, sizes bytes, shares
// 0 to 1.
type Result struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Complete is false in a checkpoint: the run was still going on at Written.
	Complete bool      `json:"complete"`
	Written  time.Time `json:"written"`

	Test Test `json:"test"`
	Run  Run  `json:"run"`
	// Verdict is what the exit code says.
	Verdict Verdict `json:"verdict"`
	// Dataset is what the target said that it serves, or else what the test says of it; null where neither did.
	Dataset *Dataset          `json:"dataset"`
	Machine Machine           `json:"machine"`
	Program map[string]string `json:"program"` // version, commit and toolchain of the runner

	// Metrics are the totals of every metric and of the submetrics that thresholds name, as in k6's summary.
	Metrics map[string]Metric `json:"metrics"`
	// Endpoints are the requests of every method and value of the tag name; the busiest first.
	Endpoints []Endpoint `json:"endpoints"`
	// Hosts are the requests of every host, where a service has several; by URL.
	Hosts      []Host        `json:"hosts,omitempty"`
	Root       Group         `json:"root_group"`
	Thresholds []Threshold   `json:"thresholds"`
	Health     health.Report `json:"health"`
	// Errors counts the failed requests, most frequent first.
	Errors []Failure `json:"errors"`
	// Verified is what came of verifying answers, null where none was.
	Verified *Verification `json:"verified"`
	// Knee is what a search for the highest rate found; everything else is then of one step of it, at that rate.
	Knee *scenario.Knee `json:"knee,omitempty"`
	// Recovery is how the target got over a spike, where the test asks.
	Recovery *scenario.Recovered `json:"recovery,omitempty"`
	// Observed is what was seen of the target besides its answers, null where nothing was.
	Observed *observe.Report `json:"observed,omitempty"`
	// Trends are what drifted over the run and what did not, where the test asks.
	Trends []trend.Verdict `json:"trends,omitempty"`
	// Outputs that could not be written completely.
	Outputs []Trouble `json:"outputs,omitempty"`

	Timeline []metrics.Point `json:"timeline"`
	// Series is what was counted of every metric under every set of tags: all that is above is made of it.
	Series []Series `json:"series"`
}

// Test is what was run.
type Test struct {
	Name string `json:"name"`
	// Source is the file, "" for a built-in test.
	Source string `json:"source,omitempty"`
	// Options are the test's, in k6's words, as they were run: after all flags.
	Options json.RawMessage `json:"options,omitempty"`
	// Scaled says how the run differs from the test as it is defined, such as "time x 0.0167"; a scaled run can't
	// be compared with one that is not.
	Scaled     []string   `json:"scaled,omitempty"`
	Scenarios  []Scenario `json:"scenarios"`
	TrendStats []string   `json:"summaryTrendStats"`
	// TimeUnit is s, ms or us, in which the text and k6's tools show times, or "" for whichever fits.
	TimeUnit string            `json:"summaryTimeUnit,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Seed     uint64            `json:"seed"`
	// Targets is the base URL by service, the first one of several; names of endpoints begin with it.
	Targets map[string]string `json:"targets"`
	// Hosts are all base URLs of the services that have several.
	Hosts map[string][]string `json:"hosts,omitempty"`
	// Commit is that of what was tested, with -dirty where files had been changed; "" where it is not known.
	Commit string `json:"commit,omitempty"`
	// Args is how to run it again: the command line.
	Args []string `json:"args,omitempty"`
}

// Scenario is one scenario and how far it came.
type Scenario struct {
	Name        string `json:"name"`
	Executor    string `json:"executor"`
	Description string `json:"description"`
	Iterations  int64  `json:"iterations"`
	Interrupted int64  `json:"interrupted"`
	Dropped     int64  `json:"dropped"`
	VUsMax      int    `json:"vusMax"`
}

// Run is when and how long.
type Run struct {
	Start time.Time `json:"start"`
	// End is when it ended, or when the checkpoint was written.
	End time.Time `json:"end"`
	// Elapsed is the run's time: without the gaps.
	Elapsed time.Duration `json:"elapsed"`
	// Planned is how long it was to take, 0 where that is open.
	Planned time.Duration `json:"planned,omitempty"`
	// Ended is why: completed, stopped, aborted by threshold, aborted by test suite; "" while it goes on.
	Ended string `json:"ended,omitempty"`
	Error string `json:"error,omitempty"`
	// Gaps are where the run was interrupted and went on.
	Gaps []Gap `json:"gaps,omitempty"`
}

// Gap is a time in which nothing ran.
type Gap struct {
	// At is the run's time.
	At   time.Duration `json:"at"`
	From time.Time     `json:"from"`
	To   time.Time     `json:"to"`
}

// Verdict is what a run's exit code says, in words.
type Verdict struct {
	ExitCode int `json:"exitCode"`
	// Word is one of Passed and the others beside it; Running in a checkpoint.
	Word    string   `json:"word"`
	Reasons []string `json:"reasons,omitempty"`
}

// Dataset names a dataset as a target's /health does.
type Dataset struct {
	Fingerprint string    `json:"fingerprint"`
	Profile     string    `json:"profile"`
	Seed        uint64    `json:"seed"`
	AsOf        time.Time `json:"asOf,omitzero"`
}

// Metric is the total of a metric or a submetric.
type Metric struct {
	Type     string `json:"type"`
	Contains string `json:"contains"`
	// Values are k6's of the type: count and rate; value, min and max; rate, passes and fails; or the trend
	// statistics.
	Values     map[string]float64         `json:"values"`
	Thresholds map[string]ThresholdStatus `json:"thresholds,omitempty"`
}

// ThresholdStatus is k6's.
type ThresholdStatus struct {
	OK bool `json:"ok"`
}

// Endpoint is the requests of one method and one value of the tag name.
type Endpoint struct {
	// Label is short, and the same wherever the target is: GET /api/v1/media, or POST auth:/login of a service
	// with a base URL of its own.
	Label    string  `json:"label"`
	Method   string  `json:"method"`
	Name     string  `json:"name"`
	Requests uint64  `json:"requests"`
	Rate     float64 `json:"rate"` // per second of the run
	Failed   uint64  `json:"failed"`
	// The distribution of http_req_duration.
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// Host is the requests of one of several hosts over which the users of a service are spread. A slow one gets fewer
// of an open model's: its users are busy for longer.
type Host struct {
	URL      string  `json:"url"`
	Requests uint64  `json:"requests"`
	Rate     float64 `json:"rate"` // per second of the run
	Failed   uint64  `json:"failed"`
	// The distribution of http_req_duration.
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Threshold is a threshold and what it says.
type Threshold struct {
	// Selector is the metric or submetric, Source the condition.
	Selector string `json:"selector"`
	Source   string `json:"source"`
	// State is passed, failed or no data.
	State string `json:"state"`
	// Allowed tells that there is no data, and that the test does not mind.
	Allowed bool    `json:"allowed,omitempty"`
	Value   float64 `json:"value"`
	// FailedAt is when it first failed, where it looks at a window or aborts the run.
	FailedAt time.Duration `json:"failedAt,omitempty"`
}

// Crossed tells whether the threshold counts against the run: it failed, or has no data and needs some.
func (t Threshold) Crossed() bool { return t.State != threshold.Passed.String() && !t.Allowed }

// Failure is one way in which requests failed.
type Failure struct {
	Endpoint string `json:"endpoint"` // its label
	Status   string `json:"status"`
	// Kind is what kept the request from being answered; "" where a status did not please.
	Kind  string `json:"kind,omitempty"`
	Count uint64 `json:"count"`
}

// Trouble is an output that could not be written completely.
type Trouble struct {
	Output string `json:"output"`
	Error  string `json:"error"`
}

// Verification is what came of holding answers against the rows that must be there.
type Verification struct {
	Checked int64 `json:"checked"`
	Wrong   int64 `json:"wrong"`
	// Mismatches are the first wrong ones, with both sides.
	Mismatches []verify.Mismatch `json:"mismatches,omitempty"`
}

// Brief returns the result without what only programs read: the timeline and the series.
func (r *Result) Brief() any {
	brief := *r
	brief.Timeline, brief.Series = nil, nil
	if r.Observed != nil {
		observed := *r.Observed
		brief.Observed, observed.Series = &observed, nil
	}
	return struct {
		*Result
		Timeline *struct{} `json:"timeline,omitempty"`
		Series   *struct{} `json:"series,omitempty"`
	}{Result: &brief}
}

// Series is what was counted of one metric under one set of tags.
type Series struct {
	Metric   string            `json:"metric"`
	Type     string            `json:"type"`
	Contains string            `json:"contains"`
	Tags     map[string]string `json:"tags"`
	Count    uint64            `json:"count"`
	// Sum is a counter's, Passes a rate's; Last, Min and Max are a gauge's; Values a trend's.
	Sum    float64            `json:"sum,omitempty"`
	Passes uint64             `json:"passes,omitempty"`
	Last   float64            `json:"last,omitempty"`
	Min    float64            `json:"min,omitempty"`
	Max    float64            `json:"max,omitempty"`
	Values *metrics.Histogram `json:"values,omitempty"`
}

// types and contents are the words of k6's JSON.
func types() map[string]metrics.Type {
	return map[string]metrics.Type{"counter": metrics.Counter, "gauge": metrics.Gauge, "rate": metrics.Rate, "trend": metrics.Trend}
}

func contents() map[string]metrics.Contains {
	return map[string]metrics.Contains{"default": metrics.Default, "time": metrics.Time, "data": metrics.Data}
}

// seriesOf copies everything that a store has counted.
func seriesOf(s *metrics.Store) []Series {
	var all []Series
	s.Each(func(m *metrics.Metric, tags *metrics.TagSet, sink *metrics.Sink) {
		x := Series{
			Metric: m.Name, Type: m.Type.String(), Contains: m.Contains.String(), Tags: make(map[string]string),
			Count: sink.Count, Sum: sink.Sum, Passes: sink.Passes, Last: sink.Last, Min: sink.Min, Max: sink.Max,
		}
		if sink.Values != nil {
			x.Values = new(metrics.Histogram)
			x.Values.Merge(sink.Values)
		}
		tags.Each(func(name, value string) { x.Tags[name] = value })
		all = append(all, x)
	})
	return all
}

// Sink returns the series as the store counts it.
func (s *Series) Sink() *metrics.Sink {
	sink := &metrics.Sink{
		Type: types()[s.Type], Count: s.Count, Sum: s.Sum, Passes: s.Passes, Last: s.Last, Min: s.Min, Max: s.Max, Values: s.Values,
	}
	if sink.Type == metrics.Trend && sink.Values == nil {
		sink.Values = new(metrics.Histogram)
	}
	return sink
}

// Restore puts what a checkpoint holds into the store and the thresholds of a run that goes on.
func (r *Result) Restore(reg *metrics.Registry, store *metrics.Store, thresholds *threshold.Set) error {
	for i := range r.Series {
		s := &r.Series[i]
		m, err := reg.New(s.Metric, types()[s.Type], contents()[s.Contains])
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		tags := reg.Tags()
		for _, name := range slices.Sorted(maps.Keys(s.Tags)) {
			tags = tags.With(name, s.Tags[name])
		}
		store.Restore(m, tags, s.Sink())
	}
	states := make(map[string]threshold.State)
	for _, s := range []threshold.State{threshold.Passed, threshold.Failed, threshold.NoData} {
		states[s.String()] = s
	}
	var past []threshold.Result
	for _, t := range r.Thresholds {
		parsed, err := threshold.Parse(t.Selector, t.Source)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		past = append(past, threshold.Result{Threshold: parsed, State: states[t.State], Value: t.Value, FailedAt: t.FailedAt})
	}
	thresholds.Restore(past)
	return nil
}

// Total returns what the selector has counted; nil where there is nothing.
func (r *Result) Total(sel metrics.Selector) *metrics.Sink {
	var total *metrics.Sink
	for i := range r.Series {
		s := &r.Series[i]
		if s.Metric != sel.Metric || !carries(s.Tags, sel.Tags) {
			continue
		}
		if total == nil {
			total = metrics.NewSink(types()[s.Type])
		}
		total.Merge(s.Sink())
	}
	return total
}

func carries(tags, wanted map[string]string) bool {
	for name, value := range wanted {
		if v, ok := tags[name]; !ok || v != value {
			return false
		}
	}
	return true
}
