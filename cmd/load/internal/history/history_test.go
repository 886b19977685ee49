package history

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// entry is a run n days after the first.
func entry(n int, p95 float64, change ...func(*Entry)) Entry {
	e := Entry{
		Format: Format, Version: Version, Start: start.AddDate(0, 0, n), Commit: fmt.Sprintf("%040d", n), Verdict: report.Passed,
		Subject:  Subject{Test: "core", Dataset: "ci 0123", Machine: "linux/amd64, 2 cores, fast", Target: "this machine"},
		Requests: 100, Failed: 1, Rate: 12.34, P50: p95 / 2, P95: p95, P99: p95 * 2, Max: p95 * 3,
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func add(t *testing.T, dir string, keep int, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if err := Add(dir, e, keep); err != nil {
			t.Fatal(err)
		}
	}
}

func lines(t *testing.T, dir string) []Line {
	t.Helper()
	l, troubles, err := Read(dir)
	if err != nil || len(troubles) > 0 {
		t.Fatal(err, troubles)
	}
	return l
}

func TestOnlyComparableRunsShareALine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	other := map[string]func(*Entry){
		"test":    func(e *Entry) { e.Test = "database" },
		"scaled":  func(e *Entry) { e.Scaled = "time x 0.1" },
		"dataset": func(e *Entry) { e.Dataset = "ci 4567" },
		"machine": func(e *Entry) { e.Machine = "linux/arm64, 2 cores, fast" },
		"target":  func(e *Entry) { e.Target = "staging.example" },
	}
	add(t, dir, DefaultKeep, entry(100, 10), entry(0, 20))
	n := 1
	for _, change := range other {
		add(t, dir, DefaultKeep, entry(n, 10, change))
		n++
	}
	got := lines(t, dir)
	if len(got) != 1+len(other) {
		t.Fatalf("%d lines, want %d", len(got), 1+len(other))
	}
	// The line of the latest run is the first, and its runs are in order of time however they came.
	if l := got[0]; len(l.Runs) != 2 || l.Runs[0].P95 != 20 || l.Runs[1].P95 != 10 {
		t.Errorf("the first line: %+v", l)
	}
}

func TestOldRunsAreRemovedLineByLine(t *testing.T) {
	dir := t.TempDir()
	scaled := func(e *Entry) { e.Scaled = "time x 0.1" }
	add(t, dir, 3, entry(0, 1, scaled))
	for n := range 5 {
		add(t, dir, 3, entry(n+1, float64(n)))
	}
	got := lines(t, dir)
	if len(got) != 2 || len(got[0].Runs) != 3 || got[0].Runs[0].P95 != 2 || len(got[1].Runs) != 1 {
		t.Errorf("%+v", got)
	}
	// A run that is added twice is there once.
	add(t, dir, 3, entry(5, 4))
	if got := lines(t, dir); len(got[0].Runs) != 3 {
		t.Errorf("%+v", got[0])
	}
}

