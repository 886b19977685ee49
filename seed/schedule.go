package seed

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// step is something to be done after the load.
type step struct {
	kind, name string
	// table is locked meanwhile: exclusively, which here means against other steps on the same table only,
	// or shared with others that share it. CREATE INDEX shares; VALIDATE, ANALYZE and VACUUM do not.
	table     string
	exclusive bool
	// last steps wait until all others on their table are done.
	last bool
	// cost orders steps; the unit is arbitrary.
	cost float64
}

// schedule hands out steps to workers: always the costliest one that may run beside those running. Long
// steps started late would leave the other workers idle at the end.
type schedule struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []step // costliest first
	running []step
	failed  bool
}

func newSchedule(steps []step) *schedule {
	s := &schedule{waiting: slices.Clone(steps)}
	s.changed = sync.NewCond(&s.mu)
	slices.SortStableFunc(s.waiting, func(a, b step) int { return cmp.Compare(b.cost, a.cost) })
	return s
}

// next waits for a step that may start and returns it; false if there is nothing left to do.
func (s *schedule) next() (step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.failed || len(s.waiting) == 0 {
			return step{}, false
		}
		for i, candidate := range s.waiting {
			if s.mayStart(candidate) {
				s.waiting = slices.Delete(s.waiting, i, i+1)
				s.running = append(s.running, candidate)
				return candidate, true
			}
		}
		// Whatever stands in the way is running: with nothing running, a step that is not last may start, or
		// all are last and one of them may.
		s.changed.Wait()
	}
}

func (s *schedule) mayStart(c step) bool {
	for _, r := range s.running {
		if r.table == c.table && (r.exclusive || c.exclusive || c.last) {
			return false
		}
	}
	if c.last {
		for _, w := range s.waiting {
			if w.table == c.table && !w.last {
				return false
			}
		}
	}
	return true
}

// finish takes note that a step is over.
func (s *schedule) finish(done step, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.running, done)
	s.running = slices.Delete(s.running, i, i+1)
	s.failed = s.failed || err != nil
	s.changed.Broadcast()
}

// fail lets no further step start.
func (s *schedule) fail() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = true
	s.changed.Broadcast()
}

// work runs steps until none is left. Several goroutines may do so at once.
func (s *schedule) work(ctx context.Context, do func(context.Context, step) error) error {
	for {
		next, ok := s.next()
		if !ok {
			return nil
		}
		err := ctx.Err()
		if err == nil {
			err = do(ctx, next)
		}
		s.finish(next, err)
		if err != nil {
			return err
		}
	}
}
