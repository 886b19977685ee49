package metrics

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Sketch is a small distribution of values that are not negative, for the points of a [Timeline], of which a
// run keeps thousands. Its buckets are 1/32 of their lower power of two wide, and only those that are not empty
// take memory. Values below 0 count as 0.
//
// The zero Sketch is empty and ready. It is not safe for concurrent use.
type Sketch struct {
	count, zeros uint64
	sum          float64
	buckets      []sketchBucket // rising
}

type sketchBucket struct {
	number int32
	count  uint64
}

const sketchBits = 5

func sketchBucketOf(v float64) int32 { return int32(math.Float64bits(v) >> (52 - sketchBits)) }

// sketchBounds are the least value of a bucket and of the next one.
func sketchBounds(b int32) (low, high float64) {
	return math.Float64frombits(uint64(b) << (52 - sketchBits)), math.Float64frombits(uint64(b+1) << (52 - sketchBits))
}

// AddHistogram counts what a Histogram has counted.
func (s *Sketch) AddHistogram(h *Histogram) {
	if h == nil || h.count == 0 {
		return
	}
	o := Sketch{count: h.count, sum: h.sum}
	h.Each(func(v float64, n uint64) bool {
		if v <= 0 {
			o.zeros += n
			return true
		}
		b := sketchBucketOf(v)
		if last := len(o.buckets) - 1; last >= 0 && o.buckets[last].number == b {
			o.buckets[last].count += n
		} else {
			o.buckets = append(o.buckets, sketchBucket{b, n})
		}
		return true
	})
	s.Merge(&o)
}

// Merge adds what o has counted.
func (s *Sketch) Merge(o *Sketch) {
	s.count += o.count
	s.zeros += o.zeros
	s.sum += o.sum
	if len(o.buckets) == 0 {
		return
	}
	merged := make([]sketchBucket, 0, len(s.buckets)+len(o.buckets))
	own, other := s.buckets, o.buckets
	for len(own) > 0 && len(other) > 0 {
		switch a, b := own[0], other[0]; {
		case a.number < b.number:
			merged, own = append(merged, a), own[1:]
		case a.number > b.number:
			merged, other = append(merged, b), other[1:]
		default:
			merged = append(merged, sketchBucket{a.number, a.count + b.count})
			own, other = own[1:], other[1:]
		}
	}
	merged = append(append(merged, own...), other...)
	s.buckets = slices.Clone(merged) // of the right size
}

// Count returns how many values were counted.
func (s *Sketch) Count() uint64 { return s.count }

// Mean returns the mean of the values, exactly as added up; 0 where there is none.
func (s *Sketch) Mean() float64 {
	if s.count == 0 {
		return 0
	}
	return s.sum / float64(s.count)
}

// Quantile returns the value below or at which the share q, 0 to 1, of the values lie; 0 where there is none. It is
// within 3.1 % of the true one, and mostly much closer: the values of a bucket are taken to lie evenly in it, so that
// a distribution that moves by less than a bucket is seen to.
func (s *Sketch) Quantile(q float64) float64 {
	if s.count == 0 {
		return 0
	}
	rank := rankOf(q, s.count)
	seen := s.zeros
	if seen >= rank {
		return 0
	}
	for _, b := range s.buckets {
		if seen+b.count >= rank {
			low, high := sketchBounds(b.number)
			return low + (high-low)*(float64(rank-seen)-0.5)/float64(b.count)
		}
		seen += b.count
	}
	return 0
}

// sketchJSON is a Sketch in a file; Buckets is written as a [Histogram]'s are, bucket b being the values from
// the float64 whose bits are b<<47 up to that of b+1.
type sketchJSON struct {
	Count   uint64  `json:"count"`
	Sum     float64 `json:"sum"`
	Zeros   uint64  `json:"zeros,omitempty"`
	Buckets string  `json:"buckets,omitempty"`
}

// MarshalJSON implements json.Marshaler. What is read back equals what was written.
func (s *Sketch) MarshalJSON() ([]byte, error) {
	var out []byte
	last := int32(0)
	for _, b := range s.buckets {
		out = binary.AppendUvarint(out, uint64(b.number-last))
		out = binary.AppendUvarint(out, b.count)
		last = b.number
	}
	return json.Marshal(sketchJSON{s.count, s.sum, s.zeros, base64.RawStdEncoding.EncodeToString(out)})
}

// UnmarshalJSON implements json.Unmarshaler. It refuses counts that do not add up.
func (s *Sketch) UnmarshalJSON(data []byte) error {
	var j sketchJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	packed, err := base64.RawStdEncoding.DecodeString(j.Buckets)
	if err != nil {
		return fmt.Errorf("sketch: read buckets: %w", err)
	}
	read := Sketch{count: j.Count, sum: j.Sum, zeros: j.Zeros}
	total, number := j.Zeros, uint64(0)
	for len(packed) > 0 {
		step, a := binary.Uvarint(packed)
		n, b := binary.Uvarint(packed[max(a, 0):])
		number += step
		if a <= 0 || b <= 0 || number > 0x7ff<<sketchBits || step == 0 {
			return errors.New("sketch: the buckets are damaged")
		}
		packed = packed[a+b:]
		read.buckets = append(read.buckets, sketchBucket{int32(number), n})
		total += n
	}
	if total != j.Count {
		return fmt.Errorf("sketch: the buckets hold %d values, not %d", total, j.Count)
	}
	*s = read
	return nil
}
