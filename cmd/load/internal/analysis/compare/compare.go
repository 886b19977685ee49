package compare

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// How many blocks a comparison has.
const (
	minBlocks = 10
	maxBlocks = 60
)

// beyond is how many samples of a block are to be beyond the percentile that is compared.
const beyond = 2

// priorDegrees is how much the spread of a baseline's runs in one figure counts on that of the other figures of the
// same metric, in runs: a handful of runs can't tell a variance by themselves.
const priorDegrees = 4

// The units of a Change.
const (
	unitTime  = "ms"
	unitRate  = "requests/s"
	unitShare = "%"
)

// kind is how a metric is compared.
type kind struct {
	metric, unit string
	quantile     float64 // 0 for what is no percentile
	threshold    float64
	major        float64
	critical     float64
	// sign is 1 where more is worse, and -1 where less is.
	sign float64
}

func kinds() []kind {
	return []kind{
		{P50, unitTime, 0.50, TimeThreshold, MajorChange, CriticalChange, 1},
		{P95, unitTime, 0.95, TimeThreshold, MajorChange, CriticalChange, 1},
		{P99, unitTime, 0.99, TimeThreshold, MajorChange, CriticalChange, 1},
		{Throughput, unitRate, 0, ThroughputThreshold, MajorChange, CriticalChange, -1},
		{ErrorRate, unitShare, 0, ErrorThreshold, MajorErrors, CriticalErrors, 1},
	}
}

// Compare holds a run against a baseline. Whether they may be compared at all is Subject's to say. The error is for
// runs that are too short.
func Compare(current *Run, baseline *Baseline) (*Analysis, error) {
	c := &comparison{current: current, baseline: baseline.Runs, step: current.Step}
	for _, r := range c.baseline {
		c.step = max(c.step, r.Step)
	}
	c.stretches = int(current.Length / c.step)
	for _, r := range c.baseline {
		c.stretches = min(c.stretches, int(r.Length/c.step))
	}
	if c.stretches < minBlocks {
		return nil, fmt.Errorf("compare: the runs have %s in common, at least %s are needed to tell a change from noise",
			time.Duration(c.stretches)*c.step, minBlocks*c.step)
	}
	a := &Analysis{
		Regressions: []Change{}, Improvements: []Change{}, Current: current.Source, Baseline: baseline.Name,
		BaselineRuns: len(baseline.Runs), BaselineSaved: baseline.Saved, Test: baseline.Subject.Test,
		Compared: time.Duration(c.stretches) * c.step, Blocks: min(c.stretches, maxBlocks),
	}
	c.measure("")
	for _, label := range c.labels(a) {
		c.measure(label)
	}
	c.judge(a)
	a.summarize()
	return a, nil
}

// comparison is one in the making.
type comparison struct {
	current   *Run
	baseline  []*Run
	step      time.Duration
	stretches int
	figures   []*figure
}

// figure is a Change in the making.
type figure struct {
	Change
	kind
	compared bool
	all      estimate
	each     []estimate // against each run of the baseline
	plain    bool       // the change is too great for its noise to matter: see plain
}

// labels are the endpoints that all runs have; the others are noted in a.
func (c *comparison) labels(a *Analysis) []string {
	var common []string
	for _, label := range c.current.labels() {
		if slices.ContainsFunc(c.baseline, func(r *Run) bool { return r.Figures[label].Requests == 0 }) {
			a.NewEndpoints = append(a.NewEndpoints, label)
		} else {
			common = append(common, label)
		}
	}
	for _, r := range c.baseline {
		for _, label := range r.labels() {
			if c.current.Figures[label].Requests == 0 && !slices.Contains(a.GoneEndpoints, label) {
				a.GoneEndpoints = append(a.GoneEndpoints, label)
			}
		}
	}
	return common
}

