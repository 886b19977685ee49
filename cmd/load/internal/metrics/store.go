package metrics

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Sample is one value as the streaming outputs see it.
type Sample struct {
	Metric *Metric
	Tags   *TagSet
	URL    string // of an HTTP request; not a tag of the totals, since there is no end to them
	Time   time.Time
	Value  float64
}

// HTTPRequest is what one request measured. Times are in milliseconds.
type HTTPRequest struct {
	Tags *TagSet // name, method, status, scenario, group, expected_response, proto and the suite's own
	URL  string
	End  time.Time
	// Duration is sending + waiting + receiving, as in k6.
	Duration, Blocked, Connecting, TLSHandshaking, Sending, Waiting, Receiving float64
	// Open tells that the request is of an open model: Duration counts as http_req_service too.
	Open bool
	// First tells that it is the first of an open model's iteration. Lateness is how long after it was due the
	// iteration began; the part of it that it spent waiting for a user, Waited, is added to http_req_duration.
	First                    bool
	Lateness, Waited         float64
	BytesSent, BytesReceived int64
	Failed                   bool
}

// Store holds the values of a run.
type Store struct {
	registry *Registry
	shards   []*shard
	next     atomic.Uint64
	stream   func([]Sample)

	mu      sync.Mutex // serialises Tick and readers of totals
	start   time.Time
	begun   time.Time // when counting began: after start in a run that goes on
	totals  map[seriesKey]*series
	watches []*watch
	// timelines are fed by Tick.
	timelines []*Timeline
}

type seriesKey uint64

func keyOf(m *Metric, t *TagSet) seriesKey { return seriesKey(m.index)<<32 | seriesKey(t.index) }

// series is what was counted of a metric under one tag set.
type series struct {
	metric *Metric
	tags   *TagSet
	sink   *Sink
}

// shard is where some of the users count until the next tick.
type shard struct {
	mu     sync.Mutex
	series map[seriesKey]*series
	active []*series // those with values since the last tick
	buffer []Sample
}

// streamBuffer is how many samples a shard gathers before it hands them on.
const streamBuffer = 512

// NewStore returns an empty Store; the run's time starts at start. Where stream is not nil, it is called with
// every sample in batches, from several goroutines at once, and must not keep the slice.
func NewStore(r *Registry, start time.Time, stream func([]Sample)) *Store {
	s := &Store{registry: r, stream: stream, start: start, begun: start, totals: make(map[seriesKey]*series)}
	for range 2 * runtime.GOMAXPROCS(0) {
		s.shards = append(s.shards, &shard{series: make(map[seriesKey]*series)})
	}
	return s
}

// Begin tells that counting begins now, after all preparations. The run's time is past then, which is not 0 in a run
// that goes on after an interruption; windows hold nothing of what was before.
func (s *Store) Begin(now time.Time, past time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start, s.begun = now.Add(-past), now
	for _, w := range s.watches {
		w.start = now
	}
}

// Recorder is where one virtual user counts. It is safe for concurrent use, but meant for one goroutine.
type Recorder struct {
	store *Store
	shard *shard
}

// Recorder returns a Recorder on the next shard.
func (s *Store) Recorder() *Recorder {
	return &Recorder{store: s, shard: s.shards[s.next.Add(1)%uint64(len(s.shards))]}
}

// Add counts a value that was measured now.
func (r *Recorder) Add(m *Metric, tags *TagSet, v float64) {
	var now time.Time
	if r.store.stream != nil {
		now = time.Now()
	}
	r.shard.mu.Lock()
	r.add(m, tags, v, "", now)
	r.shard.mu.Unlock()
}

// HTTP counts everything about a request.
func (r *Recorder) HTTP(q *HTTPRequest) {
	b := &r.store.registry.Builtin
	failed := 0.0
	if q.Failed {
		failed = 1
	}
	r.shard.mu.Lock()
	defer r.shard.mu.Unlock()
	r.add(b.HTTPReqs, q.Tags, 1, q.URL, q.End)
	r.add(b.HTTPReqFailed, q.Tags, failed, q.URL, q.End)
	r.add(b.HTTPReqDuration, q.Tags, q.Duration+q.Waited, q.URL, q.End)
	r.add(b.HTTPReqBlocked, q.Tags, q.Blocked, q.URL, q.End)
	r.add(b.HTTPReqConnecting, q.Tags, q.Connecting, q.URL, q.End)
	r.add(b.HTTPReqTLSHandshaking, q.Tags, q.TLSHandshaking, q.URL, q.End)
	r.add(b.HTTPReqSending, q.Tags, q.Sending, q.URL, q.End)
	r.add(b.HTTPReqWaiting, q.Tags, q.Waiting, q.URL, q.End)
	r.add(b.HTTPReqReceiving, q.Tags, q.Receiving, q.URL, q.End)
	if q.Open {
		r.add(b.HTTPReqService, q.Tags, q.Duration, q.URL, q.End)
	}
	if q.First {
		r.add(b.HTTPReqLateness, q.Tags, q.Lateness, q.URL, q.End)
	}
	r.add(b.DataSent, q.Tags, float64(q.BytesSent), q.URL, q.End)
	r.add(b.DataReceived, q.Tags, float64(q.BytesReceived), q.URL, q.End)
}

