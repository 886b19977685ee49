package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// gathering is a gather over a pretended database, in which a query takes 10 ms and finds the even keys.
type gathering struct {
	gather[int, string]
	script  sync.Mutex // guards the fields below
	queries [][]int
	hangs   bool
	err     error
}

func newGathering() *gathering {
	g := new(gathering)
	s := &Store{log: slog.New(slog.DiscardHandler)}
	s.light.timeout = time.Second
	g.init("look up", s, func(_ context.Context, keys []int) (map[int]string, error) {
		g.script.Lock()
		g.queries = append(g.queries, keys)
		hangs, err := g.hangs, g.err
		g.script.Unlock()
		if hangs {
			time.Sleep(time.Second)
			return nil, s.translate("look up", context.DeadlineExceeded)
		}
		time.Sleep(10 * time.Millisecond)
		found := map[int]string{}
		for _, k := range keys {
			if k%2 == 0 {
				found[k] = fmt.Sprint(k)
			}
		}
		return found, err
	})
	return g
}

func TestGatherSharesQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGathering()
		start := time.Now()
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				v, found, err := g.get(t.Context(), i)
				if err != nil || found != (i%2 == 0) || found && v != fmt.Sprint(i) {
					t.Errorf("key %d: %q, %v, %v", i, v, found, err)
				}
			})
		}
		all.Wait()
		took := time.Since(start)
		synctest.Wait()
		// 2 alone, then 198 in 64s, two queries at a time.
		if took != 30*time.Millisecond || len(g.queries) != 6 {
			t.Errorf("%d queries in %v", len(g.queries), took)
		}
		var keys []int
		for _, q := range g.queries {
			if len(q) > gatherKeys {
				t.Errorf("a query for %d keys", len(q))
			}
			keys = append(keys, q...)
		}
		slices.Sort(keys)
		if len(slices.Compact(keys)) != 200 {
			t.Errorf("%d keys were asked for", len(keys))
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.running != 0 || len(g.waiting) != 0 {
			t.Errorf("left behind: %d running, %d waiting", g.running, len(g.waiting))
		}
	})
}

func TestGatherOfOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGathering()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if v, found, err := g.get(t.Context(), 4); v != "4" || !found || err != nil {
					t.Errorf("%q, %v, %v", v, found, err)
				}
			})
		}
		all.Wait()
	})
}

func TestGatherFailsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGathering()
		g.err = errors.New("broken")
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				if _, _, err := g.get(t.Context(), i); !errors.Is(err, g.err) {
					t.Errorf("key %d: %v", i, err)
				}
			})
		}
		all.Wait()
	})
}

// TestGatherWhileTheDatabaseHangs has 1,000 calls a second for a minute: each is refused in time, and those
// who have left are not kept.
func TestGatherWhileTheDatabaseHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGathering()
		g.hangs = true
		var all sync.WaitGroup
		for i := range 60_000 {
			all.Go(func() {
				start := time.Now()
				_, _, err := g.get(t.Context(), i)
				// The last find a database that answers.
				refused := mockapi.CodeOf(err) == mockapi.CodeUnavailable || i > 58_000 && err == nil
				if took := time.Since(start); !refused || took > time.Second {
					t.Errorf("key %d: %v after %v", i, err, took)
				}
			})
			time.Sleep(time.Millisecond)
			g.mu.Lock()
			if n := len(g.waiting); n > 2100 {
				t.Fatalf("%d are waiting after %d calls", n, i)
			}
			g.mu.Unlock()
		}
		g.script.Lock()
		g.hangs = false
		g.script.Unlock()
		all.Wait()
		if v, _, err := g.get(t.Context(), 2); v != "2" || err != nil {
			t.Errorf("afterwards: %q, %v", v, err)
		}
		time.Sleep(2 * time.Second) // a query that nobody waits for any more may still hang
		synctest.Wait()
	})
}

func TestGatherHeedsTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGathering()
		g.hangs = true
		for i := range gatherQueries {
			go func() { _, _, _ = g.get(t.Context(), i) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, _, err := g.get(ctx, 3)
		if took := time.Since(start); mockapi.CodeOf(err) != mockapi.CodeUnavailable || took != 5*time.Millisecond {
			t.Errorf("with a deadline: %v after %v", err, took)
		}
		// One whose delay is wanted neither waits for others nor makes them wait.
		g.script.Lock()
		g.hangs = false
		g.script.Unlock()
		start = time.Now()
		v, _, err := g.get(mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{Delay: time.Second}), 6)
		if took := time.Since(start); v != "6" || err != nil || took != 10*time.Millisecond {
			t.Errorf("with a delay: %q, %v after %v", v, err, took)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
	})
}
