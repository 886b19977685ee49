package engine

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
)

// rampingVUs starts and stops users as the schedule's steps say: those with the lowest numbers are there when
// few are wanted.
func (s *scenario) rampingVUs(c *executor.RampingVUs) {
	steps := c.Steps()
	handles := make([]*handle, c.PlannedVUs())
	grace := time.Duration(c.GracefulRampDown)
	wanted := 0
	// A run that goes on starts with the step that holds then, not with all before it.
	elapsed := time.Since(s.begin)
	first := max(sort.Search(len(steps), func(i int) bool { return steps[i].At > elapsed })-1, 0)
	for _, step := range steps[first:] {
		if step.At >= c.Length() || !waitUntil(s.soft, s.begin.Add(step.At)) {
			break // the end is soft's, and its grace is gracefulStop
		}
		s.wanted.Store(int64(step.VUs))
		for ; wanted < step.VUs; wanted++ {
			if handles[wanted] == nil {
				handles[wanted] = newHandle(s, wanted)
			}
			handles[wanted].start()
		}
		for ; wanted > step.VUs; wanted-- {
			handles[wanted-1].stop(grace)
		}
	}
	<-s.soft.Done()
	s.wanted.Store(0)
}

// handle is a user who can be told to loop and to stop.
type handle struct {
	scenario *scenario
	index    int
	wake     chan struct{} // tells a user at rest to look again

	mu      sync.Mutex
	changed *sync.Cond // of atWork
	wanted  bool
	started bool // has a goroutine
	atWork  bool // is in an iteration, or about to start one
	stops   int  // counts calls of stop, so that a timer knows whether it is the last one's
	grace   *time.Timer
	ctx     context.Context // of the iterations; ended by cut
	cut     context.CancelFunc
}

func newHandle(s *scenario, index int) *handle {
	h := &handle{scenario: s, index: index, wake: make(chan struct{}, 1)}
	h.changed = sync.NewCond(&h.mu)
	return h
}

// start lets the user loop. One who was told to stop and is still in its last iteration goes on.
func (h *handle) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wanted {
		return
	}
	h.wanted = true
	if h.grace != nil {
		h.grace.Stop()
	}
	if h.ctx == nil || h.ctx.Err() != nil {
		h.ctx, h.cut = context.WithCancel(h.scenario.hard)
	}
	if !h.started {
		h.started = true
		h.scenario.users.Go(h.loop)
		return
	}
	h.signal()
}

func (h *handle) signal() {
	select {
	case h.wake <- struct{}{}:
	default: // told already
	}
}

// stop lets the user finish its iteration, and cuts it off after the grace.
func (h *handle) stop(grace time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.wanted {
		if h.atWork && grace <= 0 {
			h.cut()
		}
		return
	}
	h.wanted = false
	h.stops++
	if !h.atWork {
		return
	}
	if grace <= 0 {
		h.cut()
		return
	}
	this := h.stops
	h.grace = time.AfterFunc(grace, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.wanted && h.stops == this {
			h.cut()
		}
	})
}

// rest waits until the user is in no iteration.
func (h *handle) rest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.atWork && !h.wanted {
		h.changed.Wait()
	}
}

// loop is the user's goroutine.
func (h *handle) loop() {
	s := h.scenario
	v := s.newVU(h.index)
	defer v.Close()
	defer h.work(false)
	for {
		h.mu.Lock()
		goOn := h.wanted && s.soft.Err() == nil
		ctx := h.ctx
		h.setWork(goOn)
		h.mu.Unlock()
		if goOn {
			s.iterate(ctx, v)
			continue
		}
		v.Close() // the user has left; one who comes back connects again
		select {
		case <-h.wake:
		case <-s.soft.Done():
			return
		}
	}
}

func (h *handle) work(atWork bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.setWork(atWork)
}

func (h *handle) setWork(atWork bool) {
	if h.atWork == atWork {
		return
	}
	h.atWork = atWork
	if atWork {
		h.scenario.active.Add(1)
	} else {
		h.scenario.active.Add(-1)
		if h.grace != nil {
			h.grace.Stop()
		}
	}
	h.changed.Broadcast()
}
