package health

import (
	"fmt"
	"math"
	"runtime"
	rtm "runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// The bounds of the verdict. A second is saturated when the generator used at least SaturatedCPU of its
// processors and, in the same second, a tenth of the probes ran SaturatedLag late or later: high use alone is
// economy, and lag alone is the work of somebody else on the machine. A run is invalid when more than
// SaturatedShare of its seconds, and MinSaturated of them at least, were saturated, or when more than
// OwnErrorShare of its requests failed for want of the generator's own resources.
const (
	SaturatedCPU   = 0.90
	SaturatedLag   = 10 * time.Millisecond
	SaturatedShare = 0.05
	MinSaturated   = 3
	OwnErrorShare  = 0.001
)

// Bounds of the warnings.
const (
	warnLag     = 20 * time.Millisecond // p99
	warnGCShare = 0.25
	warnGCPause = 10 * time.Millisecond // p99
)

const (
	probeEvery = 10 * time.Millisecond
	rollEvery  = time.Second
)

// Monitor watches the process that it is in.
type Monitor struct {
	stop chan struct{}
	done chan struct{}

	mu        sync.Mutex
	cores     int
	start     usage
	last      usage // at the last second's end
	lag       metrics.Histogram
	pacer     metrics.Histogram
	second    []time.Duration // of the probes of this second
	seconds   int
	saturated int
	cpuPeak   float64
	gcStart   gc
}

// usage is what the process has used up to a time.
type usage struct {
	at  time.Time
	cpu time.Duration
}

// Start starts to watch.
func Start() *Monitor {
	now := usage{at: time.Now(), cpu: cpuTime()}
	m := &Monitor{
		stop: make(chan struct{}), done: make(chan struct{}), cores: runtime.GOMAXPROCS(0),
		start: now, last: now, gcStart: readGC(), second: make([]time.Duration, 0, 2*rollEvery/probeEvery),
	}
	go m.watch()
	return m
}

// Stop ends the watch, and waits for its goroutine.
func (m *Monitor) Stop() {
	close(m.stop)
	<-m.done
}

func (m *Monitor) watch() {
	defer close(m.done)
	timer := time.NewTimer(probeEvery)
	defer timer.Stop()
	for {
		due := time.Now().Add(probeEvery)
		timer.Reset(probeEvery)
		select {
		case <-m.stop:
			return
		case <-timer.C:
			m.probed(time.Since(due))
		}
	}
}

func (m *Monitor) probed(late time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lag.Add(late.Seconds())
	m.second = append(m.second, late)
	if now := time.Now(); now.Sub(m.last.at) >= rollEvery {
		m.roll(usage{at: now, cpu: cpuTime()})
	}
}

// roll judges the second that has ended.
func (m *Monitor) roll(now usage) {
	share := m.share(m.last, now)
	slices.Sort(m.second)
	if saturated(share, m.second) {
		m.saturated++
	}
	m.seconds++
	m.cpuPeak = max(m.cpuPeak, share)
	m.second = m.second[:0]
	m.last = now
}

// share is how much of the processors was used between two times.
func (m *Monitor) share(from, to usage) float64 {
	available := to.at.Sub(from.at).Seconds() * float64(m.cores)
	if available <= 0 {
		return 0
	}
	return (to.cpu - from.cpu).Seconds() / available
}

func saturated(cpu float64, sorted []time.Duration) bool {
	return cpu >= SaturatedCPU && len(sorted) > 0 && sorted[len(sorted)*9/10] >= SaturatedLag
}

// Pacer notes how late a pacer of an open model woke up.
func (m *Monitor) Pacer(late time.Duration) {
	m.mu.Lock()
	m.pacer.Add(late.Seconds())
	m.mu.Unlock()
}

// Counts are what the run has counted.
type Counts struct {
	Requests, OwnErrors uint64
	Short, Dropped      int64
	FilesLimit          uint64
}

// Report judges what has been seen so far.
func (m *Monitor) Report(c Counts) Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	quantile := func(h *metrics.Histogram, q float64) time.Duration {
		return time.Duration(h.Quantile(q) * float64(time.Second))
	}
	now := usage{at: time.Now(), cpu: cpuTime()}
	r := Report{
		Cores: m.cores, CPU: m.share(m.start, now), CPUPeak: m.cpuPeak,
		LagMedian: quantile(&m.lag, 0.5), LagP99: quantile(&m.lag, 0.99), LagMax: time.Duration(m.lag.Max() * float64(time.Second)),
		PacerP99: quantile(&m.pacer, 0.99), PacerMax: time.Duration(m.pacer.Max() * float64(time.Second)),
		SaturatedSeconds: m.saturated, Seconds: m.seconds, MemoryBytes: peakMemory(),
		OwnErrors: c.OwnErrors, Requests: c.Requests, Short: c.Short, Dropped: c.Dropped, FilesLimit: c.FilesLimit,
	}
	r.GCShare, r.GCPauseP99, r.GCPauseMax = readGC().since(m.gcStart, now.cpu-m.start.cpu)
	r.judge()
	return r
}

