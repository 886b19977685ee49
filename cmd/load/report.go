package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/page"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// reportCmd is load report.
type reportCmd struct {
	Results []string `arg:"" placeholder:"RESULT" help:"Result files, or the checkpoints of runs that go on or were killed: one section each."`

	Output     string `name:"output" short:"o" env:"MEDIANEST_REPORT" default:"report.html" placeholder:"FILE" help:"Where to; - is standard output (${default})."`
	Baseline   string `name:"baseline" env:"MEDIANEST_REPORT_BASELINE" placeholder:"BASELINE" help:"What to hold the results against, as load compare does: a result file, a baseline file, the name of a baseline, or accepted for that of each test."`
	storeFlags `embed:""`

	Format string `name:"format" placeholder:"FORMAT" help:"html, markdown or json; by default what the file's name ends with (.html, .md, .json), and html where that is nothing."`
}

// Run writes the report.
func (c *reportCmd) Run(a *app) error {
	write, err := c.writer(a)
	errs := []error{err}
	if c.Output != "-" {
		if err := checkReplaced(c.Output); err != nil {
			errs = append(errs, fmt.Errorf("--output: %w", err))
		}
	}
	var p page.Report
	for _, path := range c.Results {
		r, err := report.Read(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		run := page.Run{Result: r, Recommendations: recommend.Of(r)}
		if err := c.compare(&run, path); err != nil {
			errs = append(errs, err)
		}
		p.Runs = append(p.Runs, run)
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	data, err := write(p)
	if err != nil {
		return err
	}
	return a.writeOutput(c.Output, data)
}

// accepted stands for the accepted baseline of each test.
const accepted = "accepted"

// compare holds a run against the baseline, where one is wanted; that they can't be compared is told in the report.
func (c *reportCmd) compare(run *page.Run, path string) error {
	if c.Baseline == "" {
		return nil
	}
	name := c.Baseline
	if name == accepted {
		name = ""
		if !c.store().Has(run.Test.Name) {
			run.NotCompared = "the test has no accepted baseline in " + c.Dir
			return nil
		}
	}
	baseline, _, err := c.store().Find(name, run.Test.Name, false)
	if err != nil {
		return err
	}
	if run.Comparison, err = compare.Results(run.Result, path, baseline, false); err != nil {
		run.NotCompared = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return nil
}

// writer returns what makes the report in the format that is wanted.
func (c *reportCmd) writer(a *app) (func(page.Report) ([]byte, error), error) {
	format := c.Format
	if format == "" && a.JSON {
		format = "json"
	}
	if ext := strings.ToLower(filepath.Ext(c.Output)); format == "" {
		formats := map[string]string{"": "html", ".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".json": "json"}
		if format = formats[ext]; format == "" {
			return nil, fmt.Errorf("--output: %s ends with none of .html, .md and .json; name one, or say with --format what it is to be", c.Output)
		}
	}
	switch format {
	case "html":
		return page.Report.HTML, nil
	case "markdown":
		return page.Report.Markdown, nil
	case "json":
		return page.Report.JSON, nil
	}
	return nil, fmt.Errorf("--format: %q is none of html, markdown and json", format)
}

// writeOutput writes a file and says so, or writes to standard output where path is -.
func (a *app) writeOutput(path string, data []byte) error {
	if path == "-" {
		_, err := a.stdout.Write(data)
		return err
	}
	if err := report.WriteFile(path, data); err != nil {
		return err
	}
	if !a.Quiet {
		fmt.Fprintf(a.stderr, "load: written to %s\n", path)
	}
	return nil
}
