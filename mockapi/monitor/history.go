package monitor

import (
	"time"
)

// record is what one series had in one interval.
type record struct {
	series      int
	total, slow uint64
	by          [outcomes]uint64
	sum, max    int64
	maxAt       time.Duration
	packed      []byte // its histogram
}

// interval is all series that had something between two times, both since the monitor's start.
type interval struct {
	from, to time.Duration
	records  [kinds][]record
}

// kind is what a series is of.
type kind int

const (
	operations kind = iota // that were timed
	metrics                // that were recorded
	kinds
)

// put writes a tally into the interval. The memory of what was there before is used again.
func (v *interval) put(k kind, series int, t *tally) {
	list := v.records[k]
	if len(list) < cap(list) {
		list = list[:len(list)+1]
	} else {
		list = append(list, record{})
	}
	r := &list[len(list)-1]
	*r = record{
		series: series, total: t.total, slow: t.slow, by: t.by, sum: t.sum, max: t.max, maxAt: t.maxAt,
		packed: appendCounts(r.packed[:0], &t.counts),
	}
	v.records[k] = list
}

func (v *interval) reset(from, to time.Duration) {
	v.from, v.to = from, to
	for k := range v.records {
		v.records[k] = v.records[k][:0]
	}
}

// level is a ring of intervals.
type level struct {
	ring []interval
	n    int // intervals so far; the newest is ring[(n-1)%len(ring)]
}

// at returns the i-th newest interval, from 0, of those that are kept.
func (l *level) at(i int) *interval { return &l.ring[(l.n-1-i)%len(l.ring)] }

func (l *level) kept() int { return min(l.n, len(l.ring)) }

// next returns the oldest interval's place for a new one.
func (l *level) next(from, to time.Duration) *interval {
	l.n++
	v := l.at(0)
	v.reset(from, to)
	return v
}

// history keeps the last intervals as they were collected, and older ones by the dozen: each level but the first has
// the intervals of the level before, perInterval of them in one. What it keeps is bounded by its levels and by the
// number of series.
type history struct {
	levels []level
	merge  map[int]*tally // scratch, by series
	spare  []*tally
}

// perInterval is how many intervals of a level make one of the next.
var perInterval = [...]int{10, 6}

// Bounds on what is kept, at one collection a second: a minute by the second, ten by ten seconds, and six hours by
// the minute.
var levelSizes = [...]int{70, 66, 361}

func newHistory() *history {
	h := &history{levels: make([]level, len(levelSizes)), merge: make(map[int]*tally)}
	for i, n := range levelSizes {
		h.levels[i].ring = make([]interval, n)
	}
	return h
}

// begin returns an interval to be filled, which ends now.
func (h *history) begin(from, to time.Duration) *interval { return h.levels[0].next(from, to) }

// finish makes the intervals of higher levels that the newest one completes. It returns the newest interval of the
// last level where that was made.
func (h *history) finish() *interval {
	for i, n := range perInterval {
		below := &h.levels[i]
		if below.n%n != 0 {
			return nil
		}
		v := h.levels[i+1].next(below.at(n-1).from, below.at(0).to)
		for k := range kinds {
			h.sum(k, func(visit func(*interval)) {
				for j := range n {
					visit(below.at(j))
				}
			}, func(series int, t *tally) { v.put(k, series, t) })
		}
	}
	return h.levels[len(perInterval)].at(0)
}

// since calls visit with the intervals, newest first, that cover the time from the given one until the last
// collection, by the finest level that still has them. The first may begin before that time: intervals are whole.
func (h *history) since(from time.Duration, visit func(*interval)) {
	end := time.Duration(1<<63 - 1) // all from here on was visited
	for i := range h.levels {
		l := &h.levels[i]
		if l.n == 0 {
			return
		}
		// A finer level is left at a boundary of the next, which goes on from there.
		least := from
		if oldest := l.at(l.kept() - 1).from; oldest > from && i+1 < len(h.levels) {
			least = h.levels[i+1].boundary(oldest)
		}
		for j := range l.kept() {
			v := l.at(j)
			if v.to > end {
				continue
			}
			if v.to <= least {
				break
			}
			visit(v)
			end = v.from
		}
		if end <= from {
			return
		}
	}
}

// boundary returns the earliest time from t on at which an interval begins or ends, t itself where there is none.
func (l *level) boundary(t time.Duration) time.Duration {
	b := t
	for j := range l.kept() {
		v := l.at(j)
		if v.to < t {
			break
		}
		if b = v.to; v.from >= t {
			b = v.from
		}
	}
	return b
}

// sum calls each with the sums by series of the intervals that walk visits, in no order. A tally is gone when each
// returns.
func (h *history) sum(k kind, walk func(visit func(*interval)), each func(series int, t *tally)) {
	walk(func(v *interval) {
		for i := range v.records[k] {
			r := &v.records[k][i]
			t := h.merge[r.series]
			if t == nil {
				if n := len(h.spare); n > 0 {
					t, h.spare = h.spare[n-1], h.spare[:n-1]
				} else {
					t = new(tally)
				}
				h.merge[r.series] = t
			}
			t.add(r)
		}
	})
	for series, t := range h.merge {
		each(series, t)
		*t = tally{}
		h.spare = append(h.spare, t)
	}
	clear(h.merge)
}
