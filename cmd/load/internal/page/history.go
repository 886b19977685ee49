package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/medianest/testbed/cmd/load/internal/history"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/mockapi/look"
)

// historyLine is runs that can be compared.
type historyLine struct {
	*history.Line
	ID     string
	Words  []string // what they have in common, besides the test
	Latest string
	Charts []template.HTML
	Rows   []historyRow // the latest first
}

// historyRow is a run; Number is that on the charts.
type historyRow struct {
	history.Entry
	Number int
	Tone   string
	Commit string
	Failed float64 // share
}

// History returns a page of the lines of a history, with charts over their runs.
func History(lines []history.Line) ([]byte, error) {
	t, err := templates("frame.tmpl", "history.tmpl")
	if err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	var all []historyLine
	for i := range lines {
		l := historyLine{Line: &lines[i], ID: fmt.Sprintf("h%d", i+1), Words: lines[i].Words()[1:], Latest: lines[i].Latest()}
		for n, e := range lines[i].Runs {
			l.Rows = append(l.Rows, historyRow{e, n + 1, tone(e.ExitCode, true), history.ShortCommit(e.Commit), e.FailedShare()})
		}
		slices.Reverse(l.Rows)
		if l.Charts, err = l.charts(); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return standalone(t, "history", "Load history", all)
}

// charts draw the runs by their numbers; the figures of runs that are not whole break the lines.
func (l *historyLine) charts() ([]template.HTML, error) {
	if len(l.Charted()) < 2 {
		return nil, nil
	}
	line := func(name string, y func(*history.Entry) float64) look.Line {
		out := look.Line{Name: name}
		for i := range l.Runs {
			e := &l.Runs[i]
			p := look.XY{X: float64(i + 1), Y: math.NaN()}
			if e.Comparable() {
				p.Y = y(e)
			}
			out.Points = append(out.Points, p)
		}
		return out
	}
	var marks []look.Mark
	for i, e := range l.Runs {
		if e.ExitCode == report.ExitThresholdsCrossed {
			marks = append(marks, look.Mark{Name: "crossed", X: float64(i + 1)})
		}
	}
	var figures []template.HTML
	for _, c := range []look.Chart{
		{Title: "Latency by run", Unit: look.Milliseconds, Marks: marks, Lines: []look.Line{
			line("p50", func(e *history.Entry) float64 { return e.P50 }), line("p95", func(e *history.Entry) float64 { return e.P95 }),
			line("p99", func(e *history.Entry) float64 { return e.P99 }),
		}},
		{Title: "Requests a second by run", Unit: look.PerSecond, Lines: []look.Line{line("requests", func(e *history.Entry) float64 { return e.Rate })}},
		{Title: "Failed requests by run", Unit: look.Ratio, Lines: []look.Line{line("failed", (*history.Entry).FailedShare)}},
	} {
		c.ID, c.XAxis = fmt.Sprintf("%s-%d", l.ID, len(figures)+1), look.Number
		figure, err := c.Figure()
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure)
	}
	return figures, nil
}
