package engine

import (
	"math"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/engine/health"
	"github.com/medianest/testbed/cmd/load/internal/executor"
)

// Progress returns a view of the run.
func (e *Engine) Progress() Progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.progress(time.Now())
}

// progress is Progress under the lock.
func (e *Engine) progress(now time.Time) Progress {
	p := Progress{Thresholds: e.thresholds.Results()}
	if !e.start.IsZero() {
		p.Elapsed = now.Sub(e.start)
	}
	p.VUs, p.VUsMax = e.users()
	endless := false
	for _, s := range e.scenarios {
		sp := s.progress(now, e.start)
		p.Scenarios = append(p.Scenarios, sp)
		p.Iterations += sp.Iterations
		p.Interrupted += sp.Interrupted
		p.Dropped += sp.Dropped
		p.Length = max(p.Length, time.Duration(s.config.Common().StartTime)+sp.Length)
		endless = endless || sp.Length == 0
	}
	if endless {
		p.Length = 0
	}
	if e.monitor != nil {
		c := health.Counts{Dropped: p.Dropped, FilesLimit: e.filesLimit, Ceilings: e.ceilings(), DropsJudged: e.dropsJudged()}
		c.Requests, c.OwnErrors = e.ownErrors()
		for _, s := range e.scenarios {
			c.Short += s.short.Load()
		}
		p.Health = e.monitor.Report(c)
	}
	return p
}

// users returns how many users are at work, and how many there are: those who are planned, and those whom open
// models have added.
func (e *Engine) users() (active, allocated int) {
	allocated = e.plannedVUs
	for _, s := range e.scenarios {
		active += int(s.active.Load())
		if s.state.Load() != Finished {
			allocated += max(int(s.allocated.Load())-s.config.PlannedVUs(), 0)
		}
	}
	return active, allocated
}

// tick works out the rate of the last second.
func (s *scenario) tick(now time.Time) {
	n := s.iterations.Load()
	if d := now.Sub(s.lastTick).Seconds(); !s.lastTick.IsZero() && d > 0 {
		s.rate.Store(math.Float64bits(float64(n-s.lastIterations) / d))
	}
	if schedule := scheduleOf(s.config); schedule != nil {
		begin := s.engine.start.Add(time.Duration(s.config.Common().StartTime))
		s.ceiling.tick(n, s.busy.Load(), max(schedule.RateAt(s.lastTick.Sub(begin)), schedule.RateAt(now.Sub(begin)), schedule.RateAt(0)))
	}
	s.lastTick, s.lastIterations = now, n
}

func (s *scenario) progress(now, start time.Time) ScenarioProgress {
	b := s.config.Common()
	p := ScenarioProgress{
		Name: b.Name, Executor: b.Type, Description: s.config.Describe(), State: s.state.Load().(State),
		Length: s.config.Length(), VUs: int(s.active.Load()), VUsMax: int(s.allocated.Load()), Wanted: int(s.wanted.Load()),
		Iterations: s.iterations.Load(), Interrupted: s.interrupted.Load(), Dropped: s.dropped.Load(), Short: s.short.Load(),
		Rate: math.Float64frombits(s.rate.Load()),
	}
	if !start.IsZero() {
		p.Elapsed = max(now.Sub(start)-time.Duration(b.StartTime), 0)
	}
	schedule := scheduleOf(s.config)
	done := p.Iterations + p.Interrupted // also before an interruption
	switch c := s.config.(type) {
	case *executor.PerVUIterations:
		p.Total = int64(c.VUs) * int64(c.Iterations)
		done += int64(c.VUs) * int64(s.done)
	case *executor.SharedIterations:
		p.Total = int64(c.Iterations)
		done += int64(s.done)
	case *executor.ExternallyControlled:
		p.Paused = s.external.paused.Load()
	}
	if schedule != nil {
		p.Total = schedule.Total()
		if p.State == Running {
			p.Target = schedule.RateAt(p.Elapsed)
		}
		if since := s.waitingSince.Load(); since >= 0 {
			p.Backlog = max(p.Elapsed-time.Duration(since), 0)
		}
	}
	switch {
	case p.State == Finished:
		p.Share = 1
	case schedule == nil && p.Total > 0:
		p.Share = float64(done) / float64(p.Total)
	case p.Length > 0:
		p.Share = min(p.Elapsed.Seconds()/p.Length.Seconds(), 1)
	}
	return p
}
