package store

import (
	"sync"
	"time"
)

// memo remembers values for a while. It holds a bounded number and starts over when that is reached.
type memo[K comparable, V any] struct {
	max int
	ttl time.Duration

	mu      sync.Mutex
	entries map[K]memoEntry[V]
	asked   uint64 // calls of get that found nothing
}

type memoEntry[V any] struct {
	value  V
	until  time.Time
	wanted uint64 // the promise to put a value here, 0 where there is one
}

func newMemo[K comparable, V any](max int, ttl time.Duration) *memo[K, V] {
	return &memo[K, V]{max: max, ttl: ttl, entries: make(map[K]memoEntry[V])}
}

// get returns what is remembered for k. Where nothing is, the caller finds the value out and brings it to put
// with the promise, which is that of all who ask meanwhile: it is remembered whoever of them brings it.
func (m *memo[K, V]) get(k K) (v V, promise uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e, ok := m.entries[k]; {
	case ok && e.wanted != 0:
		return v, e.wanted, false
	case ok && time.Now().Before(e.until):
		return e.value, 0, true
	}
	if len(m.entries) >= m.max {
		clear(m.entries)
	}
	m.asked++
	m.entries[k] = memoEntry[V]{wanted: m.asked}
	return v, m.asked, false
}

// put remembers v, unless k was dropped since get gave the promise: then v may be from before the change.
func (m *memo[K, V]) put(k K, v V, promise uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.entries[k]; ok && e.wanted == promise {
		m.entries[k] = memoEntry[V]{value: v, until: time.Now().Add(m.ttl)}
	}
}

// drop forgets what was found out about k until now.
func (m *memo[K, V]) drop(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, k)
}

// forget drops everything.
func (m *memo[K, V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.entries)
}
