package observe

import (
	"slices"
	"sync"
	"time"
)

// maxPoints is how many points a series has at most: one a second for the first six minutes, and one for each
// 1,024 seconds of three days.
const maxPoints = 360

// One looks once a second at first, and more seldom as points stand for longer stretches, but often enough to see
// what goes up and down within one.
const (
	minInterval = time.Second
	maxInterval = 10 * time.Second
)

// maxRestarts bounds what is kept of a target that restarts again and again.
const maxRestarts = 100

// quantity describes a series.
type quantity struct {
	name, unit string
	cumulative bool
}

func quantities() []quantity {
	return []quantity{
		{ResidentMemory, "bytes", false}, {HeapInUse, "bytes", false}, {Goroutines, "one", false}, {OpenFiles, "one", false},
		{CPUSeconds, "seconds", true}, {GCPauseSeconds, "seconds", true}, {GCCount, "one", true},
		{PoolBusy, "connections", false}, {PoolMax, "connections", false}, {PoolAcquired, "connections", true},
		{PoolWaited, "connections", true}, {PoolWait, "seconds", true},
		{Connections, "connections", false}, {DatabaseSize, "bytes", false}, {DeadRows, "rows", false}, {WALBytes, "bytes", true},
		{TempBytes, "bytes", true}, {BlocksHit, "one", true}, {BlocksRead, "one", true}, {Deadlocks, "one", true},
	}
}

// recorder keeps series within their bounds. It is safe for concurrent use.
type recorder struct {
	mu       sync.Mutex
	step     time.Duration // the stretch that a point stands for
	series   []Series      // in the order of quantities
	started  time.Time     // the target's process, zero where it is not known
	restarts []time.Duration
}

// newRecorder returns a recorder that goes on with what an interrupted run left; past may be nil.
func newRecorder(past *Report) *recorder {
	r := &recorder{step: minInterval}
	for _, q := range quantities() {
		s := Series{Name: q.name, Unit: q.unit, Cumulative: q.cumulative}
		if p := past.Find(q.name); p != nil {
			s.Points = slices.Clone(p.Points)
		}
		r.series = append(r.series, s)
	}
	if past != nil {
		r.started, r.restarts = past.Started, slices.Clone(past.Restarts)
	}
	r.coarsen()
	return r
}

// add takes in values by name, all of one time.
func (r *recorder) add(at time.Duration, values map[string]float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.series {
		if v, ok := values[r.series[i].Name]; ok {
			r.series[i].Points = r.join(r.series[i].Points, Point{At: at, Value: v, Min: v, Max: v})
		}
	}
	r.coarsen()
}

// join adds a point, or makes it one with the last where both are in the same stretch.
func (r *recorder) join(points []Point, p Point) []Point {
	stretch := func(at time.Duration) time.Duration { return (at + r.step/2) / r.step } // ticks are some milliseconds early or late
	if len(points) == 0 || stretch(points[len(points)-1].At) != stretch(p.At) {
		return append(points, p)
	}
	last := &points[len(points)-1]
	*last = Point{At: p.At, Value: p.Value, Min: min(last.Min, p.Min), Max: max(last.Max, p.Max)}
	return points
}

// coarsen makes the stretches longer while there are too many points.
func (r *recorder) coarsen() {
	for slices.ContainsFunc(r.series, func(s Series) bool { return len(s.Points) > maxPoints }) {
		r.step *= 2
		for i := range r.series {
			points := r.series[i].Points
			joined := points[:0]
			for _, p := range points {
				joined = r.join(joined, p)
			}
			r.series[i].Points = joined
		}
	}
}

// interval is how long to wait until the next look.
func (r *recorder) interval() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return min(r.step, maxInterval)
}

// process takes in when the target's process began, in seconds since 1970: another one than before has taken its place
// if that has changed, by more than the resolution of clocks.
func (r *recorder) process(at time.Duration, start float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := time.UnixMilli(int64(start * 1000)).UTC()
	if !r.started.IsZero() && began.Sub(r.started).Abs() > time.Second && len(r.restarts) < maxRestarts {
		r.restarts = append(r.restarts, at)
	}
	r.started = began
}

// report copies what there is.
func (r *recorder) report() *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := &Report{Started: r.started, Restarts: slices.Clone(r.restarts)}
	for _, s := range r.series {
		if len(s.Points) > 0 {
			s.Points = slices.Clone(s.Points)
			report.Series = append(report.Series, s)
		}
	}
	return report
}
