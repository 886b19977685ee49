package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/page"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// compare holds what was measured against baselines. That a run can't be compared is told, and fails nothing unless
// a comparison is required.
func (p *pipeline) compare(context.Context) error {
	var errs []error
	for i := range p.outcomes {
		if o := &p.outcomes[i]; o.result != nil {
			errs = append(errs, p.compareOne(o))
		}
	}
	return errors.Join(errs...)
}

func (p *pipeline) compareOne(o *outcome) error {
	c := compareCmd{Current: o.Result, storeFlags: storeFlags{Dir: p.Baselines}, FailOn: p.FailOn}
	if !c.store().Has(o.result.Test.Name) {
		p.tellNoBaseline(o)
		p.missed(o)
		return nil
	}
	o.Baseline = compare.NameFor(o.result.Test.Name)
	analysis, err := c.analyse(o.result)
	if err != nil {
		o.NotCompared = err.Error()
		if refused, ok := errors.AsType[compare.Refused](err); ok {
			o.NotCompared = refused.Error()
		}
		p.log.Warn("not compared with the baseline", "test", o.Test, "baseline", o.Baseline, "reason", o.NotCompared)
		p.missed(o)
		return nil
	}
	o.comparison, o.Comparison = analysis, filepath.Join(p.dir, o.Test+".comparison.json")
	switch {
	case c.fails(analysis):
		o.ExitCode, o.Regression = worst(o.ExitCode, report.ExitFailed), analysis.Summary
	case c.suspects(analysis):
		o.ExitCode, o.Regression = worst(o.ExitCode, report.ExitInvalid), analysis.Summary
	}
	errs := []error{writeFileJSON(o.Comparison, analysis)}
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
		errs = append(errs, appendTo(path, analysis.Markdown()))
	}
	if !p.Quiet && !p.JSON {
		errs = append(errs, analysis.Text(p.stdout, p.color(p.stdout)))
	}
	return errors.Join(errs...)
}

// missed makes the lack of a comparison fail where one is required.
func (p *pipeline) missed(o *outcome) {
	if p.RequireComparison {
		o.ExitCode, o.Uncompared = worst(o.ExitCode, report.ExitFailed), true
	}
}

// tellNoBaseline tells that a test has no baseline, and how to make one of what was measured, or why it makes none.
func (p *pipeline) tellNoBaseline(o *outcome) {
	if reasons := compare.NoBaseline(o.result); len(reasons) > 0 {
		p.log.Info("there is no baseline to compare with, and this run makes none", "test", o.Test, "reason", strings.Join(reasons, "; "))
		return
	}
	save := "load baseline save " + o.Result + " --promote"
	if len(o.result.Test.Scaled) > 0 {
		save += " --allow-scaled"
	}
	if p.Baselines != compare.DefaultDir {
		save += " --dir " + p.Baselines
	}
	p.log.Info("there is no baseline to compare with", "test", o.Test, "hint", save)
}

// recommend works out what the results give reason to do.
func (p *pipeline) recommend(context.Context) error {
	found := make(map[string][]recommend.Recommendation)
	for i := range p.outcomes {
		o := &p.outcomes[i]
		if o.result == nil {
			continue
		}
		o.recommendations = recommend.Of(o.result)
		found[o.Test] = o.recommendations
		if len(o.recommendations) == 0 || p.Quiet || p.JSON {
			continue
		}
		fmt.Fprintf(p.stdout, "\n  RECOMMENDATIONS  %s\n\n", o.Test)
		if err := recommend.Text(p.stdout, o.recommendations); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return nil
	}
	return writeFileJSON(filepath.Join(p.dir, "recommendations.json"), found)
}

// report writes one report of all tests.
func (p *pipeline) report(context.Context) error {
	var r page.Report
	for _, o := range p.outcomes {
		if o.result != nil {
			r.Runs = append(r.Runs, page.Run{Result: o.result, Comparison: o.comparison, NotCompared: o.NotCompared, Faults: o.Faults, Recommendations: o.recommendations})
		}
	}
	if len(r.Runs) == 0 {
		return nil
	}
	for _, form := range []struct {
		file string
		make func() ([]byte, error)
	}{{"report.html", r.HTML}, {"report.md", r.Markdown}} {
		data, err := form.make()
		if err != nil {
			return err
		}
		if err := report.WriteFile(filepath.Join(p.dir, form.file), data); err != nil {
			return err
		}
	}
	return nil
}

func writeFileJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return report.WriteFile(path, append(data, '\n'))
}
