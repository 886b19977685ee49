package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// days is a run of 72 hours in which an hour takes milliseconds: what a session keeps, and no session.
type days struct {
	options  *scenario.Options
	registry *metrics.Registry
	store    *metrics.Store
	timeline *metrics.Timeline
	limits   *threshold.Set
	start    time.Time // of the run, less the time that a gap took
	random   *rand.Rand
}

// tickEvery is how much of a run's time one tick stands for here: a quarter of what a point of the timeline does at last.
const tickEvery = 64 * time.Second

// newDays begins a run, or goes on with the past.
func newDays(t *testing.T, o *scenario.Options, past *report.Result) *days {
	t.Helper()
	d := &days{options: o, registry: metrics.NewRegistry(), start: time.Now(), random: rand.New(rand.NewPCG(1, 72))}
	d.store = metrics.NewStore(d.registry, d.start, nil)
	var err error
	if d.limits, err = threshold.NewSet(d.registry, d.store, o.Thresholds); err != nil {
		t.Fatal(err)
	}
	var points []metrics.Point
	if past != nil {
		points = past.Timeline
		if err := past.Restore(d.registry, d.store, d.limits); err != nil {
			t.Fatal(err)
		}
	}
	d.timeline = d.store.Timeline(points)
	return d
}

// run lets the run's time pass. Every hour the target is away for a while, and each of its requests is another kind of
// trouble then.
func (d *days) run(from, to time.Duration) {
	rec := d.store.Recorder()
	b := &d.registry.Builtin
	kinds := []string{"connection refused", "connection reset", "timeout"}
	for at := from + tickEvery; at <= to; at += tickEvery {
		away := at%time.Hour < tickEvery
		for i, name := range []string{"list", "login", "upload", "search"} {
			tags := d.registry.Tags("name", name, "method", "GET", "status", "200")
			if away {
				tags = d.registry.Tags("name", name, "method", "GET", "status", "0", "error", kinds[d.random.IntN(len(kinds))])
			}
			for range 10 {
				rec.HTTP(&metrics.HTTPRequest{Tags: tags, Duration: float64(5+i) * (0.9 + 0.2*d.random.Float64()), Failed: away, BytesSent: 100, BytesReceived: 1000})
			}
		}
		rec.Add(b.VUs, d.registry.Tags(), 1000)
		rec.Add(b.Iterations, d.registry.Tags(), 3)
		rec.Add(b.Checks, d.registry.Tags("check", "ok"), 1)
		now := d.start.Add(at)
		d.store.Tick(now)
		if at%(16*tickEvery) == 0 { // they take most of the time
			d.limits.Evaluate(now)
		}
	}
}

// result is a checkpoint at a time, with what an observer would have seen of a target that leaks a MiB an hour.
func (d *days) result(elapsed time.Duration, gaps []report.Gap) *report.Result {
	r := &report.Result{Run: report.Run{Elapsed: elapsed, Gaps: gaps}, Test: report.Test{TrendStats: report.DefaultTrendStats()}}
	r.SetThresholds(d.limits.Results(), false)
	r.Collect(d.store, d.timeline)
	memory := observe.Series{Name: observe.ResidentMemory, Unit: "bytes"}
	const points = 360
	for i := range points {
		at := elapsed * time.Duration(i) / points
		v := float64(200<<20) + at.Hours()*(1<<20) + d.random.NormFloat64()*(1<<20)
		if at >= elapsed/2 && len(gaps) > 0 {
			v -= 30 << 20 // given back in the gap
		}
		memory.Points = append(memory.Points, observe.Point{At: at, Value: v, Min: v, Max: v})
	}
	r.Observed = &observe.Report{Series: []observe.Series{memory}}
	return r
}

// heap is how much memory is in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// TestThreeDays: what a run keeps is as much after 72 hours as after 18, in memory and in its files, whatever the target
// did; and a leak is found across the gap that a killed runner left.
func TestThreeDays(t *testing.T) {
	o, err := scenario.Named("endurance")
	if err != nil {
		t.Fatal(err)
	}
	if o, err = o.Lasting(72 * time.Hour); err != nil {
		t.Fatal(err)
	}
	before := heap()
	first := newDays(t, o, nil)
	first.run(0, 1000*tickEvery)
	early := heap() - before
	first.run(1000*tickEvery, 36*time.Hour)
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := first.result(36*time.Hour, nil).Write(path); err != nil {
		t.Fatal(err)
	}
	past, err := report.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	first = nil // killed
	second := newDays(t, o, past)
	second.run(36*time.Hour, 72*time.Hour)
	past = nil
	if late := heap() - before; late > 2*early { // what grows with time is four times as much
		t.Errorf("%.1f MB are kept after 72 hours, %.1f MB after 18", late/1e6, early/1e6)
	} else {
		t.Logf("%.1f MB are kept after 72 hours, %.1f MB after 18", late/1e6, early/1e6)
	}

	r := second.result(72*time.Hour, []report.Gap{{At: 36 * time.Hour}})
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 4<<20 {
		t.Errorf("the result has %d bytes, %v", info.Size(), err)
	}
	if n := len(r.Timeline); n > metrics.TimelineCapacity {
		t.Errorf("%d points", n)
	}
	requests := uint64(0)
	for _, p := range r.Timeline {
		requests += p.All.Requests
	}
	if want := uint64(72*time.Hour/tickEvery) * 40; requests != want || r.Metrics["http_reqs"].Values["count"] != float64(want) {
		t.Errorf("%d requests over time, %v in all, want %d", requests, r.Metrics["http_reqs"].Values["count"], want)
	}
	if n := len(r.Errors); n > 4*3 {
		t.Errorf("%d kinds of errors", n)
	}

	for _, v := range (&session{plan: &plan{Options: o}}).trends(r) {
		word, _, _ := strings.Cut(v.Quantity, " ")
		leaks := word == "memory"
		if v.Bad != leaks || v.State == trend.TooShort {
			t.Errorf("%+v", v)
		}
		if perHour := v.PerHour / (1 << 20); leaks && (perHour < 0.95 || perHour > 1.05) {
			t.Errorf("%.2f MiB an hour, want 1: %s", perHour, v.Reason)
		}
	}
}