// measure estimates the changes of all figures of the label.
func (c *comparison) measure(label string) {
	cuts := map[int]*cut{}
	for _, k := range kinds() {
		f := &figure{kind: k, Change: Change{Metric: k.metric, Endpoint: label, Unit: k.unit, Threshold: k.threshold}}
		f.Current = k.of(c.current.Figures[label])
		var past []float64
		for _, r := range c.baseline {
			past = append(past, k.of(r.Figures[label]))
		}
		f.Baseline = median(past)
		f.Change.Change = f.Current - f.Baseline
		switch {
		case f.Baseline != 0:
			percent := 100 * f.Change.Change / f.Baseline
			f.ChangePercent = &percent
		case f.Current != 0:
			f.Note = "new: it was zero in the baseline"
		}
		if n := c.blocksFor(k, label); n >= minBlocks {
			if cuts[n] == nil {
				cuts[n] = c.cut(label, n)
			}
			f.estimate(cuts[n])
		}
		if !f.compared {
			f.Note = "too few samples"
		}
		c.figures = append(c.figures, f)
	}
}

// of picks the figure of the kind.
func (k kind) of(f Figures) float64 {
	switch k.metric {
	case P50:
		return f.P50
	case P95:
		return f.P95
	case P99:
		return f.P99
	case Throughput:
		return f.Rate
	}
	if f.Requests == 0 {
		return 0
	}
	return 100 * float64(f.Failed) / float64(f.Requests)
}

// need is how many requests a block must have on average.
func (k kind) need() int {
	switch k.metric {
	case P50, P95, P99:
		return max(int(math.Round(beyond/(1-k.quantile))), 10)
	}
	return 5
}

// blocksFor is into how many blocks the runs can be cut for the figure.
func (c *comparison) blocksFor(k kind, label string) int {
	least := c.current.Figures[label].Requests
	for _, r := range c.baseline {
		least = min(least, r.Figures[label].Requests)
	}
	return min(maxBlocks, c.stretches, int(min(least, math.MaxInt32))/k.need())
}

// cut is the blocks of all runs.
type cut struct {
	current  []metrics.Traffic
	baseline [][]metrics.Traffic
	seconds  []float64
}

func (c *comparison) cut(label string, n int) *cut {
	x := new(cut)
	x.current, x.seconds = c.current.blocks(label, c.step, c.stretches, n)
	for _, r := range c.baseline {
		b, _ := r.blocks(label, c.step, c.stretches, n)
		x.baseline = append(x.baseline, b)
	}
	return x
}

// estimate fills in the changes between the blocks.
func (f *figure) estimate(x *cut) {
	current, ok := f.values(x.current, x.seconds)
	past := make([][]float64, len(x.baseline))
	for i, b := range x.baseline {
		var has []bool
		past[i], has = f.values(b, x.seconds)
		for j := range has {
			ok[j] = ok[j] && has[j]
		}
	}
	scale := 1.0
	if f.metric == Throughput {
		total := 0.0
		for _, p := range past {
			for _, v := range p {
				total += v
			}
		}
		if scale = total / float64(len(past)*len(current)); scale == 0 {
			return
		}
	}
	all, each := []float64{}, make([][]float64, len(past))
	for j := range current {
		if !ok[j] {
			continue
		}
		sum := 0.0
		for i := range past {
			d := (current[j] - past[i][j]) / scale
			each[i] = append(each[i], d)
			sum += d
		}
		all = append(all, sum/float64(len(past)))
	}
	if len(all) < minBlocks {
		return
	}
	trim := trim
	if f.metric == ErrorRate {
		trim = 0 // errors come in bursts, and these count
	}
	f.compared, f.all = true, typical(all, trim)
	for _, x := range each {
		f.each = append(f.each, typical(x, trim))
	}
	if f.quantile > 0 {
		f.plain = plain(each)
	}
}

// values are what is compared of each block, and whether a block has any.
func (f *figure) values(blocks []metrics.Traffic, seconds []float64) ([]float64, []bool) {
	v, ok := make([]float64, len(blocks)), make([]bool, len(blocks))
	for i := range blocks {
		b := &blocks[i]
		switch f.metric {
		case Throughput:
			v[i], ok[i] = float64(b.Requests)/seconds[i], true
		case ErrorRate:
			if ok[i] = b.Requests > 0; ok[i] {
				v[i] = 100 * float64(b.Failed) / float64(b.Requests)
			}
		default:
			// Blocks at the ends of a ramp may have next to nothing.
			q := b.Duration.Quantile(f.quantile)
			if ok[i] = q > 0 && b.Duration.Count() >= uint64(f.need()+3)/4; ok[i] {
				v[i] = math.Log(q)
			}
		}
	}
	return v, ok
}
