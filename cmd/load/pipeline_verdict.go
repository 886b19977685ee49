package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// outcome is what came of a test.
type outcome struct {
	Test     string `json:"test"`
	ExitCode int    `json:"exitCode"`
	// Word and Reasons are the verdict's.
	Word    string        `json:"word"`
	Reasons []string      `json:"reasons,omitempty"`
	Elapsed time.Duration `json:"elapsed"` // ns
	// Result is the path of the result file, "" where there is none.
	Result string   `json:"result,omitempty"`
	Args   []string `json:"args"`
	// Faults are what the target was told to make, as far as it is known before the test.
	Faults []string `json:"faults,omitempty"`
	// Baseline is the name of the test's baseline, "" where it has none. Comparison is the path of the comparison with
	// it, "" where there is none; NotCompared says why there is none although there is a baseline. Regression is the
	// comparison in a sentence, where it fails. Uncompared tells that the lack of a comparison does.
	Baseline    string `json:"baseline,omitempty"`
	Comparison  string `json:"comparison,omitempty"`
	NotCompared string `json:"notCompared,omitempty"`
	Regression  string `json:"regression,omitempty"`
	Uncompared  bool   `json:"uncompared,omitempty"`

	result          *report.Result
	comparison      *compare.Analysis
	recommendations []recommend.Recommendation
}

// comparedWith tells what the comparison with the baseline came to.
func (o *outcome) comparedWith() string {
	switch {
	case o.Regression != "":
		return "regression"
	case o.Comparison != "":
		return "compared"
	case o.Baseline != "":
		return "not compared with the baseline " + o.Baseline + ": " + strings.ReplaceAll(o.NotCompared, "\n", "; ")
	}
	return "no baseline to compare with"
}

// The words of a pipeline's verdict.
const (
	wordPass = "PASS"
	wordFail = "FAIL"
)

// pipelineReport is what the pipeline tells, as JSON and in pipeline.json.
type pipelineReport struct {
	Verdict  string   `json:"verdict"`
	ExitCode int      `json:"exitCode"`
	Reasons  []string `json:"reasons,omitempty"`
	// Faults are what the target was told to make in any of the tests.
	Faults  []string      `json:"faults,omitempty"`
	Tests   []outcome     `json:"tests"`
	Started time.Time     `json:"started"`
	Elapsed time.Duration `json:"elapsed"` // ns
	Target  string        `json:"target"`
	Reports string        `json:"reports"`
	// Kept is how to stop the target that was left up.
	Kept string `json:"kept,omitempty"`
}

// worse are exit codes, the one that says most first: what a run was not able to tell comes before what it told.
func worse() []int {
	return []int{
		exitInterrupted, exitEnvironment, exitUsage, report.ExitFailed, report.ExitInvalid, report.ExitThresholdsCrossed, exitFine,
	}
}

// worst is the exit code that says most.
func worst(codes ...int) int {
	order := worse()
	return slices.MinFunc(codes, func(a, b int) int { return slices.Index(order, a) - slices.Index(order, b) })
}

// conclude tells what came of the pipeline, and writes it to a file.
func (p *pipeline) conclude(trouble error) error {
	r := pipelineReport{
		Faults: p.faults(), Tests: p.outcomes, Started: p.started, Elapsed: time.Since(p.started), Target: strings.Join(p.Target, ", "), Reports: p.dir, Kept: p.kept(),
	}
	if p.env != nil {
		r.Target = p.env.URLs()["api"]
	}
	codes := []int{exitFine}
	for _, o := range p.outcomes {
		codes = append(codes, o.ExitCode)
		for _, reason := range o.Reasons {
			if o.ExitCode != exitFine {
				r.Reasons = append(r.Reasons, o.Test+": "+reason)
			}
		}
		if o.Regression != "" {
			r.Reasons = append(r.Reasons, o.Test+": "+o.Regression)
		}
		if o.Uncompared {
			r.Reasons = append(r.Reasons, o.Test+": "+o.comparedWith()+", which --require-comparison wants")
		}
	}
	if trouble != nil {
		code := exitEnvironment
		if errors.Is(trouble, errInterrupted) {
			code = exitInterrupted
		}
		codes = append(codes, code)
		r.Reasons = append(r.Reasons, strings.Split(trouble.Error(), "\n")...)
	}
	r.ExitCode = worst(codes...)
	r.Verdict = wordPass
	if r.ExitCode != exitFine {
		r.Verdict = wordFail
	}
	if err := writeFileJSON(filepath.Join(p.dir, "pipeline.json"), r); err != nil {
		r.Reasons = append(r.Reasons, err.Error())
		r.Verdict, r.ExitCode = wordFail, worst(r.ExitCode, exitEnvironment)
	}
	if err := p.tell(&r); err != nil {
		return fmt.Errorf("print the verdict: %w", err)
	}
	if r.ExitCode == exitFine {
		return nil
	}
	return exitWith(r.ExitCode)
}

