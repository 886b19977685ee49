package dist

import (
	"math"
	"math/bits"
)

// Shape gives the relative number of items of the owner at rank x, 0 < x < 1, where 0 is the owner with the
// most and 1 the one with the fewest. It must use only operations that are exact in IEEE 754 (see the
// package's comment).
type Shape func(x float64) float64

// Tail is the shape 1 / (1 + k x)^1.5, heavy-tailed whatever the number of owners: for k = 200 the first
// 1 % of owners have 45 % of all items, for k = 100 32 %, for k = 30 15 %.
func Tail(k float64) Shape {
	return func(x float64) float64 {
		y := 1 + float64(k*x)
		return 1 / float64(y*math.Sqrt(y))
	}
}

// Fall is the shape (1 - x)^2: most owners have some items, none has more than three times the mean.
func Fall(x float64) float64 {
	return float64((1 - x) * (1 - x))
}

// Even is the shape that gives all owners the same number of items, or one more.
func Even(float64) float64 { return 1 }

// Quota divides items 0 to n-1 among owners of ranks 0 to k-1. Items of one owner are neighbours, and owners
// are in the order of their ranks. Ranks are gathered in bins, eight to every doubling of the rank, and
// within a bin the owners' numbers of items differ by one at most: so questions in both directions are
// answered from a table of some hundred bins.
type Quota struct {
	items, owners int64
	bins          []bin
	// guide[i>>guideShift] is the bin of the first item of that stretch of items, or an earlier one.
	guide      []uint16
	guideShift uint
}

// bin is a run of owners of whom the first `extra` have each+1 items and the others have each.
type bin struct {
	firstOwner, owners int64
	firstItem          int64
	each, extra        int64
}

// guideBits bounds the length of the guide to 2^guideBits entries.
const guideBits = 10

// NewQuota divides items among owners so that the numbers follow shape, with at most limit for each owner.
// There have to be owners for all: items <= owners*limit.
func NewQuota(items, owners, limit int64, shape Shape) *Quota {
	q := &Quota{items: items, owners: owners}
	if owners <= 0 || items <= 0 {
		q.items = 0
		return q
	}
	var weights []float64
	for first := int64(0); first < owners; {
		next := binStart(binOf(first) + 1)
		n := min(next, owners) - first
		q.bins = append(q.bins, bin{firstOwner: first, owners: n})
		x := (float64(first) + float64(float64(n)*0.5)) / float64(owners)
		weights = append(weights, float64(float64(n)*shape(x)))
		first += n
	}
	counts := q.divide(weights, limit)
	var item int64
	for i := range q.bins {
		b := &q.bins[i]
		b.firstItem = item
		b.each, b.extra = counts[i]/b.owners, counts[i]%b.owners
		item += counts[i]
	}
	q.guideShift = uint(max(0, bits.Len64(uint64(items-1))-guideBits))
	at := 0
	for first := int64(0); first < items; first += 1 << q.guideShift {
		for at+1 < len(q.bins) && q.bins[at+1].firstItem <= first {
			at++
		}
		q.guide = append(q.guide, uint16(at))
	}
	return q
}

// divide returns the number of items of each bin.
func (q *Quota) divide(weights []float64, limit int64) []int64 {
	counts := make([]int64, len(q.bins))
	full := make([]bool, len(q.bins))
	left := q.items
	room := func(i int) int64 {
		capacity := q.items
		if limit <= q.items/q.bins[i].owners { // else the product is larger anyway and might overflow
			capacity = q.bins[i].owners * limit
		}
		return capacity - counts[i]
	}
	// Bins whose share would be more than they have room for get what they have room for, and the others
	// share what remains, until nothing overflows.
	for again := true; again; {
		again = false
		sum := 0.0
		for i, w := range weights {
			if !full[i] {
				sum += w
			}
		}
		for i, w := range weights {
			if !full[i] && sum > 0 && float64(w/sum)*float64(left) > float64(room(i)) {
				counts[i], full[i], again = room(i), true, true
			}
		}
		left = q.items
		for _, c := range counts {
			left -= c
		}
	}
	sum := 0.0
	for i, w := range weights {
		if !full[i] {
			sum += w
		}
	}
	// Rounding the running total rather than each share makes the shares sum exactly.
	given, running := int64(0), 0.0
	for i, w := range weights {
		if full[i] || sum == 0 {
			continue
		}
		running += w
		upTo := min(left, int64(float64(running/sum)*float64(left)))
		n := min(upTo-given, room(i))
		counts[i] += n
		given += n
	}
	// What rounding left over goes to whoever has room, the lowest ranks first.
	for i := 0; i < len(counts) && given < left; i++ {
		n := min(left-given, room(i))
		counts[i] += n
		given += n
	}
	return counts
}

// binOf returns the bin of an owner's rank.
func binOf(rank int64) int {
	if rank < 8 {
		return int(rank)
	}
	doubling := bits.Len64(uint64(rank)) - 4
	return 8*doubling + int(rank>>doubling)
}

// binStart returns the first rank of a bin.
func binStart(b int) int64 {
	if b < 16 {
		return int64(b)
	}
	return int64(8+b%8) << (b/8 - 1)
}

// Owner returns the rank of the owner of an item and which of the owner's items it is, from 0.
func (q *Quota) Owner(item int64) (rank, nth int64) {
	at := int(q.guide[item>>q.guideShift])
	for at+1 < len(q.bins) && q.bins[at+1].firstItem <= item {
		at++
	}
	b := &q.bins[at]
	offset := uint64(item - b.firstItem)
	each, extra := uint64(b.each), uint64(b.extra)
	if more := extra * (each + 1); offset >= more {
		offset -= more
		return b.firstOwner + int64(extra+offset/each), int64(offset % each)
	}
	return b.firstOwner + int64(offset/(each+1)), int64(offset % (each + 1))
}

// Span returns the first item of the owner at a rank and how many items that owner has.
func (q *Quota) Span(rank int64) (first, count int64) {
	if q.items == 0 {
		return 0, 0
	}
	b := &q.bins[binOf(rank)]
	o := rank - b.firstOwner
	first = b.firstItem + o*b.each + min(o, b.extra)
	if o < b.extra {
		return first, b.each + 1
	}
	return first, b.each
}

// Items returns the number of items.
func (q *Quota) Items() int64 { return q.items }

// Owners returns the number of owners.
func (q *Quota) Owners() int64 { return q.owners }
