package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/history"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/mockapi/look/looktest"
)

// A report in a browser: nothing is fetched, no policy is broken, no name is run, tables can be sorted.
func TestReportInABrowser(t *testing.T) {
	t.Parallel()
	data, err := Report{Runs: []Run{everything()}}.HTML()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	p := looktest.Open(t)
	p.Go("file://" + path)
	if fetched := looktest.Eval[[]string](p, `performance.getEntriesByType("resource").map((e) => e.name)`); len(fetched) > 0 {
		t.Errorf("the report fetches %q", fetched)
	}
	const first = `document.querySelector("#r1-endpoints tbody tr th").textContent`
	const sort = "#r1-endpoints th:nth-child(2) button"
	for range 2 { // the most requests first, then the fewest
		p.Click(sort)
	}
	if got := looktest.Eval[string](p, first); got != "POST login" {
		t.Errorf("sorted by requests, the first endpoint is %q", got)
	}
	if got := looktest.Eval[string](p, `document.querySelector("`+sort+`").parentNode.getAttribute("aria-sort")`); got != "ascending" {
		t.Errorf("the column is said to be %s", got)
	}
	p.WantLook()
	if roles := p.WantAccess(); roles["image"] == 0 || roles["table"] < 5 {
		t.Errorf("assistive technology finds %v", roles)
	}
	p.WantNoProblems()
}

// A history in a browser: the same promises.
func TestHistoryInABrowser(t *testing.T) {
	t.Parallel()
	subject := history.Subject{Test: hostile, Scaled: strings.Repeat("scaled and ", 20), Machine: "m", Target: "t"}
	line := history.Line{Subject: subject}
	for i := range 5 {
		line.Runs = append(line.Runs, history.Entry{Start: started.AddDate(0, 0, i), Verdict: report.Passed, Requests: 10, P95: float64(i + 1), Subject: subject})
	}
	data, err := History([]history.Line{line})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "history.html")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	p := looktest.Open(t)
	p.Go("file://" + path)
	p.WantLook()
	p.WantAccess()
	p.WantNoProblems()
}

// The dashboard in a browser: it follows the run by itself, and still shows the verdict when the server is gone.
func TestDashboardInABrowser(t *testing.T) {
	t.Parallel()
	l := serve(t)
	p := looktest.Open(t)
	p.Go(l.URL())
	p.Wait(`document.title === "the test is being set up"`)
	l.Show(running(t, 10))
	p.Wait(`document.title === "core: running; 1 threshold crossed"`)
	p.Wait(`document.querySelector("#live-thresholds .fail")?.textContent === "✗ crossed"`)
	// What does not change stays the same element, so that who reads or selects it is not disturbed.
	looktest.Eval[bool](p, `(document.querySelector("#live-thresholds").kept = true)`)
	v, source := running(t, 20)
	l.Show(v, source)
	p.Wait(`document.querySelector("#live-head").textContent.includes("20 s of 60 s")`)
	p.WantLook()
	p.WantAccess()
	if err := l.End(&report.Result{Complete: true, Verdict: report.Verdict{Word: report.Passed}}); err != nil {
		t.Fatal(err)
	}
	p.Wait(`document.querySelector("#live-verdict .word")?.textContent === "passed"`)
	if title := looktest.Eval[string](p, `document.title`); title != "core: passed" {
		t.Errorf("the title is %q", title)
	}
	p.WantNoProblems()
}
