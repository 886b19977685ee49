package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/page"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/ui"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// session is one run of a plan and everything around it.
type session struct {
	*app
	*plan
	out  *outputFlags
	past *report.Result // the checkpoint that the run goes on from, or nil
	// checkpoint is where the run's own checkpoint goes, "" for nowhere.
	checkpoint string
	address    string   // of the API, "" for none
	args       []string // of the command line
	log        *slog.Logger
	// streams, displays and interrupts outlive the session where a search has several.
	streams    *streams
	display    ui.Display // nil shows nothing
	live       *page.Live // the dashboard, nil for none
	interrupts *interrupts
	// observe makes what watches the target, nil for nothing.
	observe func(context.Context, *plan) (*observe.Observer, error)

	engine      *engine.Engine
	started     time.Time
	timeline    *metrics.Timeline
	watcher     *ui.Watcher
	exporters   []*report.Exporter
	pushers     []*report.Pusher
	control     *control
	checkpoints *checkpoints
	observer    *observe.Observer
	recent      *vu.Recent // where the database is observed
	gaps        []report.Gap

	judged *report.Result // the result with its verdict, once there is one
}

// run runs the plan, and returns the result and what was found out besides. The error is for a test that could
// not start.
func (s *session) run(ctx context.Context) (*report.Result, report.Findings, error) {
	s.started = time.Now()
	var err error
	if s.observer, err = s.observe(ctx, s.plan); err != nil {
		return nil, report.Findings{}, err
	}
	defer s.observer.Close()
	if s.observer.SeesStatements() {
		s.recent = vu.NewRecent()
	}
	o := engine.Options{
		Scenarios: s.scenarios, Registry: s.registry, NewClient: s.newClient, Thresholds: s.Thresholds, Stream: s.streams.sink(),
		Tags: s.Tags, Seed: s.Seed, ThinkTime: s.thinkTime(), OnTick: s.tick, Recent: s.recent, Targets: len(s.targets), Spread: s.spread, Log: s.log,
	}
	if s.past != nil {
		o.From, o.Past = s.past.Run.Elapsed, &s.past.Health
	}
	if s.engine, err = engine.New(o); err != nil {
		return nil, report.Findings{}, err
	}
	if err := s.prepare(); err != nil {
		return nil, report.Findings{}, errors.Join(err, s.stopSharing())
	}
	s.interrupts.during(s.engine.Stop)
	done, err := s.engine.Run(ctx)
	s.checkpoints.wait()
	err = errors.Join(err, s.stopSharing())
	if done == nil {
		return nil, report.Findings{}, s.notStarted(err)
	}
	r, findings := s.finish(done, err)
	return r, findings, nil
}

// prepare makes what watches the run.
func (s *session) prepare() error {
	store := s.engine.Store()
	s.watcher = ui.Watch(store)
	var points []metrics.Point
	if s.past != nil {
		points = s.past.Timeline
		s.gaps = append(s.past.Run.Gaps, report.Gap{At: s.past.Run.Elapsed, From: s.past.Run.End, To: s.started})
		if err := s.past.Restore(s.registry, store, s.engine.Thresholds()); err != nil {
			return err
		}
	}
	s.timeline = store.Timeline(points)
	s.checkpoints = newCheckpoints(s.checkpoint, s.log)
	if s.address != "" {
		c, addr, err := serveControl(s.address, s.engine)
		if err != nil {
			return err
		}
		s.control = c
		s.log.Info("the API is served", "address", addr.String())
	}
	return s.shareTotals(store)
}

// tick is called once a second while the run goes on.
func (s *session) tick(p engine.Progress) {
	s.streams.flush()
	now := time.Now()
	s.observer.Tick(p.Elapsed)
	if s.recent != nil {
		s.recent.Refresh()
	}
	if s.display != nil || s.live != nil {
		v := s.watcher.View(p, now)
		v.Name, v.Target, v.Troubles = s.Name, s.target(), slices.Concat(s.streams.troubles(), s.pushTroubles())
		s.showNow(v)
	}
	s.checkpoints.tick(now, func() *report.Result {
		r := s.result(p, now)
		r.SetThresholds(p.Thresholds, s.AllowNoData)
		r.Observed = s.observer.Report()
		r.Collect(s.engine.Store(), s.timeline)
		r.Trends = s.trends(r)
		r.Verdict = report.Verdict{Word: report.Running}
		return r
	})
}

