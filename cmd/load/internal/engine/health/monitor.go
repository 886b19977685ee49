package health

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// The bounds of the verdict. A second is saturated when goroutines that were ready had to wait and the generator
// had no more processor to take: a tenth of them, or of the probes, ran SaturatedLag late or later, and either the
// generator used SaturatedCPU of its processors, or the machine had less than SpareIdle of its own to spare and the
// generator used MainUser of its processors, which is more than everybody else together. High use alone is economy,
// and lag alone is the work of somebody else on the machine, such as of a target beside the generator.
//
// A run is invalid when more than SaturatedShare of its seconds, and MinSaturated of them at least, were saturated, or
// when more than OwnErrorShare of its requests failed for want of the generator's own resources, or when an open model
// dropped more than DroppedShare of its iterations because maxVUs is too small for its rate, however fast the target is,
// unless a threshold on dropped_iterations judges that. What is dropped because the target slowed down is the target's
// doing: its figures have the waiting in them, and stay.
const (
	SaturatedLag   = 10 * time.Millisecond
	SaturatedCPU   = 0.90
	SpareIdle      = 0.10
	MainUser       = 0.60
	SaturatedShare = 0.05
	MinSaturated   = 3
	OwnErrorShare  = 0.001
	DroppedShare   = 0.20
)

// Bounds of the warnings.
const (
	warnLag     = 20 * time.Millisecond // p99
	warnGCShare = 0.25                  // of the CPU time that is used, where that is
	warnGCCPU   = 0.02                  // of the processors: of a generator with little to do, it may take most of that
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
	past *Report // of before an interruption, nil in a run that began here

	mu        sync.Mutex
	cores     int
	start     usage
	last      usage // at the last second's end
	probes    metrics.Histogram
	pacer     metrics.Histogram
	second    []time.Duration // of the probes of this second
	seconds   int
	saturated int
	cpuPeak   float64
}

// usage is what has been used up to a time.
type usage struct {
	at      time.Time
	cpu     time.Duration // by the process
	machine machine
	runtime readings
}

func usageNow() usage {
	return usage{at: time.Now(), cpu: cpuTime(), machine: readMachine(), runtime: readRuntime()}
}

