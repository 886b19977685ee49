package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

const (
	gatherQueries = 2  // at once, for one kind of look-up
	gatherKeys    = 64 // in one query
)

// gather answers look-ups by key. One that comes alone goes to the database at once. Those that come while
// queries are under way wait for the end of one, and then share the next: PostgreSQL finds 16 rows by 16 ids in
// one query at a sixth of what 16 queries cost it, and the same goes for this side of the wire. So look-ups get
// cheaper the more there are at a time.
//
// Callers who share a query may be given the same value: what it points to must not be changed.
type gather[K comparable, V any] struct {
	what  string // in errors
	store *Store
	// fetch finds the values of some keys, each at most once.
	fetch func(ctx context.Context, keys []K) (map[K]V, error)

	mu      sync.Mutex
	running int
	waiting []*ticket[K, V]
}

// ticket is one who waits.
type ticket[K comparable, V any] struct {
	key    K
	came   time.Time
	until  time.Time      // when its holder leaves
	answer chan answer[V] // holds one, so that nobody waits for somebody who has left
}

type answer[V any] struct {
	value V
	found bool
	err   error
	began time.Time // when the query did
}

func (g *gather[K, V]) init(what string, s *Store, fetch func(context.Context, []K) (map[K]V, error)) {
	g.what, g.store, g.fetch = what, s, fetch
}

// get returns the value of a key and whether there is one.
func (g *gather[K, V]) get(ctx context.Context, key K) (V, bool, error) {
	var none V
	if err := ctx.Err(); err != nil {
		return none, false, g.store.translate(g.what, err)
	}
	if f := mockapi.DBFaultsFrom(ctx); f.Delay > 0 || f.RowLock > 0 { // takes its time alone
		return g.alone(ctx, key)
	}
	g.mu.Lock()
	if g.running < gatherQueries {
		g.running++
		g.mu.Unlock()
		defer g.next()
		return g.alone(ctx, key)
	}
	t := &ticket[K, V]{key: key, came: time.Now(), answer: make(chan answer[V], 1)}
	t.until = t.came.Add(g.store.light.timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(t.until) {
		t.until = d
	}
	g.waiting = append(g.waiting, t)
	g.mu.Unlock()

	timer := time.NewTimer(t.until.Sub(t.came))
	defer timer.Stop()
	select {
	case a := <-t.answer:
		mockapi.TimingFrom(ctx).Add(a.began.Sub(t.came), time.Since(a.began))
		return a.value, a.found, a.err
	case <-timer.C:
		mockapi.TimingFrom(ctx).Add(time.Since(t.came), 0)
		return none, false, g.store.translate(g.what, context.DeadlineExceeded)
	}
}

func (g *gather[K, V]) alone(ctx context.Context, key K) (V, bool, error) {
	values, err := g.fetch(ctx, []K{key})
	value, found := values[key]
	return value, found, err
}

// next ends one query and begins the next if somebody waits for it.
func (g *gather[K, V]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	if len(g.waiting) > 0 && g.running < gatherQueries {
		g.running++
		go g.serve()
	}
}

// serve queries until nobody waits.
func (g *gather[K, V]) serve() {
	for batch := g.batch(); len(batch) > 0; batch = g.batch() {
		keys := make([]K, len(batch))
		for i, t := range batch {
			keys[i] = t.key
		}
		began := time.Now()
		values, err := g.fetch(context.Background(), keys)
		for _, t := range batch {
			value, found := values[t.key]
			t.answer <- answer[V]{value, found, err, began}
		}
	}
}

// batch takes those who have waited longest, and ends the serving where there are none. Those who have left
// are dropped: while the database hangs there are more of them by the second.
func (g *gather[K, V]) batch() []*ticket[K, V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	var batch []*ticket[K, V]
	taken := 0
	for _, t := range g.waiting {
		if len(batch) == gatherKeys {
			break
		}
		taken++
		if now.Before(t.until) {
			batch = append(batch, t)
		}
	}
	left := copy(g.waiting, g.waiting[taken:])
	clear(g.waiting[left:])
	g.waiting = g.waiting[:left]
	if len(batch) == 0 {
		g.running--
	}
	return batch
}

// fetch reads the rows of some keys: with the statement one for a single key, else with many over an array.
func fetch[K any](ctx context.Context, s *Store, what, one, many string, keys []K, scan func(*row)) error {
	sql, arg := many, any(keys)
	if len(keys) == 1 {
		sql, arg = one, keys[0]
	}
	return s.read(ctx, what, func(ctx context.Context, c *pgx.Conn) error {
		_, err := query(ctx, c, sql, []any{arg}, scan)
		return err
	})
}
