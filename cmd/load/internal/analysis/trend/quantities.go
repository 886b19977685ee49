package trend

import (
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
)

// Evidence is what a run has left behind.
type Evidence struct {
	Timeline []metrics.Point
	// Observed is what was seen of the target, nil where nothing was.
	Observed *observe.Report
	// From and To bound the part of the run's time in which the load was constant.
	From, To time.Duration
	// Gaps are when the run was interrupted and went on. What the target's process tells is not compared across them:
	// it was idle meanwhile, and may be another one since.
	Gaps []time.Duration
}

// The least drifts in the wrong direction that are taken for one, however small the quantity is.
const (
	leastLatency    = 2        // ms
	leastThroughput = 1        // requests/s
	leastMemory     = 8 << 20  // bytes: what a process allocates as it gets going
	leastDisk       = 64 << 20 // bytes
	leastCount      = 10       // goroutines, files, connections
)

// Judge comes to a verdict on each quantity that the run tells of: the median and the 95th percentile of
// http_req_duration, the throughput and the share of failed requests; and of the target, where it was observed, its
// memory, heap, goroutines, open files and connections, its database's size, and the rows that wait for vacuum.
//
// Latency and throughput are both there, since in a closed model the one falls when the other rises. What the database
// takes is bad only where it has a limit: a test that writes makes it grow, and dead rows grow until vacuum comes.
func Judge(o Options, e Evidence) []Verdict {
	var verdicts []Verdict
	for _, q := range append(fromTimeline(&o, &e), observed(&o, &e)...) {
		verdicts = append(verdicts, q.judge(&o))
	}
	return verdicts
}

func fromTimeline(o *Options, e *Evidence) []quantity {
	p50 := quantity{
		words: "p50 of http_req_duration", unit: unitMilliseconds, reduce: median, wrong: 1, share: o.Tolerance, least: leastLatency, limit: o.P50Limit,
	}
	p95 := p50
	p95.words, p95.limit = "p95 of http_req_duration", o.P95Limit
	throughput := quantity{words: "throughput", unit: "requests/s", reduce: median, wrong: -1, share: o.Tolerance, least: leastThroughput}
	failed := quantity{words: "share of failed requests", unit: unitShare, reduce: mean, wrong: 1, least: o.Errors, limit: o.FailedLimit}
	for i := range e.Timeline {
		p := &e.Timeline[i]
		if p.Start < e.From || p.Start+p.Length > e.To {
			continue
		}
		at, requests := p.Start+p.Length/2, float64(p.All.Requests)
		throughput.points = append(throughput.points, point{at: at, value: requests / p.Length.Seconds()})
		if p.All.Requests == 0 {
			continue
		}
		p50.points = append(p50.points, point{at: at, value: p.All.Duration.Quantile(0.5)})
		p95.points = append(p95.points, point{at: at, value: p.All.Duration.Quantile(0.95)})
		failed.points = append(failed.points, point{at: at, value: float64(p.All.Failed) / requests, weight: requests})
	}
	return []quantity{p50, p95, throughput, failed}
}

// observed are the quantities that were observed of the target.
func observed(o *Options, e *Evidence) []quantity {
	if e.Observed == nil {
		return nil
	}
	restarts := slices.Concat(e.Observed.Restarts, e.Gaps)
	cycles := 0
	if s := e.Observed.Find(observe.GCCount); s != nil {
		cycles = max(collections(s.Points, e.From+time.Duration(o.WarmUp*float64(e.To-e.From)), e.To), 1)
	}
	floor := func(p observe.Point) float64 { return p.Min }
	last := func(p observe.Point) float64 { return p.Value }
	var all []quantity
	add := func(name string, value func(observe.Point) float64, q quantity) {
		s := e.Observed.Find(name)
		if s == nil {
			return
		}
		for _, p := range s.Points {
			if p.At >= e.From && p.At <= e.To {
				q.points = append(q.points, point{at: p.At, value: value(p)})
			}
		}
		all = append(all, q)
	}
	add(observe.ResidentMemory, last, quantity{
		words: "memory of the target", unit: unitBytes, reduce: median, wrong: 1, share: o.Tolerance, least: leastMemory,
		limit: o.MemoryLimit, hard: true, restarts: restarts, cycles: cycles,
	})
	add(observe.HeapInUse, floor, quantity{
		words: "heap of the target", unit: unitBytes, reduce: least, wrong: 1, share: o.Tolerance, least: leastMemory,
		restarts: restarts, cycles: cycles,
	})
	count := func(name, words, unit string) {
		add(name, last, quantity{words: words, unit: unit, reduce: median, wrong: 1, share: o.Tolerance, least: leastCount, restarts: restarts})
	}
	count(observe.Goroutines, "goroutines of the target", "goroutines")
	count(observe.OpenFiles, "open files of the target", "files")
	count(observe.PoolBusy, "busy connections of the target's pool", "connections")
	count(observe.Connections, "connections to the database", "connections")
	add(observe.DatabaseSize, last, quantity{
		words: "size of the database", unit: unitBytes, reduce: median, share: o.Tolerance, least: leastDisk, limit: o.DatabaseLimit, hard: true,
	})
	add(observe.DeadRows, floor, quantity{words: "dead rows of the database", unit: "rows", reduce: least})
	return all
}

// collections is how often the garbage collector ran between two times, over all processes.
func collections(points []observe.Point, from, to time.Duration) int {
	total, before := 0.0, -1.0
	for _, p := range points {
		if p.At < from || p.At > to {
			continue
		}
		if before >= 0 && p.Value >= before {
			total += p.Value - before
		}
		before = p.Value
	}
	return int(total)
}
