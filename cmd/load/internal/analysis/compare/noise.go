package compare

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// trim is the share of the blocks' changes that is left out at either end: a burst on a noisy machine spoils a few
// blocks, and is not to pull the figure. trimCoarse is that of blocks that are joined into minBlocks.
const trim = 0.25

// estimate is a typical change and how sure it is, by two measures of which the worse counts.
type estimate struct {
	value        float64
	fine, coarse spread
}

// spread is how sure an estimate is: (estimate - truth) / sqrt(variance) has Student's t distribution with so many
// degrees of freedom.
type spread struct{ variance, degrees float64 }

// typical estimates the typical one of the changes x, which are those of consecutive blocks of a run.
//
// The value is the trimmed mean, and its variance Tukey and McLaughlin's: the squared deviations of the Winsorized
// sample over h(h-1), h being how many values are left, with h-1 degrees of freedom (Sankhya A 25, 1963).
//
// That is for independent blocks, and noise lasts longer than a block. So the fine variance is multiplied by
// (1+r)/(1-r), by which the mean of an autoregressive series of first order is less sure (Bayley and Hammersley,
// Supplement to the Journal of the Royal Statistical Society 8, 1946). r is the autocorrelation at lag one of the
// Winsorized sample, mended for its bias of about -(1+4r)/n (Marriott and Pope, Biometrika 41, 1954), and taken to be
// 0 to 0.9. The coarse variance is that of the same blocks joined into ten, which needs no such model; ten to thirty
// batches are Schmeiser's advice (Operations Research 30, 1982). A series that wanders all through the run shows in
// one of them more often than in either.
func typical(x []float64, trim float64) estimate {
	value, fine, r := trimmed(x, trim)
	n := float64(len(x))
	r += (1 + 4*r) / n
	r += math.Sqrt(max(1-r*r, 0) / n)
	r = min(max(r, 0), 0.9)
	fine.variance *= (1 + r) / (1 - r)

	low, high := winsor(x, trim)
	joined, counts := make([]float64, minBlocks), make([]float64, minBlocks)
	for i, v := range x {
		at := i * minBlocks / len(x)
		joined[at] += min(max(v, low), high)
		counts[at]++
	}
	for i := range joined {
		joined[i] /= counts[i]
	}
	_, coarse, _ := trimmed(joined, 0)
	left := 1 - 2*trim // as the fine variance has n^2/h^2 times that of the mean of the Winsorized sample
	coarse.variance /= left * left
	return estimate{value, fine, coarse}
}

// winsor returns the bounds at which the sample is Winsorized: the least and the greatest value that trimming leaves.
func winsor(x []float64, trim float64) (low, high float64) {
	sorted := slices.Sorted(slices.Values(x))
	g := int(trim * float64(len(x)))
	return sorted[g], sorted[len(x)-1-g]
}

// trimmed returns the trimmed mean of x, its spread if x are independent, and the autocorrelation at lag one.
func trimmed(x []float64, trim float64) (value float64, s spread, r float64) {
	n := len(x)
	g := int(trim * float64(n))
	sorted := slices.Sorted(slices.Values(x))
	low, high := sorted[g], sorted[n-1-g]
	value = mean(sorted[g : n-g])
	h := float64(n - 2*g)
	s.degrees = h - 1

	center := 0.0
	for _, v := range x {
		center += min(max(v, low), high) / float64(n)
	}
	var squares, products, last float64
	for i, v := range x {
		d := min(max(v, low), high) - center
		squares += d * d
		if i > 0 {
			products += d * last
		}
		last = d
	}
	if squares > 0 {
		s.variance, r = squares/(h*(h-1)), products/squares
	}
	return value, s, r
}

// overRuns puts together a change against each run of a baseline, each, and that against their average, all. Runs
// differ by more than what happens in them: by where the data lie in memory, by their neighbours of the hour. The
// variance between runs is estimated as in an analysis of variance, the spread of each less what the baseline's own
// blocks explain of it, and counts once for the current run and once for the mean of the baseline's. The degrees of
// freedom are Satterthwaite's (Biometrics Bulletin 2, 1946). prior is what the figures of the same metric say of
// that variance together; a few runs tell little of it one by one (Smyth, Statistical Applications in Genetics and
// Molecular Biology 3, 2004).
func overRuns(all estimate, each []estimate, prior spread) estimate {
	runs := float64(len(each))
	if runs < 2 {
		return all
	}
	degrees := runs - 1 + prior.degrees
	between := (betweenRuns(all, each)*(runs-1) + prior.variance*prior.degrees) / degrees
	between = max(between, 0) * (1 + 1/runs)
	sum := func(s spread) spread {
		total := s.variance + between
		if total == 0 {
			return s
		}
		return spread{total, total * total / (s.variance*s.variance/s.degrees + between*between/degrees)}
	}
	return estimate{all.value, sum(all.fine), sum(all.coarse)}
}

// betweenRuns estimates the variance between the runs of a baseline. It is without bias, and so below zero at times.
func betweenRuns(all estimate, each []estimate) float64 {
	runs := float64(len(each))
	center, within := 0.0, 0.0
	for _, e := range each {
		center += e.value / runs
		within += e.fine.variance / runs
	}
	sum := 0.0
	for _, e := range each {
		sum += (e.value - center) * (e.value - center) / (runs - 1)
	}
	// Against one run a change has the noise of both; against the average of all, that of the current run and a
	// part of the baseline's. What they differ by is the baseline's.
	own := max(within-all.fine.variance, 0) / (1 - 1/runs)
	return sum - own
}

// noise is how large a value chance alone exceeds with the probability alpha.
func (e estimate) noise(alpha float64) float64 {
	return max(e.fine.noise(alpha), e.coarse.noise(alpha))
}

func (s spread) noise(alpha float64) float64 {
	if s.variance == 0 {
		return 0
	}
	return distuv.StudentsT{Sigma: 1, Nu: s.degrees}.Quantile(1-alpha) * math.Sqrt(s.variance)
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