// add counts under the shard's lock.
func (r *Recorder) add(m *Metric, tags *TagSet, v float64, url string, at time.Time) {
	h := r.shard
	key := keyOf(m, tags)
	s := h.series[key]
	if s == nil {
		s = &series{metric: m, tags: tags, sink: NewSink(m.Type)}
		h.series[key] = s
	}
	if s.sink.Count == 0 {
		h.active = append(h.active, s)
	}
	s.sink.Add(v)
	if r.store.stream != nil {
		h.buffer = append(h.buffer, Sample{Metric: m, Tags: tags, URL: url, Time: at, Value: v})
		if len(h.buffer) >= streamBuffer {
			r.store.stream(h.buffer)
			h.buffer = h.buffer[:0]
		}
	}
}

// Tick merges what the shards have counted since the last one into the totals and the watches. It is to be
// called about once a second, and once at the end.
func (s *Store) Tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.watches {
		w.advance(now)
	}
	for _, h := range s.shards {
		h.mu.Lock()
		for _, t := range s.timelines {
			t.take(s.elapsed(now), h.active)
		}
		for _, from := range h.active {
			key := keyOf(from.metric, from.tags)
			into := s.totals[key]
			if into == nil {
				into = &series{metric: from.metric, tags: from.tags, sink: NewSink(from.metric.Type)}
				s.totals[key] = into
			}
			into.sink.Merge(from.sink)
			for _, w := range s.watches {
				if w.wants(from) {
					w.current().Merge(from.sink)
				}
			}
			from.sink.Reset()
		}
		clear(h.active)
		h.active = h.active[:0]
		if len(h.buffer) > 0 {
			s.stream(h.buffer)
			h.buffer = h.buffer[:0]
		}
		h.mu.Unlock()
	}
}

// Elapsed is the run's time at now.
func (s *Store) Elapsed(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.elapsed(now)
}

func (s *Store) elapsed(now time.Time) time.Duration { return now.Sub(s.start) }

// Total returns what the selector has counted up to the last tick; nil where there is no such metric. The
// Sink is the caller's own.
func (s *Store) Total(sel Selector) *Sink {
	m := s.registry.Lookup(sel.Metric)
	if m == nil {
		return nil
	}
	total := NewSink(m.Type)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.totals {
		if x.metric == m && x.tags.has(sel.Tags) {
			total.Merge(x.sink)
		}
	}
	return total
}

// Each calls f with the totals of every series up to the last tick, in no order. f must not keep the Sink.
func (s *Store) Each(f func(m *Metric, tags *TagSet, sink *Sink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.totals {
		f(x.metric, x.tags, x.sink)
	}
}

// Window is a sliding window over one selector.
type Window struct {
	store *Store
	watch *watch
}

// windowSlots is how finely a window slides: it covers between its length and a 30th more.
const windowSlots = 30

// watch is a ring of Sinks, the newest at slot newest.
type watch struct {
	metric *Metric
	tags   map[string]string
	step   time.Duration
	start  time.Time // of the newest slot
	slots  []*Sink
	newest int
}

func (w *watch) wants(x *series) bool { return x.metric == w.metric && x.tags.has(w.tags) }

func (w *watch) current() *Sink { return w.slots[w.newest] }

// advance opens as many slots as have become due.
func (w *watch) advance(now time.Time) {
	for n := 0; now.Sub(w.start) > w.step; n++ {
		if n > len(w.slots) { // after a long pause every slot is empty anyway
			w.start = now
			return
		}
		w.start = w.start.Add(w.step)
		w.newest = (w.newest + 1) % len(w.slots)
		w.slots[w.newest].Reset()
	}
}

// Watch starts a window of the given length over the selector; nil where there is no such metric. Windows
// are to be started before the run.
func (s *Store) Watch(sel Selector, length time.Duration) *Window {
	m := s.registry.Lookup(sel.Metric)
	if m == nil {
		return nil
	}
	step := max(length/windowSlots, time.Second)
	w := &watch{metric: m, tags: sel.Tags, step: step, start: s.start, slots: make([]*Sink, int((length+step-1)/step)+1)}
	for i := range w.slots {
		w.slots[i] = NewSink(m.Type)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches = append(s.watches, w)
	return &Window{store: s, watch: w}
}

// Sink returns what the window holds now, and how much time that covers. The Sink is the caller's own.
func (w *Window) Sink(now time.Time) (*Sink, time.Duration) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	total := NewSink(w.watch.metric.Type)
	n := len(w.watch.slots)
	for i := range n { // oldest first: a Gauge's last value is the newest
		total.Merge(w.watch.slots[(w.watch.newest+1+i)%n])
	}
	covered := now.Sub(w.watch.start) + time.Duration(n-1)*w.watch.step
	return total, min(covered, now.Sub(w.store.begun))
}
