package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strconv"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
)

// The exit codes.
const (
	exitFine        = 0
	exitVerdict     = 1
	exitUsage       = 2
	exitEnvironment = 3
	exitInterrupted = 130 // as a shell reports death by SIGINT
)

// cli is the command line: a flag's field, its environment variable and its help in one place.
type cli struct {
	DatabaseURL string           `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL to use. Without it, a private local server is started."`
	PGDir       string           `name:"pg-dir" env:"MEDIANEST_PG_DIR" type:"path" placeholder:"DIR" help:"Directory of the private local server."`
	JSON        bool             `name:"json" env:"MEDIANEST_JSON" help:"Print the result as JSON."`
	Quiet       bool             `name:"quiet" short:"q" env:"MEDIANEST_QUIET" help:"Print neither progress nor a summary."`
	StopAtEOF   bool             `name:"stop-at-eof" help:"Stop when standard input ends, which it does when the program that started this one is gone, however it went."`
	Version     kong.VersionFlag `name:"version" help:"Print the version and quit."`

	Load     loadCmd     `cmd:"" default:"withargs" help:"Seed a database; the default command, so its name can be left out."`
	Verify   verifyCmd   `cmd:"" help:"Check every invariant and every weight of the seeded rows; exit 1 if any is off."`
	Status   statusCmd   `cmd:"" help:"Show what the database holds."`
	Profiles profilesCmd `cmd:"" help:"List the built-in profiles and what they amount to."`
	Snapshot snapshotCmd `cmd:"" help:"Keep a copy of the seeded database for reset."`
	Reset    resetCmd    `cmd:"" help:"Return to the snapshot, whatever tests have done since."`
	DB       dbCmd       `cmd:"" name:"db" help:"Start, stop and show the private local PostgreSQL."`
}

// Help is the long help of the program; kong lays it out.
func (cli) Help() string {
	return `Examples:

    seed --profile smoke                     a thousand rows, to try it out
    seed --profile volume                    over five million rows
    seed --profile dev --users 500 --seed 7  other counts, other draws
    seed --profile ci --out /tmp/files       files for psql instead of a database
    seed verify                              is what is there what it should be?
    seed snapshot; seed reset                keep the seeded state, return to it
    psql "$(seed db url)"                    look at it

The same profile, seed and as-of time give the same rows on every machine. An interrupted run is finished by the same command.

Exit codes:

    0    fine
    1    seed verify found something off
    2    wrong usage, or a wrong profile: nothing has been touched
    3    trouble with the environment: no database, or one that holds something else
    130  interrupted`
}

// app is what commands work with besides their own flags.
type app struct {
	*cli
	ctx            context.Context
	stdout, stderr io.Writer
	log            *slog.Logger
}

// usageError is a mistake in the command line or in a file that it names.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// errVerdict ends a command whose report, printed already, is unfavourable.
var errVerdict = errors.New("verification failed")

// exited carries an exit code out of kong, which asks to exit after --help and --version.
type exited int

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
	parser, err := kong.New(&c,
		kong.Name("seed"),
		kong.Description("Fill PostgreSQL with a MediaNest dataset: weighted, realistic, the same every time."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Vars{
			"version": version(),
			"workers": strconv.Itoa(seed.DefaultWorkers),
			"cost":    strconv.Itoa(gen.DefaultBcryptCost),
		},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true}),
		kong.Help(help),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
	)
	if err != nil {
		panic(err) // a mistake in the struct tags above
	}
	ignoreEmptyVariables(parser.Model.Node)
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "seed: %v\nRun seed --help for usage.\n", err)
		return exitUsage
	}
	ctx, stop := interruptible(stderr, os.Exit)
	defer stop()
	if c.StopAtEOF {
		ctx = untilEOF(ctx, os.Stdin)
	}
	level := slog.LevelInfo
	if c.Quiet {
		level = slog.LevelError
	}
	a := &app{cli: &c, ctx: ctx, stdout: stdout, stderr: stderr,
		log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))}
	return a.report(parsed.Run(a))
}

// ignoreEmptyVariables makes a variable that is set to nothing, as CI and compose files do, one that is not set.
func ignoreEmptyVariables(n *kong.Node) {
	for _, f := range n.Flags {
		f.Help = kong.DefaultHelpValueFormatter(f.Value) // which names the variables, also those that go now
		f.Tag.Envs = slices.DeleteFunc(f.Tag.Envs, func(name string) bool { return os.Getenv(name) == "" })
	}
	for _, child := range n.Children {
		ignoreEmptyVariables(child)
	}
}

// help prints what kong prints and, where no command has been named, the flags of the default one.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if ctx.Selected() != nil {
		return kong.DefaultHelpPrinter(options, ctx)
	}
	defaulted, err := kong.Trace(ctx.Kong, []string{"load"})
	if err != nil {
		return err
	}
	// The flags of all commands come with those of the default one.
	for _, f := range ctx.Model.Flags {
		f.Hidden = true
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	for _, f := range ctx.Model.Flags {
		f.Hidden = false
	}
	fmt.Fprintln(ctx.Stdout)
	return kong.DefaultHelpPrinter(options, defaulted)
}

// report words an error and returns the exit code for it.
func (a *app) report(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errVerdict):
		return exitVerdict
	case a.ctx.Err() != nil:
		fmt.Fprintf(a.stderr, "seed: interrupted: %v\n", err)
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "seed: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(a.stderr, "seed: %v\n", err)
	var mismatch *seed.MismatchError
	var notEmpty *seed.NotEmptyError
	if a.DatabaseURL == "" && (errors.As(err, &mismatch) || errors.As(err, &notEmpty)) {
		fmt.Fprintln(a.stderr, "All commands share this private database; --pg-dir DIR (MEDIANEST_PG_DIR) makes another one.")
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && a.DatabaseURL != "" {
		fmt.Fprintln(a.stderr, "Is the server of --database-url (DATABASE_URL) up? Without one, seed starts a private server.")
	}
	return exitEnvironment
}

// printJSON writes v to stdout.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// version is the module's version or the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	return fmt.Sprintf("seed %s %s", v, info.GoVersion)
}
