package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"

	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
)

// The exit codes.
const (
	exitFine        = 0
	exitUsage       = 2
	exitEnvironment = 3
	exitInterrupted = 130 // as a shell reports death by SIGINT
)

// cli is the command line: a flag's field, its environment variable and its help in one place.
type cli struct {
	Addr     string   `name:"addr" env:"MEDIANEST_ADDR" default:"127.0.0.1:3000" placeholder:"HOST:PORT" help:"Where the API listens; the services auth, media, user and notification take the four ports after it. Port 0 takes free ones."`
	Services []string `name:"services" env:"MEDIANEST_SERVICES" default:"${services}" enum:"${services}" placeholder:"NAME" help:"Services to run: api, auth, media, user, notification."`

	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" group:"Database:" help:"PostgreSQL to use. Without it, a private local server is started."`
	PGDir       string `name:"pg-dir" env:"MEDIANEST_PG_DIR" type:"path" placeholder:"DIR" group:"Database:" help:"Directory of the private local server."`
	Profile     string `name:"profile" short:"p" env:"MEDIANEST_PROFILE" placeholder:"NAME|FILE" group:"Database:" help:"Seed an empty database with this profile first, and finish what was interrupted."`
	Seed        uint64 `name:"seed" env:"MEDIANEST_SEED" default:"1" group:"Database:" help:"Seed of all random draws of --profile."`
	PoolSize    int    `name:"pool-size" env:"MEDIANEST_POOL_SIZE" default:"${pool}" group:"Database:" help:"Connections to the database; bulk calls and transactions have half as many more."`
	SyncCommit  bool   `name:"sync-commit" env:"MEDIANEST_SYNC_COMMIT" group:"Database:" help:"Make every write wait for the disk. Without it, a crash of PostgreSQL may lose the last instants."`

	SearchRefresh  time.Duration `name:"search-refresh" env:"MEDIANEST_SEARCH_REFRESH" default:"${refresh}" placeholder:"DURATION" group:"Requests:" help:"How old the answer of an advanced search may be, as in a search engine; -1s asks the database every time."`
	RequestTimeout time.Duration `name:"request-timeout" env:"MEDIANEST_REQUEST_TIMEOUT" default:"${timeout}" placeholder:"DURATION" group:"Requests:" help:"How long a request may wait for the database before it is answered 503."`
	MaxUpload      int64         `name:"max-upload" env:"MEDIANEST_MAX_UPLOAD" default:"${upload}" placeholder:"BYTES" group:"Requests:" help:"Largest multipart upload; its bytes are counted and hashed, not kept."`
	CORSOrigins    []string      `name:"cors-origin" env:"MEDIANEST_CORS_ORIGIN" placeholder:"ORIGIN" group:"Requests:" help:"Origin whose pages may call, such as http://localhost:5173, or *; may be repeated."`

	RealLoginCost bool   `name:"real-login-cost" env:"MEDIANEST_REAL_LOGIN_COST" group:"Logins:" help:"Run bcrypt at every login instead of remembering verified passwords."`
	HashCost      int    `name:"hash-cost" env:"MEDIANEST_HASH_COST" default:"${cost}" group:"Logins:" help:"bcrypt cost of the passwords of new accounts, 4 to 31."`
	JWTSecret     string `name:"jwt-secret" env:"JWT_SECRET" placeholder:"SECRET" group:"Logins:" help:"Secret that signs tokens; other users of the machine can read a flag, so use the variable. Without it, tokens end with this process."`

	Faults      []string `name:"fault" env:"MEDIANEST_FAULTS" placeholder:"NAME|FILE" group:"Control:" help:"Misbehave from the start: a preset (${presets}) or a YAML file with a list of rules, such as - {path: /api/**, latency: {fixed: 200ms}}; may be repeated."`
	AdminToken  string   `name:"admin-token" env:"MEDIANEST_ADMIN_TOKEN" placeholder:"TOKEN" group:"Control:" help:"Token of the control API under /admin/. Without it a random one is made and printed."`
	AdminRemote bool     `name:"admin-remote" env:"MEDIANEST_ADMIN_REMOTE" group:"Control:" help:"Let other machines use the control API."`
	Journal     int      `name:"journal" env:"MEDIANEST_JOURNAL" default:"10000" placeholder:"N" group:"Control:" help:"How many of the last requests /admin/journal keeps."`
	Snapshot    bool     `name:"snapshot" env:"MEDIANEST_SNAPSHOT" group:"Database:" help:"Make sure that there is a snapshot of the seeded data, so that /admin/reset can return to it."`

	AccessLog   handler.AccessLog `name:"access-log" env:"MEDIANEST_ACCESS_LOG" default:"sampled" placeholder:"off|sampled|all" group:"Output:" help:"Requests to log: off, all, or one in --sample-every and every 5xx."`
	SampleEvery int               `name:"sample-every" env:"MEDIANEST_SAMPLE_EVERY" default:"${sample}" placeholder:"N" group:"Output:" help:"One request in how many a sampled access log tells of."`
	LogLevel    slog.Level        `name:"log-level" env:"MEDIANEST_LOG_LEVEL" default:"info" placeholder:"debug|info|warn|error" group:"Output:" help:"Least level of what is logged."`
	JSON        bool              `name:"json" env:"MEDIANEST_JSON" group:"Output:" help:"Print one JSON object when ready, and log as JSON."`
	Quiet       bool              `name:"quiet" short:"q" env:"MEDIANEST_QUIET" group:"Output:" help:"Print nothing when ready, unless --json asks for it, and log errors only."`

	StopAtEOF bool `name:"stop-at-eof" help:"Stop when standard input ends, which it does when the program that started this one is gone, however it went."`

	Version kong.VersionFlag `name:"version" help:"Print the version and quit."`
}

