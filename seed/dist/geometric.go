package dist

import (
	"math"
	"math/bits"
)

// Geometric draws numbers between min and max so that their logarithms are spread evenly: as many between
// 1 and 10 as between 10 and 100.
type Geometric struct {
	points [1<<geometricBits + 1]int64
}

const geometricBits = 8

// NewGeometric prepares draws from [lo, hi), 0 < lo < hi.
func NewGeometric(lo, hi int64) *Geometric {
	g := &Geometric{}
	g.points[0], g.points[len(g.points)-1] = lo, hi
	// The middle of two points on a logarithmic scale is the square root of their product, which is exact
	// to the bit everywhere, unlike logarithms and powers.
	for step := len(g.points) - 1; step > 1; step /= 2 {
		for i := 0; i+step < len(g.points); i += step {
			g.points[i+step/2] = int64(math.Sqrt(float64(float64(g.points[i]) * float64(g.points[i+step]))))
		}
	}
	return g
}

// At maps 64 random bits to a number in [lo, hi).
func (g *Geometric) At(u uint64) int64 {
	i := u >> (64 - geometricBits)
	lo, hi := g.points[i], g.points[i+1]
	offset, _ := bits.Mul64(u<<geometricBits, uint64(hi-lo))
	return lo + int64(offset)
}
