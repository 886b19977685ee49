package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite"
)

// everyFlags repeat a test, as a watch over a server in use.
type everyFlags struct {
	Every      time.Duration `name:"every" env:"MEDIANEST_EVERY" placeholder:"DURATION" group:"Watch:" help:"Repeat the test in rounds that begin this far apart, a line for each, until stopped: synthetic, or a file with the suite synthetic, which changes nothing. A round takes 10s, or half of this where that is less, unless --duration says otherwise."`
	For        time.Duration `name:"for" env:"MEDIANEST_FOR" placeholder:"DURATION" group:"Watch:" help:"Stop after this time."`
	Webhook    string        `name:"alert-webhook" env:"MEDIANEST_ALERT_WEBHOOK" placeholder:"URL" group:"Watch:" help:"Where to POST a JSON object when rounds begin to fail and when they are well again. Its field text suits chats. Where the URL is a secret, rather set the variable."`
	AlertAgain time.Duration `name:"alert-again" env:"MEDIANEST_ALERT_AGAIN" default:"1h" placeholder:"DURATION" group:"Watch:" help:"Tell again how long rounds have been failing, this long after the last time (${default}); 0 does not."`
}

// What a watch may do at most to a server in use, and how long its rounds are.
const (
	maxWatchRate  = 10 // iterations a second
	maxWatchUsers = 10
	roundLength   = 10 * time.Second
	minEvery      = 2 * time.Second
)

// check tells what is wrong with the flags for the test and the outputs, and returns the test as a round runs it.
func (f *everyFlags) check(o *scenario.Options, c *runCmd) (*scenario.Options, error) {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if f.Every == 0 {
		if f.For != 0 || f.Webhook != "" && os.Getenv("MEDIANEST_ALERT_WEBHOOK") == "" {
			fail("--for and --alert-webhook go with --every, which is missing")
		}
		return o, errors.Join(errs...)
	}
	if f.Every < minEvery {
		fail("--every: %s is too short, it should be at least %s", f.Every, minEvery)
	}
	if f.For < 0 || f.For > 0 && f.For < f.Every {
		fail("--for: %s is shorter than --every", f.For)
	}
	if f.AlertAgain < 0 {
		fail("--alert-again: %s is less than nothing", f.AlertAgain)
	}
	if f.Webhook != "" {
		if u, err := url.Parse(f.Webhook); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			fail("--alert-webhook: that is no URL such as https://chat.example/hooks/1") // it may hold a secret
		}
	}
	for _, x := range []struct {
		flag  string
		given bool
	}{{"--out", len(c.Out) > 0}, {"--checkpoint", c.Checkpoint != ""}, {"--address", c.Address != ""}, {"--dashboard", c.Dashboard != ""}} {
		if x.given {
			fail("%s: does not go with --every, whose rounds are runs of their own", x.flag)
		}
	}
	if o != nil {
		errs = append(errs, harmless(o))
		switch length := o.Length(); {
		case c.Duration == nil && f.Every >= minEvery && (length == 0 || length > roundLength || length > f.Every/2):
			round, err := o.Lasting(min(roundLength, f.Every/2))
			if err != nil {
				fail("--every: %w", err)
			}
			o = round
		case f.Every >= minEvery && length >= f.Every:
			fail("--every: a round of %s takes longer than %s", executor.Duration(length), f.Every)
		}
	}
	return o, errors.Join(errs...)
}

// harmless tells why a test may not be repeated for ever against a server in use.
func harmless(o *scenario.Options) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("--every: "+format, args...)) }
	for _, s := range o.Suites() {
		if !suite.ReadOnly(s) {
			fail("the suite %s logs in and writes, which must not be repeated against a server in use; %s changes nothing", s, suite.Synthetic)
		}
	}
	if o.Search != nil {
		fail("the test searches for the rate at which the server fails")
	}
	users := 0
	for _, s := range o.Scenarios {
		users += s.PeakVUs()
	}
	if users > maxWatchUsers {
		fail("%d users are too many for a server in use, %d are allowed", users, maxWatchUsers)
	}
	if rate := o.PeakRate(); rate > maxWatchRate {
		fail("%v iterations a second are too many for a server in use, %d are allowed", rate, maxWatchRate)
	}
	if o.ThinkTime < 1 {
		fail("users must pause as they do, so think time can't be multiplied by %v", o.ThinkTime)
	}
	return errors.Join(errs...)
}

// unreachable is the word of a round whose target did not answer at all.
const unreachable = "unreachable"

// round is what came of one round.
type round struct {
	Type     string    `json:"type"` // round
	At       time.Time `json:"at"`
	OK       bool      `json:"ok"`
	ExitCode int       `json:"exitCode"`
	Word     string    `json:"word"`
	Reasons  []string  `json:"reasons,omitempty"`
	Requests uint64    `json:"requests"`
	Failed   uint64    `json:"failed"`
	// P95 is that of http_req_duration in milliseconds.
	P95 float64 `json:"p95"`
}

// watch repeats a test. It keeps nothing of a round but its outcome.
type watch struct {
	*everyFlags
	round  func(context.Context) (round, error)
	alerts *alerts // nil tells nobody
	tell   func(any) error
	first  <-chan struct{} // closed when it is to stop
	log    *slog.Logger
}

// total is what came of all rounds.
type total struct {
	Type    string `json:"type"` // end
	Rounds  int    `json:"rounds"`
	Failing int    `json:"failing"`
	// LastFailing is when the last failing round began, and ExitCode its.
	LastFailing time.Time `json:"lastFailing,omitzero"`
	ExitCode    int       `json:"exitCode"`
}

