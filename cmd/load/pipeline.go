package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/environment"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/seed/profile"
)

// pipelineCmd is load pipeline.
type pipelineCmd struct {
	Tests         []string `name:"tests" aliases:"suite" env:"MEDIANEST_TESTS" default:"core,database" placeholder:"NAME|FILE" group:"Test:" help:"What to run, in this order: ${default} where it is not given. Names are those of load list. May be repeated, also as --suite."`
	Microservices bool     `name:"microservices" env:"ENABLE_MICROSERVICES_TESTS" group:"Test:" help:"Run the microservices suite too."`

	TimeScale string             `name:"time-scale" env:"TIME_SCALE" placeholder:"FACTOR" group:"Test:" help:"Multiply all durations: 1/60 makes a second of a minute."`
	Duration  *executor.Duration `name:"duration" short:"d" env:"TEST_DURATION" placeholder:"DURATION" group:"Test:" help:"Scale time so that each test takes this long."`
	VUs       *int               `name:"vus" short:"u" env:"MAX_VUS" placeholder:"N" group:"Test:" help:"Scale the users of the tests that set users so that there are at most this many."`
	Rate      *float64           `name:"rate" placeholder:"N" group:"Test:" help:"Scale the rates of the tests that set rates so that the highest is this many iterations a second."`

	Target []string      `name:"target" short:"t" env:"BASE_URL" placeholder:"URL" group:"Target:" help:"Base URL of a MediaNest that runs, or several. It is used as it is: neither seeded, reset nor stopped. Without it, one is started."`
	Wait   time.Duration `name:"wait" env:"MEDIANEST_WAIT" default:"120s" placeholder:"DURATION" group:"Target:" help:"How long the target may take until it is healthy."`

	Profile     string `name:"profile" short:"p" env:"MEDIANEST_PROFILE" default:"ci" placeholder:"NAME|FILE" group:"Own target:" help:"Dataset of the target that is started, ${default} where it is not given; volume has five million rows."`
	DataSeed    uint64 `name:"seed" env:"MEDIANEST_SEED" default:"1" placeholder:"N" group:"Own target:" help:"Seed of the dataset."`
	AsOf        string `name:"as-of" env:"MEDIANEST_AS_OF" placeholder:"TIME" group:"Own target:" help:"Present time of the dataset, as in 2026-01-31T12:00:00Z. Without it, each run has another dataset, which is not compared with the one before."`
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" group:"Own target:" help:"PostgreSQL to use, which is seeded, and reset before each test. Without it, a private one is started."`
	Keep        bool   `name:"keep" group:"Own target:" help:"Leave the target up at the end, and tell how to stop it."`

	Reports           string `name:"reports" env:"MEDIANEST_REPORTS" default:"performance-reports" placeholder:"DIR" group:"Output:" help:"Where reports go, in directories by date and time: ${default} where it is not given."`
	Baselines         string `name:"baselines" env:"MEDIANEST_BASELINES" default:"${baselines}" placeholder:"DIR" group:"Output:" help:"Where the baselines are that tests are compared with, those that have one: ${default} where it is not given."`
	FailOn            string `name:"fail-on" env:"MEDIANEST_FAIL_ON" enum:"minor,major,critical" default:"critical" group:"Output:" help:"The least severity of a regression that fails: ${enum}; ${default} where it is not given."`
	RequireComparison bool   `name:"require-comparison" env:"MEDIANEST_REQUIRE_COMPARISON" group:"Output:" help:"Fail a test that could not be compared with a baseline, also where there is none."`
	Plan              bool   `name:"plan" group:"Output:" help:"Print what would be done, and do nothing."`

	Flags []string `arg:"" name:"flags" optional:"" help:"After --, flags for every load run, such as --think-time 0 --targets medianest."`
}

// Help is the long help of the command.
func (pipelineCmd) Help() string {
	return `It starts what is missing, waits until it is healthy, and for each test brings fresh data, warms up and runs it as load run does. Reports are written whatever comes of it, and what was started is stopped.

    load pipeline --time-scale 1/60                      core and database on a mock of its own, a second for a minute
    load pipeline --tests smoke,spike --vus 100
    load pipeline --profile volume --tests volume --as-of 2026-01-31T12:00:00Z
    BASE_URL=https://staging.example load pipeline       a server that runs, as it is
    load pipeline --plan                                 what would be done?
    load pipeline -- --targets medianest --verify-data 10%

What it starts are the programs seed and mockapi, beside this one or on PATH. MEDIANEST_FAULTS makes the mock misbehave, to see the pipeline fail.

The exit code is that of the test that says most, in this order: 130, 3, 2, 1, 4, 99, 0.`
}

// planned is a test of the pipeline.
type planned struct {
	name   string // of its files, and in what is told
	args   []string
	cli    *cli // the command line, read
	takes  time.Duration
	suites []string
}

