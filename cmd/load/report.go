package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/page"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// reportCmd is load report.
type reportCmd struct {
	Results []string `arg:"" placeholder:"RESULT" help:"Result files, or the checkpoints of runs that go on or were killed: one section each."`

	Output string `name:"output" short:"o" env:"MEDIANEST_REPORT" default:"report.html" placeholder:"FILE" help:"Where to; - is standard output (${default})."`
	Format string `name:"format" placeholder:"FORMAT" help:"html, markdown or json; by default what the file's name ends with (.md, .json), and otherwise html."`
}

// Run writes the report.
func (c *reportCmd) Run(a *app) error {
	write, err := c.writer(a)
	errs := []error{err}
	if dir := filepath.Dir(c.Output); c.Output != "-" && !isDir(dir) {
		errs = append(errs, fmt.Errorf("--output: there is no directory %s", dir))
	}
	var p page.Report
	for _, path := range c.Results {
		r, err := report.Read(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.Runs = append(p.Runs, page.Run{Result: r})
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

// writer returns what makes the report in the format that is wanted.
func (c *reportCmd) writer(a *app) (func(page.Report) ([]byte, error), error) {
	format := c.Format
	if format == "" && a.JSON {
		format = "json"
	}
	if format == "" {
		format = map[string]string{".md": "markdown", ".markdown": "markdown", ".json": "json"}[strings.ToLower(filepath.Ext(c.Output))]
	}
	switch format {
	case "html", "":
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
