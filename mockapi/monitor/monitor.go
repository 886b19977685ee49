// Package monitor watches a running mock from within: how many requests it answers, how long they take and how many
// fail, by operation and over time; the pool of database connections and the memory of the process; what browsers
// measured; and what is wrong just now.
//
//	m := monitor.New(monitor.Options{Pool: store.PoolStats})
//	go m.Run(ctx)
//
//	span := m.Operation("GET /health", monitor.Tags{"service": "api"}).Start()
//	...
//	span.End(http.StatusOK)
//
//	fmt.Println(m.Summary(5 * time.Minute).P95)
//
// Run collects once a second, and all that is told is as of the last collection. Every figure is of the window that
// was asked for: the last minute by the second, the last ten minutes by ten seconds, and up to MaxWindow by the
// minute. What is kept is bounded: it grows neither with requests nor with hours.
package monitor

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// Bounds and limits.
const (
	// MinWindow, MaxWindow and DefaultWindow are of the time that figures are told for.
	MinWindow     = time.Second
	MaxWindow     = 6 * time.Hour
	DefaultWindow = 5 * time.Minute
	// MaxOperations and MaxMetrics are how many there may be by name and tags, Other included.
	MaxOperations = 200
	MaxMetrics    = 512
	// SlowOperation is how long an operation may take without a warning.
	SlowOperation = time.Second

	tick = time.Second
)

// Options are what a Monitor is told about the process.
type Options struct {
	// Pool tells about the database connections; nil where there are none.
	Pool func() mockapi.PoolStats
}

// Monitor is safe for concurrent use.
type Monitor struct {
	pool    func() mockapi.PoolStats
	start   time.Time
	series  [kinds]registry
	flight  [shards]padded
	slowest slowest
	events  broker
	vitals  beacons

	mu      sync.Mutex    // held for collecting and for telling, never by what is measured
	last    time.Duration // when it last collected; only collect changes it
	history *history
	scratch tally
	points  timeline
	process process
	alerts  alerts
}

// padded is a counter that shares its cache line with no other.
type padded struct {
	atomic.Int64
	_ [56]byte
}

// New returns a Monitor that has seen nothing yet.
func New(o Options) *Monitor {
	m := &Monitor{pool: o.Pool, start: time.Now(), history: newHistory(), events: newBroker(), points: newTimeline()}
	for k, limit := range map[kind]int{operations: MaxOperations, metrics: MaxMetrics} {
		m.series[k].limit, m.series[k].byKey = limit, make(map[string]*series)
	}
	m.process.sample() // pauses before the start are none of ours
	return m
}

// Run collects once a second until ctx ends, and then ends all subscriptions. It is to be called once, and nothing else
// collects.
func (m *Monitor) Run(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	defer m.events.close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			// A tick that was late is followed by one that is not, too soon for rates to mean anything.
			if time.Since(m.start)-m.last >= tick/2 {
				m.collect()
			}
		}
	}
}

// Operation is what may be timed again and again.
type Operation struct {
	monitor *Monitor
	series  *series
}

// Operation returns the operation of the name and tags. The caller keeps it: looking it up takes longer than timing
// it does. Beyond MaxOperations of them it is the one that is called Other.
func (m *Monitor) Operation(name string, tags Tags) *Operation {
	return &Operation{m, m.series[operations].find(name, tags)}
}

// Span is an operation under way.
type Span struct {
	op    *Operation
	start time.Duration // since the monitor's
	shard uint32
}

// Start begins an operation, which End must end.
func (o *Operation) Start() Span {
	s := Span{op: o, start: time.Since(o.monitor.start), shard: rand.Uint32() % shards}
	o.monitor.flight[s.shard].Add(1)
	return s
}

// End ends an operation with an HTTP status, 0 where it ended without an answer. Statuses from 500 on, 429, and no
// answer count as failed: other 4xx are answers to what should not have been asked.
func (s Span) End(status int) {
	m := s.op.monitor
	now := time.Since(m.start)
	took := now - s.start
	slow := took > SlowOperation
	m.flight[s.shard].Add(-1)
	s.op.series.add(s.shard, took.Microseconds(), outcomeOf(status), now, slow)
	if slow {
		m.slowest.add(slowOne{s.op.series, took, now, status})
	}
}

// Record takes a value of a metric, from 0 to 1e12; what is outside counts as the nearest of them, and what is no
// number not at all. Beyond MaxMetrics by name and tags the metric is the one that is called Other.
func (m *Monitor) Record(name string, value float64, tags Tags) {
	if math.IsNaN(value) {
		return
	}
	m.series[metrics].find(name, tags).add(0, thousandths(min(max(value, 0), 1e12)), ok, time.Since(m.start), false)
}

// collect moves what was measured since the last collection into the history, and tells subscribers.
func (m *Monitor) collect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to := m.last, time.Since(m.start)
	m.last = to
	v := m.history.begin(from, to)
	var all tally
	for k := range kinds {
		for _, s := range m.series[k].list() {
			if !s.collect(&m.scratch) {
				continue
			}
			v.put(k, s.index, &m.scratch)
			if k == operations {
				all.merge(&m.scratch)
			}
			m.scratch = tally{}
		}
	}
	p := m.sample(from, to, &all)
	m.points.fine.add(p)
	if minute := m.history.finish(); minute != nil {
		m.points.coarse.add(m.minute(minute.from, minute.to))
	}
	m.publish(p)
}

// at is the wall clock's time of a time since the start.
func (m *Monitor) at(t time.Duration) time.Time { return m.start.Add(t).Round(0).UTC() }

// sample makes the point of a collection.
func (m *Monitor) sample(from, to time.Duration, all *tally) sample {
	p := sample{total: all.total, failed: all.failed(), sum: all.sum, from: from, to: to}
	p.Point = m.point(from, to, all)
	for i := range m.flight {
		p.InFlight += m.flight[i].Load()
	}
	if m.pool != nil {
		s := m.pool()
		p.PoolBusy, p.PoolFull, p.PoolMax = s.Busy, s.Full, s.Max
		p.PoolWaits = float64(s.Waited-m.process.waited) / p.Seconds
		m.process.waited = s.Waited
	}
	p.ResidentBytes, p.HeapBytes, p.GCPause = m.process.sample()
	return p
}

// point makes the point of a time with what tallies tell.
func (m *Monitor) point(from, to time.Duration, all *tally) Point {
	p := Point{Time: m.at(to), Seconds: max(to-from, 1).Seconds()}
	p.Requests = float64(all.total) / p.Seconds
	p.Failed = float64(all.failed()) / p.Seconds
	p.Latency = latencyOf(all)
	return p
}