// kept says how to stop a target that was left up, "" where none was.
func (p *pipeline) kept() string {
	if p.env == nil || !p.Keep || p.env.PID() == 0 || p.env.Ended() != nil {
		return ""
	}
	stop := fmt.Sprintf("kill %d", p.env.PID())
	if dir := p.env.Dir(); dir != "" {
		stop += "; rm -r " + dir
	}
	return stop
}

// tell prints the verdict.
func (p *pipeline) tell(r *pipelineReport) error {
	switch {
	case p.JSON:
		return p.printJSON(r)
	case p.Quiet:
		if r.ExitCode != exitFine {
			fmt.Fprintf(p.stderr, "load: pipeline: %s: %s\n", r.Verdict, strings.Join(r.Reasons, "; "))
		}
		return nil
	}
	paint := func(style, s string) string {
		if !p.color(p.stdout) {
			return s
		}
		return "\x1b[" + style + "m" + s + "\x1b[0m"
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("\n  %s  %s  %s\n", paint("1", "PIPELINE"), executor.Duration(r.Elapsed.Round(100*time.Millisecond)), r.Target)
	for _, o := range r.Tests {
		mark := paint("32", "✓")
		if o.ExitCode != exitFine {
			mark = paint("31", "✗")
		}
		word := o.Word
		if o.result != nil {
			word += ", " + o.comparedWith()
		}
		line("    %s %-16s %s", mark, o.Test, word)
	}
	line("    reports in %s", r.Reports)
	if r.Kept != "" {
		line("    %s is left up; to stop it: %s", r.Target, r.Kept)
	}
	style := "1;32"
	if r.ExitCode != exitFine {
		style = "1;31"
	}
	line("\n  %s", paint(style, r.Verdict))
	for _, reason := range r.Reasons {
		line("    %s", reason)
	}
	if len(r.Faults) > 0 {
		line("    the mock was told to misbehave: %s", strings.Join(r.Faults, ", "))
	}
	_, err := fmt.Fprint(p.stdout, b.String())
	return err
}

// printPlan prints what would be done.
func (p *pipeline) printPlan() error {
	type plannedStep struct {
		Step string `json:"step"`
		How  string `json:"how"`
	}
	all := []plannedStep{{"reports", "make the directory " + filepath.Join(p.Reports, "DATE", "TIME")}}
	for _, s := range p.steps() {
		all = append(all, plannedStep{s.name, s.how})
	}
	if len(p.Target) == 0 && !p.Keep {
		all = append(all, plannedStep{"clean up", "stop the mock and its PostgreSQL, remove the temporary directory; whatever happens"})
	}
	all = append(all, plannedStep{"verdict", "PASS or FAIL with reasons, pipeline.json, and the exit code of the test that says most"})
	if p.JSON {
		return p.printJSON(all)
	}
	var b strings.Builder
	for i, s := range all {
		fmt.Fprintf(&b, "%2d. %-22s %s\n", i+1, s.Step, s.How)
	}
	_, err := fmt.Fprint(p.stdout, b.String())
	return err
}
