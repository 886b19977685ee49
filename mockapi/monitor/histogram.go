package monitor

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// Values are kept as whole thousandths of their unit: a duration of 1.5 ms is 1500, a layout shift of 0.1 is 100.
// Buckets are linear up to 63 and then 32 to each power of two, as those of HdrHistogram are, so that a bucket's
// middle is at most 1/64 (1.6 %) off. The last one takes all from 2^32, 71 minutes, on.
const (
	subBits = 5
	buckets = (32-subBits)<<subBits + 1<<subBits
	largest = 1<<32 - 1
)

// bucketOf returns the bucket of a value that is not negative.
func bucketOf(v int64) int {
	u := uint64(min(v, largest))
	shift := max(bits.Len64(u)-subBits-1, 0)
	return shift<<subBits + int(u>>shift)
}

// middleOf returns the value that stands for all of a bucket.
func middleOf(bucket int) int64 {
	if bucket < 2<<subBits {
		return int64(bucket)
	}
	shift := bucket>>subBits - 1
	low := int64(bucket-shift<<subBits) << shift
	return low + (int64(1)<<shift-1)/2
}

// counts is a histogram that is being filled.
type counts [buckets]uint32

// appendCounts appends a histogram without its empty buckets: for each other one, how many buckets it lies after
// the one before, and its count.
func appendCounts(b []byte, c *counts) []byte {
	last := -1
	for i, n := range c {
		if n > 0 {
			b = binary.AppendUvarint(b, uint64(i-last))
			b = binary.AppendUvarint(b, uint64(n))
			last = i
		}
	}
	return b
}

// add adds what appendCounts has written.
func (c *counts) add(b []byte) {
	at := -1
	for len(b) > 0 {
		step, n := binary.Uvarint(b)
		b = b[n:]
		count, n := binary.Uvarint(b)
		b = b[n:]
		at += int(step)
		c[at] += uint32(count)
	}
}

// quantile returns the value at the nearest rank of share q of all counts, 0 < q <= 1, which is no larger than the
// largest of them; 0 where there are none.
func (c *counts) quantile(q float64, largest int64) int64 {
	var total uint64
	for _, n := range c {
		total += uint64(n)
	}
	rank := max(uint64(math.Ceil(q*float64(total))), 1)
	var seen uint64
	for i, n := range c {
		if seen += uint64(n); seen >= rank {
			return min(middleOf(i), largest)
		}
	}
	return 0
}

// thousandths and units turn values into what is kept, and back.
func thousandths(v float64) int64 { return int64(math.Round(v * 1000)) }
func units(v int64) float64       { return float64(v) / 1000 }

// milliseconds writes a duration as the API does, to the microsecond.
func milliseconds(d time.Duration) float64 { return units(d.Microseconds()) }
