package engine

import (
	"math"
	"sync"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/engine/health"
	"github.com/medianest/testbed/cmd/load/internal/executor"
)

// ceiling tells whether an open model had users enough: by Little's law, the rate times the time that an iteration
// keeps its user busy is how many are at work. Taken at the target's fastest, more than maxVUs were never enough, and
// the load that was asked for could not be made whatever the target did; less were, and it was the target that held
// them up.
type ceiling struct {
	mu         sync.Mutex
	iterations int64 // up to the last mean
	busy       int64
	fastest    time.Duration // the shortest mean time that iterations took, 0 for none yet
	rate       float64       // the highest so far, per second
}

// fastestOf is how many iterations a mean is of at least.
const fastestOf = 20

// tick looks at what was done since the last time.
func (c *ceiling) tick(iterations, busy int64, rate float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rate = max(c.rate, rate)
	n := iterations - c.iterations
	if n < fastestOf && (c.fastest > 0 || n == 0) {
		return
	}
	mean := time.Duration((busy - c.busy) / n)
	if c.fastest == 0 || mean < c.fastest {
		c.fastest = mean
	}
	c.iterations, c.busy = iterations, busy
}

// needed is how many users the highest rate takes at the target's fastest.
func (c *ceiling) needed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(math.Ceil(c.rate * c.fastest.Seconds()))
}

// ceilings are those of all open models.
func (e *Engine) ceilings() []health.Ceiling {
	var all []health.Ceiling
	for _, s := range e.scenarios {
		if scheduleOf(s.config) == nil {
			continue
		}
		dropped := s.dropped.Load()
		all = append(all, health.Ceiling{
			Scenario: s.config.Common().Name, Due: s.iterations.Load() + s.interrupted.Load() + s.active.Load() + dropped, Dropped: dropped,
			MaxVUs: s.config.PeakVUs(), Needed: s.ceiling.needed(),
		})
	}
	return all
}

// dropsJudged tells whether a threshold says how many iterations may be dropped.
func (e *Engine) dropsJudged() bool {
	for i := range e.options.Thresholds {
		if e.options.Thresholds[i].Selector.Metric == e.options.Registry.Builtin.DroppedIterations.Name {
			return true
		}
	}
	return false
}

// scheduleOf returns the schedule of an open model, nil for a closed one.
func scheduleOf(c executor.Config) *executor.Arrivals {
	switch c := c.(type) {
	case *executor.ConstantArrivalRate:
		return c.Arrivals()
	case *executor.RampingArrivalRate:
		return c.Arrivals()
	}
	return nil
}
