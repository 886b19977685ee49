package verify

import (
	"fmt"
	"sync"
	"time"
)

// StaleAfter is how much earlier than the request an answer may have been made by its own account, for clocks are
// coarse. An earlier one was kept from before and served again.
const StaleAfter = time.Second

// clock knows how far each host's clock is ahead of this machine's, from the answers: one says when it was made,
// which was before it came. So what it says less when it came is at most the difference, and the most of all
// answers comes closest; a stale one never does.
type clock struct {
	mu    sync.Mutex
	ahead map[string]time.Duration // by host
}

// local returns when, by this machine's clock, an answer of a host was made that came at received.
func (k *clock) local(host string, made, received time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	most, known := k.ahead[host]
	if ahead := made.Sub(received); !known || ahead > most {
		if k.ahead == nil {
			k.ahead = make(map[string]time.Duration)
		}
		k.ahead[host], most = ahead, ahead
	}
	return made.Add(-most)
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
	made := c.clock.local(c.answer.Host, time.UnixMilli(ms), c.answer.Received)
	if age := c.answer.Sent.Sub(made); age > StaleAfter {
		c.differs("meta.timestamp", "made for this request", fmt.Sprintf("%s, %s before it", raw(stamp), age.Round(time.Millisecond)))
	}
}
