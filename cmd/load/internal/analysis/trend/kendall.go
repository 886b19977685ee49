package trend

import (
	"cmp"
	"math"
	"slices"
)

// sample is a value of a quantity at a time, in hours. Samples of different segments, such as of a process and of the
// one that took its place, are never compared with one another.
type sample struct {
	at, value float64
	segment   int
}

// line is a trend through samples.
type line struct {
	slope, low, high float64 // per hour; the slope lies between low and high with the confidence that was asked for
	base             float64 // the value at hour 0
	segment          int     // the largest one, whose base it is
}

func (l line) at(hours float64) float64 { return l.base + l.slope*hours }

// rises tells that the slope is above 0 with the confidence that was asked for, falls that it is below.
func (l line) rises() bool { return l.low > 0 }
func (l line) falls() bool { return l.high < 0 }

// fit draws the line whose slope is the median of the slopes between all pairs of samples (Theil 1950; Sen 1968,
// Estimates of the regression coefficient based on Kendall's tau, JASA 63), which a quarter of wild values does not
// move. Its interval is Sen's: the slopes at the ranks (N ± z·σ)/2 of all N, σ² being the variance of Kendall's S
// without a trend. Two corrections apply to σ²:
//
//   - Only pairs within a segment count, and σ² is the sum over segments, n(n-1)(2n+5)/18 of each less what ties take
//     away (Hirsch, Slack and Smith 1982, Techniques of trend analysis for monthly water quality data, Water Resources
//     Research 18, where the segments are months).
//   - It is multiplied by n/n*, which makes up for samples that depend on those before them: see inflation.
//
// The base is the median of what the largest segment has left over the slope (Conover 1980). false means that there is
// no pair to compare.
func fit(samples []sample, confidence float64) (line, bool) {
	var slopes []float64
	for i, a := range samples {
		for _, b := range samples[i+1:] {
			if a.segment == b.segment && b.at > a.at {
				slopes = append(slopes, (b.value-a.value)/(b.at-a.at))
			}
		}
	}
	if len(slopes) == 0 {
		return line{}, false
	}
	slices.Sort(slopes)
	l := line{slope: middle(slopes)}
	rest := l.takenFrom(samples)
	z := math.Sqrt2 * math.Erfinv(confidence)
	width := z * math.Sqrt(variance(samples)*inflation(samples, rest))
	n := float64(len(slopes))
	l.low, l.high = rank(slopes, (n-width)/2), rank(slopes, (n+width)/2+1)
	return l, true
}

// takenFrom returns what is left of samples without the slope and the median of their segment, and sets the base.
func (l *line) takenFrom(samples []sample) []float64 {
	rest := make([]float64, len(samples))
	bySegment := map[int][]float64{}
	for i, s := range samples {
		rest[i] = s.value - l.slope*s.at
		bySegment[s.segment] = append(bySegment[s.segment], rest[i])
	}
	most := 0
	for segment, values := range bySegment {
		slices.Sort(values)
		if n := len(values); n > most || n == most && segment > l.segment {
			most, l.segment, l.base = n, segment, middle(values)
		}
	}
	largest := 0.0
	for _, s := range samples {
		largest = max(largest, math.Abs(s.value))
	}
	for i, s := range samples {
		// What rounding has left is nothing, and would have an order of its own.
		if rest[i] -= middle(bySegment[s.segment]); math.Abs(rest[i]) < 1e-9*largest {
			rest[i] = 0
		}
	}
	return rest
}

// middle is the median of sorted values.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// rank is the r-th smallest of sorted values, counted from 1, or infinite where there are not so many on that side.
func rank(sorted []float64, r float64) float64 {
	switch i := int(math.Round(r)); {
	case i < 1:
		return math.Inf(-1)
	case i > len(sorted):
		return math.Inf(1)
	default:
		return sorted[i-1]
	}
}

// variance is that of Kendall's S, were the samples independent of one another and of time.
func variance(samples []sample) float64 {
	segments := map[int][]float64{}
	for _, s := range samples {
		segments[s.segment] = append(segments[s.segment], s.value)
	}
	of := func(n int) float64 { return float64(n) * float64(n-1) * float64(2*n+5) / 18 }
	total := 0.0
	for _, values := range segments {
		slices.Sort(values)
		total += of(len(values))
		for i := 0; i < len(values); {
			j := i
			for j < len(values) && values[j] == values[i] {
				j++
			}
			total -= of(j - i)
			i = j
		}
	}
	return total
}

// inflation is n/n*: by how much samples that depend on those before them make the variance of S larger. It is the
// larger of two estimates, and 1 at least:
//
//   - Hamed and Rao's (1998, A modified Mann-Kendall trend test for autocorrelated data, Journal of Hydrology 204):
//     1 + 2/(n(n-1)(n-2)) Σ (n-i)(n-i-1)(n-i-2) r(i), over the autocorrelations r(i) of the ranks of what is left over
//     the trend that differ from 0 at 95 %.
//   - The same sum with r(i) = r^i, where r is r(1) corrected for its bias in short series that a line was taken from,
//     -(2+4r)/n. The first estimate misses much of a dependence that lasts for a good part of the series.
func inflation(samples []sample, rest []float64) float64 {
	n := len(samples)
	if n < 5 { // so few have no autocorrelation, and of four the bias of it is endless
		return 1
	}
	ranks := ranksOf(rest)
	mean := float64(n+1) / 2
	power := 0.0
	for _, r := range ranks {
		power += (r - mean) * (r - mean)
	}
	if power == 0 {
		return 1
	}
	correlation := func(lag int) float64 {
		sum := 0.0
		for i := lag; i < n; i++ {
			if samples[i].segment == samples[i-lag].segment {
				sum += (ranks[i] - mean) * (ranks[i-lag] - mean)
			}
		}
		return sum / power
	}
	first := correlation(1)
	first = min(max((float64(n)*first+2)/float64(n-4), 0), 0.99)
	found, modelled := 0.0, 0.0
	for i := 1; i < n-2; i++ {
		weight := float64(n-i) * float64(n-i-1) * float64(n-i-2)
		if r := correlation(i); math.Abs(r) > 1.96/math.Sqrt(float64(n)) {
			found += weight * r
		}
		modelled += weight * math.Pow(first, float64(i))
	}
	return max(1, 1+2*max(found, modelled)/(float64(n)*float64(n-1)*float64(n-2)))
}

// ranksOf returns the ranks of values from 1 on; equal values share the mean of theirs.
func ranksOf(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	ranks := make([]float64, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for _, at := range order[i:j] {
			ranks[at] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}
