package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// Text writes the analysis for people, coloured where color is set: what became worse comes first.
func (a *Analysis) Text(w io.Writer, color bool) error {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	paint := func(style, s string) string {
		if !color {
			return s
		}
		return "\x1b[" + style + "m" + s + "\x1b[0m"
	}
	line("\n  %s", paint("1", "load compare "+a.Test))
	line("    %s against %s, %s in %d blocks", a.Current, a.against(), a.Compared.Round(time.Second), a.Blocks)
	for _, warning := range a.Warnings {
		line("    %s %s", paint("33", "!"), warning)
	}
	section := func(title string, changes []Change, statements bool) {
		if len(changes) == 0 {
			return
		}
		line("\n  %s\n", paint("1", title))
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "    SEVERITY\tENDPOINT\tFIGURE\tBASELINE\tCURRENT\tCHANGE\tTYPICAL\tNOISE\t\n")
		for _, c := range changes {
			fmt.Fprintf(t, "    %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cmp.Or(c.Severity, "-"), c.where(), c.Metric, c.quantity(c.Baseline),
				c.quantity(c.Current), c.change(), c.typical(), c.noise(), c.Note)
		}
		t.Flush() // into a buffer, which does not fail
		for _, c := range explained(changes) {
			for _, s := range c.Statements {
				if !statements {
					break
				}
				line("      %s: %s\n        %s", c.where(), s.words(c.Endpoint != ""), oneLine(s.Query, 200))
			}
		}
	}
	section("WORSE", a.Regressions, true)
	section("SUSPECTED", a.Suspected, true)
	section("BETTER", a.Improvements, false)
	var rest, open []Change
	for _, c := range a.Changes {
		switch {
		case c.Severity != "" || in(a.Improvements, c) || in(a.Suspected, c):
		case c.Typical != nil && c.Note != "" && c.worse():
			open = append(open, c)
		case c.Endpoint == "":
			rest = append(rest, c)
		}
	}
	section("PERHAPS WORSE", open, false)
	section("ALL REQUESTS", rest, false)
	b.WriteByte('\n')
	for _, group := range []struct {
		word   string
		labels []string
	}{{"only in the current run", a.NewEndpoints}, {"only in the baseline", a.GoneEndpoints}} {
		for _, label := range group.labels {
			line("    %s: %s", group.word, label)
		}
	}
	if n := a.untold(); n > 0 {
		line("    %d figures of endpoints had too few samples to tell", n)
	}
	style := "32"
	if a.Suspected != nil || len(a.undecided()) > 0 {
		style = "33"
	}
	if a.HasRegression {
		style = "31"
	}
	line("\n  %s\n", paint(style, a.Summary))
	_, err := w.Write(b.Bytes())
	return err
}

// explained are the changes with statements, one for each endpoint: its figures have the same ones.
func explained(changes []Change) []Change {
	var first []Change
	for _, c := range changes {
		if len(c.Statements) > 0 && !slices.ContainsFunc(first, func(x Change) bool { return x.Endpoint == c.Endpoint }) {
			first = append(first, c)
		}
	}
	return first
}

// Markdown is the analysis as GitHub's Markdown, for a step's summary.
func (a *Analysis) Markdown() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("## load compare %s: %s\n", cell(a.Test), cell(a.Summary))
	line("%s against %s, %s in %d blocks", cell(a.Current), cell(a.against()), a.Compared.Round(time.Second), a.Blocks)
	for _, warning := range a.Warnings {
		line("\n> %s", cell(warning))
	}
	section := func(title string, changes []Change) {
		if len(changes) == 0 {
			return
		}
		line("\n### %s\n\n| severity | endpoint | figure | baseline | current | change | typical | noise | |\n|---|---|---|--:|--:|--:|--:|--:|---|", title)
		for _, c := range changes {
			line("| %s | %s | %s | %s | %s | %s | %s | %s | %s |", c.Severity, cell(c.where()), c.Metric, c.quantity(c.Baseline),
				c.quantity(c.Current), c.change(), c.typical(), c.noise(), cell(c.Note))
		}
		for _, c := range explained(changes) {
			for _, s := range c.Statements {
				line("\n- %s: %s: `%s`", cell(c.where()), s.words(c.Endpoint != ""), strings.ReplaceAll(oneLine(s.Query, 200), "`", "'"))
			}
		}
	}
	section("Worse", a.Regressions)
	section("Suspected", a.Suspected)
	section("Better", a.Improvements)
	var all []Change
	for _, c := range a.Changes {
		if c.Endpoint == "" && c.Severity == "" && !in(a.Improvements, c) && !in(a.Suspected, c) {
			all = append(all, c)
		}
	}
	section("All requests", all)
	for _, label := range a.NewEndpoints {
		line("\n- only in the current run: %s", cell(label))
	}
	for _, label := range a.GoneEndpoints {
		line("\n- only in the baseline: %s", cell(label))
	}
	line("")
	return b.Bytes()
}

