package monitor

import (
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tags say what a series of values is of beside its name, such as the service.
type Tags map[string]string

// key is equal for equal tags only.
func (t Tags) key(name string) string {
	var b strings.Builder
	b.WriteString(name)
	for _, k := range slices.Sorted(maps.Keys(t)) {
		b.WriteString("\x00" + k + "\x00" + t[k])
	}
	return b.String()
}

// outcome is how an operation ended; of metrics only ok is used.
type outcome int

const (
	ok        outcome = iota // 1xx and 2xx
	redirect                 // 3xx
	refused                  // 4xx, but for 429
	throttled                // 429
	broken                   // 5xx
	dropped                  // no answer
	outcomes
)

func outcomeOf(status int) outcome {
	switch {
	case status == 0:
		return dropped
	case status < 300:
		return ok
	case status < 400:
		return redirect
	case status == 429:
		return throttled
	case status < 500:
		return refused
	default:
		return broken
	}
}

// failed tells which outcomes are failures of the server.
func (o outcome) failed() bool { return o >= throttled }

// shards is over how many locks the values of an operation are spread. Two requests on two cores meet at one in
// four, and then one of them takes the next.
const shards = 4

// series is all values of one name with the same tags.
type series struct {
	index int
	name  string
	tags  Tags

	shards [shards]shard
}

// shard holds what came since the last collection.
type shard struct {
	mu     sync.Mutex
	total  uint32
	slow   uint32
	by     [outcomes]uint32
	sum    int64
	max    int64
	maxAt  time.Duration // since the monitor's start
	counts *counts       // made when first used
	_      [32]byte      // keeps neighbours off the cache line
}

// add takes a value that came at the given time since the monitor's start, into the first shard if nobody is there.
func (s *series) add(first uint32, v int64, o outcome, at time.Duration, slow bool) {
	var sh *shard
	for i := range uint32(shards) {
		if sh = &s.shards[(first+i)%shards]; sh.mu.TryLock() {
			break
		}
		if i == shards-1 {
			sh.mu.Lock()
		}
	}
	if sh.counts == nil {
		sh.counts = new(counts)
	}
	sh.counts[bucketOf(v)]++
	sh.total++
	sh.by[o]++
	sh.sum += v
	if slow {
		sh.slow++
	}
	if v >= sh.max {
		sh.max, sh.maxAt = v, at
	}
	sh.mu.Unlock()
}

// collect moves what came since the last collection into an empty tally; false where nothing did.
func (s *series) collect(into *tally) bool {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		if sh.total > 0 {
			into.total += uint64(sh.total)
			into.slow += uint64(sh.slow)
			for o, n := range sh.by {
				into.by[o] += uint64(n)
			}
			into.sum += sh.sum
			into.raise(sh.max, sh.maxAt)
			for b, n := range sh.counts {
				into.counts[b] += n
			}
			clear(sh.counts[:])
			sh.total, sh.slow, sh.sum, sh.max = 0, 0, 0, 0
			clear(sh.by[:])
		}
		sh.mu.Unlock()
	}
	return into.total > 0
}

// tally sums values up.
type tally struct {
	total, slow uint64
	by          [outcomes]uint64
	sum         int64
	max         int64
	maxAt       time.Duration
	counts      counts
}

func (t *tally) raise(v int64, at time.Duration) {
	if v >= t.max {
		t.max, t.maxAt = v, at
	}
}

func (t *tally) failed() (n uint64) {
	for o := range outcomes {
		if o.failed() {
			n += t.by[o]
		}
	}
	return n
}

// average is to the thousandth, as the values are.
func (t *tally) average() float64 { return units(int64(math.Round(float64(t.sum) / float64(t.total)))) }

func (t *tally) quantile(q float64) float64 { return units(t.counts.quantile(q, t.max)) }

// merge adds another tally.
func (t *tally) merge(o *tally) {
	t.total += o.total
	t.slow += o.slow
	for i, n := range o.by {
		t.by[i] += n
	}
	t.sum += o.sum
	t.raise(o.max, o.maxAt)
	for b, n := range o.counts {
		t.counts[b] += n
	}
}

// add adds a record.
func (t *tally) add(r *record) {
	t.total += r.total
	t.slow += r.slow
	for o, n := range r.by {
		t.by[o] += n
	}
	t.sum += r.sum
	t.raise(r.max, r.maxAt)
	t.counts.add(r.packed)
}

// registry is the series that there are, of a bounded number.
type registry struct {
	mu    sync.RWMutex
	byKey map[string]*series
	all   []*series // by their index
	limit int
}

// Other is the name of the operation, and of the metric, that takes in whatever comes for names beyond the bound on
// their number.
const Other = "other"

// find returns the series of the name and tags, and makes it where there is none yet and room for it.
func (g *registry) find(name string, tags Tags) *series {
	key := tags.key(name)
	g.mu.RLock()
	s := g.byKey[key]
	g.mu.RUnlock()
	if s != nil {
		return s
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.all) >= g.limit-1 && g.byKey[key] == nil {
		name, tags, key = Other, nil, Other
	}
	if s = g.byKey[key]; s == nil {
		s = &series{index: len(g.all), name: strings.Clone(name), tags: maps.Clone(tags)}
		g.byKey[key] = s
		g.all = append(g.all, s)
	}
	return s
}

// list returns the series there are by now; what is listed never changes.
func (g *registry) list() []*series {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.all
}