// run runs rounds until it is stopped or --for is over. Rounds that would begin while another one goes on are left
// out.
func (w *watch) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-w.first:
			cancel()
		case <-ctx.Done():
		}
	}()
	stopped := func() bool {
		select {
		case <-w.first:
			return true
		default:
			return ctx.Err() != nil
		}
	}
	all, start := total{Type: "end"}, time.Now()
	for !stopped() {
		r, err := w.round(ctx)
		switch {
		case err != nil:
			return err
		case stopped(): // the round was cut short, and says nothing
		default:
			all.Rounds++
			if !r.OK {
				all.Failing++
				all.LastFailing, all.ExitCode = r.At, r.ExitCode
			}
			if err := w.tell(r); err != nil {
				return err
			}
			w.alerts.after(ctx, r)
		}
		next := (time.Since(start)/w.Every + 1) * w.Every
		if w.For > 0 && next >= w.For {
			break
		}
		select {
		case <-time.After(next - time.Since(start)):
		case <-ctx.Done():
		}
	}
	if stopped() && w.For > 0 && all.ExitCode == exitFine {
		all.ExitCode = exitInterrupted
	}
	if err := w.tell(all); err != nil {
		return err
	}
	if all.ExitCode != exitFine {
		return exitWith(all.ExitCode)
	}
	return nil
}

// String is the line of a round.
func (r round) String() string {
	word := "ok"
	if !r.OK {
		word = "failing"
	}
	at := fmt.Sprintf("%s  %-7s", r.At.UTC().Format(time.RFC3339), word)
	if r.Word == unreachable {
		return at + "  " + r.Word + ": " + strings.Join(r.Reasons, "; ")
	}
	line := fmt.Sprintf("%s  %d requests, %d failed, p95 %s", at, r.Requests, r.Failed, report.Milliseconds(r.P95))
	if !r.OK {
		line += "; " + r.Word + ": " + strings.Join(r.Reasons, "; ")
	}
	return line
}

// String is the line at the end.
func (t total) String() string {
	line := fmt.Sprintf("%s, %d failing", rounds(t.Rounds, ""), t.Failing)
	if t.Failing > 0 {
		line += ", the last at " + t.LastFailing.UTC().Format(time.RFC3339)
	}
	return line
}

// rounds words how many rounds there were, of some kind.
func rounds(n int, kind string) string {
	if n == 1 {
		return fmt.Sprintf("1 %sround", kind)
	}
	return fmt.Sprintf("%d %srounds", n, kind)
}

// repeat runs the test as --every says.
func (c *runCmd) repeat(a *app, o *scenario.Options, args []string) error {
	log := a.logger(a.stderr)
	for _, warning := range o.Warnings {
		log.Warn(warning)
	}
	c.noStepSummary = true // which would grow
	if c.Metrics == "" {
		c.Metrics = observeNone // a server in use has others who look
	}
	i := a.interrupts
	if i == nil {
		i = onInterrupt(a.teller(a.stderr), os.Exit)
		defer i.close()
	}
	w := &watch{everyFlags: &c.everyFlags, first: i.first, log: log, tell: func(v any) error { return a.line(v) }}
	if c.Webhook != "" {
		w.alerts = newAlerts(c.Webhook, c.AlertAgain, strings.Join(c.Target, ", "), o.Name, log)
	}
	args = keptArgs(args, c.Database)
	if c.Webhook != "" {
		args = slices.Clone(args)
		for n := range args {
			args[n] = strings.ReplaceAll(args[n], c.Webhook, "***")
		}
	}
	w.round = func(ctx context.Context) (round, error) {
		return c.oneRound(ctx, &session{app: a, out: &c.outputFlags, args: args, log: log, interrupts: i, streams: new(streams)}, o)
	}
	return w.run(a.ctx)
}

// oneRound runs the test once. Its error is for what no later round would do better; that there is no target is
// what a watch is there to find out.
func (c *runCmd) oneRound(ctx context.Context, s *session, o *scenario.Options) (round, error) {
	r := round{Type: "round", At: time.Now(), Word: report.Failed}
	s.observe = func(ctx context.Context, p *plan) (*observe.Observer, error) { return c.observer(ctx, p, nil) }
	result, findings, err := (*report.Result)(nil), report.Findings{}, error(nil)
	if s.plan, err = c.plan(ctx, o, s.log); err == nil {
		result, findings, err = s.run(s.ctx)
	}
	if err != nil {
		if errors.As(err, new(usageError)) {
			return r, err
		}
		r.ExitCode, r.Reasons = exitEnvironment, []string{err.Error()}
		if errors.As(err, new(verdictError)) {
			r.ExitCode = report.ExitFailed
		} else if errors.As(err, new(*client.Error)) {
			r.Word = unreachable
		}
		return r, nil
	}
	for _, err := range s.out.writeFiles(result, s.terminals(), func() { result.Judge(findings) }) {
		s.log.Error("a file of the round is not written", "error", err)
	}
	v := result.Verdict
	r.OK, r.ExitCode, r.Word, r.Reasons = v.ExitCode == exitFine, v.ExitCode, v.Word, v.Reasons
	if failed := result.Total(metrics.Selector{Metric: "http_req_failed"}); failed != nil {
		r.Requests, r.Failed = failed.Count, failed.Passes
	}
	if took := result.Total(metrics.Selector{Metric: "http_req_duration"}); took != nil {
		r.P95 = took.Values.Quantile(0.95)
	}
	return r, nil
}

// line prints a line, for people or as JSON.
func (a *app) line(v any) error {
	var err error
	switch {
	case a.JSON:
		e := json.NewEncoder(a.stdout)
		e.SetEscapeHTML(false)
		err = e.Encode(v)
	case !a.Quiet:
		_, err = fmt.Fprintln(a.stdout, v)
	}
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
