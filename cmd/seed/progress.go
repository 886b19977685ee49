package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/medianest/testbed/seed"
)

// lineEvery is how often progress is printed where there is no terminal to draw on.
const lineEvery = 3 * time.Second

// progress shows how a load goes on. Both methods are called from one goroutine at a time.
type progress interface {
	update(seed.Progress)
	// close ends the display; nothing may follow.
	close()
}

// newProgress picks the display that fits stderr and the flags.
func (a *app) newProgress(wanted bool) progress {
	switch {
	case !wanted || a.Quiet:
		return noProgress{}
	case isTerminal(a.stderr) && os.Getenv("TERM") != "dumb":
		return newBars(a.stderr)
	default:
		return &lines{w: a.stderr, now: time.Now}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

type noProgress struct{}

func (noProgress) update(seed.Progress) {}
func (noProgress) close()               {}

// lines prints a plain line when the phase changes and every lineEvery.
type lines struct {
	w    io.Writer
	now  func() time.Time
	last time.Time
	// phase is that of the last line.
	phase seed.Phase
}

func (l *lines) update(p seed.Progress) {
	now := l.now()
	if p.Phase == l.phase && now.Sub(l.last) < lineEvery {
		return
	}
	l.phase, l.last = p.Phase, now
	fmt.Fprintln(l.w, line(p))
}

func (l *lines) close() {}

// line words one snapshot of a load.
func line(p seed.Progress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s%7.1fs", p.Phase, p.Elapsed.Seconds())
	switch p.Phase {
	case seed.PhaseLoad:
		fmt.Fprintf(&b, "  %s of %s rows (%d %%)", count(p.Rows), count(p.Total), percent(p.Rows, p.Total))
		if p.RowsPerSecond > 0 {
			fmt.Fprintf(&b, ", %s rows/s, %s left", count(int64(p.RowsPerSecond)), timeLeft(p))
		}
	case seed.PhaseBuild, seed.PhaseRestore:
		for _, s := range p.Steps {
			if s.Total > 0 {
				fmt.Fprintf(&b, "  %s %d/%d", stepName(s.Kind), s.Done, s.Total)
			}
		}
	}
	if len(p.Doing) > 0 {
		fmt.Fprintf(&b, "  (%s)", strings.Join(p.Doing, ", "))
	}
	return b.String()
}

// stepName is the name of a kind of step in the plural.
func stepName(kind string) string {
	switch kind {
	case seed.StepIndex:
		return "indexes"
	case seed.StepForeignKey:
		return "foreign keys"
	}
	return kind
}

// timeLeft estimates how long the rest of the rows takes at the present rate.
func timeLeft(p seed.Progress) time.Duration {
	if p.RowsPerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(p.Total-p.Rows) / p.RowsPerSecond * float64(time.Second)).Round(time.Second)
}

func percent(part, whole int64) int64 {
	if whole == 0 {
		return 100
	}
	return part * 100 / whole
}
