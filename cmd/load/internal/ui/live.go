package ui

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// Live redraws a view in place on a terminal.
type Live struct {
	W     io.Writer
	Color bool
	// Size is the terminal's, asked anew for every view.
	Size func() (width, height int)

	mu    sync.Mutex
	drawn []int // the lengths of the rows on the screen
}

// height is how many lines the view takes now: a terminal that has become narrower wraps its rows.
func (l *Live) height(width int) int {
	lines := 0
	for _, n := range l.drawn {
		lines += max(1, (n+width-1)/width)
	}
	return lines
}

// Write prints above the view, which the next Show draws again: it is for what is logged meanwhile.
func (l *Live) Write(p []byte) (int, error) {
	width, _ := l.Size()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.height(width); n > 0 {
		fmt.Fprintf(l.W, "\x1b[%dA\r\x1b[J", n)
		l.drawn = nil
	}
	return l.W.Write(p)
}

// Show implements Display. It writes once, so that nothing is seen half drawn.
func (l *Live) Show(v View) {
	width, height := l.Size()
	rows := Frame(&v, width, height-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	var b bytes.Buffer
	if n := l.height(width); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", n) // up
	}
	b.WriteString("\r")
	l.drawn = l.drawn[:0]
	for _, row := range rows {
		b.WriteString("\x1b[K") // clears what was longer; after a full row it would clear that one's last column
		b.WriteString(row.paint(l.Color))
		b.WriteString("\n")
		l.drawn = append(l.drawn, utf8.RuneCountInString(row.Text))
	}
	b.WriteString("\x1b[J")     // and what was below
	_, _ = l.W.Write(b.Bytes()) // a terminal that is gone must not end the run
}

// Row is one line of a view and how much it wants to be seen.
type Row struct {
	Text  string
	Style Style
}

// Style is how a Row looks.
type Style uint8

// The styles.
const (
	Plain Style = iota
	Strong
	Good
	Bad
)

func (r Row) paint(color bool) string {
	if !color || r.Style == Plain {
		return r.Text
	}
	return "\x1b[" + map[Style]string{Strong: "1", Good: "32", Bad: "31"}[r.Style] + "m" + r.Text + "\x1b[0m"
}

// Frame lays a view out in as many rows and columns as there are at most. Where there is not enough room for
// all, what matters least, at the end, is left out, and what is bad comes last to that.
func Frame(v *View, width, height int) []Row {
	f := &frame{width: max(width, 20)}
	f.add(Strong, "load %s  %s  %s", v.Name, v.Target, clock(v.Elapsed, v.Length))
	f.add(Plain, "%d/%d VUs  %d iterations  %s req/s  p50 %s  p95 %s  p99 %s  max %s", v.VUs, v.VUsMax, v.Iterations, report.Number(rate(v)),
		report.Milliseconds(v.Recent.P50), report.Milliseconds(v.Recent.P95), report.Milliseconds(v.Recent.P99), report.Milliseconds(v.Recent.Max))
	style := Plain
	if v.Recent.Failed > 0 {
		style = Bad
	}
	f.add(style, "%d requests, %d failed%s", v.Requests, v.Failed, lost(v.Dropped, v.Interrupted))
	for _, reason := range v.Health.Reasons {
		f.add(Bad, "generator: %s", reason)
	}
	for _, t := range v.Troubles {
		f.add(Bad, "trouble: %s", t)
	}
	for i := range v.Scenarios {
		f.scenario(&v.Scenarios[i])
	}
	for i := range v.Thresholds {
		f.threshold(&v.Thresholds[i], v.Early())
	}
	for _, kind := range errorKinds(v.Errors) {
		f.add(Bad, "%d x %s", v.Errors[kind], kind)
	}
	height = max(height, 1)
	for i := len(f.rows) - 1; i >= headRows && len(f.rows) > height; i-- {
		if f.rows[i].Style != Bad {
			f.rows = slices.Delete(f.rows, i, i+1)
		}
	}
	return f.rows[:min(len(f.rows), height)]
}

// headRows are about the whole run.
const headRows = 3

type frame struct {
	width int
	rows  []Row
}

func (f *frame) add(style Style, format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f { // names come from files: nothing in them may steer the terminal
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	if n := utf8.RuneCountInString(text); n > f.width {
		text = string([]rune(text)[:f.width-1]) + "…"
	}
	f.rows = append(f.rows, Row{text, style})
}

func lost(dropped, interrupted int64) string {
	out := ""
	if dropped > 0 {
		out += fmt.Sprintf(", %d iterations dropped", dropped)
	}
	if interrupted > 0 {
		out += fmt.Sprintf(", %d interrupted", interrupted)
	}
	return out
}

const barWidth = 20

func (f *frame) scenario(s *engine.ScenarioProgress) {
	done := min(max(int(s.Share*barWidth), 0), barWidth)
	bar := "[" + strings.Repeat("=", done) + strings.Repeat("-", barWidth-done) + "]"
	text := fmt.Sprintf("  %-16s %s %3.0f%%  %-8s %d VUs  %s", s.Name, bar, s.Share*100, s.State, s.VUs, clock(s.Elapsed, s.Length))
	switch {
	case s.Paused:
		text += "  paused"
	case s.Target > 0:
		text += fmt.Sprintf("  %.1f of %.1f iterations/s", s.Rate, s.Target)
	case s.Total > 0:
		text += fmt.Sprintf("  %d of %d iterations", s.Iterations, s.Total)
	}
	style := Plain
	if s.State == engine.Finished {
		style = Good
	}
	f.add(style, "%s%s", text, lost(s.Dropped, 0))
}

func (f *frame) threshold(t *threshold.Result, early bool) {
	switch t.State {
	case threshold.Failed:
		if early {
			f.add(Plain, "  · %s %s  (%s so far)", t.Selector, t.Source, report.Number(t.Value))
			return
		}
		f.add(Bad, "  ✗ %s %s  (%s)", t.Selector, t.Source, report.Number(t.Value))
	case threshold.Passed:
		f.add(Good, "  ✓ %s %s  (%s)", t.Selector, t.Source, report.Number(t.Value))
	default:
		f.add(Plain, "  · %s %s  (no data yet)", t.Selector, t.Source)
	}
}
