package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/environment"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/suite"
)

// pipeline is one run of load pipeline.
type pipeline struct {
	*pipelineCmd
	*app
	tests    []planned
	programs environment.Programs
	log      *slog.Logger

	dir      string // of the reports of this run
	started  time.Time
	env      *environment.Environment // nil where the target is somebody else's
	client   *http.Client
	watch    *faultWatch // of the client
	outcomes []outcome
}

// step is one thing that the pipeline does.
type step struct {
	name string
	// how says what is done, for --plan.
	how string
	do  func(context.Context) error
	// always is for what is done of whatever there is after something has gone wrong.
	always bool
}

// steps are all that the pipeline does between making its directory and taking down what it has started.
func (p *pipeline) steps() []step {
	var all []step
	own := len(p.Target) == 0
	if own {
		all = append(all,
			step{name: "seed", how: p.howToSeed(), do: func(ctx context.Context) error { return p.env.Seed(ctx) }},
			step{name: "serve", how: p.programs.Mock + " --addr 127.0.0.1:0 --snapshot, in a process group of its own", do: func(ctx context.Context) error { return p.env.Serve(ctx) }},
		)
	}
	all = append(all, step{name: "await", how: fmt.Sprintf("GET /health of the target until it answers 2xx, for %s at most", p.Wait), do: p.await})
	for i := range p.tests {
		t := &p.tests[i]
		if own {
			all = append(all, step{name: "reset for " + t.name, how: p.programs.Seed + " reset: fresh data", do: func(ctx context.Context) error { return p.env.Reset(ctx) }})
		}
		all = append(all,
			step{name: "warm up for " + t.name, how: strings.Join(warmUpNames(t), ", "), do: func(ctx context.Context) error { return p.warmUp(ctx, t) }},
			step{name: "run " + t.name, how: "load " + strings.Join(keptArgs(p.args(t, true), t.cli.Run.Database), " ") + takes(t) + p.observes(t), do: func(ctx context.Context) error { return p.runTest(ctx, t) }},
		)
	}
	baselines := ", if it has one"
	if p.RequireComparison {
		baselines = ", which it must have"
	}
	return append(all,
		step{"compare", "hold each result against its baseline in " + p.Baselines + baselines + "; regressions fail from " + p.FailOn + " on", p.compare, true},
		step{"recommend", "what the results give reason to do: recommendations.json", p.recommend, true},
		step{"report", "report.html and report.md of all tests", p.report, true},
	)
}

func (p *pipeline) howToSeed() string {
	where := "on a private PostgreSQL in a temporary directory"
	if p.DatabaseURL != "" {
		where = "on the PostgreSQL of --database-url (DATABASE_URL)"
	}
	asOf := ""
	if p.AsOf != "" {
		asOf = " --as-of " + p.AsOf
	}
	return fmt.Sprintf("%s --profile %s --seed %d%s, %s", p.programs.Seed, p.Profile, p.DataSeed, asOf, where)
}

func takes(t *planned) string {
	if t.takes == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s)", executor.Duration(t.takes.Round(time.Second)))
}

// observes tells that the database of the pipeline's own target is observed, where no flag names another.
func (p *pipeline) observes(t *planned) string {
	if len(p.Target) > 0 || t.cli.Run.Database != "" {
		return ""
	}
	return ", as with --observe-database URL"
}

// run does all steps, takes down what was started whatever happens, and tells what came of it.
func (p *pipeline) run() (err error) {
	p.started = time.Now()
	if p.dir, err = reportDir(p.Reports, p.started); err != nil {
		return err
	}
	p.interrupts = onInterrupt(p.teller(p.stderr), func(code int) {
		if p.env != nil {
			p.env.Kill()
		}
		os.Exit(code)
	})
	defer p.interrupts.close()
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.interrupts.first:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	trouble, err := p.inEnvironment(func() error { return p.doAll(ctx) })
	if err != nil {
		return err
	}
	return p.conclude(trouble)
}

