package monitor

import "time"

// Point is one step of a time line.
type Point struct {
	Time    time.Time `json:"time"`    // when the step ended
	Seconds float64   `json:"seconds"` // how long it was
	// Requests and Failed are operations that ended, a second; Failed are among Requests.
	Requests float64 `json:"requests"`
	Failed   float64 `json:"failed"`
	// Latency is of the operations that ended; nil where there were none.
	Latency *Latency `json:"latency"`
	// What follows is as of the end of a step of one second, and the most of a longer one.
	InFlight      int64   `json:"inFlight"` // operations under way
	PoolBusy      int     `json:"poolBusy"` // database connections in use
	PoolFull      int     `json:"poolFull"` // those of the pools that have none idle left
	PoolMax       int     `json:"poolMax"`  // that there may be
	ResidentBytes uint64  `json:"residentBytes"`
	HeapBytes     uint64  `json:"heapBytes"` // of objects, live or not yet collected
	GCPause       float64 `json:"gcPause"`   // longest pause of the garbage collector in the step, in ms
	// PoolWaits are acquires that found no idle connection, a second.
	PoolWaits float64 `json:"poolWaits"`
}

// Latency is how long operations took, in milliseconds. Percentiles are at most 1.6 % off.
type Latency struct {
	Average float64 `json:"average"`
	P50     float64 `json:"p50"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
}

func latencyOf(t *tally) *Latency {
	if t.total == 0 {
		return nil
	}
	return &Latency{Average: t.average(), P50: t.quantile(.50), P95: t.quantile(.95), P99: t.quantile(.99), Max: units(t.max)}
}

// FineWindow is the longest window whose time line has a point a second; longer ones have one a minute.
const FineWindow = 10 * time.Minute

// sample is a Point with what alerts and longer steps are made of.
type sample struct {
	Point
	from, to      time.Duration
	total, failed uint64
	sum           int64
}

// timeline is the points that are kept: one a collection for FineWindow, and one a minute for MaxWindow.
type timeline struct{ fine, coarse ring }

func newTimeline() timeline {
	return timeline{fine: make(ring, 0, FineWindow/tick+1), coarse: make(ring, 0, MaxWindow/time.Minute+1)}
}

// ring is the last samples, oldest first; its capacity bounds it.
type ring []sample

func (r *ring) add(s sample) {
	if len(*r) == cap(*r) {
		copy(*r, (*r)[1:])
		*r = (*r)[:len(*r)-1]
	}
	*r = append(*r, s)
}

// since returns the samples that end after a time.
func (r ring) since(t time.Duration) ring {
	for i := range r {
		if r[i].to > t {
			return r[i:]
		}
	}
	return nil
}

// Timeline returns the points of a window, oldest first: at most FineWindow by the second, and more by the minute,
// the last of which may be shorter.
func (m *Monitor) Timeline(window time.Duration) []Point {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := m.last - clampWindow(window)
	kept, rest := m.points.fine.since(from), false
	if window > FineWindow {
		kept, rest = m.points.coarse.since(from), true
	}
	points := make([]Point, 0, len(kept)+1)
	for _, s := range kept {
		points = append(points, s.Point)
	}
	if rest {
		var begun time.Duration
		if n := len(m.points.coarse); n > 0 {
			begun = m.points.coarse[n-1].to
		}
		if begun < m.last {
			points = append(points, m.minute(begun, m.last).Point)
		}
	}
	return points
}

// minute makes one sample of those between two times.
func (m *Monitor) minute(from, to time.Duration) sample {
	var all tally
	m.history.sum(operations, func(visit func(*interval)) { m.history.since(from, visit) }, func(_ int, t *tally) { all.merge(t) })
	s := sample{Point: m.point(from, to, &all), from: from, to: to, total: all.total, failed: all.failed(), sum: all.sum}
	for _, p := range m.points.fine.since(from) {
		s.InFlight = max(s.InFlight, p.InFlight)
		s.PoolBusy, s.PoolFull, s.PoolMax = max(s.PoolBusy, p.PoolBusy), max(s.PoolFull, p.PoolFull), max(s.PoolMax, p.PoolMax)
		s.ResidentBytes, s.HeapBytes = max(s.ResidentBytes, p.ResidentBytes), max(s.HeapBytes, p.HeapBytes)
		s.GCPause = max(s.GCPause, p.GCPause)
		s.PoolWaits += p.PoolWaits * p.Seconds / s.Seconds
	}
	return s
}

func clampWindow(d time.Duration) time.Duration { return min(max(d, MinWindow), MaxWindow) }
