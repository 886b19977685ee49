package page

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/ui"
)

func serve(t testing.TB) *Live {
	t.Helper()
	l, err := ServeLive(":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.server.Close() }) // most have ended
	return l
}

// running is a run under way, after so many seconds.
func running(t testing.TB, seconds int) (ui.View, Source) {
	t.Helper()
	v := ui.View{Name: "core", Target: "http://h:3000", Requests: 1000, Failed: 10, Covered: 5 * time.Second, Errors: map[string]uint64{hostile: 10}}
	v.Recent = ui.Recent{Requests: 500, Failed: 5, P50: 1, P95: 2, P99: 3, Max: 4}
	v.Elapsed, v.Length = time.Duration(seconds)*time.Second, time.Minute
	v.Scenarios = []engine.ScenarioProgress{{Name: hostile, State: engine.Running, Share: 0.5, Description: "two users"}}
	v.Health.Valid = true
	for source, state := range map[string]threshold.State{"p(95)<1000": threshold.Passed, "p(99)<1": threshold.Failed, "p(90)<5": threshold.NoData} {
		parsed, err := threshold.Parse("http_req_duration", source)
		if err != nil {
			t.Fatal(err)
		}
		v.Thresholds = append(v.Thresholds, threshold.Result{Threshold: parsed, State: state, Value: 12.5})
	}
	points := measured(seconds, hostile).Timeline
	return v, Source{Points: func() []metrics.Point { return points }, Metric: metrics.NewRegistry().Lookup}
}

// reader reads the states that a page gets.
type reader struct {
	t    *testing.T
	body io.ReadCloser
	scan *bufio.Scanner
}

func read(t *testing.T, l *Live) *reader {
	t.Helper()
	resp, err := http.Get(l.URL() + "events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %v", resp.Status, resp.Header)
	}
	r := &reader{t, resp.Body, bufio.NewScanner(resp.Body)}
	r.scan.Buffer(nil, 1<<20)
	return r
}

// next is the next state, false at the end of the stream.
func (r *reader) next() (s state, ok bool) {
	r.t.Helper()
	for r.scan.Scan() {
		if data, found := strings.CutPrefix(r.scan.Text(), "data: "); found {
			if err := json.Unmarshal([]byte(data), &s); err != nil {
				r.t.Fatal(err)
			}
			return s, true
		}
	}
	return s, false
}

func TestReadersFollowTheRunToItsVerdict(t *testing.T) {
	l := serve(t)
	r := read(t, l)
	if s, _ := r.next(); s.Status != "the test is being set up" || s.Ended {
		t.Errorf("at first: %+v", s)
	}
	l.Show(running(t, 2))
	if s, _ := r.next(); s.Status != "core: running" || strings.Contains(s.HTML, "✗ crossed") || !strings.Contains(s.HTML, "not yet") {
		t.Errorf("when it has just begun: %+v", s)
	}
	l.Show(running(t, 10))
	s, _ := r.next()
	if s.Status != "core: running; 1 threshold crossed" || s.Ended {
		t.Errorf("while it runs: %q", s.Status)
	}
	doc, err := html.Parse(strings.NewReader(s.HTML))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"live-head":       "load core http://h:3000 , 10 s of 60 s",
		"live-figures":    "Requests 100/s 1,000 so far Failed 1 % 10 so far p50 1 ms p95 2 ms p99 3 ms 4 ms at most",
		"live-thresholds": "✗ crossed http_req_duration p(99)<1 12.5 ms ✓ holds http_req_duration p(95)<1000 12.5 ms no data yet http_req_duration p(90)<5",
		"live-scenarios":  hostile + " running 50 %",
		"live-errors":     hostile + " 10 1 %",
		"live-charts":     "p99: 21.2 ms at the end",
	} {
		if got := text(find(doc, id)); !strings.Contains(got, want) {
			t.Errorf("%s: %q is missing in\n%s", id, want, got)
		}
	}
	if strings.Contains(s.HTML, "<script") || strings.Contains(s.HTML, "<img") {
		t.Error("a name is more than text")
	}
	// A reader who comes late gets the same, and both get the verdict before the server ends.
	late := read(t, l)
	if again, _ := late.next(); again != s {
		t.Error("another reader got another state")
	}
	if err := l.End(&report.Result{Complete: true, Verdict: report.Verdict{ExitCode: 99, Word: "thresholds crossed", Reasons: []string{hostile}}}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*reader{r, late} {
		s, _ := x.next()
		if !s.Ended || s.Status != "core: thresholds crossed" || !strings.Contains(s.HTML, "this page stays as it is") || strings.Contains(s.HTML, "<script") {
			t.Errorf("in the end: %+v", s)
		}
		if _, more := x.next(); more {
			t.Error("something comes after the end")
		}
	}
	if _, err := http.Get(l.URL()); err == nil {
		t.Error("the server is still there")
	}
}

func TestOneDrawingIsForAll(t *testing.T) {
	l := serve(t)
	v, source := running(t, 5)
	var drawn atomic.Int64
	points := source.Points
	source.Points = func() []metrics.Point { drawn.Add(1); return points() }
	for range 3 {
		l.Show(v, source)
	}
	if n := drawn.Load(); n != 0 {
		t.Errorf("%d drawings for nobody", n)
	}
	for range 5 {
		read(t, l).next()
	}
	if n := drawn.Load(); n != 1 {
		t.Errorf("%d drawings for five readers of one state", n)
	}
}

func TestReadersAreBounded(t *testing.T) {
	l := serve(t)
	for range maxReaders {
		l.readers <- struct{}{}
	}
	w := httptest.NewRecorder()
	l.server.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/events", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("reader number %d got %d", maxReaders+1, w.Code)
	}
}

func TestTheDashboardIsForThisMachine(t *testing.T) {
	l := serve(t)
	if !strings.HasPrefix(l.URL(), "http://127.0.0.1:") {
		t.Errorf("served at %s", l.URL())
	}
	for host, want := range map[string]int{"127.0.0.1:1": 200, "localhost": 200, "[::1]:80": 200, "evil.example": 403, "127.0.0.1.evil.example:80": 403} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		l.server.Handler.ServeHTTP(w, r)
		if w.Code != want || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("%s: %d, %v", host, w.Code, w.Header())
		}
	}
	for _, bad := range []string{"3000", "127.0.0.1:x", "127.0.0.1:1:1"} {
		if l, err := ServeLive(bad); err == nil {
			t.Errorf("%s is served at %s", bad, l.URL())
		}
	}
}

// A run that never starts has a page, and its readers are told.
func TestARunThatNeverStarts(t *testing.T) {
	l := serve(t)
	r := read(t, l)
	r.next()
	if err := l.End(nil); err != nil {
		t.Fatal(err)
	}
	if s, _ := r.next(); !s.Ended || !strings.Contains(s.HTML, "not run") {
		t.Errorf("%+v", s)
	}
}

func BenchmarkLive(b *testing.B) {
	l := serve(b)
	v, source := running(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		l.Show(v, source)
		if _, _, _, err := l.current(); err != nil {
			b.Fatal(err)
		}
	}
}
