package metrics_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestTagSetsAreInterned(t *testing.T) {
	r := metrics.NewRegistry()
	a := r.Tags("scenario", "load", "endpoint", "login")
	b := r.Tags("endpoint", "login").With("scenario", "load")
	if a != b {
		t.Error("equal sets are two pointers")
	}
	if c := a.With("endpoint", "search"); c == a || c.Get("endpoint") != "search" || a.Get("endpoint") != "login" || a.Get("none") != "" {
		t.Error("With changed the wrong set")
	}
	if r.Tags("a", "b=c,d") == r.Tags("a", "b", "c", "d") {
		t.Error("a value can forge a tag")
	}
	for i := range 2 * metrics.MaxTagSets {
		r.Tags("id", fmt.Sprint(i))
	}
	if r.Overflowed() == 0 {
		t.Error("tag sets grow without end")
	}
}

func TestMetricsHaveOneType(t *testing.T) {
	r := metrics.NewRegistry()
	m, err := r.New("db_query_time", metrics.Trend, metrics.Time)
	if err != nil || r.Lookup("db_query_time") != m {
		t.Fatal(err)
	}
	if again, err := r.New("db_query_time", metrics.Trend, metrics.Time); again != m || err != nil {
		t.Error("the same metric again is another one")
	}
	if _, err := r.New("http_reqs", metrics.Trend, metrics.Time); err == nil {
		t.Error("a metric took a second type")
	}
}

func TestTotalsOfManyUsersAndTags(t *testing.T) {
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	var wg sync.WaitGroup
	const users, each = 50, 400
	for u := range users {
		wg.Go(func() {
			rec := s.Recorder()
			tags := r.Tags("scenario", "load", "endpoint", []string{"login", "browse"}[u%2])
			for i := range each {
				rec.HTTP(&metrics.HTTPRequest{Tags: tags.With("status", "200"), Duration: float64(i), BytesSent: 10, BytesReceived: 100, Failed: i%4 == 0})
				rec.Add(r.Builtin.Checks, tags, float64(i%2))
				rec.Add(r.Builtin.VUs, tags, float64(i))
			}
		})
	}
	done := make(chan struct{})
	go func() { // ticks meet the users at work
		defer close(done)
		for i := range 50 {
			s.Tick(start.Add(time.Duration(i) * time.Second))
		}
	}()
	wg.Wait()
	<-done
	s.Tick(start.Add(time.Minute))
	for _, c := range []struct {
		tags map[string]string
		n    uint64
	}{
		{nil, users * each}, {map[string]string{"endpoint": "login"}, users * each / 2},
		{map[string]string{"endpoint": "login", "status": "200"}, users * each / 2}, {map[string]string{"endpoint": "upload"}, 0},
	} {
		d := s.Total(metrics.Selector{Metric: "http_req_duration", Tags: c.tags})
		if d.Count != c.n {
			t.Errorf("%v: %d requests, want %d", c.tags, d.Count, c.n)
		}
		f := s.Total(metrics.Selector{Metric: "http_req_failed", Tags: c.tags})
		if f.Passes != c.n/4 {
			t.Errorf("%v: %d failed, want %d", c.tags, f.Passes, c.n/4)
		}
	}
	all := s.Total(metrics.Selector{Metric: "http_req_duration"})
	if all.Values.Max() != each-1 || all.Values.Quantile(0.5) < 198.9 || all.Values.Quantile(0.5) > 199.1 {
		t.Errorf("max %v, median %v", all.Values.Max(), all.Values.Quantile(0.5))
	}
	if n := s.Total(metrics.Selector{Metric: "http_reqs"}).RateValue(time.Minute); n != users*each/60.0 {
		t.Errorf("%v requests a second", n)
	}
	if n := s.Total(metrics.Selector{Metric: "data_received"}).Sum; n != users*each*100 {
		t.Errorf("%v bytes received", n)
	}
	if s.Total(metrics.Selector{Metric: "nonsense"}) != nil {
		t.Error("a metric that does not exist has a total")
	}
}

func TestWindowsSlide(t *testing.T) {
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	sel := metrics.Selector{Metric: "http_req_duration", Tags: map[string]string{"endpoint": "login"}}
	w := s.Watch(sel, 10*time.Second)
	rec := s.Recorder()
	tags := r.Tags("endpoint", "login")
	for i := range 100 {
		rec.Add(r.Builtin.HTTPReqDuration, tags, float64(i))
		rec.Add(r.Builtin.HTTPReqDuration, r.Tags("endpoint", "browse"), 1e6)
		now := start.Add(time.Duration(i+1) * time.Second)
		s.Tick(now)
		sink, covered := w.Sink(now)
		want := uint64(min(i+1, 11)) // ten full slots and the one that is filling
		if sink.Count < want-1 || sink.Count > want || sink.Values.Max() != float64(i) || sink.Values.Min() < float64(i-11) {
			t.Fatalf("after %d s the window holds %d values from %v to %v", i+1, sink.Count, sink.Values.Min(), sink.Values.Max())
		}
		if covered < time.Duration(min(i+1, 10))*time.Second || covered > 11*time.Second {
			t.Fatalf("after %d s the window covers %v", i+1, covered)
		}
	}
	if s.Tick(start.Add(time.Hour)); true {
		if sink, _ := w.Sink(start.Add(time.Hour)); sink.Count != 0 {
			t.Errorf("after an hour of silence the window holds %d values", sink.Count)
		}
	}
	if s.Watch(metrics.Selector{Metric: "nonsense"}, time.Minute) != nil {
		t.Error("a metric that does not exist has a window")
	}
}

