package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/page"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// compare holds what was measured against baselines. That a run can't be compared is told, and fails nothing.
func (p *pipeline) compare(context.Context) error {
	for i := range p.outcomes {
		o := &p.outcomes[i]
		if o.result == nil {
			continue
		}
		c := compareCmd{Current: o.Result, storeFlags: storeFlags{Dir: p.Baselines}, FailOn: p.FailOn}
		if !c.store().Has(o.result.Test.Name) {
			p.log.Info("there is no baseline to compare with", "test", o.Test, "hint", "load baseline save "+o.Result+" --promote --dir "+p.Baselines)
			continue
		}
		analysis, err := c.analyse(o.result)
		if err != nil {
			o.NotCompared = err.Error()
			if refused, ok := errors.AsType[compare.Refused](err); ok {
				o.NotCompared = refused.Error()
			}
			p.log.Warn("not compared", "test", o.Test, "reason", o.NotCompared)
			continue
		}
		if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
			if err := appendTo(path, analysis.Markdown()); err != nil {
				return err
			}
		}
		if !p.Quiet && !p.JSON {
			if err := analysis.Text(p.stdout, p.color(p.stdout)); err != nil {
				return err
			}
		}
		o.comparison, o.Comparison = analysis, filepath.Join(p.dir, o.Test+".comparison.json")
		switch {
		case c.fails(analysis):
			o.ExitCode, o.Regression = worst(o.ExitCode, report.ExitFailed), analysis.Summary
		case c.suspects(analysis):
			o.ExitCode, o.Regression = worst(o.ExitCode, report.ExitInvalid), analysis.Summary
		}
		if err := writeFileJSON(o.Comparison, analysis); err != nil {
			return err
		}
	}
	return nil
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
			r.Runs = append(r.Runs, page.Run{Result: o.result, Comparison: o.comparison, NotCompared: o.NotCompared, Recommendations: o.recommendations})
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
