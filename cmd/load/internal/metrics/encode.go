package metrics

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// histogramJSON is a Histogram in a file. Positive and Negative are the buckets of either sign, smallest
// magnitude first, as unsigned varints in base64: for each bucket that is not empty, how far its number is from
// the one before (from 0 for the first), and its count. Bucket b holds the magnitudes from the float64 whose
// bits are b<<42 up to that of b+1.
type histogramJSON struct {
	Count    uint64  `json:"count"`
	Sum      float64 `json:"sum"`
	Min      float64 `json:"min"`
	Max      float64 `json:"max"`
	Zeros    uint64  `json:"zeros,omitempty"`
	Positive string  `json:"positive,omitempty"`
	Negative string  `json:"negative,omitempty"`
}

// MarshalJSON implements json.Marshaler. What is read back equals what was written.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	return json.Marshal(histogramJSON{
		Count: h.count, Sum: h.sum, Min: h.min, Max: h.max, Zeros: h.zeros,
		Positive: h.positive.encode(), Negative: h.negative.encode(),
	})
}

// UnmarshalJSON implements json.Unmarshaler. It refuses counts that do not add up.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	var j histogramJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	read := Histogram{count: j.Count, sum: j.Sum, min: j.Min, max: j.Max, zeros: j.Zeros}
	positive, err := read.positive.decode(j.Positive)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	negative, err := read.negative.decode(j.Negative)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	if positive+negative+j.Zeros != j.Count {
		return fmt.Errorf("histogram: the buckets hold %d values, not %d", positive+negative+j.Zeros, j.Count)
	}
	*h = read
	return nil
}

func (s *side) encode() string {
	var out []byte
	last := 0
	for i, b := range s.blocks {
		if b == nil {
			continue
		}
		for j, n := range b {
			if n == 0 {
				continue
			}
			bucket := (s.first+i)<<blockBits | j
			out = binary.AppendUvarint(out, uint64(bucket-last))
			out = binary.AppendUvarint(out, n)
			last = bucket
		}
	}
	return base64.RawStdEncoding.EncodeToString(out)
}

// maxBucket is that of infinity.
const maxBucket = 0x7ff << mantissaBits

func (s *side) decode(text string) (count uint64, err error) {
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return 0, fmt.Errorf("read buckets: %w", err)
	}
	bucket := uint64(0)
	for len(data) > 0 {
		step, a := binary.Uvarint(data)
		n, b := binary.Uvarint(data[max(a, 0):])
		bucket += step
		if a <= 0 || b <= 0 || bucket > maxBucket {
			return 0, errors.New("read buckets: they are damaged")
		}
		data = data[a+b:]
		s.block(int(bucket >> blockBits))[bucket&(blockSize-1)] += n
		count += n
	}
	return count, nil
}