// inEnvironment makes what the pipeline starts its target in, and takes it down afterwards, whatever do does.
func (p *pipeline) inEnvironment(do func() error) (trouble, err error) {
	p.watch = &faultWatch{RoundTripper: &http.Transport{DisableKeepAlives: true}}
	p.client = &http.Client{Transport: p.watch}
	if len(p.Target) > 0 {
		return do(), nil
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "target.log"), os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log of the target: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	p.env, err = environment.New(environment.Options{
		Programs: p.programs, Profile: p.Profile, Seed: p.DataSeed, AsOf: p.AsOf, DatabaseURL: p.DatabaseURL, Log: log, Keep: p.Keep,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if p.Keep && p.env.PID() != 0 && p.env.Ended() == nil && !p.interrupts.seen() {
			return
		}
		if stopped := p.env.Stop(p.interrupts.second); stopped != nil {
			trouble = errors.Join(trouble, fmt.Errorf("clean up: %w", stopped))
		}
	}()
	return do(), nil
}

// doAll does one step after the other. After trouble with the environment only those follow that are always done.
func (p *pipeline) doAll(ctx context.Context) error {
	var trouble error
	all := p.steps()
	for i, s := range all {
		if trouble != nil && !s.always {
			continue
		}
		p.log.Info("step", "n", i+1, "of", len(all), "name", s.name)
		err := s.do(ctx)
		if err != nil && !errors.Is(err, errInterrupted) {
			err = fmt.Errorf("%s: %w", s.name, err)
		}
		trouble = errors.Join(trouble, err)
	}
	return trouble
}

// reportDir makes the directory for the reports of a run: DIR/2006-01-02/150405, or the first number after that.
func reportDir(under string, at time.Time) (string, error) {
	day := filepath.Join(under, at.Format(time.DateOnly))
	if err := os.MkdirAll(day, 0o755); err != nil {
		return "", fmt.Errorf("--reports: %w", err)
	}
	for n := 1; ; n++ {
		dir := filepath.Join(day, at.Format("150405"))
		if n > 1 {
			dir += fmt.Sprintf("-%d", n)
		}
		if err := os.Mkdir(dir, 0o755); !errors.Is(err, os.ErrExist) {
			if err != nil {
				return "", fmt.Errorf("--reports: %w", err)
			}
			return dir, nil
		}
	}
}

// urls are the base URLs of what is tested, by service.
func (p *pipeline) urls(t *planned) map[string][]string {
	urls := make(map[string][]string)
	if p.env != nil {
		for name, u := range p.env.URLs() {
			urls[name] = []string{u}
		}
		return urls
	}
	for _, s := range t.cli.Run.services() {
		urls[s.name] = s.urls
	}
	return urls
}

// bases are the base URLs that a test uses.
func (p *pipeline) bases(t *planned) []string {
	urls := p.urls(t)
	var bases []string
	for _, s := range t.suites {
		if s != suite.Microservices {
			bases = append(bases, urls["api"]...)
			continue
		}
		bases = slices.Concat(bases, urls["auth"], urls["media"], urls["user"], urls["notification"])
	}
	slices.Sort(bases)
	return slices.Compact(bases)
}

func (p *pipeline) await(ctx context.Context) error {
	var bases []string
	for i := range p.tests {
		for _, base := range p.bases(&p.tests[i]) {
			if !slices.Contains(bases, base) {
				bases = append(bases, base)
			}
		}
	}
	return environment.Await(ctx, p.client, bases, p.Wait)
}

// warmUpRounds is how often each request of the warm-up is sent.
const warmUpRounds = 3

// warmUpRequest is a request of the warm-up.
type warmUpRequest struct{ service, method, path, body string }

// warmUpRequests are those that bring what a test reads first into caches, and a login.
func warmUpRequests(t *planned) []warmUpRequest {
	login := `{"email":"perf.user1@medianest.test","password":"Performance123!"}`
	var all []warmUpRequest
	for _, s := range t.suites {
		if s == suite.Microservices {
			all = append(all,
				warmUpRequest{"auth", http.MethodPost, "/api/auth/login", login}, warmUpRequest{"media", http.MethodGet, "/api/media", ""},
				warmUpRequest{"user", http.MethodGet, "/health", ""}, warmUpRequest{"notification", http.MethodGet, "/health", ""})
			continue
		}
		all = append(all, warmUpRequest{"api", http.MethodGet, "/health", ""}, warmUpRequest{"api", http.MethodGet, "/api/v1/media", ""},
			warmUpRequest{"api", http.MethodGet, "/api/v1/collections", ""})
		if !suite.ReadOnly(s) {
			all = append(all, warmUpRequest{"api", http.MethodPost, "/api/v1/auth/login", login})
		}
	}
	var once []warmUpRequest
	for _, r := range all {
		if !slices.Contains(once, r) {
			once = append(once, r)
		}
	}
	return once
}

func warmUpNames(t *planned) []string {
	var names []string
	for _, r := range warmUpRequests(t) {
		service := ""
		if r.service != "api" {
			service = r.service + ":"
		}
		names = append(names, r.method+" "+service+r.path)
	}
	return names
}

// warmUp sends the requests of the warm-up. That one is not answered well is told, and left for the test to judge.
func (p *pipeline) warmUp(ctx context.Context, t *planned) error {
	urls := p.urls(t)
	for range warmUpRounds {
		for _, r := range warmUpRequests(t) {
			for _, base := range urls[r.service] {
				err := environment.Request(ctx, p.client, r.method, strings.TrimSuffix(base, "/")+r.path, r.body)
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil {
					p.log.Warn("a request of the warm-up was not answered well", "request", r.method+" "+base+r.path, "error", err)
				}
			}
		}
	}
	return nil
}

// file is the path of a file of a test.
func (p *pipeline) file(t *planned, end string) string { return filepath.Join(p.dir, t.name+end) }

// args is the whole command line of a test; for a plan, with words instead of what is known later.
func (p *pipeline) args(t *planned, plan bool) []string {
	args := slices.Clone(t.args)
	dir := p.dir
	if plan {
		dir = filepath.Join(p.Reports, "DATE", "TIME")
	}
	if len(p.Target) == 0 {
		for _, s := range t.cli.Run.services() {
			if plan {
				args = append(args, s.flag, "URL")
			} else {
				args = append(args, s.flag, p.env.URLs()[s.name])
			}
		}
	}
	for _, f := range []struct{ flag, end string }{{"--result", ".json"}, {"--summary", ".summary.json"}, {"--junit", ".junit.xml"}} {
		args = append(args, f.flag, filepath.Join(dir, t.name+f.end))
	}
	if t.cli.Run.History == "" {
		args = append(args, "--history", filepath.Join(p.Reports, "history"))
	}
	return args
}

// runTest runs a test as load run does, and keeps what came of it. The error is for trouble that the next test
// would have as well.
func (p *pipeline) runTest(ctx context.Context, t *planned) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	args := p.args(t, false)
	c, err := readRun(args)
	if err != nil {
		return err
	}
	kept := keptArgs(args, c.Run.Database)
	if p.env != nil && c.Run.Database == "" {
		c.Run.Database = p.env.DatabaseURL()
	}
	c.Quiet, c.JSON, c.NoColor = p.Quiet || p.JSON, false, p.NoColor
	a := &app{cli: c, ctx: p.ctx, stdout: p.stdout, stderr: p.stderr, args: args, interrupts: p.interrupts}
	err = c.Run.start(a, nil, args)
	o := outcome{Test: t.name, ExitCode: a.report(err), Args: kept, Faults: union(p.inheritedFaults(), p.watch.take())}
	if r, unread := report.Read(p.file(t, ".json")); unread == nil {
		o.Result, o.Word, o.Reasons, o.Elapsed = p.file(t, ".json"), r.Verdict.Word, r.Verdict.Reasons, r.Run.Elapsed
		o.result = r
	} else if err != nil {
		o.Word, o.Reasons = report.Failed, []string{err.Error()}
	}
	p.outcomes = append(p.outcomes, o)
	if p.interrupts.seen() {
		return errInterrupted
	}
	if p.env != nil {
		return p.env.Ended()
	}
	return nil
}
