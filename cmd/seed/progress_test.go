package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/medianest/testbed/seed"
)

func TestLine(t *testing.T) {
	tests := []struct {
		p    seed.Progress
		want string
	}{
		{
			seed.Progress{Phase: seed.PhaseLoad, Rows: 1_250_000, Total: 5_000_000, RowsPerSecond: 500_000, Elapsed: 2500 * time.Millisecond, Doing: []string{"media_files"}},
			"load        2.5s  1,250,000 of 5,000,000 rows (25 %), 500,000 rows/s, 8s left  (media_files)",
		},
		{
			seed.Progress{Phase: seed.PhaseLoad, Total: 100},
			"load        0.0s  0 of 100 rows (0 %)",
		},
		{
			seed.Progress{Phase: seed.PhaseBuild, Elapsed: 71 * time.Second, Steps: []seed.StepProgress{
				{Kind: seed.StepIndex, Done: 3, Total: 20}, {Kind: seed.StepForeignKey, Total: 10}, {Kind: seed.StepAnalyze},
			}},
			"build      71.0s  indexes 3/20  foreign keys 0/10",
		},
		{seed.Progress{Phase: seed.PhaseDone, Elapsed: time.Second}, "done        1.0s"},
	}
	for _, test := range tests {
		if got := line(test.p); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
}

func TestLinesAreFew(t *testing.T) {
	now := time.Unix(0, 0)
	var b bytes.Buffer
	l := &lines{w: &b, now: func() time.Time { return now }}
	for i := range 41 { // ten seconds, a snapshot every quarter of one
		l.update(seed.Progress{Phase: seed.PhaseLoad, Rows: int64(i), Total: 100})
		now = now.Add(250 * time.Millisecond)
	}
	l.update(seed.Progress{Phase: seed.PhaseBuild})
	l.update(seed.Progress{Phase: seed.PhaseBuild})
	l.update(seed.Progress{Phase: seed.PhaseDone})
	if got := strings.Count(b.String(), "load "); got != 4 {
		t.Errorf("%d lines of loading, want one at 0, 3, 6 and 9 s:\n%s", got, b.String())
	}
	if got := strings.Count(b.String(), "\n"); got != 6 {
		t.Errorf("%d lines, want 4 of loading and one for each later phase:\n%s", got, b.String())
	}
}

// Bars must end whether or not the work did.
func TestBars(t *testing.T) {
	steps := []seed.StepProgress{{Kind: seed.StepIndex, Done: 1, Total: 4}, {Kind: seed.StepAnalyze}}
	var b bytes.Buffer
	bars := newBars(&b, mpb.ForceAutoRefresh())
	bars.update(seed.Progress{Phase: seed.PhasePrepare})
	bars.update(seed.Progress{Phase: seed.PhaseLoad, Rows: 500, Total: 1000, RowsPerSecond: 250, Steps: steps})
	bars.update(seed.Progress{Phase: seed.PhaseBuild, Rows: 1000, Total: 1000, Steps: steps})
	bars.close()
	for _, want := range []string{"rows", "1,000", "indexes", "1 of 4"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the bars lack %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "analyze") {
		t.Errorf("a bar for no steps:\n%s", b.String())
	}

	newBars(&b).close() // failed before anything was known
}
