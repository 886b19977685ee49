package observe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Request is a request that the test has sent, to be sent again.
type Request struct {
	// Label is the endpoint's.
	Label string
	// Send sends it again. An error tells that the answer was not what the test wants, so that what it ran is
	// not what the endpoint usually runs.
	Send func(context.Context) error
}

// rounds is how often each request is sent again, and maxPause the pause between rounds, in which what a cache has kept
// may become old; what the answers of a longer memory spare then shows as a fraction. A short run has shorter pauses.
const (
	rounds   = 3
	maxPause = 2500 * time.Millisecond
)

func pauseAfter(elapsed time.Duration) time.Duration { return min(elapsed/4, maxPause) }

// How long one waits for the last statements of the run, and for those that a request has left running.
const (
	quietWithin   = 10 * time.Second
	settledWithin = 500 * time.Millisecond
)

// quiet waits until no other backend is at work, or was a moment ago in a transaction that goes on. It tells whether
// that was within the limit.
func (d *database) quiet(ctx context.Context, limit time.Duration) (bool, error) {
	for start := time.Now(); ; {
		var active int
		err := d.conn.QueryRow(ctx, marker+`SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
AND (state = 'active' OR state = 'idle in transaction' AND state_change > clock_timestamp() - interval '100 ms')`).Scan(&active)
		if err != nil || active == 0 {
			return true, err
		}
		if time.Since(start) > limit {
			return false, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// replayed is what came of sending one request again.
type replayed struct {
	sent  int // with the answer that the test wants
	calls map[int64]int64
	err   error // of the first that was not
}

// replay sends each request a few times, alone, and returns the statements that one runs. Statements that ran while
// nothing was sent are not the requests'.
func (d *database) replay(ctx context.Context, requests []Request, pause time.Duration) (map[string][]Call, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	if quiet, err := d.quiet(ctx, quietWithin); err != nil {
		return nil, err
	} else if !quiet {
		return nil, fmt.Errorf("the database was still at work %v after the run's end", quietWithin)
	}
	all := make([]replayed, len(requests))
	before, err := d.countStatements(ctx)
	if err != nil {
		return nil, err
	}
	background := make(map[int64]bool)
	for round := range rounds {
		if round > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			after, err := d.countStatements(ctx)
			if err != nil {
				return nil, err
			}
			for id := range more(before, after) {
				background[id] = true
			}
			before = after
		}
		for i, r := range requests {
			sendErr := r.Send(ctx)
			if _, err := d.quiet(ctx, settledWithin); err != nil {
				return nil, err
			}
			after, err := d.countStatements(ctx)
			if err != nil {
				return nil, err
			}
			all[i].add(more(before, after), sendErr)
			before = after
		}
	}
	return d.endpoints(requests, all, background), nil
}

// more returns how often the statements ran between two counts.
func more(before, after map[int64]Statement) map[int64]int64 {
	ran := make(map[int64]int64)
	for id, s := range after {
		if n := s.since(before[id]).Calls; n > 0 {
			ran[id] = n
		}
	}
	return ran
}

func (r *replayed) add(ran map[int64]int64, err error) {
	if err != nil {
		r.err = cmp.Or(r.err, err)
		return
	}
	r.sent++
	if r.calls == nil {
		r.calls = ran
		return
	}
	for id, n := range ran {
		r.calls[id] += n
	}
}

// endpoints sums up the replayed requests.
func (d *database) endpoints(requests []Request, all []replayed, background map[int64]bool) map[string][]Call {
	endpoints := make(map[string][]Call)
	var failed []string
	for i, r := range all {
		if r.sent == 0 {
			failed = append(failed, fmt.Sprintf("%s (%v)", requests[i].Label, r.err))
			continue
		}
		list := []Call{}
		for _, id := range slices.Sorted(maps.Keys(r.calls)) {
			if !background[id] {
				list = append(list, Call{Statement: id, PerRequest: float64(r.calls[id]) / float64(r.sent)})
			}
		}
		slices.SortStableFunc(list, func(a, b Call) int { return cmp.Compare(b.PerRequest, a.PerRequest) })
		endpoints[requests[i].Label] = list
	}
	if len(failed) > 0 {
		d.miss("the statements of endpoints whose last request can't be sent again: %s", strings.Join(failed, ", "))
	}
	return endpoints
}
