package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/vu"
	"github.com/medianest/testbed/schema/local"
)

// observeFlags say what is watched besides the answers.
type observeFlags struct {
	Metrics  string `name:"observe-metrics" env:"MEDIANEST_OBSERVE_METRICS" placeholder:"URL" group:"Target:" help:"Where the target tells Prometheus of its memory, its pool and the like, or none; where it is not given, /metrics of the target, if that answers."`
	Database string `name:"observe-database" env:"MEDIANEST_OBSERVE_DATABASE" placeholder:"URL" group:"Target:" help:"The target's PostgreSQL, for its statements, waits, plans and sizes, or private for the server that seed and mockapi share. A role with pg_read_all_stats will do. After the run, the last request of each endpoint is sent three times more, to find the statements it runs. With a password, rather set the variable: the command line is kept in the result."`
}

// The words that stand for no URL.
const (
	observeNone    = "none"
	observePrivate = "private"
)

func (f *observeFlags) check() error {
	var errs []error
	if f.Metrics != "" && f.Metrics != observeNone {
		if u, err := url.Parse(f.Metrics); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, errors.New("--observe-metrics: that is neither a URL such as http://localhost:3000/metrics nor none"))
		}
	}
	if f.Database != "" && f.Database != observePrivate {
		if _, err := pgconn.ParseConfig(f.Database); err != nil { // its error shows no password
			errs = append(errs, fmt.Errorf("--observe-database: %w; it is a URL such as postgres://user@localhost/medianest, or private", err))
		}
	}
	return errors.Join(errs...)
}

// observer watches the target of the plan.
func (c *runCmd) observer(ctx context.Context, p *plan, past *report.Result) (*observe.Observer, error) {
	o := observe.Options{Insecure: p.InsecureSkipTLSVerify, Required: c.Metrics != ""}
	switch c.Metrics {
	case observeNone:
	case "":
		o.Metrics = c.metricsURLs(p.targets)
		for _, service := range slices.Sorted(maps.Keys(p.hosts)) {
			if urls := p.hosts[service]; len(urls) > 1 {
				o.Others = append(o.Others, urls[1:]...)
			}
		}
	default:
		o.Metrics = []string{c.Metrics}
	}
	o.Database = c.Database
	if o.Database == observePrivate {
		st, err := local.Inspect(ctx, local.Options{})
		if err != nil {
			return nil, fmt.Errorf("--observe-database: %w", err)
		}
		if !st.Running {
			return nil, fmt.Errorf("--observe-database: the private PostgreSQL in %s does not run: start mockapi first, name another directory with MEDIANEST_PG_DIR, or give the URL of the database", st.Dir)
		}
		o.Database = st.DSN(local.Database)
	}
	if past != nil {
		o.Past, o.From = past.Observed, past.Run.Elapsed
	}
	return observe.New(ctx, o)
}

// metricsURLs are where the target's metrics may be: at its base URLs, and, where only its services are used, at
// that of the API on the same host.
func (c *runCmd) metricsURLs(targets map[string]string) []string {
	var urls []string
	hosts := make(map[string]bool)
	add := func(base string) {
		if at := strings.TrimSuffix(base, "/") + "/metrics"; !slices.Contains(urls, at) {
			urls = append(urls, at)
		}
	}
	host := func(base string) string {
		u, err := url.Parse(base)
		if err != nil {
			return ""
		}
		return u.Hostname()
	}
	for _, service := range slices.Sorted(maps.Keys(targets)) { // api is the first
		add(targets[service])
		hosts[host(targets[service])] = true
	}
	for _, base := range c.Target {
		if hosts[host(base)] {
			add(base)
		}
	}
	return urls
}

// observed ends the watching, and returns what was seen. A run that was interrupted ends without the requests being
// sent again; a signal while they are ends that alone.
func (s *session) observed(r *report.Result, interrupted bool) *observe.Report {
	ctx, cancel := context.WithTimeout(context.Background(), finishTimeout)
	defer cancel()
	if s.recent == nil || interrupted {
		return s.observer.Finish(ctx, r.Run.Elapsed, nil)
	}
	s.interrupts.during(cancel)
	c := s.newClient()
	defer c.Close()
	var requests []observe.Request
	for _, call := range s.recent.Calls() {
		requests = append(requests, observe.Request{
			Label: r.Label(call.Method, call.Name),
			Send:  func(ctx context.Context) error { return again(ctx, c, call) },
		})
	}
	s.log.Info("the last request of each endpoint is sent again, to find its statements", "endpoints", len(requests))
	return s.observer.Finish(ctx, r.Run.Elapsed, requests)
}

// What bounds the end of the watching, and one of the requests that are sent again then.
const (
	finishTimeout = time.Minute
	againTimeout  = 10 * time.Second
)

// again sends a request once more.
func again(ctx context.Context, c client.Client, call *vu.Call) error {
	ctx, cancel := context.WithTimeout(ctx, againTimeout)
	defer cancel()
	var resp client.Response
	req := client.Request{Method: call.Method, Host: call.Host, Path: call.Path, Header: call.Header, Body: call.Body}
	if err := c.Do(ctx, &req, &resp); err != nil {
		return err
	}
	if !call.Succeeds(resp.Status) {
		return fmt.Errorf("status %d", resp.Status)
	}
	return nil
}

// keptArgs is a command line as it is kept in results: without a database that is given with a password.
func keptArgs(args []string, database string) []string {
	u, err := url.Parse(database)
	secret := strings.Contains(database, "password")
	if err == nil && u.User != nil {
		_, set := u.User.Password()
		secret = secret || set
	}
	if !secret {
		return args
	}
	var kept []string
	for i, arg := range args {
		if strings.Contains(arg, database) || i+1 < len(args) && arg == "--observe-database" && args[i+1] == database {
			continue
		}
		kept = append(kept, arg)
	}
	return kept
}
