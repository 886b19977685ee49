package ui

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

func view() View {
	return View{
		Name: "core", Target: "http://127.0.0.1:3000", Covered: 5 * time.Second,
		Progress: engine.Progress{
			Elapsed: 30 * time.Second, Length: time.Minute, VUs: 10, VUsMax: 20, Iterations: 300, Dropped: 2,
			Scenarios: []engine.ScenarioProgress{
				{Name: "load", State: engine.Running, Share: 0.5, VUs: 10, Elapsed: 30 * time.Second, Length: time.Minute, Rate: 9.5, Target: 10, Dropped: 2},
				{Name: "spike", State: engine.Finished, Share: 1, Total: 20, Iterations: 20},
			},
			Thresholds: []threshold.Result{
				{Threshold: threshold.Threshold{Selector: metrics.Selector{Metric: "http_req_duration"}, Source: "p(95)<1"}, State: threshold.Failed, Value: 12.5},
				{Threshold: threshold.Threshold{Selector: metrics.Selector{Metric: "http_reqs"}, Source: "count>1"}, State: threshold.Passed, Value: 1000},
				{Threshold: threshold.Threshold{Selector: metrics.Selector{Metric: "checks"}, Source: "rate>0.9"}, State: threshold.NoData},
			},
		},
		Recent: Recent{Requests: 500, Failed: 5, P50: 1.5, P95: 12.5, P99: 20, Max: 100}, Requests: 1000, Failed: 7,
		Errors: map[string]uint64{"timeout": 5, "status 500": 2},
	}
}

func text(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintln(&b, r.Text)
	}
	return b.String()
}

func TestFrameShowsEverything(t *testing.T) {
	v := view()
	rows := Frame(&v, 140, 40)
	for _, want := range []string{
		"load core  http://127.0.0.1:3000  30s/1m0s", "10/20 VUs  300 iterations  100 req/s  p50 1.50ms  p95 12.50ms", "1000 requests, 7 failed, 2 iterations dropped",
		"load             [==========----------]  50%", "9.5 of 10.0 iterations/s, 2 iterations dropped", "20 of 20 iterations",
		"✗ http_req_duration p(95)<1  (12.5)", "✓ http_reqs count>1", "· checks rate>0.9  (no data yet)", "5 x timeout", "2 x status 500",
	} {
		if !strings.Contains(text(rows), want) {
			t.Errorf("%q is missing in\n%s", want, text(rows))
		}
	}
	for _, r := range rows {
		if bad := strings.Contains(r.Text, "✗") || strings.Contains(r.Text, " x ") || strings.Contains(r.Text, "failed,"); bad != (r.Style == Bad) {
			t.Errorf("%q has style %d", r.Text, r.Style)
		}
	}
}

func TestFrameKeepsToItsRoom(t *testing.T) {
	v := view()
	v.Name = "with \x1b[31m and \n in it"
	for _, size := range [][2]int{{20, 1}, {40, 5}, {80, 24}, {300, 100}} {
		rows := Frame(&v, size[0], size[1])
		if len(rows) > size[1] || len(rows) == 0 {
			t.Errorf("%d rows, room is for %d", len(rows), size[1])
		}
		for _, r := range rows {
			if n := utf8.RuneCountInString(r.Text); n > size[0] {
				t.Errorf("%q has %d columns, room is for %d", r.Text, n, size[0])
			}
			if strings.ContainsAny(r.Text, "\x1b\n") {
				t.Errorf("%q steers the terminal", r.Text)
			}
		}
	}
}

// A crossed threshold is seen in a low terminal too, before what is fine.
func TestFrameKeepsWhatIsBad(t *testing.T) {
	v := view()
	rows := Frame(&v, 140, 6)
	got := text(rows)
	if len(rows) != 6 || !strings.HasPrefix(got, "load core") || !strings.Contains(got, "✗ http_req_duration p(95)<1") || !strings.Contains(got, "5 x timeout") || strings.Contains(got, "✓") {
		t.Errorf("%d rows:\n%s", len(rows), got)
	}
}

// screen is as much of a terminal as Live needs.
type screen struct {
	rows   []string
	row    int
	colour bool
}

func (s *screen) Write(p []byte) (int, error) {
	rest := string(p)
	for rest != "" {
		var up int
		switch {
		case strings.HasPrefix(rest, "\x1b[J"):
			s.rows, rest = s.rows[:s.row], rest[3:]
		case strings.HasPrefix(rest, "\x1b[K"):
			rest = rest[3:]
		case strings.HasPrefix(rest, "\r"):
			rest = rest[1:]
		case strings.HasPrefix(rest, "\n"):
			s.row, rest = s.row+1, rest[1:]
		case strings.HasPrefix(rest, "\x1b["):
			end := strings.IndexAny(rest, "Am")
			if rest[end] == 'm' {
				s.colour = true
			} else if _, err := fmt.Sscanf(rest, "\x1b[%dA", &up); err == nil {
				s.row -= up
			}
			rest = rest[end+1:]
		default:
			end := strings.IndexAny(rest, "\x1b\n\r")
			if end < 0 {
				end = len(rest)
			}
			s.rows = append(s.rows[:min(s.row, len(s.rows))], append([]string{rest[:end]}, s.rows[min(s.row+1, len(s.rows)):]...)...)
			rest = rest[end:]
		}
	}
	return len(p), nil
}

