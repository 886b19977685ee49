// Package ui shows a run while it goes on: a view that is redrawn in place on a terminal, and a plain line
// every few seconds elsewhere.
package ui

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// View is what there is to show at one moment.
type View struct {
	Name, Target string
	engine.Progress
	// Recent is the requests of the last seconds, Covered how long those are.
	Recent  Recent
	Covered time.Duration
	// Requests and Failed are the whole run's.
	Requests, Failed uint64
	// Errors are the kinds of failed requests of the whole run and their counts.
	Errors map[string]uint64
	// Troubles are outputs that can't be written.
	Troubles []string
}

// Recent is the requests of a window.
type Recent struct {
	Requests, Failed   uint64
	P50, P95, P99, Max float64 // milliseconds
}

// Watcher gathers what a View needs from a store.
type Watcher struct {
	store             *metrics.Store
	requests, latency *metrics.Window
}

// window is how far back the recent figures look.
const window = 5 * time.Second

// Watch prepares a Watcher; it is to be called before the run.
func Watch(s *metrics.Store) *Watcher {
	return &Watcher{
		store:    s,
		requests: s.Watch(metrics.Selector{Metric: "http_req_failed"}, window),
		latency:  s.Watch(metrics.Selector{Metric: "http_req_duration"}, window),
	}
}

// View describes the moment.
func (w *Watcher) View(p engine.Progress, now time.Time) View {
	v := View{Progress: p, Errors: make(map[string]uint64)}
	requests, covered := w.requests.Sink(now)
	latency, _ := w.latency.Sink(now)
	h := latency.Values
	v.Covered = covered
	v.Recent = Recent{requests.Count, requests.Passes, h.Quantile(0.5), h.Quantile(0.95), h.Quantile(0.99), h.Max()}
	w.store.Each(func(m *metrics.Metric, tags *metrics.TagSet, s *metrics.Sink) {
		if m.Name != "http_req_failed" {
			return
		}
		v.Requests += s.Count
		v.Failed += s.Passes
		if s.Passes > 0 {
			v.Errors[cmp.Or(tags.Get("error"), "status "+tags.Get("status"))] += s.Passes
		}
	})
	return v
}

// Display shows views.
type Display interface {
	Show(View)
	// Writer takes what is logged while the display is on.
	io.Writer
}

// New picks the display that fits where it goes: a live one for a terminal, lines elsewhere.
func New(w io.Writer, color bool) Display {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return &Lines{W: w}
	}
	return &Live{W: w, Color: color, Size: func() (width, height int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width == 0 {
			return 80, 24
		}
		return width, height
	}}
}

// lineEvery is how much of the run's time is between two plain lines.
const lineEvery = 5 * time.Second

// Lines prints a plain line every few seconds.
type Lines struct {
	W          io.Writer
	last, next time.Duration
}

// Show implements Display.
func (l *Lines) Show(v View) {
	if v.Elapsed < l.last { // the next run of a search
		l.next = 0
	}
	if l.last = v.Elapsed; v.Elapsed < l.next {
		return
	}
	for l.next <= v.Elapsed {
		l.next += lineEvery
	}
	fmt.Fprintln(l.W, line(&v))
}

// Write implements Display.
func (l *Lines) Write(p []byte) (int, error) { return l.W.Write(p) }

// line words a view.
func line(v *View) string {
	b := fmt.Sprintf("%s  %d VUs  %d iterations  %s req/s  p50 %s p95 %s p99 %s  %d of %d failed", clock(v.Elapsed, v.Length), v.VUs, v.Iterations,
		report.Number(rate(v)), report.Milliseconds(v.Recent.P50), report.Milliseconds(v.Recent.P95), report.Milliseconds(v.Recent.P99), v.Failed, v.Requests)
	if v.Dropped > 0 {
		b += fmt.Sprintf("  %d dropped", v.Dropped)
	}
	for _, t := range v.Thresholds {
		if t.State == threshold.Failed && !v.Early() {
			b += fmt.Sprintf("  crossed: %s %s", t.Selector, t.Source)
		}
	}
	for _, reason := range v.Health.Reasons {
		b += "  generator: " + reason
	}
	for _, t := range v.Troubles {
		b += "  trouble: " + t
	}
	return b
}

// rate is requests per second of the last seconds.
func rate(v *View) float64 {
	if v.Covered <= 0 {
		return 0
	}
	return float64(int(float64(v.Recent.Requests)/v.Covered.Seconds()*10)) / 10
}

func clock(elapsed, length time.Duration) string {
	if length == 0 {
		return elapsed.Round(time.Second).String()
	}
	return elapsed.Round(time.Second).String() + "/" + length.Round(time.Second).String()
}

// errorKinds are the kinds of errors, most frequent first.
func errorKinds(errors map[string]uint64) []string {
	kinds := make([]string, 0, len(errors))
	for kind := range errors {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(errors[b], errors[a]), strings.Compare(a, b)) })
	return kinds
}
