package mockapi

import (
	"context"
	"sync/atomic"
	"time"
)

// Timing sums up what one request spent on the database. Stores add to the one they find in their context;
// handlers put it there with WithTiming and read it when the answer is ready, for a Server-Timing header.
// It may be added to and read concurrently.
type Timing struct {
	wait, query, lock atomic.Int64 // nanoseconds; lock is 1 more than that, and 0 where no locks were asked for
	queries           atomic.Int64
	cache             atomic.Int64 // 0 where no cache was asked, 1 for a miss, 2 for a hit
}

type timingKey struct{}

// WithTiming returns a context that collects into the Timing returned beside it.
func WithTiming(ctx context.Context) (context.Context, *Timing) {
	t := new(Timing)
	return context.WithValue(ctx, timingKey{}, t), t
}

// TimingFrom returns the Timing that ctx collects into, nil where there is none. All methods of a nil Timing
// may be called.
func TimingFrom(ctx context.Context) *Timing {
	t, _ := ctx.Value(timingKey{}).(*Timing)
	return t
}

// Add adds one visit to the database: how long it waited for a connection of the pool, and how long it then
// took until the last row was read.
func (t *Timing) Add(wait, query time.Duration) {
	if t == nil {
		return
	}
	t.wait.Add(int64(wait))
	t.query.Add(int64(query))
	t.queries.Add(1)
}

// AddLock adds a wait for row locks.
func (t *Timing) AddLock(d time.Duration) {
	if t != nil {
		t.lock.CompareAndSwap(0, 1)
		t.lock.Add(int64(d))
	}
}

// Lock is the time spent waiting for row locks; false where none were asked for.
func (t *Timing) Lock() (time.Duration, bool) {
	if t == nil || t.lock.Load() == 0 {
		return 0, false
	}
	return time.Duration(t.lock.Load() - 1), true
}

// AddCache notes that a cached answer was there, or was not.
func (t *Timing) AddCache(hit bool) {
	if t != nil {
		t.cache.Store(map[bool]int64{false: 1, true: 2}[hit])
	}
}

// Cache tells whether a cached answer was there; asked is false where no cache was looked at.
func (t *Timing) Cache() (hit, asked bool) {
	if t == nil {
		return false, false
	}
	c := t.cache.Load()
	return c == 2, c != 0
}

// Wait is the time spent waiting for a connection of the pool.
func (t *Timing) Wait() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.wait.Load())
}

// Query is the time spent on the wire and in the database, connections being held.
func (t *Timing) Query() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.query.Load())
}

// Queries is how many visits to the database were made; one visit may be a whole transaction.
func (t *Timing) Queries() int64 {
	if t == nil {
		return 0
	}
	return t.queries.Load()
}

// PoolStats is the state of a store's connections. Where it keeps several pools, one can be full and the others not:
// Use and Full tell it, the rest are sums. Counts and durations are totals since the store was opened.
type PoolStats struct {
	Max          int           // connections that there may be
	Open         int           // connections that there are, busy, idle or being made
	Busy         int           // connections in use now
	Idle         int           // connections waiting for work
	Use          float64       // share of its connections that the fullest pool has in use now, 0 to 1
	Full         int           // connections of the pools that have them all in use now
	Acquired     int64         // connections handed out
	Waited       int64         // acquires that found no idle connection
	WaitTime     time.Duration // spent in all acquires that succeeded
	Canceled     int64         // acquires given up because their context ended
	Opened       int64         // connections made
	SlowOrBroken int64         // visits that ended without an answer: SERVICE_UNAVAILABLE
}

// PoolReporter is a Store that can tell about its connections.
type PoolReporter interface {
	PoolStats() PoolStats
}
