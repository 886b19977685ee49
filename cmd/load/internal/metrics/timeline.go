package metrics

import (
	"cmp"
	"maps"
	"sync"
	"time"
)

// TimelineCapacity is how many points a Timeline keeps at most: one for each second of the first 17 minutes,
// and one for each 256 seconds of three days.
const TimelineCapacity = 1024

// Timeline is what a run did over time: points of a second each at first, of which two become one whenever
// there are too many, so that its memory is bounded however long the run. [Store.Timeline] makes one; the
// store's Tick feeds it. It is safe for concurrent use.
type Timeline struct {
	builtin *Builtin

	mu     sync.Mutex
	step   time.Duration
	points []Point
}

// Point is what happened in one stretch of a run's time. Stretches without a tick have no point.
type Point struct {
	// Start is the run's time at the beginning, Length how long the stretch is.
	Start  time.Duration `json:"start"`
	Length time.Duration `json:"length"`
	// VUs and VUsMax are the most in the stretch.
	VUs    float64 `json:"vus"`
	VUsMax float64 `json:"vusMax"`
	// Iterations were completed, Dropped never started.
	Iterations   float64 `json:"iterations"`
	Dropped      float64 `json:"dropped,omitempty"`
	ChecksPassed uint64  `json:"checksPassed,omitempty"`
	ChecksFailed uint64  `json:"checksFailed,omitempty"`
	// Sent and Received are bytes.
	Sent     float64 `json:"sent"`
	Received float64 `json:"received"`
	// All is all requests, Endpoints are those of each method and value of the tag name: "GET NAME".
	All       Traffic             `json:"all"`
	Endpoints map[string]*Traffic `json:"endpoints,omitempty"`
	// Errors are the failed requests by what kept them from being answered, or by "status 503".
	Errors map[string]uint64 `json:"errors,omitempty"`
}

// Traffic is the requests of a stretch.
type Traffic struct {
	Requests uint64 `json:"requests"`
	Failed   uint64 `json:"failed,omitempty"`
	// Duration is http_req_duration, in milliseconds.
	Duration Sketch `json:"duration"`
}

func (t *Traffic) merge(o *Traffic) {
	t.Requests += o.Requests
	t.Failed += o.Failed
	t.Duration.Merge(&o.Duration)
}

// Timeline starts one that has the points already that an interrupted run left. It is to be called before
// the run.
func (s *Store) Timeline(past []Point) *Timeline {
	t := &Timeline{builtin: &s.registry.Builtin, step: time.Second, points: past}
	if len(past) > 0 {
		t.step = past[0].Length
	}
	t.coarsen()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timelines = append(s.timelines, t)
	return t
}

// Points returns the points so far, oldest first. They are the caller's own.
func (t *Timeline) Points() []Point {
	t.mu.Lock()
	defer t.mu.Unlock()
	points := make([]Point, len(t.points))
	for i := range t.points {
		points[i] = t.points[i].clone()
	}
	return points
}

// Totals returns the points so far without their endpoints, oldest first, for who looks at them every second. They
// are the caller's own.
func (t *Timeline) Totals() []Point {
	t.mu.Lock()
	defer t.mu.Unlock()
	points := make([]Point, len(t.points))
	for i := range t.points {
		points[i] = t.points[i]
		points[i].Endpoints, points[i].Errors = nil, maps.Clone(points[i].Errors)
	}
	return points
}

func (p *Point) clone() Point {
	c := *p
	c.Endpoints = make(map[string]*Traffic, len(p.Endpoints))
	for name, traffic := range p.Endpoints {
		own := *traffic // a Sketch's buckets are replaced, never changed
		c.Endpoints[name] = &own
	}
	c.Errors = maps.Clone(p.Errors)
	return c
}

