package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/history"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// The exit codes are report's; these have no run to tell of.
const (
	exitFine        = report.ExitFine
	exitUsage       = report.ExitUsage
	exitEnvironment = report.ExitEnvironment
	exitInterrupted = report.ExitInterrupted
)

// cli is the command line: a flag's field, its environment variable and its help in one place.
type cli struct {
	JSON    bool             `name:"json" env:"MEDIANEST_JSON" help:"Print the result as JSON, and log as JSON."`
	Quiet   bool             `name:"quiet" short:"q" env:"MEDIANEST_QUIET" help:"Print neither progress nor a summary, and log errors only."`
	NoColor bool             `name:"no-color" help:"No colours; NO_COLOR=1 does the same."`
	Version kong.VersionFlag `name:"version" help:"Print the version and quit."`

	Run    runCmd    `cmd:"" help:"Run a test and judge it."`
	Resume resumeCmd `cmd:"" help:"Go on with a run that was killed, from its checkpoint."`
	Show   showCmd   `cmd:"" help:"Print the summary of a result file or of a killed run's checkpoint."`
	List   listCmd   `cmd:"" help:"List the named tests and the suites."`

	Report  reportCmd  `cmd:"" help:"Write a report of results: a page, Markdown or JSON."`
	History historyCmd `cmd:"" help:"Show what many runs came to, and add to it."`

	Compare  compareCmd  `cmd:"" help:"Hold a run against a baseline: what became worse by more than noise?"`
	Baseline baselineCmd `cmd:"" help:"Keep runs as baselines."`

	Pipeline  pipelineCmd  `cmd:"" help:"Start what is missing, run tests on fresh data, write reports, and say PASS or FAIL."`
	Recommend recommendCmd `cmd:"" help:"Tell what to do about what a run has shown, with the evidence for it."`
}

// Help is the long help of the program; kong lays it out.
func (cli) Help() string {
	return `Examples:

    mockapi --profile dev                                  something to test, in another terminal
    load run smoke                                         is everything there and right?
    load run core --time-scale 1/60                        the core suite, a second for a minute
    load run core --scenario load_test --vus 50 -d 30s     a part of it, smaller
    load run core --targets medianest --result run.json    judged by MediaNest's targets, kept
    load run endurance -d 72h --memory-limit 4GiB          does it get slower or bigger? judged by its trends
    load run my-test.yaml --threshold 'http_req_duration:p(95)<300'
    load run core --observe-database private               why was it slow? statements, waits and plans
    load show run.json                                     the summary again
    load report run.json -o report.html                    one page to hand on
    load resume run.json.checkpoint                        after a crash
    load run core --history runs; load history runs        run after run, side by side
    load compare run.json before.json                      what became worse?
    load baseline save run1.json run2.json --promote       what later runs are held against
    load pipeline --time-scale 1/60                        all of it for CI: target, suites, reports, PASS or FAIL

Results go to standard output, progress and logs to standard error. The first Ctrl-C lets iterations finish, the second cuts them off; the results are written all the same.

Exit codes:

    0    passed
    1    failed: the set-up or the test gave up, answers were verified and wrong, the target drifted, or a comparison found a regression
    2    wrong usage, a wrong test file, or results that can't be used for this: nothing has been run
    3    trouble with the environment: no target, or an output that could not be written
    4    invalid: the generator was the bottleneck, or a comparison found the machine too busy to blame the target
    99   thresholds crossed, or without anything to look at
    130  interrupted

Failed checks alone do not fail a run: put a threshold on them, such as --threshold 'checks:rate>0.99'.`
}

// app is what commands work with besides their own flags.
type app struct {
	*cli
	ctx            context.Context
	stdout, stderr io.Writer
	args           []string // of the command line
	// interrupts are those that a pipeline hands to its runs; nil lets a run take the signals itself.
	interrupts *interrupts
}

