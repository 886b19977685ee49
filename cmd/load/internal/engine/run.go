package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/engine/health"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// Engine is one run.
type Engine struct {
	options    Options
	log        *slog.Logger
	store      *metrics.Store
	thresholds *threshold.Set
	recorder   *metrics.Recorder // for what belongs to no user
	tags       *metrics.TagSet
	scenarios  []*scenario
	plannedVUs int
	extraVUs   atomic.Int64 // the last number of a user whom nobody planned
	filesLimit uint64

	// soft ends when no more iterations are to start, hard when none is to go on, closing when teardown is not
	// to go on either.
	soft, hard, closing context.Context
	endSoft, endHard    context.CancelFunc
	endClosing          context.CancelFunc
	stops               atomic.Int32

	mu      sync.Mutex
	ended   Ended
	err     error
	start   time.Time // of the test's time: before the scenarios began by Options.From
	monitor *health.Monitor
}

// ErrStopped is returned by Run where it was stopped before the scenarios started.
var ErrStopped = errors.New("stopped before the test began")

// New checks the options and prepares a run: the store and the thresholds are there, and what the machine
// lacks for it is found out now.
func New(o Options) (*Engine, error) {
	if o.Registry == nil || o.NewClient == nil || len(o.Scenarios) == 0 {
		return nil, errors.New("a run needs a registry, a way to make clients, and a scenario")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{options: o, log: o.Log, store: metrics.NewStore(o.Registry, time.Now(), o.Stream)}
	e.recorder = e.store.Recorder()
	e.tags = withTags(o.Registry.Tags(), o.Tags)
	var err error
	if e.thresholds, err = threshold.NewSet(o.Registry, e.store, o.Thresholds); err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, err
	}
	e.soft, e.endSoft = context.WithCancel(context.Background())
	e.hard, e.endHard = context.WithCancel(context.Background())
	e.closing, e.endClosing = context.WithCancel(context.Background())
	return e, nil
}

// prepare makes the scenarios, numbers their users, and looks whether the machine can carry them.
func (e *Engine) prepare() error {
	var spans []span
	names := make(map[string]bool)
	for _, s := range e.options.Scenarios {
		if s.Config == nil || s.Suite == nil {
			return errors.New("a scenario has no executor or nothing to do")
		}
		name := s.Config.Common().Name
		if names[name] {
			return fmt.Errorf("there are two scenarios %q", name)
		}
		names[name] = true
		spans = append(spans, spanOf(s.Config))
	}
	bases := number(spans)
	planned, peak := most(spans)
	for i, s := range e.options.Scenarios {
		e.scenarios = append(e.scenarios, newScenario(e, s, bases[i]))
	}
	e.plannedVUs = planned
	for i, s := range spans {
		e.extraVUs.Store(max(e.extraVUs.Load(), int64(bases[i]+s.peak)))
	}
	e.filesLimit = health.RaiseFiles()
	if err := health.CheckFiles(peak, e.options.Targets, e.filesLimit); err != nil {
		return err
	}
	spread := max(e.options.Spread, 1)
	return health.CheckPorts((peak + spread - 1) / spread)
}

func withTags(t *metrics.TagSet, tags map[string]string) *metrics.TagSet {
	for name, value := range tags {
		t = t.With(name, value)
	}
	return t
}

// Store holds what is measured. Windows on it are to be made before Run.
func (e *Engine) Store() *metrics.Store { return e.store }

// Thresholds are those of the options. What they said before an interruption is to be restored before Run.
func (e *Engine) Thresholds() *threshold.Set { return e.thresholds }

// Run runs set-up, the scenarios and teardown, once. The Result is there whenever the scenarios started, and
// says what ended them; the error is for what kept them from starting, or for teardown. The end of the context
// ends the scenarios at once.
func (e *Engine) Run(ctx context.Context) (*Result, error) {
	defer e.endClosing()
	defer e.endHard()
	defer e.endSoft()
	defer context.AfterFunc(ctx, func() { e.end(Stopped, nil, true) })()

	suites := e.suites()
	if err := e.setup(suites); err != nil {
		return nil, err
	}
	result := e.runScenarios()
	return result, e.teardown(context.WithoutCancel(ctx), suites)
}

// suites returns each suite once.
func (e *Engine) suites() []vu.Suite {
	var all []vu.Suite
	for _, s := range e.options.Scenarios {
		same := func(o vu.Suite) bool { return reflect.TypeOf(o).Comparable() && o == s.Suite }
		if !slices.ContainsFunc(all, same) {
			all = append(all, s.Suite)
		}
	}
	return all
}