func TestLiveRedrawsInPlace(t *testing.T) {
	var s screen
	v := view()
	l := &Live{W: &s, Size: func() (int, int) { return 100, 30 }}
	fmt.Fprintln(&s, "before")
	l.Show(v)
	if _, err := l.Write([]byte("logged\n")); err != nil {
		t.Fatal(err)
	}
	l.Show(v)
	v.Errors, v.Iterations = nil, 301
	l.Show(v)
	want := "before\nlogged\n" + text(Frame(&v, 100, 29))
	if got := strings.Join(s.rows, "\n") + "\n"; got != want {
		t.Errorf("the screen shows\n%swant\n%s", got, want)
	}
	if s.colour {
		t.Error("colours, although none are wanted")
	}
	l.Color = true
	if l.Show(v); !s.colour {
		t.Error("no colours, although they are wanted")
	}
}

// narrow makes the rows of the screen as terminals do that become narrower: what is too long is wrapped.
func (s *screen) narrow(width int) {
	var wrapped []string
	for _, row := range s.rows {
		r := []rune(row)
		for ; len(r) > width; r = r[width:] {
			wrapped = append(wrapped, string(r[:width]))
		}
		wrapped = append(wrapped, string(r))
	}
	s.rows, s.row = wrapped, len(wrapped)
}

func TestLiveLeavesNothingBehindWhenTheTerminalBecomesNarrower(t *testing.T) {
	var s screen
	v := view()
	width := 100
	l := &Live{W: &s, Size: func() (int, int) { return width, 30 }}
	fmt.Fprintln(&s, "before")
	l.Show(v)
	width = 40
	s.narrow(width)
	l.Show(v)
	want := "before\n" + text(Frame(&v, 40, 29))
	if got := strings.Join(s.rows, "\n") + "\n"; got != want {
		t.Errorf("the screen shows\n%swant\n%s", got, want)
	}
	width = 25
	s.narrow(width)
	fmt.Fprint(l, "logged\n")
	if got := strings.Join(s.rows, "\n"); got != "before\nlogged" {
		t.Errorf("the screen shows\n%s", got)
	}
}

func TestLinesComeEveryFewSeconds(t *testing.T) {
	var b bytes.Buffer
	l := &Lines{W: &b}
	for i := range 12 {
		v := view()
		v.Elapsed = time.Duration(i) * time.Second
		l.Show(v)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "5s/1m0s  10 VUs  300 iterations  100 req/s") || !strings.Contains(lines[2], "crossed: http_req_duration p(95)<1") {
		t.Errorf("lines:\n%s", b.String())
	}
}

// A search has several runs, whose time begins anew.
func TestLinesBeginAnew(t *testing.T) {
	var b bytes.Buffer
	l := &Lines{W: &b}
	for range 3 {
		for i := range 4 {
			v := view()
			v.Elapsed = time.Duration(i+1) * time.Second
			l.Show(v)
		}
	}
	if n := strings.Count(b.String(), "1s/1m0s"); n != 3 {
		t.Errorf("%d of 3 runs are shown:\n%s", n, b.String())
	}
}

// A threshold that does not hold is no news while a run has just begun, and half-way through a short one at the latest.
func TestThresholdsAreNotCrossedAtOnce(t *testing.T) {
	for _, test := range []struct {
		elapsed, length time.Duration
		crossed         bool
	}{
		{time.Second, time.Minute, false}, {10 * time.Second, time.Minute, true}, {2 * time.Second, 4 * time.Second, true},
		{time.Second, 4 * time.Second, false}, {9 * time.Second, 0, false}, {10 * time.Second, 0, true},
	} {
		v := view()
		v.Elapsed, v.Length = test.elapsed, test.length
		if got := strings.Contains(line(&v), "crossed"); got != test.crossed {
			t.Errorf("%s of %s: %s", test.elapsed, test.length, line(&v))
		}
		if got := strings.Contains(text(Frame(&v, 100, 100)), "✗ http_req_duration p(95)<1"); got != test.crossed {
			t.Errorf("%s of %s: %s", test.elapsed, test.length, text(Frame(&v, 100, 100)))
		}
	}
}

func TestWatcherSeesTheStore(t *testing.T) {
	reg, start := metrics.NewRegistry(), time.Now()
	store := metrics.NewStore(reg, start, nil)
	w := Watch(store)
	rec := store.Recorder()
	for i := range 10 {
		rec.HTTP(&metrics.HTTPRequest{Tags: reg.Tags("status", "200"), Duration: float64(i + 1)})
	}
	rec.HTTP(&metrics.HTTPRequest{Tags: reg.Tags("status", "503"), Duration: 100, Failed: true})
	rec.HTTP(&metrics.HTTPRequest{Tags: reg.Tags("status", "0", "error", "timeout"), Duration: 100, Failed: true})
	now := start.Add(2 * time.Second)
	store.Tick(now)
	v := w.View(engine.Progress{}, now)
	if v.Requests != 12 || v.Failed != 2 || v.Recent.Requests != 12 || v.Recent.Max != 100 || v.Covered != 2*time.Second || v.Errors["timeout"] != 1 || v.Errors["status 503"] != 1 {
		t.Errorf("%+v", v)
	}
}
