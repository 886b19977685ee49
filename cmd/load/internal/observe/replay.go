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

// replays is how often each request is sent again. What an answer's cache spares then shows as a fraction.
const replays = 3

// quietWithin is how long one waits for the last statements of the run.
const quietWithin = 10 * time.Second

// quiet waits until no other backend is active.
func (d *database) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quietWithin)
	defer cancel()
	for {
		var active int
		err := d.conn.QueryRow(ctx, marker+`SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()`).Scan(&active)
		if err != nil || active == 0 {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the database was still at work %v after the run's end", quietWithin)
		}
	}
}

// replay sends each request a few times, alone, and returns the statements that one runs.
func (d *database) replay(ctx context.Context, requests []Request) (map[string][]Call, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	if err := d.quiet(ctx); err != nil {
		return nil, err
	}
	endpoints := make(map[string][]Call)
	var failed []string
	before, err := d.countStatements(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		sent := 0
		var wrong error
		calls := make(map[int64]int64)
		for range replays {
			err := r.Send(ctx)
			after, countErr := d.countStatements(ctx)
			if countErr != nil {
				return endpoints, countErr
			}
			if err == nil {
				sent++
				for id, s := range after {
					if n := s.Calls - before[id].Calls; n > 0 {
						calls[id] += n
					}
				}
			}
			wrong = cmp.Or(wrong, err)
			before = after
		}
		if sent == 0 {
			failed = append(failed, fmt.Sprintf("%s (%v)", r.Label, wrong))
			continue
		}
		list := []Call{}
		for _, id := range slices.Sorted(maps.Keys(calls)) {
			list = append(list, Call{Statement: id, PerRequest: float64(calls[id]) / float64(sent)})
		}
		slices.SortStableFunc(list, func(a, b Call) int { return cmp.Compare(b.PerRequest, a.PerRequest) })
		endpoints[r.Label] = list
	}
	if len(failed) > 0 {
		d.miss("the statements of endpoints whose last request can't be sent again: %s", strings.Join(failed, ", "))
	}
	return endpoints, nil
}