func (e *Engine) setup(suites []vu.Suite) error {
	for _, s := range suites {
		if err := e.once(e.soft, "set-up", e.options.SetupTimeout, s.Setup); e.soft.Err() != nil {
			return ErrStopped
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) teardown(ctx context.Context, suites []vu.Suite) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.closing, cancel)()
	var errs []error
	for _, s := range suites {
		if t, ok := s.(vu.Teardown); ok {
			errs = append(errs, e.once(ctx, "teardown", e.options.TeardownTimeout, t.Teardown))
		}
	}
	return errors.Join(errs...)
}

// once does what a suite does once, as a user with the number 0 whose requests are not measured.
func (e *Engine) once(ctx context.Context, what string, timeout time.Duration, f func(*vu.VU) error) error {
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	v := vu.New(vu.Config{Seed: e.options.Seed, Registry: e.options.Registry, Client: e.options.NewClient(), Sleep: e.sleeper()})
	defer v.Close()
	v.Begin(ctx, e.tags)
	err := guarded(func() error { return f(v) })
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s took longer than %v", what, timeout)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (e *Engine) runScenarios() *Result {
	begin := time.Now()
	e.mu.Lock()
	e.start = begin.Add(-e.options.From)
	e.monitor = health.Start(e.options.Past)
	e.mu.Unlock()
	defer e.monitor.Stop()
	e.store.Begin(begin, e.options.From)

	finished := make(chan struct{})
	var users sync.WaitGroup
	for _, s := range e.scenarios {
		users.Go(s.run)
	}
	go func() {
		users.Wait()
		close(finished)
	}()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-ticker.C:
		case <-finished:
			running = false
		}
		e.tick(time.Now(), running)
	}
	end := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &Result{Ended: e.ended, Err: e.err, Start: begin, End: end, Thresholds: e.thresholds.Results()}
	if r.Ended == "" {
		r.Ended = Completed
	}
	r.Progress = e.progress(end)
	r.Health = r.Progress.Health
	return r
}

// tick does what is done once a second.
func (e *Engine) tick(now time.Time, running bool) {
	active, allocated := e.users()
	b := &e.options.Registry.Builtin
	if running {
		e.recorder.Add(b.VUs, e.tags, float64(active))
		e.recorder.Add(b.VUsMax, e.tags, float64(allocated))
	}
	e.store.Tick(now)
	e.mu.Lock()
	abort := e.thresholds.Evaluate(now)
	e.mu.Unlock()
	if abort && running {
		e.end(ThresholdCrossed, nil, true)
	}
	for _, s := range e.scenarios {
		s.tick(now)
	}
	if e.options.OnTick != nil {
		e.mu.Lock()
		p := e.progress(now)
		e.mu.Unlock()
		e.options.OnTick(p)
	}
}

// Stop ends the run: the first call lets running iterations finish, for as long as their scenarios'
// gracefulStop, the second cuts them off, a third teardown as well. It does not wait.
func (e *Engine) Stop() {
	switch e.stops.Add(1) {
	case 1:
		e.end(Stopped, nil, false)
	case 2:
		e.end(Stopped, nil, true)
	default:
		e.endClosing()
	}
}

// end ends the run; the first reason is kept.
func (e *Engine) end(reason Ended, err error, atOnce bool) {
	e.mu.Lock()
	if e.ended == "" {
		e.ended, e.err = reason, err
		about := []any{"reason", reason}
		if err != nil {
			about = append(about, "error", err)
		}
		e.log.Info("the test is ending", about...)
	}
	e.mu.Unlock()
	e.endSoft()
	if atOnce {
		e.endHard()
	}
}

// newVU returns the user with the number.
func (e *Engine) newVU(id int, seed uint64) *vu.VU {
	return vu.New(vu.Config{
		ID: id, Seed: seed, Registry: e.options.Registry, Recorder: e.store.Recorder(),
		Client: e.options.NewClient(), Recent: e.options.Recent, Sleep: e.sleeper(),
	})
}

// sleeper returns the think time of one user, who keeps its timer.
func (e *Engine) sleeper() func(context.Context, time.Duration) {
	factor := e.options.ThinkTime
	if factor == 0 {
		factor = 1
	}
	var timer *time.Timer
	return func(ctx context.Context, d time.Duration) {
		d = time.Duration(float64(d) * factor)
		if d <= 0 || ctx.Err() != nil {
			return
		}
		if timer == nil {
			timer = time.NewTimer(d)
		} else {
			timer.Reset(d)
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// ownErrors counts the requests that failed for want of the generator's own resources.
func (e *Engine) ownErrors() (requests, own uint64) {
	name := e.options.Registry.Builtin.HTTPReqs.Name
	all := e.store.Total(metrics.Selector{Metric: name})
	failed := e.store.Total(metrics.Selector{Metric: name, Tags: map[string]string{"error": string(client.Generator)}})
	return all.Count, failed.Count
}
