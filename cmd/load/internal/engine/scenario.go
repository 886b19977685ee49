package engine

import (
	"context"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// scenario is a Scenario that runs.
type scenario struct {
	engine   *Engine
	config   executor.Config
	suite    vu.Suite
	done     int // Scenario.Done
	base     int // the number before its first user's
	seed     uint64
	tags     *metrics.TagSet
	recorder *metrics.Recorder

	// soft ends when no more iterations are to start, hard when none is to go on; for this scenario.
	soft, hard       context.Context
	endSoft, endHard context.CancelFunc
	begin            time.Time // when its schedule starts
	users            sync.WaitGroup

	state                            atomic.Value // State
	allocated, active, wanted        atomic.Int64
	iterations, interrupted, dropped atomic.Int64
	short                            atomic.Int64 // iterations that had to wait for a user
	busy                             atomic.Int64 // of users with completed iterations, in ns
	ceiling                          ceiling
	waitingSince                     atomic.Int64 // when the iteration was due that waits now, in ns since begin; -1 for none
	rate                             atomic.Uint64
	lastTick                         time.Time // of tick alone
	lastIterations                   int64
	external                         *external
}

func newScenario(e *Engine, s Scenario, base int) *scenario {
	b := s.Config.Common()
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(b.Name))
	r := &scenario{
		engine: e, config: s.Config, suite: s.Suite, done: s.Done, base: base, seed: e.options.Seed ^ hash.Sum64(),
		tags: withTags(e.tags, b.Tags).With("scenario", b.Name), recorder: e.store.Recorder(),
	}
	r.state.Store(Waiting)
	r.waitingSince.Store(-1)
	if c, ok := s.Config.(*executor.ExternallyControlled); ok {
		r.external = newExternal(r, c)
	}
	return r
}

// run runs the scenario from its startTime to its last iteration's end.
func (s *scenario) run() {
	defer s.state.Store(Finished)
	s.begin = s.engine.start.Add(time.Duration(s.config.Common().StartTime))
	length := s.config.Length()
	if length > 0 && time.Since(s.begin) >= length { // of a run that goes on behind it
		return
	}
	if !waitUntil(s.engine.soft, s.begin) {
		return
	}
	s.soft, s.endSoft = context.WithCancel(s.engine.soft)
	s.hard, s.endHard = context.WithCancel(s.engine.hard)
	defer s.endHard()
	defer s.endSoft()
	if length > 0 && s.external == nil {
		timer := time.AfterFunc(time.Until(s.begin.Add(length)), s.endSoft)
		defer timer.Stop()
	}
	graceOver := make(chan struct{})
	go func() {
		defer close(graceOver)
		s.grace()
	}()
	s.state.Store(Running)
	switch c := s.config.(type) {
	case *executor.ConstantVUs:
		s.constantVUs(c)
	case *executor.RampingVUs:
		s.rampingVUs(c)
	case *executor.PerVUIterations:
		s.perVUIterations(c)
	case *executor.SharedIterations:
		s.sharedIterations(c)
	case *executor.ConstantArrivalRate:
		s.arrivals(c.Arrivals(), &c.OpenVUs)
	case *executor.RampingArrivalRate:
		s.arrivals(c.Arrivals(), &c.OpenVUs)
	case *executor.ExternallyControlled:
		s.external.run()
	default:
		panic(fmt.Sprintf("executor %T is not one of package executor's", c))
	}
	s.users.Wait()
	s.endHard()
	s.endSoft()
	<-graceOver
}

// grace cuts iterations off when gracefulStop has passed since no more of them start.
func (s *scenario) grace() {
	<-s.soft.Done()
	if s.hard.Err() == nil {
		s.state.Store(Stopping)
	}
	waitUntil(s.hard, time.Now().Add(time.Duration(s.config.Common().GracefulStop)))
	s.endHard()
}

// waitUntil waits for a time and tells whether it came before the context's end.
func waitUntil(ctx context.Context, at time.Time) bool {
	d := time.Until(at)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// newVU returns the scenario's user i, from 0.
func (s *scenario) newVU(i int) *vu.VU {
	id := s.base + i + 1
	if i >= s.config.PeakVUs() { // externally-controlled with a raised maxVUs
		id = int(s.engine.extraVUs.Add(1))
	}
	s.allocated.Add(1)
	return s.engine.newVU(id, s.seed)
}

// iterate runs one iteration of a closed model.
func (s *scenario) iterate(ctx context.Context, v *vu.VU) {
	v.Begin(ctx, s.tags)
	s.iteration(v)
}

// iteration runs the iteration that the user has begun.
func (s *scenario) iteration(v *vu.VU) {
	start := time.Now()
	err := guarded(func() error { return s.suite.Iterate(v) })
	took := time.Since(start)
	if !v.End(took) {
		s.interrupted.Add(1)
		return
	}
	s.busy.Add(int64(took))
	s.iterations.Add(1)
	if err != nil {
		s.engine.end(SuiteFailed, fmt.Errorf("scenario %s: %w", s.config.Common().Name, err), true)
	}
}

// guarded turns a suite's panic into an error: what was measured so far must not be lost to it.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// drop counts iterations that never start.
func (s *scenario) drop(n int64) {
	if n > 0 {
		s.dropped.Add(n)
		s.recorder.Add(s.engine.options.Registry.Builtin.DroppedIterations, s.tags.With("group", ""), float64(n))
	}
}
