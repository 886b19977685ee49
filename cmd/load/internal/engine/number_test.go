package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestNumbersOfUsers(t *testing.T) {
	const minute = time.Minute
	for _, c := range []struct {
		name          string
		spans         []span
		bases         []int
		planned, peak int
	}{
		{"one after the other", []span{{0, 10 * minute, 200, 200}, {11 * minute, 20 * minute, 600, 600}, {21 * minute, 30 * minute, 1000, 1000}}, []int{0, 0, 0}, 1000, 1000},
		{"together", []span{{0, 10 * minute, 50, 200}, {5 * minute, 20 * minute, 100, 500}}, []int{0, 200}, 150, 700},
		{"a gap is used", []span{{0, 10 * minute, 10, 10}, {0, 30 * minute, 20, 20}, {15 * minute, 20 * minute, 10, 10}, {15 * minute, 20 * minute, 11, 11}}, []int{0, 10, 0, 30}, 41, 41},
		{"without end", []span{{0, 0, 5, 5}, {100 * minute, 101 * minute, 7, 7}}, []int{0, 5}, 12, 12},
		{"later ones first", []span{{20 * minute, 30 * minute, 5, 5}, {0, 25 * minute, 7, 7}}, []int{7, 0}, 12, 12},
	} {
		planned, peak := most(c.spans)
		if got := number(c.spans); !slices.Equal(got, c.bases) || planned != c.planned || peak != c.peak {
			t.Errorf("%s: bases %v, %d planned, %d at most", c.name, got, planned, peak)
		}
	}
}

func TestUsersWhoMeetHaveDifferentNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		spans := make([]span, 1+rng.IntN(8))
		for i := range spans {
			start := time.Duration(rng.IntN(100)) * time.Second
			spans[i] = span{start: start, end: start + time.Duration(1+rng.IntN(50))*time.Second, peak: 1 + rng.IntN(30)}
			if rng.IntN(10) == 0 {
				spans[i].end = 0
			}
		}
		bases := number(spans)
		for i, a := range spans {
			for j, b := range spans[:i] {
				if a.overlaps(b) && bases[i] < bases[j]+b.peak && bases[j] < bases[i]+a.peak {
					t.Fatalf("%v from %d and %v from %d meet", a, bases[i], b, bases[j])
				}
			}
		}
	}
}