func TestWhatCannotBeReadIsToldAndTheRestIsThere(t *testing.T) {
	dir := t.TempDir()
	add(t, dir, DefaultKeep, entry(0, 1))
	for name, content := range map[string]string{"a" + suffix: "{", "b" + suffix: `{"format":"medianest-load-history","version":99}`, "README.md": "not looked at"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, troubles, err := Read(dir)
	if err != nil || len(l) != 1 || len(troubles) != 2 || !strings.Contains(troubles[0].Error(), "no run of a history") || !strings.Contains(troubles[1].Error(), "use a newer one") {
		t.Errorf("%v, %v, %v", l, troubles, err)
	}
	if _, _, err := Read(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there was read")
	}
}

func TestFileNamesStayInTheFolder(t *testing.T) {
	dir := t.TempDir()
	add(t, dir, DefaultKeep, entry(0, 1, func(e *Entry) { e.Test = "../../etc/päss\nwd " + strings.Repeat("x", 300) }))
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || strings.ContainsAny(files[0].Name(), "/\nä ") {
		t.Errorf("%v, %v", files, err)
	}
}

func TestTextShowsTheLatestAgainstThoseBefore(t *testing.T) {
	dir := t.TempDir()
	add(t, dir, DefaultKeep, entry(0, 10), entry(1, 12), entry(2, 11),
		// What is no whole run is listed and not compared.
		entry(3, 900, func(e *Entry) { e.ExitCode, e.Verdict = report.ExitInterrupted, report.Interrupted }),
		entry(4, 22, func(e *Entry) {
			e.ExitCode, e.Verdict, e.Commit = report.ExitThresholdsCrossed, report.ThresholdsCrossed, "abcdef0123-dirty"
		}))
	var b bytes.Buffer
	if err := Text(&b, lines(t, dir), 3); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"core; dataset ci 0123; target: this machine; generator: linux/amd64, 2 cores, fast\n", "  the latest 3 of 5 runs\n", "2026-03-05 08:00:00  abcdef0*  thresholds crossed",
		"  12.3   1%\n", "p95 of 2026-03-05: 22.00ms, +100% against the median of the 3 before, 11.00ms  ▄▅▅█\n", "interrupted",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

// Runs without requests come after others that had some.
func TestRunsWithoutRequestsAreDrawn(t *testing.T) {
	var l Line
	for n := range 90 {
		p95 := 10.0
		if n >= 50 {
			p95 = 0
		}
		l.Runs = append(l.Runs, entry(n, p95))
	}
	var b strings.Builder
	if err := Text(&b, []Line{l}, 3); err != nil || !strings.Contains(b.String(), strings.Repeat("▁", sparkRuns)) {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

func TestAnEntryHasTheFiguresOfTheResult(t *testing.T) {
	reg := metrics.NewRegistry()
	store := metrics.NewStore(reg, start, nil)
	rec := store.Recorder()
	for i := range 100 {
		rec.Add(reg.Builtin.HTTPReqDuration, reg.Tags(), float64(i+1))
		rec.Add(reg.Builtin.HTTPReqFailed, reg.Tags(), float64(i%2))
	}
	store.Tick(start.Add(10 * time.Second))
	r := &report.Result{
		Run: report.Run{Start: start, Elapsed: 10 * time.Second}, Dataset: &report.Dataset{Profile: "ci", Fingerprint: "0123"},
		Test: report.Test{Name: "core", Commit: "c", Scaled: []string{"a", "b"}, Scenarios: []report.Scenario{{Dropped: 2}, {Dropped: 3}},
			Targets: map[string]string{"api": "http://localhost:3000", "auth": "http://127.0.0.1:3001", "media": "https://media.example"}},
		Thresholds: []report.Threshold{{State: "passed"}, {State: "failed"}, {State: "no data"}, {State: "no data", Allowed: true}},
		Verdict:    report.Verdict{ExitCode: 99, Word: "thresholds crossed"},
		Machine:    report.Machine{Hostname: "ci-job-17", OS: "linux", Arch: "amd64", Cores: 2},
	}
	r.Collect(store, nil)
	want := Entry{
		Format: Format, Version: Version, Start: start, Elapsed: 10 * time.Second, Commit: "c", Verdict: "thresholds crossed", ExitCode: 99, Crossed: 2, Thresholds: 4,
		Subject:  Subject{Test: "core", Scaled: "a, b", Dataset: "ci 0123", Machine: "linux/amd64, 2 cores, unknown processor", Target: "media.example, this machine"},
		Requests: 100, Failed: 50, Rate: 10, Max: 100, Dropped: 5,
	}
	got := Of(r)
	if got.P50 < 49 || got.P50 > 51 || got.P95 < 94 || got.P95 > 96 || got.P99 < 98 || got.P99 > 100 {
		t.Errorf("percentiles %v, %v, %v", got.P50, got.P95, got.P99)
	}
	want.P50, want.P95, want.P99 = got.P50, got.P95, got.P99
	if got != want {
		t.Errorf("%+v, want\n%+v", got, want)
	}
}
