package compare

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// trim is the share of the blocks' changes that is left out at either end: a burst on a noisy machine spoils a few
// blocks, and is not to pull the figure. trimCoarse is that of blocks that are joined into minBlocks.
const trim = 0.25

// plainFactor is how many times as long, or as short, times are that have changed plainly.
const plainFactor = 3.0

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
// That is for independent blocks, and noise lasts longer than a block. So the fine variance is multiplied by what the
// autocorrelation of the blocks makes of it: see memory. The coarse variance is that of the same blocks joined into
// ten, which needs no such estimate; ten to thirty batches are Schmeiser's advice (Operations Research 30, 1982). A
// series that wanders all through the run shows in one of them more often than in either.
func typical(x []float64, trim float64) estimate {
	value, fine := trimmed(x, trim)
	w := winsorized(x, trim)
	fine.variance *= memory(w)

	joined, counts := make([]float64, minBlocks), make([]float64, minBlocks)
	for i, v := range w {
		at := i * minBlocks / len(w)
		joined[at] += v
		counts[at]++
	}
	for i := range joined {
		joined[i] /= counts[i]
	}
	_, coarse := trimmed(joined, 0)
	left := 1 - 2*trim // the trimmed mean's variance is n^2/h^2 times that of the mean of the Winsorized sample
	coarse.variance /= left * left
	return estimate{value, fine, coarse}
}

// trimmed returns the trimmed mean of x and its spread if x are independent.
func trimmed(x []float64, trim float64) (float64, spread) {
	g := int(trim * float64(len(x)))
	h := float64(len(x) - 2*g)
	w := winsorized(x, trim)
	center, squares := mean(w), 0.0
	for _, v := range w {
		squares += (v - center) * (v - center)
	}
	sorted := slices.Sorted(slices.Values(x))
	return mean(sorted[g : len(x)-g]), spread{squares / (h * (h - 1)), h - 1}
}

// winsorized returns x with the least and the greatest value that trimming leaves in place of those beyond them.
func winsorized(x []float64, trim float64) []float64 {
	sorted := slices.Sorted(slices.Values(x))
	g := int(trim * float64(len(x)))
	low, high := sorted[g], sorted[len(x)-1-g]
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = min(max(v, low), high)
	}
	return w
}

// memory returns by what factor the variance of the mean of x is larger than if x were independent: one and twice the
// sum of the autocorrelations, as far as Geyer's initial monotone sequence goes, which adds them up in pairs while
// these are positive and do not rise (Statistical Science 7, 1992). Deviations from the sample's own mean make each
// autocovariance too small by about the variance of that mean, which solving for it mends.
func memory(x []float64) float64 {
	n := len(x)
	center := mean(x)
	covariance := func(lag int) float64 {
		sum := 0.0
		for i := lag; i < n; i++ {
			sum += (x[i] - center) * (x[i-lag] - center)
		}
		return sum
	}
	variance := covariance(0)
	if variance == 0 {
		return 1
	}
	factor, last, terms := -1.0, math.Inf(1), -1
	for lag := 0; lag+1 < n/2; lag += 2 {
		pair := (covariance(lag) + covariance(lag+1)) / variance
		if pair <= 0 {
			break
		}
		last = min(last, pair)
		factor += 2 * last
		terms += 4
	}
	return max(factor, 1) / max(1-float64(terms)/float64(n), 0.2)
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

// plain tells whether times have changed so much that no estimate of their noise is needed: in each block, against each
// run of the baseline, by a factor of three at least, in one direction, and by three times as much as the baseline's
// runs differ among themselves. Where a target slows down more and more as its queues fill, or a baseline has but two
// runs and these are not alike, a variance is known so badly that it would explain anything. For chance to look like
// this once in a hundred times, runs of the same target must differ by 60 % and more (a standard deviation of 0.5 of the
// logarithm, with a baseline of two runs; what machines do to that extent shows: see Busy).
func plain(each [][]float64) bool {
	least, most := math.Inf(1), math.Inf(-1)     // of the changes of all blocks
	lowest, highest := math.Inf(1), math.Inf(-1) // of the means against each run
	for _, x := range each {
		least, most = min(least, slices.Min(x)), max(most, slices.Max(x))
		lowest, highest = min(lowest, mean(x)), max(highest, mean(x))
	}
	enough := max(math.Log(plainFactor), 3*(highest-lowest))
	return least >= enough || most <= -enough
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