// Run runs the pipeline.
func (c *pipelineCmd) Run(a *app) error {
	tests, err := c.validate()
	var programs environment.Programs
	if len(c.Target) == 0 {
		var missing error
		if programs, missing = environment.Find(); missing != nil && err == nil {
			return missing
		}
	}
	if err != nil {
		return usageError{err}
	}
	p := &pipeline{pipelineCmd: c, app: a, tests: tests, programs: programs, log: a.logger(a.stderr)}
	if c.Plan {
		return p.printPlan()
	}
	return p.run()
}

// validate reads the tests and finds all that is wrong before anything is touched.
func (c *pipelineCmd) validate() ([]planned, error) {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Target) > 0 && c.Keep {
		fail("--keep: the target of --target (BASE_URL) is not stopped anyway")
	}
	if len(c.Target) == 0 { // what seed would refuse only once it is started
		if c.Profile != "" {
			if _, err := profile.Load(c.Profile, nil); err != nil {
				fail("--profile: %w", err)
			}
		}
		if _, err := time.Parse(time.RFC3339, c.AsOf); c.AsOf != "" && c.AsOf != "now" && err != nil {
			fail("--as-of: %q is not a time such as 2026-01-31T12:00:00Z", c.AsOf)
		}
	}
	if c.Wait <= 0 {
		fail("--wait: %s is no time to wait", c.Wait)
	}
	if c.VUs != nil && *c.VUs < 1 {
		fail("--vus: %d users are too few, there should be 1 or more", *c.VUs)
	}
	if c.Rate != nil && *c.Rate <= 0 {
		fail("--rate: a rate of %v is too low, it should be more than 0", *c.Rate)
	}
	if len(c.Flags) > 0 && !strings.HasPrefix(c.Flags[0], "-") {
		fail("%q is no flag: what to run is said by --tests %[1]s", c.Flags[0])
	}
	names := c.Tests
	if c.Microservices && !slices.Contains(names, suite.Microservices) {
		names = append(slices.Clone(names), suite.Microservices)
	}
	if len(names) == 0 {
		fail("--tests: there is nothing to run; load list has the tests")
	}
	var tests []planned
	for _, name := range names {
		t, err := c.test(name)
		if err != nil {
			fail("--tests: %s: %w", name, err)
		}
		for _, other := range tests {
			if other.name == t.name {
				fail("--tests: %s is there twice", t.name)
			}
		}
		tests = append(tests, t)
	}
	return tests, errors.Join(errs...)
}

// test makes the command line of a test and reads it, all but the flags that are known only later.
func (c *pipelineCmd) test(name string) (planned, error) {
	t := planned{name: fileName(name)}
	o, err := scenario.Load(name)
	if err != nil {
		return t, err
	}
	t.args = []string{"run", name}
	if len(c.Target) > 0 {
		t.args = append(t.args, "--target", strings.Join(c.Target, ","))
	}
	if c.TimeScale != "" {
		t.args = append(t.args, "--time-scale", c.TimeScale)
	}
	if c.Duration != nil {
		t.args = append(t.args, "--duration", c.Duration.String())
	}
	// Of users and rates, a test sets one or the other, or both.
	if c.VUs != nil && *c.VUs > 0 {
		if _, err := o.WithVUs(*c.VUs); err == nil {
			t.args = append(t.args, fmt.Sprintf("--vus=%d", *c.VUs))
		}
	}
	if c.Rate != nil && *c.Rate > 0 {
		if _, err := o.WithRate(*c.Rate); err == nil {
			t.args = append(t.args, fmt.Sprintf("--rate=%v", *c.Rate))
		}
	}
	t.args = append(t.args, c.Flags...)
	if t.cli, err = readRun(t.args); err != nil {
		return t, err
	}
	run := &t.cli.Run
	if err := errors.Join(run.checkTargets(), run.observeFlags.check(), run.historyFlags.check()); err != nil {
		return t, err
	}
	for flag, value := range map[string]string{
		"--result": run.Result, "--summary": run.Summary, "--junit": run.JUnit, "--checkpoint": run.Checkpoint,
	} {
		if value != "" && slices.ContainsFunc(c.Flags, func(arg string) bool { return arg == flag || strings.HasPrefix(arg, flag+"=") }) {
			return t, fmt.Errorf("%s is the pipeline's own: its files go where --reports says", flag)
		}
	}
	if run.Every > 0 {
		return t, errors.New("--every goes with load run: a pipeline comes to an end")
	}
	scaled, err := run.options()
	if err != nil {
		return t, err
	}
	t.takes, t.suites = scaled.Length(), scaled.Suites()
	return t, nil
}

// readRun reads a command line of load run.
func readRun(args []string) (*cli, error) {
	c := new(cli)
	parsed, err := newParser(c, io.Discard, io.Discard).Parse(args)
	if err != nil {
		return nil, err
	}
	if parsed.Command() != "run <test>" {
		return nil, fmt.Errorf("%q is no command line of load run", args)
	}
	return c, nil
}

// fileName is how the files of a test are called: its name, or that of its file.
func fileName(test string) string {
	name := filepath.Base(test)
	for _, end := range []string{".yaml", ".yml", ".json"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}
