package executor

import (
	"math"
	"math/bits"
	"sort"
	"time"
)

// Arrivals tells when the iterations of an open model are due. It is a pure function: nothing is added up from
// iteration to iteration, so that nothing drifts.
type Arrivals struct {
	length time.Duration
	total  int64
	// A constant rate of rate iterations every unit is exact in whole numbers.
	rate int
	unit time.Duration
	// A ramping rate is one piece for each stage that takes time; nil for a constant rate.
	pieces []piece
}

// piece is a stretch over which the rate is a straight line.
type piece struct {
	start    time.Duration
	seconds  float64
	from, to float64 // iterations per second
	before   float64 // iterations due before it
}

func (p *piece) iterations() float64 { return p.seconds * (p.from + p.to) / 2 }

// tolerance is how much less than a whole iteration the rate may add up to at the schedule's end and still be
// one: rounding must not lose the last iteration of a round number.
const tolerance = 1e-6

func constantArrivals(rate int, unit, length time.Duration) *Arrivals {
	a := &Arrivals{length: length, rate: rate, unit: unit}
	// The n-th is due at n*unit/rate, which is before the end for n < length*rate/unit.
	hi, lo := bits.Mul64(uint64(length), uint64(rate))
	q, r := bits.Div64(hi, lo, uint64(unit))
	a.total = int64(q)
	if r > 0 {
		a.total++
	}
	return a
}

func rampingArrivals(start int, unit time.Duration, stages []Stage) *Arrivals {
	a := &Arrivals{unit: unit, pieces: []piece{}}
	perSecond := func(n int) float64 { return float64(n) / unit.Seconds() }
	before := 0.0
	from := perSecond(start)
	for _, s := range stages {
		to := perSecond(s.Target)
		if d := time.Duration(s.Duration); d > 0 {
			p := piece{start: a.length, seconds: d.Seconds(), from: from, to: to, before: before}
			a.pieces = append(a.pieces, p)
			a.length += d
			before += p.iterations()
		}
		from = to
	}
	a.total = int64(math.Floor(before + tolerance))
	return a
}

// Total returns how many iterations there are.
func (a *Arrivals) Total() int64 { return a.total }

// Length returns how long the schedule is.
func (a *Arrivals) Length() time.Duration { return a.length }

// Due returns when, after the scenario's start, iteration n is due, n counting from 0; false where there are
// no more. Times never fall as n rises.
func (a *Arrivals) Due(n int64) (time.Duration, bool) {
	if n < 0 || n >= a.total {
		return 0, false
	}
	if a.pieces == nil {
		hi, lo := bits.Mul64(uint64(n), uint64(a.unit))
		q, _ := bits.Div64(hi, lo, uint64(a.rate))
		return time.Duration(q), true
	}
	count := float64(n + 1) // the rate has to add up to it
	i := sort.Search(len(a.pieces), func(i int) bool { return a.pieces[i].before+a.pieces[i].iterations() >= count })
	if i == len(a.pieces) { // within the tolerance
		return a.length, true
	}
	p := &a.pieces[i]
	// In a piece, x seconds bring from*x + (to-from)/(2*seconds)*x*x iterations. Solved for x, in the form that
	// neither divides by to-from, which may be 0, nor subtracts what is nearly equal.
	m := count - p.before
	slope := (p.to - p.from) / p.seconds
	x := 2 * m / (p.from + math.Sqrt(max(p.from*p.from+2*slope*m, 0)))
	return p.start + time.Duration(min(x, p.seconds)*float64(time.Second)), true
}

// DueBy returns how many iterations are due up to and including a time after the scenario's start.
func (a *Arrivals) DueBy(elapsed time.Duration) int64 {
	return int64(sort.Search(int(a.total), func(n int) bool {
		due, _ := a.Due(int64(n))
		return due > elapsed
	}))
}

// RateAt returns the rate at a time after the scenario's start, in iterations per second; 0 outside of it.
func (a *Arrivals) RateAt(elapsed time.Duration) float64 {
	switch {
	case elapsed < 0 || elapsed >= a.length:
		return 0
	case a.pieces == nil:
		return float64(a.rate) / a.unit.Seconds()
	}
	i := sort.Search(len(a.pieces), func(i int) bool { return a.pieces[i].start > elapsed }) - 1
	p := &a.pieces[i]
	return p.from + (p.to-p.from)*(elapsed-p.start).Seconds()/p.seconds
}
