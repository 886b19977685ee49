package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
)

// span is when a scenario has users, and how many.
type span struct {
	start, end    time.Duration // end is 0 for never
	planned, peak int
}

func spanOf(c executor.Config) span {
	return span{start: time.Duration(c.Common().StartTime), end: executor.Last(c), planned: c.PlannedVUs(), peak: c.PeakVUs()}
}

// overlaps tells whether both have users at the same time.
func (s span) overlaps(o span) bool {
	return (s.end == 0 || o.start < s.end) && (o.end == 0 || s.start < o.end)
}

// number gives every scenario a block of user numbers, and returns what comes before each block. Scenarios that
// do not meet share numbers, as k6's share users, so that three scenarios of 1,000 users one after the other
// are 1,000 people who log in, not 3,000.
func number(spans []span) (bases []int) {
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(spans[a].start, spans[b].start) })
	bases = make([]int, len(spans))
	for n, i := range order {
		// A block can start at 0 or behind another one.
		candidates := []int{0}
		for _, j := range order[:n] {
			candidates = append(candidates, bases[j]+spans[j].peak)
		}
		slices.Sort(candidates)
		for _, base := range candidates {
			taken := slices.ContainsFunc(order[:n], func(j int) bool {
				return spans[i].overlaps(spans[j]) && base < bases[j]+spans[j].peak && bases[j] < base+spans[i].peak
			})
			if !taken {
				bases[i] = base
				break
			}
		}
	}
	return bases
}

// most returns the most users at the same time: those who are planned, and those who may be needed.
func most(spans []span) (planned, peak int) {
	for _, at := range spans { // the number rises only where a scenario starts
		p, q := 0, 0
		for _, s := range spans {
			if s.start <= at.start && (s.end == 0 || at.start < s.end) {
				p += s.planned
				q += s.peak
			}
		}
		planned, peak = max(planned, p), max(peak, q)
	}
	return planned, peak
}
