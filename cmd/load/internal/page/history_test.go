package page

import (
	"strings"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/history"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

func TestHistoryPage(t *testing.T) {
	run := func(day int, p95 float64, exitCode int) history.Entry {
		return history.Entry{
			Start: started.AddDate(0, 0, day), Commit: "abcdef0123456789-dirty", Verdict: map[int]string{0: "passed", 99: "thresholds crossed", 130: "interrupted"}[exitCode], ExitCode: exitCode,
			Subject: history.Subject{Test: hostile, Target: "this machine", Machine: "two cores"}, Requests: 100, Failed: 5, Rate: 10, P50: p95 / 2, P95: p95, P99: p95 * 2,
		}
	}
	line := history.Line{Subject: history.Subject{Test: hostile, Target: "this machine", Machine: "two cores"}, Runs: []history.Entry{
		run(0, 10, 0), run(1, 900, report.ExitInterrupted), run(2, 12, 0), run(3, 22, report.ExitThresholdsCrossed),
	}}
	single := history.Line{Subject: history.Subject{Test: "single"}, Runs: []history.Entry{run(0, 10, 0)}}
	data, err := History([]history.Line{line, single})
	if err != nil {
		t.Fatal(err)
	}
	doc := parse(t, data)
	got := text(find(doc, "h1"))
	for _, want := range []string{
		hostile + " target: this machine; generator: two cores", "p95 of 2026-03-04: 22.00ms, +100% against the median of the 2 before, 11.00ms.",
		"p95: 22 ms at the end, from 10 ms to 22 ms.", // and not the 900 ms of the interrupted run
		"4 2026-03-04 08:00:00 abcdef0* thresholds crossed 0 of 0 11 ms 22 ms 44 ms 0 ms 10/s 5 % 3 2026-03-03 08:00:00", "interrupted",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if got := text(find(doc, "h2")); strings.Contains(got, "by run") || !strings.Contains(got, "passed") {
		t.Errorf("a single run: %s", got)
	}
	data, err = History(nil)
	if err != nil || !strings.Contains(string(data), "There are no runs yet") {
		t.Errorf("%v: %s", err, data)
	}
	parse(t, data)
}