// Start starts to watch. In a run that goes on after an interruption, past is the last report before it, nil otherwise.
func Start(past *Report) *Monitor {
	now := usageNow()
	m := &Monitor{
		stop: make(chan struct{}), done: make(chan struct{}), past: past, cores: runtime.GOMAXPROCS(0),
		start: now, last: now, second: make([]time.Duration, 0, 2*rollEvery/probeEvery),
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
	m.probes.Add(late.Seconds())
	m.second = append(m.second, late)
	if time.Since(m.last.at) >= rollEvery {
		m.roll(usageNow())
	}
}

// roll judges the second that has ended.
func (m *Monitor) roll(now usage) {
	share := m.share(m.last, now)
	if saturated(share, now.machine.idleSince(m.last.machine), m.lag(now)) {
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

// lag is how late the latest tenth of the second that ends now ran at least: of the goroutines, and of the probes. The
// probe alone would not do: its timer comes before all those who wait for a processor. Nor would the goroutines, which
// do not know when the whole process had to wait.
func (m *Monitor) lag(now usage) time.Duration {
	lag := now.runtime.lags.since(m.last.runtime.lags).quantile(0.9)
	if n := len(m.second); n > 0 {
		slices.Sort(m.second)
		lag = max(lag, m.second[n*9/10])
	}
	return lag
}

// saturated judges a second; idle is the machine's idle share, 1 where it is not known.
func saturated(cpu, idle float64, lag time.Duration) bool {
	return lag >= SaturatedLag && (cpu >= SaturatedCPU || idle < SpareIdle && cpu >= MainUser)
}

// Pacer notes how late a pacer of an open model woke up.
func (m *Monitor) Pacer(late time.Duration) {
	m.mu.Lock()
	m.pacer.Add(late.Seconds())
	m.mu.Unlock()
}

// Counts are what the run has counted. Requests and OwnErrors are also those of before an interruption.
type Counts struct {
	Requests, OwnErrors uint64
	Short, Dropped      int64
	FilesLimit          uint64
	Ceilings            []Ceiling // of all open models
	DropsJudged         bool
}

// Report judges what has been seen so far, also before an interruption.
func (m *Monitor) Report(c Counts) Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	quantile := func(h *metrics.Histogram, q float64) time.Duration {
		return time.Duration(h.Quantile(q) * float64(time.Second))
	}
	now := usageNow()
	lags := now.runtime.lags.since(m.start.runtime.lags)
	pauses := now.runtime.pauses.since(m.start.runtime.pauses)
	r := Report{
		Cores: m.cores, CPU: m.share(m.start, now), CPUPeak: m.cpuPeak,
		MachineIdle: now.machine.idleSince(m.start.machine),
		LagMedian:   lags.quantile(0.5), LagP99: lags.quantile(0.99), LagMax: lags.quantile(1),
		ProbeP99: quantile(&m.probes, 0.99), ProbeMax: time.Duration(m.probes.Max() * float64(time.Second)),
		GCPauseP99: pauses.quantile(0.99), GCPauseMax: pauses.quantile(1),
		PacerP99: quantile(&m.pacer, 0.99), PacerMax: time.Duration(m.pacer.Max() * float64(time.Second)),
		SaturatedSeconds: m.saturated, Seconds: m.seconds, MemoryBytes: peakMemory(),
		OwnErrors: c.OwnErrors, Requests: c.Requests, Short: c.Short, Dropped: c.Dropped, FilesLimit: c.FilesLimit,
		Ceilings: c.Ceilings, DropsJudged: c.DropsJudged,
	}
	if used := (now.cpu - m.start.cpu).Seconds(); used > 0 {
		r.GCShare = min((now.runtime.gcCPU-m.start.runtime.gcCPU)/used, 1)
	}
	if m.past != nil {
		r.goOn(m.past)
	}
	r.Ceilings = slices.DeleteFunc(r.Ceilings, func(c Ceiling) bool { return c.Dropped == 0 })
	r.judge()
	return r
}

// goOn adds what was reported before an interruption. Counts add up, shares are those of all seconds, and of what can't
// be put together the worse stays.
func (r *Report) goOn(past *Report) {
	if all := float64(r.Seconds + past.Seconds); all > 0 {
		whole := func(now, before float64) float64 {
			return (now*float64(r.Seconds) + before*float64(past.Seconds)) / all
		}
		r.CPU, r.MachineIdle, r.GCShare = whole(r.CPU, past.CPU), whole(r.MachineIdle, past.MachineIdle), whole(r.GCShare, past.GCShare)
	}
	r.SaturatedSeconds, r.Seconds = r.SaturatedSeconds+past.SaturatedSeconds, r.Seconds+past.Seconds
	r.Short, r.Dropped = r.Short+past.Short, r.Dropped+past.Dropped
	r.CPUPeak, r.MemoryBytes = max(r.CPUPeak, past.CPUPeak), max(r.MemoryBytes, past.MemoryBytes)
	r.LagMedian, r.LagP99, r.LagMax = max(r.LagMedian, past.LagMedian), max(r.LagP99, past.LagP99), max(r.LagMax, past.LagMax)
	r.ProbeP99, r.ProbeMax = max(r.ProbeP99, past.ProbeP99), max(r.ProbeMax, past.ProbeMax)
	r.PacerP99, r.PacerMax = max(r.PacerP99, past.PacerP99), max(r.PacerMax, past.PacerMax)
	r.GCPauseP99, r.GCPauseMax = max(r.GCPauseP99, past.GCPauseP99), max(r.GCPauseMax, past.GCPauseMax)
	for _, was := range past.Ceilings {
		for i := range r.Ceilings {
			if c := &r.Ceilings[i]; c.Scenario == was.Scenario {
				c.Due, c.Dropped = c.Due+was.Due, c.Dropped+was.Dropped
				if c.Needed == 0 || was.Needed > 0 && was.Needed < c.Needed { // the target's fastest is that of all the run
					c.Needed = was.Needed
				}
			}
		}
	}
}

// judge fills in the verdict.
func (r *Report) judge() {
	if r.SaturatedSeconds >= MinSaturated && float64(r.SaturatedSeconds) > SaturatedShare*float64(r.Seconds) {
		r.Reasons = append(r.Reasons, fmt.Sprintf(
			"the generator was saturated in %d of %d seconds: it used all that others left of its processors (%d), and its goroutines still ran %v late or later; give it more processors or less to do",
			r.SaturatedSeconds, r.Seconds, r.Cores, SaturatedLag))
	}
	if r.OwnErrors > 0 {
		text := fmt.Sprintf("%d of %d requests failed because the generator ran out of sockets, ports or memory of its own", r.OwnErrors, r.Requests)
		if float64(r.OwnErrors) > OwnErrorShare*float64(r.Requests) {
			r.Reasons = append(r.Reasons, text)
		} else {
			r.Warnings = append(r.Warnings, text)
		}
	}
	r.judgeDrops()
	if r.Short > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d iterations waited for a user because all of maxVUs were at work", r.Short))
	}
	if lag := max(r.LagP99, r.ProbeP99); lag >= warnLag {
		what := "goroutines of the generator ran"
		if r.ProbeP99 > r.LagP99 {
			what = "timers of the generator rang"
		}
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s %v late at the 99th percentile: it, or something beside it, is short of processors", what, lag.Round(time.Millisecond)))
	}
	if r.GCShare >= warnGCShare && r.GCShare*r.CPU >= warnGCCPU {
		r.Warnings = append(r.Warnings, fmt.Sprintf("collecting garbage took %.0f %% of the generator's CPU time", r.GCShare*100))
	}
	if r.GCPauseP99 >= warnGCPause {
		r.Warnings = append(r.Warnings, fmt.Sprintf("garbage collection stopped the generator for %v at the 99th percentile", r.GCPauseP99.Round(time.Millisecond)))
	}
	r.Valid = len(r.Reasons) == 0
}

// judgeDrops tells a VU ceiling from a target that held the users up.
func (r *Report) judgeDrops() {
	other := r.Dropped
	for _, c := range r.Ceilings {
		other -= c.Dropped
		began := fmt.Sprintf("scenario %s began %d of %d iterations that were due, and dropped the others", c.Scenario, c.Due-c.Dropped, c.Due)
		switch {
		case c.Needed <= c.MaxVUs:
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s: the target held the users up, of whom %d would do at its fastest, and there were %d (maxVUs)", began, c.Needed, c.MaxVUs))
		case float64(c.Dropped) > DroppedShare*float64(c.Due) && !r.DropsJudged:
			r.Reasons = append(r.Reasons, fmt.Sprintf("%s: its rate takes %d users even while the target is at its fastest, and maxVUs is %d; raise it, or put a threshold on dropped_iterations if this is meant", began, c.Needed, c.MaxVUs))
		default:
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s: its rate takes %d users even while the target is at its fastest, and maxVUs is %d", began, c.Needed, c.MaxVUs))
		}
	}
	if other > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d iterations were dropped: the load was less than what the test asks for", other))
	}
}