// Help is the long help of the program; kong lays it out.
func (cli) Help() string {
	return `Examples:

    mockapi --profile dev                      seed once, serve on http://127.0.0.1:3000
    mockapi --addr 127.0.0.1:0 --json          a free port, told as JSON on standard output
    mockapi --database-url postgres://...      serve what that database holds
    JWT_SECRET=... mockapi                     tokens that outlive a restart
    mockapi --real-login-cost --access-log all every login costs what it costs in production
    mockapi --fault slow-db --fault rules.yaml misbehave from the start
    mockapi --services auth,media              two of the services, on their own ports

It prints where it listens and whom to log in as when it is ready. SIGTERM or Ctrl-C lets the requests that are under way finish; a second one drops them. GOGC and GOMEMLIMIT work as in every Go program; GOGC is 400 where it is not set, which trades memory (some 100 MB under full load, and 1 to 2 GB with 10,000 users connected) for speed.

Exit codes:

    0    stopped by a signal, every request answered
    2    wrong usage
    3    trouble with the environment: no database, one that holds something else, the port is taken
    130  stopped at once by a second signal`
}

// exited carries an exit code out of kong, which asks to exit after --help and --version.
type exited int

// usageError is a mistake in the command line or in a file that it names.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

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
		kong.Name("mockapi"),
		kong.Description("Serve a MediaNest dataset in PostgreSQL as the MediaNest API."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
		kong.Vars{
			"version": version(),
			"pool":    fmt.Sprint(store.DefaultPoolSize),
			"refresh": store.DefaultSearchRefresh.String(),
			"timeout": handler.DefaultRequestTimeout.String(),
			"upload":  fmt.Sprint(handler.DefaultMaxUpload),
			"cost":    fmt.Sprint(auth.DefaultHashCost),
			"sample":  fmt.Sprint(handler.DefaultSampleEvery),

			"services": strings.Join(handler.Services(), ","),
			"presets":  strings.Join(presetNames(), ", "),
		},
	)
	if err != nil {
		panic(err) // a mistake in the struct tags above
	}
	for _, f := range parser.Model.Flags {
		f.Help = kong.DefaultHelpValueFormatter(f.Value) // which names the variables, also those that go now
		// A variable that is set to nothing, as CI and compose files do, is not set.
		f.Tag.Envs = slices.DeleteFunc(f.Tag.Envs, func(name string) bool { return os.Getenv(name) == "" })
	}
	_, err = parser.Parse(args)
	if err == nil {
		err = c.validate()
	}
	if err != nil {
		fmt.Fprintf(stderr, "mockapi: %v\nRun mockapi --help for usage.\n", err)
		return exitUsage
	}
	s := &server{cli: &c, stdout: stdout, log: c.logger(stderr)}
	err = s.serve()
	if err != nil {
		fmt.Fprintf(stderr, "mockapi: %v\n", err)
	}
	var mismatch *seed.MismatchError
	var notEmpty *seed.NotEmptyError
	if c.DatabaseURL == "" && (errors.As(err, &mismatch) || errors.As(err, &notEmpty)) {
		fmt.Fprintln(stderr, "All commands share this private database; --pg-dir DIR (MEDIANEST_PG_DIR) makes another one.")
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errDropped):
		return exitInterrupted
	default:
		return exitEnvironment
	}
}

// validate reports everything that is wrong with the flags at once.
func (c *cli) validate() error {
	var wrong []error
	flag := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		flag("--addr: %q is not HOST:PORT", c.Addr)
	}
	if c.DatabaseURL != "" {
		// The error of pgx tells the URL, without its password.
		if _, err := pgx.ParseConfig(c.DatabaseURL); err != nil {
			flag("--database-url: %w", err)
		}
	}
	if c.PoolSize < 1 || c.PoolSize > 1000 {
		flag("--pool-size: %d is not between 1 and 1000", c.PoolSize)
	}
	if c.RequestTimeout < time.Millisecond {
		flag("--request-timeout: %v is too short", c.RequestTimeout)
	}
	if c.MaxUpload < 1 {
		flag("--max-upload: %d is not above zero", c.MaxUpload)
	}
	if c.HashCost < bcrypt.MinCost || c.HashCost > bcrypt.MaxCost {
		flag("--hash-cost: %d is not between %d and %d", c.HashCost, bcrypt.MinCost, bcrypt.MaxCost)
	}
	if c.Journal < 1 || c.Journal > maxJournal {
		flag("--journal: %d is not between 1 and %d", c.Journal, maxJournal)
	}
	for _, name := range c.Faults {
		if _, err := readFault(name); err != nil {
			flag("--fault: %w", err)
		}
	}
	if c.SampleEvery < 1 {
		flag("--sample-every: %d is not above zero", c.SampleEvery)
	}
	return errors.Join(wrong...)
}

// maxJournal bounds the journal's memory to some hundreds of megabytes.
const maxJournal = 1_000_000

func presetNames() []string {
	presets, err := fault.Presets()
	if err != nil {
		panic(err) // a mistake in the built-in presets, which their test finds
	}
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.Name
	}
	return names
}

func (c *cli) logger(stderr io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.Quiet {
		o.Level = slog.LevelError
	}
	if c.JSON {
		return slog.New(slog.NewJSONHandler(stderr, o))
	}
	return slog.New(slog.NewTextHandler(stderr, o))
}

// version is the module's version, or the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

// seedOptions is what the dataset of --profile depends on besides the profile. The cost of its passwords is
// the seeder's own default, so that both commands make the same dataset.
func (c *cli) seedOptions(asOf time.Time) gen.Options {
	return gen.Options{Seed: c.Seed, AsOf: asOf, BcryptCost: gen.DefaultBcryptCost}
}