// judge fills in the verdict.
func (r *Report) judge() {
	if r.SaturatedSeconds >= MinSaturated && float64(r.SaturatedSeconds) > SaturatedShare*float64(r.Seconds) {
		r.Reasons = append(r.Reasons, fmt.Sprintf(
			"the generator was saturated in %d of %d seconds: at least %.0f %% of its %d processors in use and goroutines %v late; give it more processors or less to do",
			r.SaturatedSeconds, r.Seconds, SaturatedCPU*100, r.Cores, SaturatedLag))
	}
	if r.OwnErrors > 0 {
		text := fmt.Sprintf("%d of %d requests failed because the generator ran out of sockets, ports or memory of its own", r.OwnErrors, r.Requests)
		if float64(r.OwnErrors) > OwnErrorShare*float64(r.Requests) {
			r.Reasons = append(r.Reasons, text)
		} else {
			r.Warnings = append(r.Warnings, text)
		}
	}
	if r.Dropped > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d iterations were dropped: the load was less than what the schedule asks for; raise maxVUs if the target is not to blame", r.Dropped))
	}
	if r.Short > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d iterations waited for a user because all of maxVUs were at work", r.Short))
	}
	if r.LagP99 >= warnLag {
		r.Warnings = append(r.Warnings, fmt.Sprintf("goroutines of the generator ran %v late at the 99th percentile: something competes for the processors", r.LagP99.Round(time.Millisecond)))
	}
	if r.GCShare >= warnGCShare {
		r.Warnings = append(r.Warnings, fmt.Sprintf("collecting garbage took %.0f %% of the generator's CPU time", r.GCShare*100))
	}
	if r.GCPauseP99 >= warnGCPause {
		r.Warnings = append(r.Warnings, fmt.Sprintf("garbage collection stopped the generator for %v at the 99th percentile", r.GCPauseP99.Round(time.Millisecond)))
	}
	r.Valid = len(r.Reasons) == 0
}

// gc is what the runtime says of collections so far.
type gc struct {
	cpu    float64
	pauses *rtm.Float64Histogram
}

func readGC() gc {
	samples := []rtm.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/sched/pauses/total/gc:seconds"}}
	rtm.Read(samples)
	var g gc
	if samples[0].Value.Kind() == rtm.KindFloat64 {
		g.cpu = samples[0].Value.Float64()
	}
	if samples[1].Value.Kind() == rtm.KindFloat64Histogram {
		g.pauses = samples[1].Value.Float64Histogram()
	}
	return g
}

// since returns what has come since an earlier reading, in which time the process used so much CPU.
func (g gc) since(before gc, used time.Duration) (share float64, p99, longest time.Duration) {
	if used > 0 {
		share = min((g.cpu-before.cpu)/used.Seconds(), 1)
	}
	if g.pauses == nil || before.pauses == nil {
		return share, 0, 0
	}
	counts := make([]uint64, len(g.pauses.Counts))
	var total uint64
	for i, n := range g.pauses.Counts {
		counts[i] = n - before.pauses.Counts[i]
		total += counts[i]
	}
	upper := func(i int) time.Duration { // of bucket i
		if b := g.pauses.Buckets[i+1]; !math.IsInf(b, 1) {
			return time.Duration(b * float64(time.Second))
		}
		return time.Duration(g.pauses.Buckets[i] * float64(time.Second))
	}
	var seen uint64
	for i, n := range counts {
		if n == 0 {
			continue
		}
		if seen < (total*99+99)/100 {
			p99 = upper(i)
		}
		seen += n
		longest = upper(i)
	}
	return share, p99, longest
}
