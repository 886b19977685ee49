package page

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// Report is what there is to tell of one or several runs.
type Report struct {
	Runs []Run
}

// Run is a result and what was made of it.
type Run struct {
	*report.Result
	// Comparison is with a baseline, nil where there was none; NotCompared tells why there is none although it was
	// wanted.
	Comparison  *compare.Analysis
	NotCompared string
	// Faults are those that the target was told to make on purpose.
	Faults          []string
	Recommendations []recommend.Recommendation
}

// view is a Run in the page.
type view struct {
	*report.Result
	Comparison      *compare.Analysis
	NotCompared     string
	Faults          []string
	Recommendations []recommend.Recommendation

	ID       string // the beginning of all ids
	Several  bool   // there are other runs in the page
	Sections []section
	Summary  []string
}

// section is a part of a run's report.
type section struct {
	ID, Title string
	Body      template.HTML
}

// HTML returns the report as one file.
func (r Report) HTML() ([]byte, error) {
	t, err := templates("frame.tmpl", "report.tmpl", "target.tmpl", "findings.tmpl")
	if err != nil {
		return nil, fmt.Errorf("make the report: %w", err)
	}
	var views []*view
	for i, run := range r.Runs {
		v := &view{Result: run.Result, Comparison: run.Comparison, NotCompared: run.NotCompared, Faults: run.Faults, Recommendations: run.Recommendations, ID: fmt.Sprintf("r%d", i+1), Several: len(r.Runs) > 1}
		v.Summary = v.summary()
		if v.Sections, err = v.sections(t); err != nil {
			return nil, fmt.Errorf("make the report of %s: %w", run.Test.Name, err)
		}
		views = append(views, v)
	}
	return standalone(t, "report", r.title(), struct {
		Title string
		Runs  []*view
	}{r.title(), views})
}

func (r Report) title() string {
	var names []string
	for _, run := range r.Runs {
		if !slices.Contains(names, run.Test.Name) {
			names = append(names, run.Test.Name)
		}
	}
	return "Load report: " + strings.Join(names, ", ")
}

// sections renders all parts for which there is something to tell.
func (v *view) sections(t *template.Template) ([]section, error) {
	charts, err := v.charts()
	if err != nil {
		return nil, err
	}
	target, err := v.target()
	if err != nil {
		return nil, err
	}
	parts := []struct {
		name, title string
		data        any
		there       bool
	}{
		{"thresholds", "Thresholds", v.thresholds(), len(v.Thresholds) > 0},
		{"comparison", "Against the baseline", v.Comparison, v.Comparison != nil},
		{"not-compared", "Against the baseline", v.NotCompared, v.Comparison == nil && v.NotCompared != ""},
		{"recommendations", "Recommendations", v.Recommendations, len(v.Recommendations) > 0},
		{"over-time", "Over time", charts.overTime, len(charts.overTime) > 0},
		{"trends", "Drift", v.Trends, len(v.Trends) > 0},
		{"knee", "Highest rate", v.Knee, v.Knee != nil},
		{"recovery", "Recovery after the spike", v.Recovery, v.Recovery != nil},
		{"errors", "Errors", struct {
			*view
			Chart template.HTML
		}{v, charts.errors}, len(v.Errors) > 0},
		{"verified", "Verified answers", v.Verified, v.Verified != nil},
		{"checks", "Checks", v.checks(), v.checks().Total > 0},
		{"endpoints", "Endpoints", struct {
			*view
			Chart template.HTML
			Time  float64
		}{v, charts.endpoints, v.timeSpent()}, len(v.Endpoints) > 0},
		{"hosts", "Hosts", v.Hosts, len(v.Hosts) > 0},
		{"percentiles", "Percentile curve", charts.percentiles, charts.percentiles != ""},
		{"target", "The target from outside", target, target != nil},
		{"statements", "Database", target, target != nil && target.Database != nil},
		{"generator", "Generator", v.Result, v.Health.Seconds > 0 || !v.Health.Valid || len(v.Outputs) > 0},
		{"tested", "What was tested", v, true},
		{"metrics", "All metrics", v.metrics(), len(v.Metrics) > 0},
	}
	var sections []section
	for _, p := range parts {
		if !p.there {
			continue
		}
		var b bytes.Buffer
		if err := t.ExecuteTemplate(&b, p.name, p.data); err != nil {
			return nil, err
		}
		sections = append(sections, section{ID: v.ID + "-" + p.name, Title: p.title, Body: template.HTML(b.String())})
	}
	return sections, nil
}

// Tone is the class of the verdict.
func (v *view) Tone() string { return tone(v.Verdict.ExitCode, v.Complete) }

func tone(exitCode int, complete bool) string {
	switch {
	case !complete:
		return "note"
	case exitCode == report.ExitFine:
		return "pass"
	case exitCode == report.ExitFailed || exitCode == report.ExitThresholdsCrossed:
		return "fail"
	}
	return "warn"
}

// Meaning says what the verdict means to those who do not know the words.
func (v *view) Meaning() string {
	if !v.Complete {
		return "This is a checkpoint of " + v.Written.UTC().Format(time.DateTime) + " UTC: the run went on, or was killed. There is no verdict yet."
	}
	switch v.Verdict.ExitCode {
	case report.ExitFine:
		if len(v.Thresholds) == 0 {
			return "The run came to its end. It had no thresholds to hold."
		}
		return "Everything that was asked of the target held."
	case report.ExitThresholdsCrossed:
		return fmt.Sprintf("The target did not meet %d of %s.", v.crossed(), plural(len(v.Thresholds), "threshold", "thresholds"))
	case report.ExitFailed:
		return "The test itself failed, whatever its thresholds say."
	case report.ExitInvalid:
		return "The load generator was the bottleneck: these figures say more of it than of the target."
	case report.ExitInterrupted:
		return "The run was stopped before its end: these figures are those of a part of the test."
	}
	return "The run came to its end, but not everything could be written."
}

func (v *view) crossed() int {
	n := 0
	for _, t := range v.Thresholds {
		if t.Crossed() {
			n++
		}
	}
	return n
}

// Crossed is how many thresholds did not pass, in words.
func (v *view) Crossed() string {
	if len(v.Thresholds) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d of %d", v.crossed(), len(v.Thresholds))
}
