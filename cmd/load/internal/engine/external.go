package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
)

// Control is what can be changed of an externally-controlled scenario while it runs; nil stays as it is.
type Control struct {
	Paused *bool
	VUs    *int
	MaxVUs *int
}

// Control pauses, resumes and resizes the externally-controlled scenario of the given name; "" is the only
// one. It returns once the users do as they are told: users beyond the new number are cut off, as in k6, and
// those who are paused finish their iterations.
func (e *Engine) Control(name string, c Control) error {
	var found *external
	for _, s := range e.scenarios {
		if s.external == nil || name != "" && s.config.Common().Name != name {
			continue
		}
		if found != nil {
			return errors.New("there are several externally-controlled scenarios: name one")
		}
		found = s.external
	}
	if found == nil {
		return fmt.Errorf("there is no externally-controlled scenario %q", name)
	}
	return found.control(c)
}

// external runs externally-controlled.
type external struct {
	scenario *scenario

	paused atomic.Bool

	mu      sync.Mutex // held while users are told what to do, until they have
	running bool
	vus     int
	maxVUs  int
	handles []*handle
	left    time.Duration // of the duration, at since
	since   time.Time     // when it last began to run off; zero while paused
	timer   *time.Timer   // nil without a duration
}

func newExternal(s *scenario, c *executor.ExternallyControlled) *external {
	return &external{scenario: s, vus: c.VUs, maxVUs: c.PeakVUs(), left: c.Length()}
}

func (x *external) run() {
	x.mu.Lock()
	x.running = true
	if x.left > 0 {
		x.left -= time.Since(x.scenario.begin) // of a run that goes on
		x.timer = time.AfterFunc(x.left, x.scenario.endSoft)
		x.since = time.Now()
		if x.paused.Load() {
			x.holdTime()
		}
	}
	x.apply()
	x.mu.Unlock()
	<-x.scenario.soft.Done()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.running = false
	if x.timer != nil {
		x.timer.Stop()
	}
	x.scenario.wanted.Store(0)
}

// holdTime stops the duration from running off.
func (x *external) holdTime() {
	if x.timer != nil && x.timer.Stop() {
		x.left -= time.Since(x.since)
		x.since = time.Time{}
	}
}

func (x *external) control(c Control) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.running && x.scenario.state.Load() != Waiting {
		return fmt.Errorf("scenario %s has ended", x.scenario.config.Common().Name)
	}
	vus, maxVUs := x.vus, x.maxVUs
	if c.VUs != nil {
		vus = *c.VUs
	}
	if c.MaxVUs != nil {
		maxVUs = *c.MaxVUs
	}
	switch configured := x.scenario.config.PeakVUs(); {
	case vus < 0:
		return fmt.Errorf("vus is %d, it can't be negative", vus)
	case maxVUs < vus:
		return fmt.Errorf("vus is %d, it can't be more than maxVUs, %d", vus, maxVUs)
	case maxVUs < configured:
		return fmt.Errorf("maxVUs is %d, it can't be less than what the test began with, %d", maxVUs, configured)
	}
	x.vus, x.maxVUs = vus, maxVUs
	if c.Paused != nil && *c.Paused != x.paused.Load() {
		x.paused.Store(*c.Paused)
		switch {
		case !x.running:
		case x.paused.Load():
			x.holdTime()
		case x.timer != nil:
			x.since = time.Now()
			x.timer.Reset(x.left)
		}
	}
	if x.running {
		x.apply()
	}
	return nil
}

// apply tells the users what to do, and waits until those who are to stop have.
func (x *external) apply() {
	s := x.scenario
	wanted := x.vus
	if x.paused.Load() {
		wanted = 0
	}
	s.wanted.Store(int64(wanted))
	for len(x.handles) < x.vus {
		x.handles = append(x.handles, newHandle(s, len(x.handles)))
	}
	for i, h := range x.handles {
		switch {
		case i < wanted:
			h.start()
		case i < x.vus: // paused
			h.stop(forever)
		default:
			h.stop(0)
		}
	}
	for _, h := range x.handles[wanted:] {
		h.rest()
	}
}

// forever is longer than any iteration.
const forever = 1 << 62