// usageError is a mistake in the command line or in a file that it names.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// refusal is what the program won't do with what the files of a correct command line hold. It exits as a usageError
// does, and --help has nothing to say to it.
type refusal struct{ err error }

func (e refusal) Error() string { return e.err.Error() }
func (e refusal) Unwrap() error { return e.err }

// verdictError is a test that failed before there was anything to report.
type verdictError struct{ err error }

func (e verdictError) Error() string { return e.err.Error() }
func (e verdictError) Unwrap() error { return e.err }

// exitWith ends a command, whose report has been printed, with an exit code.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

var errInterrupted = errors.New("interrupted")

// exited carries an exit code out of kong, which asks to exit after --help and --version.
type exited int

// newParser returns the parser of the command line.
func newParser(c *cli, stdout, stderr io.Writer) *kong.Kong {
	parser, err := kong.New(c,
		kong.Name("load"),
		kong.Description("Drive a MediaNest with realistic users, judge it against thresholds, and tell what was seen."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Vars{
			"version":   version(),
			"stats":     strings.Join(report.DefaultTrendStats(), ","),
			"keep":      strconv.Itoa(history.DefaultKeep),
			"baselines": compare.DefaultDir,
		},
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		panic(err) // a mistake in the struct tags
	}
	nodes := []*kong.Node{parser.Model.Node}
	for len(nodes) > 0 {
		for _, f := range nodes[0].Flags {
			f.Help = kong.DefaultHelpValueFormatter(f.Value) // which names the variables, also those that go now
			// A variable that is set to nothing, as CI and compose files do, is not set.
			f.Tag.Envs = slices.DeleteFunc(f.Tag.Envs, func(name string) bool { return os.Getenv(name) == "" })
		}
		nodes = append(nodes[1:], nodes[0].Children...)
	}
	return parser
}

// run is the program: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exited)
			if !ok {
				panic(r)
			}
			code = int(e)
		}
	}()
	var c cli
	parsed, err := newParser(&c, stdout, stderr).Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "load: %v\nRun load --help for usage.\n", err)
		return exitUsage
	}
	a := &app{cli: &c, ctx: context.Background(), stdout: stdout, stderr: stderr, args: args}
	return a.report(parsed.Run(a))
}

// report words an error and returns the exit code for it.
func (a *app) report(err error) int {
	var usage usageError
	var refused refusal
	var verdict verdictError
	var exit exitWith
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &exit):
		return int(exit)
	}
	a.complain(err)
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		if !a.JSON {
			fmt.Fprintln(a.stderr, "Run load --help for usage.")
		}
		return exitUsage
	case errors.As(err, &refused):
		return exitUsage
	case errors.As(err, &verdict):
		return report.ExitFailed
	}
	return exitEnvironment
}

// complain tells of an error on standard error: in a line for people, or in the log.
func (a *app) complain(err error) {
	if a.JSON {
		a.logger(a.stderr).Error(err.Error())
		return
	}
	fmt.Fprintf(a.stderr, "load: %v\n", err)
}

// color tells whether what goes to w is to be coloured.
func (a *app) color(w io.Writer) bool {
	return !a.NoColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

func (a *app) terminals() report.Terminals {
	return report.Terminals{Stdout: isTerminal(a.stdout), Stderr: isTerminal(a.stderr)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

func (a *app) logger(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if a.Quiet {
		o.Level = slog.LevelError
	}
	if a.JSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// show prints a result; what is for people goes to w.
func (a *app) show(r *report.Result, w io.Writer) error {
	switch {
	case a.JSON:
		return a.printJSON(r.Brief())
	case a.Quiet:
		return nil
	}
	return r.Text(w, a.color(w))
}

// printJSON writes v to stdout.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// version is the module's version or the commit that the program was built from.
func version() string {
	p := report.ThisProgram()
	v := p["version"]
	if p["commit"] != "" && (v == "" || v == "(devel)") {
		v = p["commit"]
	}
	return fmt.Sprintf("load %s %s", v, p["go"])
}
