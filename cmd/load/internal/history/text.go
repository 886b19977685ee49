package history

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// Text writes the lines as tables for people, the last runs of each.
func Text(w io.Writer, lines []Line, last int) error {
	var b bytes.Buffer
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", strings.Join(l.Words(), "; "))
		if left := len(l.Runs) - last; left > 0 {
			fmt.Fprintf(&b, "  the latest %d of %d runs\n", last, len(l.Runs))
		}
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "  date\tcommit\tverdict\tp50\tp95\tp99\treq/s\tfailed\n")
		for _, e := range l.Runs[max(len(l.Runs)-last, 0):] {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Start.UTC().Format(time.DateTime), ShortCommit(e.Commit), e.Verdict,
				report.Milliseconds(e.P50), report.Milliseconds(e.P95), report.Milliseconds(e.P99), report.Number(math.Round(e.Rate*10)/10), report.Percent(e.FailedShare()))
		}
		_ = t.Flush() // into memory
		if s := l.Latest(); s != "" {
			fmt.Fprintf(&b, "  %s  %s\n", s, l.spark())
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// FailedShare is the share of requests that failed, 0 to 1.
func (e *Entry) FailedShare() float64 {
	if e.Requests == 0 {
		return 0
	}
	return float64(e.Failed) / float64(e.Requests)
}

// Words name the subject: the test, and what else has to be the same.
func (s *Subject) Words() []string {
	words := []string{s.Test}
	if s.Scaled != "" {
		words = append(words, "scaled: "+s.Scaled)
	}
	if s.Dataset != "" {
		words = append(words, "dataset "+s.Dataset)
	}
	return append(words, "target: "+s.Target, "generator: "+s.Machine)
}

// ShortCommit is the first seven figures of a commit, with an asterisk where the working directory had changes.
func ShortCommit(commit string) string {
	hash, dirty := strings.CutSuffix(commit, "-dirty")
	hash = hash[:min(len(hash), 7)]
	if dirty {
		hash += "*"
	}
	return hash
}

// Charted are the runs whose figures can be put on one line.
func (l *Line) Charted() []Entry {
	return slices.DeleteFunc(slices.Clone(l.Runs), func(e Entry) bool { return !e.Comparable() })
}

// Latest holds the p95 of the latest run against the median of those before, "" where there are fewer than two. It
// is a look at the figures and no verdict: load compare knows what noise explains.
func (l *Line) Latest() string {
	runs := l.Charted()
	if len(runs) < 2 {
		return ""
	}
	last := runs[len(runs)-1]
	var before []float64
	for _, e := range runs[:len(runs)-1] {
		before = append(before, e.P95)
	}
	m := median(before)
	if m == 0 {
		return ""
	}
	return fmt.Sprintf("p95 of %s: %s, %+.0f%% against the median of the %d before, %s", last.Start.UTC().Format(time.DateOnly), report.Milliseconds(last.P95),
		100*(last.P95-m)/m, len(before), report.Milliseconds(m))
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// sparkRuns is how many runs a sparkline shows.
const sparkRuns = 40

// spark draws the p95 of the latest runs in characters, from nothing to the highest.
func (l *Line) spark() string {
	runs := l.Charted()
	runs = runs[max(len(runs)-sparkRuns, 0):]
	top := 0.0
	for _, e := range runs {
		top = max(top, e.P95)
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, e := range runs {
		height := 0
		if top > 0 { // there were requests
			height = min(int(e.P95/top*float64(len(bars))), len(bars)-1)
		}
		b.WriteRune(bars[height])
	}
	return b.String()
}
