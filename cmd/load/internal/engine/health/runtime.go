package health

import (
	"math"
	"runtime/metrics"
	"time"
)

// readings are what Go's runtime tells of itself, from the process's start.
type readings struct {
	gcCPU  float64      // seconds
	pauses distribution // of the world, for collecting garbage
	lags   distribution // of goroutines, from being ready to running
}

func readRuntime() readings {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/sched/pauses/total/gc:seconds"}, {Name: "/sched/latencies:seconds"},
	}
	metrics.Read(samples)
	var r readings
	if v := samples[0].Value; v.Kind() == metrics.KindFloat64 {
		r.gcCPU = v.Float64()
	}
	r.pauses, r.lags = distributionOf(samples[1].Value), distributionOf(samples[2].Value)
	return r
}

// distribution is counts of durations in buckets: bucket i goes up to upper[i], in seconds, which may be infinite for
// the last. The bounds are the runtime's own and not to be changed.
type distribution struct {
	counts []uint64
	upper  []float64
}

// distributionOf returns the runtime's histogram, empty where it has none.
func distributionOf(v metrics.Value) distribution {
	if v.Kind() != metrics.KindFloat64Histogram {
		return distribution{}
	}
	h := v.Float64Histogram()
	return distribution{counts: h.Counts, upper: h.Buckets[1:]}
}

// since returns what has come since an earlier reading.
func (d distribution) since(before distribution) distribution {
	if len(d.counts) != len(before.counts) {
		return d
	}
	counts := make([]uint64, len(d.counts))
	for i := range counts {
		counts[i] = d.counts[i] - before.counts[i]
	}
	return distribution{counts: counts, upper: d.upper}
}

// quantile returns the upper bound of the bucket in which the share q, from 0 to 1, is reached; 0 where nothing was
// counted.
func (d distribution) quantile(q float64) time.Duration {
	var total, seen uint64
	for _, n := range d.counts {
		total += n
	}
	rank := max(uint64(math.Ceil(q*float64(total))), 1)
	for i, n := range d.counts {
		if seen += n; seen >= rank {
			if math.IsInf(d.upper[i], 1) && i > 0 { // beyond all that the runtime tells apart
				i--
			}
			return time.Duration(d.upper[i] * float64(time.Second))
		}
	}
	return 0
}
