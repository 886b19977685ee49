package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// hook is a webhook that keeps what it is told, and answers as it is told.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int // of the next answers, then 204
	bodies   []alert
	attempts int
}

func newHook(t *testing.T, statuses ...int) *hook {
	h := &hook{statuses: statuses}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.attempts++
		status := http.StatusNoContent
		if len(h.statuses) > 0 {
			status, h.statuses = h.statuses[0], h.statuses[1:]
		}
		var a alert
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		if status < 300 {
			h.bodies = append(h.bodies, a)
		}
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) states() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var states []string
	for _, b := range h.bodies {
		states = append(states, b.Previous+">"+b.State)
	}
	return states
}

func at(minute int) time.Time {
	return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

// A webhook is told of changes, and again after a while; what it did not take is told after the next round.
func TestAlerts(t *testing.T) {
	for _, test := range []struct {
		name     string
		rounds   string // a letter a minute: o is ok, f failing
		again    time.Duration
		statuses []int
		want     []string
	}{
		{"all is well", "ooo", time.Hour, nil, nil},
		{"a change and back", "offoo", time.Hour, nil, []string{"ok>failing", "failing>ok"}},
		{"failing from the start", "ff", time.Hour, nil, []string{"ok>failing"}},
		{"again", "ffffff", 2 * time.Minute, nil, []string{"ok>failing", "failing>failing", "failing>failing"}},
		{"never again", "ffffff", 0, nil, []string{"ok>failing"}},
		{"delivered at the third attempt", "of", time.Hour, []int{500, 503}, []string{"ok>failing"}},
		{"delivered after the next round", "off", time.Hour, []int{500, 500, 500}, []string{"ok>failing"}},
		{"over before it was delivered", "ofo", time.Hour, []int{500, 500, 500}, nil},
		{"redirects are not followed", "of", time.Hour, []int{307, 307, 307, 307}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHook(t, test.statuses...)
			a := newAlerts(h.URL, test.again, "http://target", "synthetic", slog.New(slog.DiscardHandler))
			a.pause = 0
			for minute, letter := range test.rounds {
				r := round{At: at(minute), OK: letter == 'o', Word: report.Failed, Reasons: []string{"why"}}
				a.after(t.Context(), r)
			}
			if got := h.states(); !slices.Equal(got, test.want) {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}

func TestAlertBody(t *testing.T) {
	h := newHook(t)
	a := newAlerts(h.URL, time.Hour, "http://target", "synthetic", slog.New(slog.DiscardHandler))
	long := strings.Repeat("ü", maxReason)
	for minute, ok := range []bool{true, false, false, true} {
		a.after(t.Context(), round{At: at(minute), OK: ok, Word: "thresholds crossed", Reasons: slices.Repeat([]string{long}, 2*maxReasons)})
	}
	failing, well := h.bodies[0], h.bodies[1]
	if failing.Test != "synthetic" || failing.Target != "http://target" || !failing.Since.Equal(at(1)) || failing.Rounds != 1 || failing.Word != "thresholds crossed" {
		t.Errorf("failing: %+v", failing)
	}
	if len(failing.Reasons) != maxReasons || len(failing.Reasons[0]) > maxReason || !strings.HasPrefix(failing.Text, "http://target is failing the test synthetic: üü") {
		t.Errorf("%d reasons of %d bytes, text %.60q", len(failing.Reasons), len(failing.Reasons[0]), failing.Text)
	}
	if well.Text != "http://target is well again, after 2 failing rounds of synthetic" || !well.Since.Equal(at(3)) {
		t.Errorf("well: %+v", well)
	}
}

// The address of a webhook is a password: it is in no error, and not in the log.
func TestAlertsKeepTheirSecret(t *testing.T) {
	var log bytes.Buffer
	for _, address := range []string{"http://127.0.0.1:1/hooks/s3cret", "http://s3cret\x7f/", newHook(t, 500, 500, 500).URL + "/s3cret"} {
		a := newAlerts(address, time.Hour, "http://target", "synthetic", slog.New(slog.NewTextHandler(&log, nil)))
		a.pause = 0
		before := log.Len()
		a.after(t.Context(), round{At: at(0)})
		if log.Len() == before {
			t.Errorf("%s: that it was not delivered is not told", address)
		}
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the log tells the secret:\n%s", &log)
	}
}

// watchOf runs a watch on a clock that nobody waits for, whose rounds take so long and end so.
func watchOf(t *testing.T, f everyFlags, stopAfter time.Duration, takes time.Duration, codes ...int) (begun []time.Duration, last total, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start, first := time.Now(), make(chan struct{})
		if stopAfter > 0 {
			time.AfterFunc(stopAfter, func() { close(first) })
		}
		w := &watch{everyFlags: &f, first: first, tell: func(v any) error {
			if x, ok := v.(total); ok {
				last = x
			}
			return nil
		}}
		w.round = func(context.Context) (round, error) {
			n := len(begun)
			begun = append(begun, time.Since(start))
			time.Sleep(takes)
			code := codes[min(n, len(codes)-1)]
			return round{At: time.Now(), OK: code == exitFine, ExitCode: code}, nil
		}
		err = w.run(t.Context())
	})
	return begun, last, err
}

func TestWatch(t *testing.T) {
	const m = time.Minute
	for _, test := range []struct {
		name             string
		flags            everyFlags
		stopAfter, takes time.Duration
		codes            []int
		begun            []time.Duration
		failing, code    int
	}{
		{"for a time", everyFlags{Every: m, For: 3 * m}, 0, 10 * time.Second, []int{0}, []time.Duration{0, m, 2 * m}, 0, 0},
		{"rounds that overrun leave others out", everyFlags{Every: m, For: 5 * m}, 0, 70 * time.Second, []int{0}, []time.Duration{0, 2 * m, 4 * m}, 0, 0},
		{"any failure counts", everyFlags{Every: m, For: 4 * m}, 0, time.Second, []int{0, 99, 3, 0}, []time.Duration{0, m, 2 * m, 3 * m}, 2, 3},
		{"stopping is how a watch without end ends", everyFlags{Every: m}, 90 * time.Second, time.Second, []int{0}, []time.Duration{0, m}, 0, 0},
		{"with --for it is interrupted", everyFlags{Every: m, For: 10 * m}, 90 * time.Second, time.Second, []int{0}, []time.Duration{0, m}, 0, 130},
		{"a round that is cut short says nothing", everyFlags{Every: m}, 61 * time.Second, 2 * time.Second, []int{0, 130}, []time.Duration{0, m}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			begun, last, err := watchOf(t, test.flags, test.stopAfter, test.takes, test.codes...)
			if !slices.Equal(begun, test.begun) {
				t.Errorf("rounds began at %v, want %v", begun, test.begun)
			}
			if last.Failing != test.failing || last.ExitCode != test.code {
				t.Errorf("got %+v, want %d failing, exit code %d", last, test.failing, test.code)
			}
			if code := exitWith(0); errors.As(err, &code) != (test.code != 0) || int(code) != test.code {
				t.Errorf("got error %v, want exit code %d", err, test.code)
			}
		})
	}
}

// A watch may go on for months: nothing is kept of a round.
func TestRoundsLeaveNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(new(story).answer))
	defer server.Close()
	c, err := readRun([]string{"run", "testdata/every/quick.yaml", "--target", server.URL, "--every", "1m", "--quiet"})
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Run.options()
	if err != nil {
		t.Fatal(err)
	}
	c.Run.Metrics, c.Run.noStepSummary = observeNone, true
	a := &app{cli: c, ctx: t.Context(), stdout: io.Discard, stderr: io.Discard}
	i := onInterrupt(func(string) {}, func(int) {})
	defer i.close()
	heap := func() (bytes uint64, goroutines int) {
		server.CloseClientConnections()
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	rounds := func(n int) {
		for range n {
			s := &session{app: a, out: &c.Run.outputFlags, log: slog.New(slog.DiscardHandler), interrupts: i, streams: new(streams)}
			r, err := c.Run.oneRound(t.Context(), s, o)
			if err != nil || !r.OK || r.Requests < 10 {
				t.Fatalf("round: %+v, %v", r, err)
			}
		}
	}
	rounds(20)
	before, started := heap()
	rounds(200)
	after, running := heap()
	// A round that was kept would hold its store and its engine, 100 kB at least.
	if after > before+2<<20 || running > started+10 {
		t.Errorf("after 200 rounds there are %d kB and %d goroutines, before %d kB and %d", after>>10, running, before>>10, started)
	}
}
