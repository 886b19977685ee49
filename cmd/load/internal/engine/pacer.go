package engine

import (
	"context"
	"time"
)

// pacer waits for the times at which iterations are due.
type pacer interface {
	// until waits for a time, and returns false where the context of newPacer ended before.
	until(at time.Time) bool
	close()
}

func newPacer(ctx context.Context, plain bool) pacer {
	if !plain {
		if p := newPrecisePacer(ctx); p != nil {
			return p
		}
	}
	timer := time.NewTimer(0)
	timer.Stop()
	return &timerPacer{done: ctx.Done(), timer: timer}
}

// timerPacer waits with Go's timers. On a machine with nothing else to do these are late by half a millisecond in
// the mean and one at worst, because the runtime then sleeps in whole milliseconds.
type timerPacer struct {
	done  <-chan struct{}
	timer *time.Timer
}

func (p *timerPacer) until(at time.Time) bool {
	p.timer.Reset(time.Until(at))
	select {
	case <-p.timer.C:
		return true
	case <-p.done:
		return false
	}
}

func (p *timerPacer) close() { p.timer.Stop() }
