package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/ui"
)

// runCmd is load run.
type runCmd struct {
	Test string `arg:"" placeholder:"NAME|FILE" help:"A named test, see load list; or a test file, YAML or k6's options as JSON."`

	targetFlags  `embed:""`
	observeFlags `embed:""`
	testFlags    `embed:""`
	outputFlags  `embed:""`
	commitFlag   `embed:""`
	everyFlags   `embed:""`

	Address   string `name:"address" env:"MEDIANEST_LOAD_ADDRESS" placeholder:"HOST:PORT" help:"Serve k6's API for watching the run and for changing externally-controlled scenarios: k6 status, pause, resume and scale work with it. On this machine alone."`
	Dashboard string `name:"dashboard" env:"MEDIANEST_LOAD_DASHBOARD" placeholder:"HOST:PORT" help:"Serve a page that shows the run while it goes on; :PORT is on this machine alone. Whoever can reach the address can see the run."`
}

// Help is the long help of the command.
func (runCmd) Help() string {
	return `Examples:

    load run core --time-scale 1/60                       the core suite, a second for a minute
    load run core --scenario load_test --vus 50 -d 30s    a part of it, smaller
    load run my-test.yaml -t http://10.0.0.5:3000 --threshold 'http_req_duration{endpoint:auth_login}:p(95)<300 over 1m'
    load run options.json                                 k6's options; an exec names a suite
    load run load --out json=samples.json --junit junit.xml --result run.json

A test file:

    suite: core
    scenarios:
      browse: {executor: constant-arrival-rate, rate: 50, duration: 5m, preAllocatedVUs: 100, maxVUs: 200}
    thresholds:
      http_req_duration: ["p(95)<500"]
      checks: [{threshold: "rate>0.99", abortOnFail: true, delayAbortEval: 10s}]`
}

// outputFlags say where results go.
type outputFlags struct {
	Summary       string   `name:"summary" env:"MEDIANEST_SUMMARY" placeholder:"FILE" group:"Output:" help:"Write the summary as k6 gives it to handleSummary."`
	SummaryExport string   `name:"summary-export" env:"MEDIANEST_SUMMARY_EXPORT" placeholder:"FILE" group:"Output:" help:"Write the flat summary of k6's flag of this name, in which a threshold that is false has passed."`
	Out           []string `name:"out" short:"o" env:"MEDIANEST_OUT" placeholder:"KIND=WHERE" group:"Output:" help:"Every sample as it comes, json=FILE or csv=FILE in k6's formats, - being standard output, where the summary gives way to them; or the totals: for Prometheus to scrape, prometheus=HOST:PORT, :PORT being on this machine alone, or sent every ten seconds, by its remote write prometheus-rw=URL, or by OTLP over HTTP otel=URL. May be repeated."`
	JUnit         string   `name:"junit" env:"MEDIANEST_JUNIT" placeholder:"FILE" group:"Output:" help:"Write thresholds and checks as JUnit XML."`
	Result        string   `name:"result" env:"MEDIANEST_RESULT" placeholder:"FILE" group:"Output:" help:"Write the result file, which load show and all later commands read."`
	Checkpoint    string   `name:"checkpoint" env:"MEDIANEST_CHECKPOINT" placeholder:"FILE" group:"Output:" help:"Where the result so far is written every second while the test runs, less often once it is large; with --result, that name with .checkpoint. It is removed once the result is written."`

	historyFlags `embed:""`

	noStepSummary bool
}

// checkpoint is where the checkpoint goes, "" for nowhere.
func (o *outputFlags) checkpoint() string {
	if o.Checkpoint == "" && o.Result != "" {
		return o.Result + ".checkpoint"
	}
	return o.Checkpoint
}

// Run runs the test.
func (c *runCmd) Run(a *app) error { return c.start(a, nil, a.args) }

// start runs the test, from where the checkpoint past ends, if there is one.
func (c *runCmd) start(a *app, past *report.Result, args []string) error {
	o, err := c.options()
	if c.Address != "" {
		if wrong := checkLoopback(c.Address); wrong != nil {
			err = errors.Join(err, fmt.Errorf("--address: %w", wrong))
		}
	}
	if c.Dashboard != "" {
		if wrong := checkListens(c.Dashboard); wrong != nil {
			err = errors.Join(err, fmt.Errorf("--dashboard: %w", wrong))
		}
	}
	if a.JSON && c.toStdout() {
		err = errors.Join(err, errors.New("--out: with --json the result goes to standard output, give the samples a file"))
	}
	o, watched := c.everyFlags.check(o, c)
	if err := errors.Join(c.checkOutputs(), c.checkTargets(), c.observeFlags.check(), err, watched); err != nil {
		return usageError{err}
	}
	if c.Every > 0 {
		return c.repeat(a, o, args)
	}
	if past != nil && o.Search != nil {
		return refusal{errors.New("resume: a search for a rate can't go on, run it again")}
	}
	s := &session{app: a, out: &c.outputFlags, past: past, checkpoint: c.checkpoint(), address: c.Address, args: keptArgs(args, c.Database), log: a.logger(a.stderr)}
	s.observe = func(ctx context.Context, p *plan) (*observe.Observer, error) { return c.observer(ctx, p, past) }
	if !a.Quiet && !a.JSON {
		s.display = ui.New(a.stderr, a.color(a.stderr))
		s.log = a.logger(s.display)
	}
	for _, w := range o.Warnings {
		s.log.Warn(w)
	}
	if err := s.serveDashboard(c.Dashboard); err != nil {
		return err
	}
	defer s.endDashboard()
	if s.interrupts = a.interrupts; s.interrupts == nil {
		s.interrupts = onInterrupt(a.teller(a.stderr), os.Exit)
		defer s.interrupts.close()
	}
	if s.display != nil {
		s.interrupts.tell(a.teller(s.display))
		defer s.interrupts.tell(a.teller(a.stderr)) // a pipeline's go on
	}
	if c.Commit == "" {
		c.Commit = commitHere(a.ctx)
	}
	if s.plan, err = c.plan(a.ctx, o, s.log); err != nil {
		return err
	}
	if past != nil {
		if err := s.goOn(); err != nil {
			return err
		}
	}
	if s.streams, err = openStreams(c.Out, report.Target{Stdout: a.stdout, Append: past != nil}, o.Thresholds, s.log); err != nil {
		return err
	}
	run := s.run
	if o.Search != nil {
		run = func(ctx context.Context) (*report.Result, report.Findings, error) { return c.search(ctx, s, o) }
	}
	r, findings, err := run(a.ctx)
	if err != nil {
		s.streams.close()
		return err
	}
	return s.conclude(r, findings)
}

// conclude comes to the verdict, writes all files, and prints the result.
func (s *session) conclude(r *report.Result, f report.Findings) error {
	r.Outputs = s.streams.close()
	for _, err := range s.out.writeFiles(r, s.terminals(), func() { r.Judge(f) }) {
		s.complain(err)
	}
	s.judged = r
	if err := s.out.endCheckpoint(r, s.checkpoint); err != nil {
		s.complain(fmt.Errorf("checkpoint: %w", err))
	}
	to := s.stdout
	if s.out.toStdout() {
		to = s.stderr
	}
	if err := s.show(r, to); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if r.Verdict.ExitCode == exitFine {
		return nil
	}
	if s.Quiet {
		s.complain(fmt.Errorf("%s: %s", r.Verdict.Word, strings.Join(r.Verdict.Reasons, "; ")))
	}
	return exitWith(r.Verdict.ExitCode)
}
