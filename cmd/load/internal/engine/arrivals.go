package engine

import (
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// arrival is an iteration of an open model on its way to a user.
type arrival struct {
	due time.Time
	// short is when nobody was found free for it; zero where somebody was.
	short time.Time
}

// crowd is the users of an open model and the pacer who gives them iterations.
//
// The iterations that wait for a user take no memory, however many they are: the schedule is a function, and
// the pacer stays at the one that is next.
type crowd struct {
	scenario *scenario
	schedule *executor.Arrivals
	maxVUs   int
	maxWait  time.Duration
	// next carries iterations to users. It has room for one for every user, and free tells how many more users
	// there are than iterations on their way, so that sending never blocks. Go hands them to who has waited
	// longest.
	next chan arrival
	free atomic.Int64
	// freed wakes the pacer when somebody gets free after nobody was.
	freed chan struct{}
	made  int // users
}

func (s *scenario) arrivals(schedule *executor.Arrivals, c *executor.OpenVUs) {
	w := &crowd{
		scenario: s, schedule: schedule, maxVUs: c.PeakVUs(), maxWait: time.Duration(c.MaxWait),
		next: make(chan arrival, c.PeakVUs()), freed: make(chan struct{}, 1),
	}
	for range c.PreAllocatedVUs {
		w.add(nil)
	}
	w.pace()
	close(w.next)
}

// add adds a user, with an iteration to begin with or nil.
func (w *crowd) add(first *arrival) {
	v := w.scenario.newVU(w.made)
	w.made++
	if first == nil {
		w.free.Add(1)
	}
	w.scenario.users.Go(func() {
		defer v.Close()
		if first != nil {
			w.do(v, *first)
			w.release()
		}
		for a := range w.next {
			w.do(v, a)
			w.release()
		}
	})
}

// release tells the pacer that a user is free.
func (w *crowd) release() {
	if w.free.Add(1) == 1 {
		select {
		case w.freed <- struct{}{}:
		default: // told already
		}
	}
}

// take reserves a free user.
func (w *crowd) take() bool {
	for {
		n := w.free.Load()
		if n == 0 {
			return false
		}
		if w.free.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// do runs one iteration.
func (w *crowd) do(v *vu.VU, a arrival) {
	s := w.scenario
	if s.hard.Err() != nil { // cut off on its way to the user
		s.interrupted.Add(1)
		return
	}
	now := time.Now()
	var waited time.Duration
	if !a.short.IsZero() {
		waited = now.Sub(a.short)
	}
	s.active.Add(1)
	defer s.active.Add(-1)
	v.BeginOpen(s.hard, s.tags, now.Sub(a.due), waited)
	s.iteration(v)
}

// pace hands out the iterations when they are due, until the schedule ends or the run is stopped. Those that
// wait for a user when the schedule ends are still handed out, within maxWait and gracefulStop: they were due
// before.
func (w *crowd) pace() {
	s := w.scenario
	stop := s.engine.soft.Done()
	pacer := newPacer(s.engine.soft, s.engine.options.PlainTimers)
	defer pacer.close()
	timer := time.NewTimer(0)
	defer timer.Stop()

	// Of a run that goes on, what was due before is past; what came due meanwhile is not, as users take time to make.
	n := w.schedule.DueBy(s.engine.options.From - time.Duration(s.config.Common().StartTime) - 1)
	now := time.Now()
	var queuedUntil time.Time // what was due up to then had to wait behind others
	for ; ; n++ {
		offset, ok := w.schedule.Due(n)
		if !ok {
			return
		}
		a := arrival{due: s.begin.Add(offset)}
		if a.due.After(now) {
			if !pacer.until(a.due) {
				break
			}
			now = time.Now()
			s.engine.monitor.Pacer(now.Sub(a.due))
		}
		if !a.due.After(queuedUntil) {
			a.short = a.due
		}
		if w.take() {
			w.next <- a
			continue
		}
		if w.made < w.maxVUs {
			w.add(&a)
			continue
		}
		now = time.Now()
		if a.short.IsZero() {
			a.short = now // if the pacer was late until now, that is no wait for a user
		}
		if !w.wait(&a, timer, stop) {
			break
		}
		now = time.Now()
		queuedUntil = now
	}
	// Stopped. What was due and never began is dropped.
	s.drop(w.schedule.DueBy(min(time.Since(s.begin), w.schedule.Length())) - n)
}

// wait hands the iteration to the next user who gets free, or drops it after maxWait. It returns false where
// the run is stopped before.
func (w *crowd) wait(a *arrival, timer *time.Timer, stop <-chan struct{}) bool {
	s := w.scenario
	left := time.Until(a.due.Add(w.maxWait))
	if w.maxWait == 0 || left <= 0 {
		s.drop(1)
		return true
	}
	s.short.Add(1)
	s.waitingSince.Store(int64(a.due.Sub(s.begin)))
	defer s.waitingSince.Store(-1)
	timer.Reset(left)
	for {
		if w.take() {
			w.next <- *a
			return true
		}
		select {
		case <-w.freed:
		case <-timer.C:
			s.drop(1)
			return true
		case <-stop:
			return false
		case <-s.hard.Done(): // gracefulStop is over
			return false
		}
	}
}
