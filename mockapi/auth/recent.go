package auth

import "sync"

// digest is what the caches are keyed by: neither passwords nor tokens stay in memory.
type digest [32]byte

// recent remembers the values of recently used keys in two generations: the young one takes new entries and,
// when it is full, becomes the old one, whose own entries are forgotten. An entry used in its old age is young
// again. That is a bounded cache near to least-recently-used whose common hit only takes a read lock.
type recent[V any] struct {
	mu         sync.RWMutex
	young, old map[digest]V
	half       int
}

func newRecent[V any](size int) *recent[V] {
	return &recent[V]{young: map[digest]V{}, half: max(1, size/2)}
}

func (r *recent[V]) get(k digest) (V, bool) {
	r.mu.RLock()
	v, ok := r.young[k]
	if ok {
		r.mu.RUnlock()
		return v, true
	}
	v, ok = r.old[k]
	r.mu.RUnlock()
	if ok {
		r.put(k, v)
	}
	return v, ok
}

func (r *recent[V]) put(k digest, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.young) >= r.half {
		r.old, r.young = r.young, make(map[digest]V, r.half)
	}
	r.young[k] = v
}