// result is what can be told of the run at any time.
func (s *session) result(p engine.Progress, now time.Time) *report.Result {
	r := &report.Result{
		Written: now, Machine: report.ThisMachine(), Program: report.ThisProgram(), Health: p.Health,
		Test: s.test(s.args),
		Run:  report.Run{Start: now.Add(-p.Elapsed), End: now, Elapsed: p.Elapsed, Planned: p.Length, Gaps: s.gaps},
	}
	if s.past != nil {
		r.Run.Start = s.past.Run.Start
	}
	if d := s.dataset; d != nil {
		r.Dataset = &report.Dataset{Fingerprint: d.Fingerprint, Profile: d.Profile, Seed: d.Seed, AsOf: d.AsOf}
	}
	for _, x := range p.Scenarios {
		y := report.Scenario{
			Name: x.Name, Executor: x.Executor, Description: x.Description, Iterations: x.Iterations, Interrupted: x.Interrupted,
			Dropped: x.Dropped, VUsMax: x.VUsMax,
		}
		if s.past != nil {
			for _, z := range s.past.Test.Scenarios {
				if z.Name == y.Name {
					y.Iterations, y.Interrupted, y.Dropped = y.Iterations+z.Iterations, y.Interrupted+z.Interrupted, y.Dropped+z.Dropped
				}
			}
		}
		r.Test.Scenarios = append(r.Test.Scenarios, y)
	}
	if s.verifier != nil {
		r.Verified = s.verified()
	}
	return r
}

// verified is what came of verifying answers, also before an interruption.
func (s *session) verified() *report.Verification {
	v := &report.Verification{Mismatches: s.verifier.Mismatches()}
	v.Checked, v.Wrong = s.verifier.Counts()
	if s.past != nil && s.past.Verified != nil {
		was := s.past.Verified
		v.Checked, v.Wrong, v.Mismatches = v.Checked+was.Checked, v.Wrong+was.Wrong, slices.Concat(was.Mismatches, v.Mismatches)
		v.Mismatches = v.Mismatches[:min(len(v.Mismatches), verify.KeptMismatches)]
	}
	return v
}

// finish makes the result of a run that is over.
func (s *session) finish(done *engine.Result, err error) (*report.Result, report.Findings) {
	r := s.result(done.Progress, done.End)
	r.Complete, r.Run.Ended = true, string(done.Ended)
	r.SetThresholds(done.Thresholds, s.AllowNoData)
	r.Collect(s.engine.Store(), s.timeline)
	f := report.Findings{Interrupted: s.interrupts.seen() && done.Ended == engine.Stopped}
	r.Observed = s.observed(r, s.interrupts.seen())
	fail := func(format string, args ...any) { f.Failures = append(f.Failures, fmt.Sprintf(format, args...)) }
	if done.Err != nil {
		r.Run.Error = done.Err.Error()
	}
	if done.Ended == engine.SuiteFailed {
		fail("the test gave up: %v", done.Err)
	}
	if err != nil {
		fail("%v", err)
	}
	if v := r.Verified; v != nil && v.Wrong > 0 {
		fail("%d of %d verified answers were wrong", v.Wrong, v.Checked)
	}
	if s.Recovery != nil {
		recovered := s.Recovery.Judge(r.Timeline, r.Run.Planned)
		if r.Recovery = &recovered; !recovered.InTime {
			fail("%s", recovered)
		}
	}
	r.Trends = s.trends(r)
	if n := s.registry.Overflowed(); n > 0 {
		r.Health.Warnings = append(r.Health.Warnings, fmt.Sprintf("%d values were counted without a tag, because there were more than %d sets of tags", n, metrics.MaxTagSets))
	}
	if s.logins != nil {
		if accounts, shared := s.logins.Shared(); shared {
			s.log.Warn("there were more users than active accounts, so some shared one", "accounts", accounts)
		}
	}
	return r, f
}

// trends judges what drifted so far.
func (s *session) trends(r *report.Result) []trend.Verdict {
	var gaps []time.Duration
	for _, g := range r.Run.Gaps {
		gaps = append(gaps, g.At)
	}
	return s.JudgeTrends(r.Timeline, r.Observed, r.Run.Elapsed, gaps)
}

// notStarted tells whether it is the target's or the environment's fault that a test did not start.
func (s *session) notStarted(err error) error {
	switch {
	case s.interrupts.seen():
		return errInterrupted
	case errors.As(err, new(*client.Error)):
		return err
	}
	return verdictError{cmp.Or(err, errors.New("the test did not start"))}
}
