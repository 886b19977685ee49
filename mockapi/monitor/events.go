package monitor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The types of events.
const (
	EventMetric  = "metric"  // the Point of a collection
	EventWarning = "warning" // a Warning, at a collection with operations longer than SlowOperation before it
	EventAlert   = "alert"   // an Alert that begins or ends
	EventRUM     = "rum"     // a RUM, at a collection with vitals before it
)

// Event is something that subscribers are told. There are a handful a second, whatever the number of requests.
type Event struct {
	ID   uint64 // from 1, one more with each event
	Type string
	Data []byte // a JSON object in one line; not to be changed
}

// Warning tells of the operations that took longer than SlowOperation since the last one.
type Warning struct {
	Message string         `json:"message"`
	Count   uint64         `json:"count"`
	Slowest []SlowInstance `json:"slowest"` // at most maxSlowest of them
}

// SlowInstance is one operation that ended.
type SlowInstance struct {
	Operation string    `json:"operation"`
	Tags      Tags      `json:"tags"`
	Duration  float64   `json:"duration"` // milliseconds
	Status    int       `json:"status"`   // 0 where it ended without an answer
	Timestamp time.Time `json:"timestamp"`
}

// Bounds of what is told.
const (
	maxSlowest = 10 // operations in a Warning
	// MaxReaders is how many may be subscribed at once.
	MaxReaders = 256
	// eventBuffer is how many events a reader may fall behind before it misses the oldest.
	eventBuffer = 64
	// recentEvents is how many a reader that comes back can catch up with.
	recentEvents = 128
)

// Errors of Subscribe.
var (
	ErrTooManyReaders = fmt.Errorf("%d readers follow the events already, which is the most that may", MaxReaders)
	ErrStopped        = errors.New("the monitor has stopped")
)

// Subscription is a reader of events.
type Subscription struct {
	// C has the events. It is closed when the subscription's context or the monitor ends.
	C <-chan Event

	events chan Event
	missed uint64 // guarded by the broker
	broker *broker
}

// Subscribe follows the events until ctx ends. A reader that is too slow misses the oldest, which Missed tells. Those
// after the event with the id `after` that are still known come first; 0 is none of them.
func (m *Monitor) Subscribe(ctx context.Context, after uint64) (*Subscription, error) {
	return m.events.subscribe(ctx, after)
}

// Readers is how many subscriptions there are.
func (m *Monitor) Readers() int {
	m.events.mu.Lock()
	defer m.events.mu.Unlock()
	return len(m.events.readers)
}

// Missed returns how many events were dropped since it was last called, for the reader was too slow.
func (s *Subscription) Missed() uint64 {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	n := s.missed
	s.missed = 0
	return n
}

// broker hands events to readers without ever waiting for one.
type broker struct {
	mu      sync.Mutex
	readers map[*Subscription]struct{}
	recent  []Event // oldest first
	last    uint64
	closed  bool
}

func newBroker() broker {
	return broker{readers: make(map[*Subscription]struct{}), recent: make([]Event, 0, recentEvents)}
}

func (b *broker) subscribe(ctx context.Context, after uint64) (*Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return nil, ErrStopped
	case len(b.readers) >= MaxReaders:
		return nil, ErrTooManyReaders
	}
	s := &Subscription{events: make(chan Event, eventBuffer), broker: b}
	s.C = s.events
	b.readers[s] = struct{}{}
	if after > 0 && after < b.last { // a later id is of another process
		s.missed = b.last - after
		for _, e := range b.recent {
			if e.ID > after {
				s.missed--
				s.push(e)
			}
		}
	}
	context.AfterFunc(ctx, func() { b.remove(s) })
	return s, nil
}

func (b *broker) remove(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.readers[s]; ok {
		delete(b.readers, s)
		close(s.events)
	}
}

// push gives a reader an event, in place of its oldest where it has no room. The broker is locked.
func (s *Subscription) push(e Event) {
	for {
		select {
		case s.events <- e:
			return
		default:
		}
		select {
		case <-s.events:
			s.missed++
		default: // the reader was quicker
		}
	}
}

func (b *broker) publish(kind string, data any) {
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("encode an event %s: %v", kind, err)) // its types have nothing that JSON has not
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	e := Event{ID: b.last, Type: kind, Data: encoded}
	if len(b.recent) == cap(b.recent) {
		copy(b.recent, b.recent[1:])
		b.recent = b.recent[:len(b.recent)-1]
	}
	b.recent = append(b.recent, e)
	for s := range b.readers {
		s.push(e)
	}
}

// close ends every subscription, and refuses new ones.
func (b *broker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.readers {
		delete(b.readers, s)
		close(s.events)
	}
}

// slowest keeps the slowest operations since the last collection.
type slowest struct {
	mu    sync.Mutex
	total uint64
	list  []slowOne // at most maxSlowest
}

type slowOne struct {
	series *series
	took   time.Duration
	at     time.Duration // since the monitor's start
	status int
}

func (s *slowest) add(o slowOne) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	if len(s.list) < maxSlowest {
		s.list = append(s.list, o)
		return
	}
	least := 0
	for i := range s.list {
		if s.list[i].took < s.list[least].took {
			least = i
		}
	}
	if o.took > s.list[least].took {
		s.list[least] = o
	}
}

func (s *slowest) take() (total uint64, list []slowOne) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total, list = s.total, s.list
	s.total, s.list = 0, nil
	return total, list
}

// publish tells subscribers what a collection brought. m.mu is held.
func (m *Monitor) publish(p sample) {
	m.events.publish(EventMetric, p.Point)
	if total, list := m.slowest.take(); total > 0 {
		slices.SortFunc(list, func(a, b slowOne) int { return cmp.Compare(b.took, a.took) })
		w := Warning{Count: total, Message: fmt.Sprintf("%s took %.0f ms", list[0].series.name, milliseconds(list[0].took))}
		if total > 1 {
			w.Message = fmt.Sprintf("%d operations took more than %d ms, the slowest %s with %.0f ms",
				total, SlowOperation.Milliseconds(), list[0].series.name, milliseconds(list[0].took))
		}
		for _, o := range list {
			w.Slowest = append(w.Slowest, SlowInstance{
				Operation: o.series.name, Tags: o.series.tags, Duration: milliseconds(o.took), Status: o.status, Timestamp: m.at(o.at),
			})
		}
		m.events.publish(EventWarning, w)
	}
	for _, a := range m.alerts.judge(m, p.to) {
		m.events.publish(EventAlert, a)
	}
	if r := m.vitals.take(); r.Count > 0 {
		m.events.publish(EventRUM, r)
	}
}
