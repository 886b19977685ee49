package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// storeFlags say where baselines are.
type storeFlags struct {
	Dir string `name:"dir" env:"MEDIANEST_BASELINES" default:"${baselines}" placeholder:"DIR" help:"Where baselines are kept (default ${default})."`
}

func (f *storeFlags) store() compare.Store { return compare.Store{Dir: f.Dir} }

// storeError tells whose matter an error of the store is: that of the runs, of the folder, or of the command line.
func storeError(err error) error {
	if _, ok := errors.AsType[compare.Refused](err); ok {
		return refusal{err}
	}
	if _, ok := errors.AsType[compare.NotWritten](err); ok {
		return err
	}
	return usageError{err}
}

// compareCmd is load compare.
type compareCmd struct {
	Current  string `arg:"" placeholder:"CURRENT" help:"The result file of the run to judge."`
	Baseline string `arg:"" optional:"" placeholder:"BASELINE" help:"What to hold it against: another result file, a baseline file, or the name of a baseline. Without it, the accepted baseline of the same test."`

	storeFlags `embed:""`
	FailOn     string `name:"fail-on" env:"MEDIANEST_FAIL_ON" enum:"minor,major,critical" default:"critical" help:"The least severity of a regression that makes the exit code 1: ${enum}; ${default} unless told."`
	Force      bool   `name:"force" env:"MEDIANEST_COMPARE_FORCE" help:"Compare runs that are refused otherwise, because they are of different tests, datasets or machines, or not valid. What is wrong becomes a warning."`
}

// Help is the long help of the command.
func (compareCmd) Help() string {
	return `Examples:

    load run load --duration 5m --result run.json
    load compare run.json before.json               two runs
    load compare run.json                           against the accepted baseline of the test
    load compare run.json --fail-on minor --json    for machines, strict

A regression is a change that exceeds both its threshold (10 % for p50, p95, p99 and throughput, 2 percentage points for errors) and what the runs' own variation from block to block explains, and the spread of the baseline's runs where it has several; what takes three times as long in every block is one in any case, unless the baseline's runs differ as widely. It is minor, major from 25 % or 5 points on, and critical from 50 % or 10 points on.

Runs must have 10 s in common, and that many requests that each figure can be told from noise: 100 for p50, 400 for p95, 2,000 for p99. The summary names the figures that are undecided.

The exit code is 1 for a regression that is severe enough, 2 for runs that can't be compared, and 4 where there would be such a regression but the machine was so busy that it may be the reason; with --force it is one. Where GITHUB_STEP_SUMMARY is set, the outcome is appended to it.`
}

// Run compares.
func (c *compareCmd) Run(a *app) error {
	current, err := report.Read(c.Current)
	if err != nil {
		return usageError{err}
	}
	analysis, err := c.analyse(current)
	if err != nil {
		return err
	}
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
		if err := appendTo(path, analysis.Markdown()); err != nil {
			return err
		}
	}
	failed := c.fails(analysis)
	switch {
	case a.JSON:
		err = a.printJSON(analysis)
	case a.Quiet && (failed || c.suspects(analysis)):
		fmt.Fprintf(a.stderr, "load: %s\n", analysis.Summary)
	case !a.Quiet:
		err = analysis.Text(a.stdout, a.color(a.stdout))
	}
	if err != nil {
		return fmt.Errorf("print the comparison: %w", err)
	}
	switch {
	case failed:
		return exitWith(report.ExitFailed)
	case c.suspects(analysis):
		return exitWith(report.ExitInvalid)
	}
	return nil
}

// analyse holds a result against the baseline.
func (c *compareCmd) analyse(current *report.Result) (*compare.Analysis, error) {
	baseline, overlooked, err := c.store().Find(c.Baseline, current.Test.Name, c.Force)
	if err != nil {
		return nil, storeError(err)
	}
	analysis, err := compare.Results(current, c.Current, baseline, c.Force)
	if refused, ok := errors.AsType[compare.Refused](err); ok {
		return nil, refusal{fmt.Errorf("compare %s with %s: refused, unless --force is given:\n%w", c.Current, baseline.Name, refused)}
	}
	if err != nil {
		return nil, refusal{err} // too short
	}
	for _, reason := range overlooked {
		analysis.Warnings = append(analysis.Warnings, baseline.Name+" can't be compared with: "+reason)
	}
	return analysis, nil
}

// fails tells whether a regression is severe enough for --fail-on.
func (c *compareCmd) fails(a *compare.Analysis) bool {
	return a.HasRegression && compare.Rank(a.Severity) >= compare.Rank(c.FailOn)
}

// suspects tells whether one is suspected that would be.
func (c *compareCmd) suspects(a *compare.Analysis) bool {
	return len(a.Suspected) > 0 && compare.Rank(a.Suspected[0].Severity) >= compare.Rank(c.FailOn)
}
