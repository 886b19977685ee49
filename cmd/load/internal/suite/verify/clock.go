package verify

import (
	"fmt"
	"sync"
	"time"
)

// StaleAfter is how much earlier than the request an answer may have been made by its own account, for clocks are
// coarse. An earlier one was kept from before and served again.
const StaleAfter = time.Second

// clock knows how far the target's clock is ahead of this machine's, from the answers: one says when it was made,
// which was before it came. So what it says less when it came is at most the difference, and the most of all
// answers comes closest; a stale one never does.
type clock struct {
	mu    sync.Mutex
	known bool
	ahead time.Duration
}

// local returns when, by this machine's clock, an answer was made that came at received.
func (k *clock) local(made, received time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ahead := made.Sub(received); !k.known || ahead > k.ahead {
		k.known, k.ahead = true, ahead
	}
	return made.Add(-k.ahead)
}

// fresh checks that an answer was made for the request that it answers.
func (c *check) fresh() {
	stamp := c.body.Get("meta.timestamp")
	if !stamp.Exists() || c.answer.Sent.IsZero() {
		return
	}
	ms, ok := milliseconds(stamp)
	if !ok {
		c.differs("meta.timestamp", "a time", raw(stamp))
		return
	}
	made := c.clock.local(time.UnixMilli(ms), c.answer.Received)
	if age := c.answer.Sent.Sub(made); age > StaleAfter {
		c.differs("meta.timestamp", "made for this request", fmt.Sprintf("%s, %s before it", raw(stamp), age.Round(time.Millisecond)))
	}
}