func TestStreamSeesEverySample(t *testing.T) {
	r := metrics.NewRegistry()
	var mu sync.Mutex
	seen := map[string]int{}
	s := metrics.NewStore(r, start, func(batch []metrics.Sample) {
		mu.Lock()
		defer mu.Unlock()
		for _, x := range batch {
			seen[x.Metric.Name]++
			if x.Metric.Name == "http_reqs" && x.URL != "http://localhost/x" {
				t.Errorf("sample %+v has lost its URL", x)
			}
		}
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			rec := s.Recorder()
			for range 300 {
				rec.HTTP(&metrics.HTTPRequest{Tags: r.Tags("status", "200"), URL: "http://localhost/x", End: start})
			}
		})
	}
	wg.Wait()
	s.Tick(start.Add(time.Second))
	if seen["http_reqs"] != 2400 || seen["http_req_duration"] != 2400 || seen["http_req_lateness"] != 0 {
		t.Errorf("saw %v", seen)
	}
}

func BenchmarkRecorderHTTP(b *testing.B) {
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	tags := r.Tags("scenario", "load", "endpoint", "login", "method", "POST", "name", "login", "expected_response", "true")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		rec := s.Recorder()
		q := metrics.HTTPRequest{Duration: 1.5, Waiting: 1.2, Receiving: 0.1, Sending: 0.2, BytesSent: 100, BytesReceived: 1000}
		for pb.Next() {
			q.Tags = tags.With("status", "200")
			rec.HTTP(&q)
		}
	})
}

// Preparations are not part of a run's time, and neither are they of a window's.
func TestBeginMovesTheStart(t *testing.T) {
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	w := s.Watch(metrics.Selector{Metric: "iterations"}, 10*time.Second)
	begin := start.Add(time.Hour)
	s.Begin(begin, 0)
	rec := s.Recorder()
	rec.Add(r.Builtin.Iterations, r.Tags(), 1)
	now := begin.Add(5 * time.Second)
	s.Tick(now)
	if sink, covered := w.Sink(now); s.Elapsed(now) != 5*time.Second || covered != 5*time.Second || sink.Sum != 1 {
		t.Errorf("elapsed %v, the window covers %v and holds %v", s.Elapsed(now), covered, sink.Sum)
	}
}

// The time before an interruption is the run's, but a window has seen nothing of it.
func TestBeginGoesOn(t *testing.T) {
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	w := s.Watch(metrics.Selector{Metric: "iterations"}, 10*time.Second)
	s.Begin(start, time.Hour)
	rec := s.Recorder()
	for second := range 20 {
		rec.Add(r.Builtin.Iterations, r.Tags(), 5)
		now := start.Add(time.Duration(second+1) * time.Second)
		s.Tick(now)
		sink, covered := w.Sink(now)
		if rate := sink.RateValue(covered); s.Elapsed(now) != time.Hour+now.Sub(start) || covered > now.Sub(start) || rate != 5 {
			t.Fatalf("after %v, which is %v of the run, the window covers %v with a rate of %v", now.Sub(start), s.Elapsed(now), covered, rate)
		}
	}
}

// An open model's first request is timed from when it was due; what the target took is kept beside it.
func TestRequestsOfOpenModels(t *testing.T) {
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	rec := s.Recorder()
	rec.HTTP(&metrics.HTTPRequest{Tags: r.Tags(), Duration: 5})
	rec.HTTP(&metrics.HTTPRequest{Tags: r.Tags(), Duration: 5, Open: true, First: true, Lateness: 110, Waited: 100})
	rec.HTTP(&metrics.HTTPRequest{Tags: r.Tags(), Duration: 5, Open: true})
	s.Tick(start)
	for name, want := range map[string][3]float64{"http_req_duration": {3, 5, 105}, "http_req_service": {2, 5, 5}, "http_req_lateness": {1, 110, 110}} {
		v := s.Total(metrics.Selector{Metric: name}).Values
		if got := [3]float64{float64(v.Count()), v.Min(), v.Max()}; got != want {
			t.Errorf("%s: count, min and max are %v, want %v", name, got, want)
		}
	}
}
