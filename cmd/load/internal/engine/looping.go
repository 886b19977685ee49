package engine

import (
	"sync/atomic"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// each starts n users who do f.
func (s *scenario) each(n int, f func(v *vu.VU)) {
	s.wanted.Store(int64(n))
	for i := range n {
		s.users.Go(func() {
			v := s.newVU(i)
			defer v.Close()
			s.active.Add(1)
			defer s.active.Add(-1)
			f(v)
		})
	}
}

func (s *scenario) constantVUs(c *executor.ConstantVUs) {
	s.each(c.VUs, func(v *vu.VU) {
		for s.soft.Err() == nil {
			s.iterate(s.hard, v)
		}
	})
}

func (s *scenario) perVUIterations(c *executor.PerVUIterations) {
	s.each(c.VUs, func(v *vu.VU) {
		for n := s.done; n < c.Iterations; n++ {
			if s.soft.Err() != nil {
				s.unfinished(int64(c.Iterations - n))
				return
			}
			s.iterate(s.hard, v)
		}
	})
}

func (s *scenario) sharedIterations(c *executor.SharedIterations) {
	total := int64(c.Iterations)
	var next atomic.Int64
	next.Store(int64(s.done))
	s.each(c.VUs, func(v *vu.VU) {
		for s.soft.Err() == nil {
			if next.Add(1) > total {
				return
			}
			s.iterate(s.hard, v)
		}
	})
	s.users.Wait()
	s.unfinished(total - next.Load())
}

// unfinished drops iterations that maxDuration left no time for. Those that somebody stopped are not dropped.
func (s *scenario) unfinished(n int64) {
	if s.engine.soft.Err() == nil {
		s.drop(n)
	}
}
