package metrics

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Histogram counts values in buckets whose width is 1/1024 of their lower power of two, which keeps three
// significant figures of anything a float64 can hold: a bucket's middle is within 0.05 % of every value in
// it. The idea is Gil Tene's HdrHistogram; taking the bucket from the bits of the float, instead of from an
// integer in a chosen unit, spares the choice of a unit and a range.
//
// Buckets live in blocks of a quarter power of two that are made when first needed, so that the memory
// follows the spread of the values, not their number: some 20 KB for the latencies of one endpoint.
//
// The zero Histogram is empty and ready. It is not safe for concurrent use.
type Histogram struct {
	count    uint64
	zeros    uint64
	sum      float64
	min, max float64
	positive side
	negative side // by magnitude
}

// side holds the blocks of one sign; blocks[i] is block first+i, and nil where it is empty.
type side struct {
	first  int
	blocks []*[blockSize]uint64
}

const (
	mantissaBits = 10 // of the 52 that a float64 has
	blockBits    = 8
	blockSize    = 1 << blockBits
)

// bucketOf returns the number of the bucket that v, v > 0, falls into; numbers rise with values.
func bucketOf(v float64) int { return int(math.Float64bits(v) >> (52 - mantissaBits)) }

// middle returns the middle of a bucket.
func middle(bucket int) float64 {
	low := math.Float64frombits(uint64(bucket) << (52 - mantissaBits))
	high := math.Float64frombits(uint64(bucket+1) << (52 - mantissaBits))
	return low + (high-low)/2
}

func (s *side) add(v float64, n uint64) {
	bucket := bucketOf(v)
	s.block(bucket >> blockBits)[bucket&(blockSize-1)] += n
}

func (s *side) block(i int) *[blockSize]uint64 {
	switch {
	case len(s.blocks) == 0:
		s.first, s.blocks = i, make([]*[blockSize]uint64, 1)
	case i < s.first:
		s.blocks = slices.Insert(s.blocks, 0, make([]*[blockSize]uint64, s.first-i)...)
		s.first = i
	case i >= s.first+len(s.blocks):
		s.blocks = append(s.blocks, make([]*[blockSize]uint64, i-s.first-len(s.blocks)+1)...)
	}
	b := s.blocks[i-s.first]
	if b == nil {
		b = new([blockSize]uint64)
		s.blocks[i-s.first] = b
	}
	return b
}

func (s *side) merge(o *side) {
	for i, b := range o.blocks {
		if b == nil {
			continue
		}
		own := s.block(o.first + i)
		for j, n := range b {
			own[j] += n
		}
	}
}

func (s *side) reset() {
	for _, b := range s.blocks {
		if b != nil {
			clear(b[:])
		}
	}
}

// Add counts a value. NaN is not counted.
func (h *Histogram) Add(v float64) { h.AddN(v, 1) }

// AddN counts a value n times.
func (h *Histogram) AddN(v float64, n uint64) {
	if math.IsNaN(v) || n == 0 {
		return
	}
	if h.count == 0 || v < h.min {
		h.min = v
	}
	if h.count == 0 || v > h.max {
		h.max = v
	}
	h.count += n
	h.sum += v * float64(n)
	switch {
	case v > 0:
		h.positive.add(v, n)
	case v < 0:
		h.negative.add(-v, n)
	default:
		h.zeros += n
	}
}

// Merge adds what o has counted.
func (h *Histogram) Merge(o *Histogram) {
	if o.count == 0 {
		return
	}
	if h.count == 0 || o.min < h.min {
		h.min = o.min
	}
	if h.count == 0 || o.max > h.max {
		h.max = o.max
	}
	h.count += o.count
	h.zeros += o.zeros
	h.sum += o.sum
	h.positive.merge(&o.positive)
	h.negative.merge(&o.negative)
}

// Reset empties the histogram and keeps its memory for what comes.
func (h *Histogram) Reset() {
	h.positive.reset()
	h.negative.reset()
	*h = Histogram{positive: h.positive, negative: h.negative}
}

// Count returns how many values were counted.
func (h *Histogram) Count() uint64 { return h.count }

// Sum returns the sum of the values, exactly as added up.
func (h *Histogram) Sum() float64 { return h.sum }

// Min returns the smallest value, exactly; 0 where there is none.
func (h *Histogram) Min() float64 { return h.min }

// Max returns the largest value, exactly; 0 where there is none.
func (h *Histogram) Max() float64 { return h.max }

// Mean returns the mean of the values, exactly as added up; 0 where there is none.
func (h *Histogram) Mean() float64 {
	if h.count == 0 {
		return 0
	}
	return h.sum / float64(h.count)
}

// Quantile returns the value below or at which the share q, 0 to 1, of the values lie, to three significant
// figures: the middle of the bucket that holds the ceil(q*count)-th smallest value, kept between Min and
// Max. It returns 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) float64 {
	if h.count == 0 {
		return 0
	}
	rank := rankOf(q, h.count)
	switch rank { // the ends are known exactly
	case 1:
		return h.min
	case h.count:
		return h.max
	}
	result := h.max
	var seen uint64
	h.Each(func(value float64, n uint64) bool {
		seen += n
		if seen >= rank {
			result = value
			return false
		}
		return true
	})
	return min(max(result, h.min), h.max)
}

// rankOf returns which of so many values, counted from 1, is the one below or at which the share q of them lie. Rounding
// makes a little more than 999 of 1,000 times 99.9 %, which is no reason to take the next one.
func rankOf(q float64, count uint64) uint64 {
	rank := q * float64(count)
	return min(max(uint64(math.Ceil(rank-rank*1e-12)), 1), count)
}

// Stat returns the statistic that k6 calls by the name: avg, min, med, max, count, or p(N), the percentile N from 0 to
// 100. The error is for what is none.
func (h *Histogram) Stat(name string) (float64, error) {
	switch name {
	case "avg":
		return h.Mean(), nil
	case "min":
		return h.Min(), nil
	case "med":
		return h.Quantile(0.5), nil
	case "max":
		return h.Max(), nil
	case "count":
		return float64(h.Count()), nil
	}
	if p, ok := strings.CutPrefix(name, "p("); ok {
		if number, ok := strings.CutSuffix(p, ")"); ok {
			if q, err := strconv.ParseFloat(strings.TrimSpace(number), 64); err == nil && q >= 0 && q <= 100 {
				return h.Quantile(q / 100), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no trend statistic; they are avg, min, med, max, count and p(N), such as p(99.9)", name)
}

// Each calls f with the middle and the count of every bucket that is not empty, in rising order, until it
// returns false.
func (h *Histogram) Each(f func(value float64, n uint64) bool) {
	for i := len(h.negative.blocks) - 1; i >= 0; i-- {
		b := h.negative.blocks[i]
		if b == nil {
			continue
		}
		for j := blockSize - 1; j >= 0; j-- {
			if b[j] > 0 && !f(-middle((h.negative.first+i)<<blockBits|j), b[j]) {
				return
			}
		}
	}
	if h.zeros > 0 && !f(0, h.zeros) {
		return
	}
	for i, b := range h.positive.blocks {
		if b == nil {
			continue
		}
		for j, n := range b {
			if n > 0 && !f(middle((h.positive.first+i)<<blockBits|j), n) {
				return
			}
		}
	}
}
