package seed

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// stage orders the steps on one table: a step waits for all steps of earlier stages that touch one of its
// tables, and for nothing else. So the indexes of one table are built while another is still being filled.
type stage int

const (
	stageLoad stage = iota
	stageIndex
	// stageAfter is that of foreign keys, which are checked by means of the indexes, and of statistics, which
	// cover expressions that only an index defines.
	stageAfter
)

// step is a part of a run that one worker does at a stretch.
type step struct {
	kind, name string
	stage      stage
	// tables are locked meanwhile: with exclusive against every other step, else against exclusive ones only.
	// CREATE INDEX goes with another one on its table, and chunks go with chunks.
	tables    []string
	exclusive bool
	// cost is an estimate of the time it takes, in seconds. It only orders steps.
	cost float64
	do   func(ctx context.Context, w *worker) error

	// level is the time from the step's begin to the end of whatever has to follow it.
	level float64
}

func (s *step) touches(other *step) bool {
	return slices.ContainsFunc(s.tables, func(t string) bool { return slices.Contains(other.tables, t) })
}

// schedule hands out steps to workers. Rows come first, because they are what an interrupted run keeps, except
// that a step goes before them if it is urgent: if so much has to follow it that it would be what the end
// waits for. Among the others that may run, the one with the longest way to the end is next.
type schedule struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []*step // highest level first
	running []*step
	left    float64 // cost of the steps waiting
	workers int
	failed  bool
}

// urgency is the share of the time left, as far as it can be known, from which on a step is urgent.
const urgency = 0.8

func newSchedule(steps []*step, workers int) *schedule {
	s := &schedule{waiting: slices.Clone(steps), workers: workers}
	s.changed = sync.NewCond(&s.mu)
	for at := stageAfter; at >= stageLoad; at-- {
		for _, st := range steps {
			if st.stage != at {
				continue
			}
			var next float64
			for _, later := range steps {
				if later.stage > at && later.touches(st) {
					next = max(next, later.level)
				}
			}
			st.level = st.cost + next
			s.left += st.cost
		}
	}
	slices.SortStableFunc(s.waiting, func(a, b *step) int { return cmp.Compare(b.level, a.level) })
	return s
}

// next waits for a step that may start and returns it, nil if there is nothing left to do.
func (s *schedule) next() *step {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.failed || len(s.waiting) == 0 {
			return nil
		}
		if i := s.choose(); i >= 0 {
			chosen := s.waiting[i]
			s.waiting = slices.Delete(s.waiting, i, i+1)
			s.running = append(s.running, chosen)
			s.left -= chosen.cost
			return chosen
		}
		// Something is running, or a step of the lowest stage might start.
		s.changed.Wait()
	}
}

// choose returns the index of the step to start, -1 if none may.
func (s *schedule) choose() int {
	urgent := urgency * s.left / float64(s.workers)
	best := -1
	for i, candidate := range s.waiting {
		if best >= 0 && candidate.stage >= s.waiting[best].stage || !s.mayStart(candidate) {
			continue
		}
		best = i
		if candidate.level >= urgent || candidate.stage == stageLoad {
			break
		}
	}
	return best
}

func (s *schedule) mayStart(c *step) bool {
	for _, r := range s.running {
		if r.touches(c) && (r.exclusive || c.exclusive || r.stage < c.stage) {
			return false
		}
	}
	for _, w := range s.waiting {
		if w.stage < c.stage && w.touches(c) {
			return false
		}
	}
	return true
}

// finish takes note that a step is over. Once one has failed, no other starts.
func (s *schedule) finish(done *step, err error) {
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
func (s *schedule) work(ctx context.Context, do func(context.Context, *step) error) error {
	for {
		next := s.next()
		if next == nil {
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
