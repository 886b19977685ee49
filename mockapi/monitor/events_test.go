package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// read takes what the subscription has now, by type.
func read(t *testing.T, s *Subscription) (events []Event, byType map[string][]Event) {
	t.Helper()
	byType = make(map[string][]Event)
	for {
		select {
		case e, open := <-s.C:
			if !open {
				return events, byType
			}
			if !json.Valid(e.Data) {
				t.Errorf("event %d is not JSON: %s", e.ID, e.Data)
			}
			events, byType[e.Type] = append(events, e), append(byType[e.Type], e)
		default:
			return events, byType
		}
	}
}

func TestEventsAreAHandfulASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := running(t, Options{})
		s, err := m.Subscribe(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		spans := make([]Span, 500)
		for i := range spans {
			spans[i] = m.Operation("GET /slow", Tags{"service": "api"}).Start()
		}
		settle(1500 * time.Millisecond)
		for _, span := range spans {
			span.End(http.StatusBadGateway)
		}
		for range 50 {
			m.RecordVital(Vital{Name: "LCP", Value: 4001, Page: "/"})
		}
		settle(time.Second)
		events, by := read(t, s)
		if len(by[EventMetric]) != 2 || len(by[EventWarning]) != 1 || len(by[EventAlert]) != 2 || len(by[EventRUM]) != 1 {
			t.Fatalf("two seconds had the events %v", events)
		}
		var w Warning
		if err := json.Unmarshal(by[EventWarning][0].Data, &w); err != nil {
			t.Fatal(err)
		}
		if w.Count != 500 || len(w.Slowest) != maxSlowest || w.Message == "" {
			t.Errorf("the warning is %+v", w)
		}
		if o := w.Slowest[0]; o.Operation != "GET /slow" || o.Tags["service"] != "api" || o.Duration != 1500 || o.Status != 502 {
			t.Errorf("the slowest is %+v", o)
		}
		var r RUM
		if err := json.Unmarshal(by[EventRUM][0].Data, &r); err != nil {
			t.Fatal(err)
		}
		if r.Count != 50 || len(r.Vitals) != maxVitals || r.Vitals[0].Rating != RatingPoor {
			t.Errorf("what browsers measured is %+v", r)
		}
		for i, e := range events {
			if e.ID != uint64(i+1) {
				t.Errorf("event %d has the id %d", i+1, e.ID)
			}
		}
	})
}

// A reader that does not read misses the oldest events and is told how many; nobody waits for it.
func TestSlowReaderMissesTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := running(t, Options{})
		s, err := m.Subscribe(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		settle((eventBuffer + 36) * time.Second)
		if n := s.Missed(); n != 36 {
			t.Errorf("%d events are missed, want 36", n)
		}
		if n := s.Missed(); n != 0 {
			t.Errorf("%d events are missed again", n)
		}
		events, _ := read(t, s)
		if len(events) != eventBuffer || events[0].ID != 37 {
			t.Errorf("%d events are left, the first %d", len(events), events[0].ID)
		}
	})
}

func TestReaderComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := running(t, Options{})
		settle(200 * time.Second)
		for _, c := range []struct {
			after  uint64
			first  uint64 // 0 for none
			missed uint64
		}{{0, 0, 0}, {190, 191, 0}, {200, 0, 0}, {100, 137, 36}, {5, 137, 131}, {7000, 0, 0}} {
			ctx, cancel := context.WithCancel(t.Context())
			s, err := m.Subscribe(ctx, c.after)
			if err != nil {
				t.Fatal(err)
			}
			var first uint64
			if events, _ := read(t, s); len(events) > 0 {
				first = events[0].ID
			}
			if missed := s.Missed(); first != c.first || missed != c.missed {
				t.Errorf("after %d comes %d with %d missed, want %d with %d", c.after, first, missed, c.first, c.missed)
			}
			cancel()
			synctest.Wait()
			if _, open := <-s.C; open || m.Readers() != 0 {
				t.Errorf("after %d: the subscription does not end with its context", c.after)
			}
		}
	})
}

func TestReadersAreLimitedAndEndWithTheMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options{})
		ctx, cancel := context.WithCancel(t.Context())
		go m.Run(ctx)
		var all []*Subscription
		for range MaxReaders {
			s, err := m.Subscribe(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if _, err := m.Subscribe(t.Context(), 0); !errors.Is(err, ErrTooManyReaders) {
			t.Errorf("one more reader is told %v", err)
		}
		cancel()
		synctest.Wait()
		for _, s := range all {
			if _, open := <-s.C; open {
				t.Fatal("a subscription outlives the monitor")
			}
		}
		if _, err := m.Subscribe(t.Context(), 0); !errors.Is(err, ErrStopped) {
			t.Errorf("a late reader is told %v", err)
		}
	})
}