// take counts what the store's Tick found since the last one, at the run's time elapsed, which is its end.
func (t *Timeline) take(elapsed time.Duration, found []*series) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// A tick is at the end of its second, and often some milliseconds late: the middle of the second is what
	// tells where it belongs.
	start := max(elapsed-time.Second/2, 0).Truncate(t.step)
	last := len(t.points) - 1
	if last < 0 || start >= t.points[last].Start+t.points[last].Length {
		t.points = append(t.points, Point{Start: start, Length: t.step})
		last++
	}
	for _, s := range found {
		t.points[last].count(t.builtin, s)
	}
	t.coarsen()
}

func (p *Point) count(b *Builtin, s *series) {
	switch s.metric {
	case b.VUs:
		p.VUs = max(p.VUs, s.sink.Max)
	case b.VUsMax:
		p.VUsMax = max(p.VUsMax, s.sink.Max)
	case b.Iterations:
		p.Iterations += s.sink.Sum
	case b.DroppedIterations:
		p.Dropped += s.sink.Sum
	case b.Checks:
		p.ChecksPassed += s.sink.Passes
		p.ChecksFailed += s.sink.Count - s.sink.Passes
	case b.DataSent:
		p.Sent += s.sink.Sum
	case b.DataReceived:
		p.Received += s.sink.Sum
	case b.HTTPReqFailed:
		for _, traffic := range p.traffic(s.tags) {
			traffic.Requests += s.sink.Count
			traffic.Failed += s.sink.Passes
		}
		if s.sink.Passes > 0 {
			p.failed(cmp.Or(s.tags.Get("error"), "status "+s.tags.Get("status")), s.sink.Passes)
		}
	case b.HTTPReqDuration:
		for _, traffic := range p.traffic(s.tags) {
			traffic.Duration.AddHistogram(s.sink.Values)
		}
	}
}

func (p *Point) failed(kind string, n uint64) {
	if p.Errors == nil {
		p.Errors = make(map[string]uint64)
	}
	p.Errors[kind] += n
}

// traffic returns where requests of an endpoint are counted.
func (p *Point) traffic(tags *TagSet) [2]*Traffic {
	name := tags.Get("name")
	if method := tags.Get("method"); method != "" {
		name = method + " " + name
	}
	endpoint := p.Endpoints[name]
	if endpoint == nil {
		endpoint = new(Traffic)
		p.add(name, endpoint)
	}
	return [2]*Traffic{&p.All, endpoint}
}

func (p *Point) add(name string, endpoint *Traffic) {
	if p.Endpoints == nil {
		p.Endpoints = make(map[string]*Traffic)
	}
	p.Endpoints[name] = endpoint
}

// coarsen doubles the step until there are few enough points.
func (t *Timeline) coarsen() {
	for len(t.points) > TimelineCapacity {
		t.step *= 2
		kept := t.points[:0]
		for _, p := range t.points {
			p.Start, p.Length = p.Start.Truncate(t.step), t.step
			if last := len(kept) - 1; last >= 0 && kept[last].Start == p.Start {
				kept[last].merge(&p)
			} else {
				kept = append(kept, p)
			}
		}
		clear(t.points[len(kept):])
		t.points = kept
	}
}

func (p *Point) merge(o *Point) {
	p.VUs, p.VUsMax = max(p.VUs, o.VUs), max(p.VUsMax, o.VUsMax)
	p.Iterations += o.Iterations
	p.Dropped += o.Dropped
	p.ChecksPassed += o.ChecksPassed
	p.ChecksFailed += o.ChecksFailed
	p.Sent += o.Sent
	p.Received += o.Received
	p.All.merge(&o.All)
	for name, traffic := range o.Endpoints {
		if own := p.Endpoints[name]; own != nil {
			own.merge(traffic)
		} else {
			p.add(name, traffic)
		}
	}
	for kind, n := range o.Errors {
		p.failed(kind, n)
	}
}

// Restore adds what an interrupted run has counted to the totals. It is to be called before the run.
func (s *Store) Restore(m *Metric, tags *TagSet, past *Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := keyOf(m, tags)
	if s.totals[key] == nil {
		s.totals[key] = &series{metric: m, tags: tags, sink: NewSink(m.Type)}
	}
	s.totals[key].sink.Merge(past)
}