func (a *Analysis) against() string {
	if a.BaselineRuns == 1 {
		return a.Baseline
	}
	return fmt.Sprintf("%s of %d runs", a.Baseline, a.BaselineRuns)
}

// in tells whether the change is one of those listed.
func in(list []Change, c Change) bool {
	for _, x := range list {
		if x.Metric == c.Metric && x.Endpoint == c.Endpoint {
			return true
		}
	}
	return false
}

// worse tells whether the whole run's figure became worse.
func (c *Change) worse() bool { return (c.Change < 0) == (c.Metric == Throughput) }

// untold counts the figures of endpoints that could not be compared.
func (a *Analysis) untold() int {
	n := 0
	for _, c := range a.Changes {
		if c.Endpoint != "" && c.Typical == nil {
			n++
		}
	}
	return n
}

func (c *Change) where() string { return cmp.Or(c.Endpoint, "all requests") }

func (c *Change) quantity(v float64) string {
	switch c.Unit {
	case unitTime:
		return report.Milliseconds(v)
	case unitShare:
		return report.Percent(v / 100)
	}
	return fmt.Sprintf("%.1f/s", v)
}

func (c *Change) change() string {
	switch {
	case c.Unit == unitShare:
		return fmt.Sprintf("%+.2f pt", c.Change)
	case c.ChangePercent == nil:
		return "new"
	}
	return fmt.Sprintf("%+.1f%%", *c.ChangePercent)
}

func (c *Change) typical() string {
	if c.Typical == nil {
		return "-"
	}
	if c.Unit == unitShare {
		return fmt.Sprintf("%+.2f pt", *c.Typical)
	}
	return fmt.Sprintf("%+.1f%%", *c.Typical)
}

func (c *Change) noise() string {
	switch {
	case c.Typical == nil:
		return "-"
	case c.Noise >= 1000:
		return "anything"
	case c.Unit == unitShare:
		return fmt.Sprintf("%.2f pt", c.Noise)
	}
	return fmt.Sprintf("%.1f%%", c.Noise)
}

// words tells of a statement before and after; calls are those of a request.
func (s *StatementChange) words(calls bool) string {
	if s.OnlyIn == "baseline" {
		return "not run any more, took " + report.Milliseconds(s.BaselineTime)
	}
	var words []string
	pair := func(format, name string, a, b float64) {
		if math.Abs(b-a) > TimeThreshold/100*max(a, b) {
			words = append(words, fmt.Sprintf(name+" "+format+" → "+format, a, b))
		}
	}
	if s.OnlyIn == "current" {
		words = append(words, fmt.Sprintf("new, %s a call", report.Milliseconds(s.CurrentTime)))
		if calls {
			words = append(words, fmt.Sprintf("%.3g calls a request", s.CurrentCalls))
		}
		return strings.Join(words, ", ")
	}
	words = append(words, report.Milliseconds(s.BaselineTime)+" → "+report.Milliseconds(s.CurrentTime)+" a call")
	if calls {
		pair("%.3g", "calls a request", s.BaselineCalls, s.CurrentCalls)
	}
	pair("%.0f", "blocks a call", s.BaselineBlocks, s.CurrentBlocks)
	return strings.Join(words, ", ")
}

func oneLine(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}

// cell keeps a text from breaking the table that it stands in.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "`", "'").Replace(s)
}
