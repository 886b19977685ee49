package observe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// target is a server with the metrics of a Go process and a pool.
type target struct {
	*httptest.Server
	busy, waited atomic.Int64
	started      atomic.Int64 // more than this process's, in seconds
	away         atomic.Bool
	asked        chan string // whence each scrape came
}

func newTarget(t *testing.T) *target {
	x := &target{asked: make(chan string, 100)}
	registry := prometheus.NewRegistry()
	many := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "medianest_http_request_duration_seconds"}, []string{"route"})
	for i := range 200 {
		many.WithLabelValues(fmt.Sprintf("/api/%d", i)).Observe(0.1)
	}
	gauge := func(name string, labels prometheus.Labels, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, ConstLabels: labels}, f)
	}
	registry.MustRegister(
		many, collectors.NewGoCollector(),
		gauge("process_start_time_seconds", nil, func() float64 { return 1.7e9 + float64(x.started.Load()) }),
		gauge("process_resident_memory_bytes", nil, func() float64 { return 4096 }),
		gauge("medianest_db_pool_connections", prometheus.Labels{"state": "idle"}, func() float64 { return 99 }),
		gauge("medianest_db_pool_connections", prometheus.Labels{"state": "busy"}, func() float64 { return float64(x.busy.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "medianest_db_pool_waited_total"}, func() float64 { return float64(x.waited.Load()) }),
	)
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x.away.Load() || r.URL.Path != "/metrics" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		x.asked <- r.RemoteAddr
		page.ServeHTTP(w, r)
	}))
	t.Cleanup(x.Close)
	return x
}

func observe(t *testing.T, o Options) *Observer {
	t.Helper()
	w, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestScrape(t *testing.T) {
	x := newTarget(t)
	x.busy.Store(3)
	w := observe(t, Options{Metrics: []string{x.URL + "/metrics"}, Required: true})
	x.busy.Store(7)
	x.waited.Store(12)
	w.scrape(t.Context(), 2*time.Second)
	r := w.Report()
	busy := r.Find(PoolBusy)
	if busy == nil || len(busy.Points) != 2 || busy.Points[0].Value != 3 || busy.Points[1] != (Point{At: 2 * time.Second, Value: 7, Min: 7, Max: 7}) {
		t.Errorf("busy connections: %+v", busy)
	}
	if got := r.Find(PoolWaited).Increase(); got != 12 {
		t.Errorf("waited %v times", got)
	}
	if m := r.Find(ResidentMemory); m == nil || m.Points[0].Value != 4096 || m.Unit != "bytes" || m.Cumulative {
		t.Errorf("memory: %+v", m)
	}
	for _, name := range []string{Goroutines, HeapInUse, GCCount, GCPauseSeconds} {
		if r.Find(name) == nil {
			t.Errorf("the Go collector's %s is not there", name)
		}
	}
	if r.Find(startTime) != nil || r.Find(Connections) != nil || r.Database != nil || len(r.Missing) > 0 {
		t.Errorf("more than was asked for: %+v", r)
	}
	if a, b := <-x.asked, <-x.asked; a != b {
		t.Errorf("two connections, %s and %s", a, b)
	}
}

// What a page says of a value that is no number is not taken in: the result could not be written.
func TestScrapeLeavesOutWhatIsNoNumber(t *testing.T) {
	page := "process_resident_memory_bytes NaN\nprocess_open_fds +Inf\nprocess_start_time_seconds +Inf\ngo_goroutines 7\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) }))
	defer server.Close()
	w := observe(t, Options{Metrics: []string{server.URL}, Required: true})
	r := w.Report()
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	if len(r.Series) != 1 || r.Find(Goroutines) == nil || !r.Started.IsZero() {
		t.Errorf("%+v", r)
	}
}

// A target that is away leaves a gap, and one that comes back as another process is told.
func TestRestart(t *testing.T) {
	x := newTarget(t)
	w := observe(t, Options{Metrics: []string{x.URL + "/metrics"}})
	w.scrape(t.Context(), 1*time.Second)
	x.away.Store(true)
	w.scrape(t.Context(), 2*time.Second)
	if r := w.Report(); len(r.Restarts) != 0 {
		t.Errorf("restarts at %v before it came back", r.Restarts)
	}
	x.away.Store(false)
	x.started.Store(60)
	w.scrape(t.Context(), 3*time.Second)
	w.scrape(t.Context(), 4*time.Second)
	r := w.Report()
	if len(r.Restarts) != 1 || r.Restarts[0] != 3*time.Second {
		t.Errorf("restarts at %v, want one at 3s", r.Restarts)
	}
	var at []time.Duration
	for _, p := range r.Find(ResidentMemory).Points {
		at = append(at, p.At)
	}
	if fmt.Sprint(at) != "[0s 1s 3s 4s]" {
		t.Errorf("points at %v", at)
	}
}

func TestTicksUntilTheEnd(t *testing.T) {
	x := newTarget(t)
	w := observe(t, Options{Metrics: []string{x.URL + "/metrics"}})
	w.Tick(time.Second)
	r := w.Finish(t.Context(), 90*time.Second, nil)
	points := r.Find(Goroutines).Points
	if len(points) != 3 || points[1].At != time.Second || points[2].At != 90*time.Second {
		t.Errorf("points %+v, want them at 0, 1 and 90 s", points)
	}
	w.Tick(91 * time.Second) // late, and harmless
}

func TestNothingToObserve(t *testing.T) {
	x := newTarget(t)
	json := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"ok"}`) }))
	defer json.Close()

	w := observe(t, Options{Metrics: []string{json.URL, x.URL + "/elsewhere"}})
	r := w.Finish(t.Context(), time.Second, nil)
	if len(r.Series) != 0 || len(r.Missing) != 1 || !strings.Contains(r.Missing[0], "none of the metrics") || !strings.Contains(r.Missing[0], "status 503") {
		t.Errorf("report %+v", r)
	}
	if _, err := New(t.Context(), Options{Metrics: []string{json.URL}, Required: true}); err == nil || !strings.Contains(err.Error(), json.URL) {
		t.Errorf("error %v, want one that names the URL", err)
	}
	w = observe(t, Options{Metrics: []string{json.URL, x.URL + "/metrics"}, Others: []string{"http://other"}})
	if r := w.Report(); r.Find(Goroutines) == nil || len(r.Missing) != 1 || !strings.Contains(r.Missing[0], "http://other") {
		t.Errorf("the second URL was not used, or the other process is not told: %+v", r)
	}

	none := observe(t, Options{})
	none.Tick(time.Second)
	if r := none.Finish(t.Context(), time.Second, nil); r != nil || none.Report() != nil {
		t.Errorf("nothing was observed, and %+v came of it", r)
	}
}

// BenchmarkScrape is what a scrape of a page with some hundred kilobytes of histograms costs the generator.
func BenchmarkScrape(b *testing.B) {
	var page strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&page, "medianest_http_request_duration_seconds_bucket{service=\"api\",route=\"/api/v1/media/%d\",le=\"0.5\"} %d\n", i, i)
	}
	page.WriteString("# TYPE go_goroutines gauge\ngo_goroutines 12\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page.String()) }))
	defer server.Close()
	s := newScraper(server.URL, false)
	defer s.close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.scrape(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
