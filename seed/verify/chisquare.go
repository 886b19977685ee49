package verify

import "math"

// minExpected is how many rows a class should have for Pearson's statistic to follow the chi-square
// distribution closely enough (Cochran's rule of thumb). Smaller classes are judged together.
const minExpected = 5

// Threshold is the p-value under which a weight counts as wrong. It is far below any that a right database
// meets by chance, small ones included, and costs a large one nothing: with a million rows a share that is
// off by half a percentage point has p < 1e-20.
const Threshold = 1e-9

// fit is the outcome of a chi-square goodness-of-fit test.
type fit struct {
	chi2    float64
	degrees int
	p       float64
}

// goodnessOfFit tests how well the observed counts agree with the weights, which need not sum to one.
// Classes that are expected to hold fewer than minExpected rows are pooled. A class of weight zero that
// was observed at all makes p zero, whatever the statistic of the others. Without two classes to compare,
// degrees is 0 and p is 1.
func goodnessOfFit(observed []int64, weights []float64) fit {
	var total int64
	var weight float64
	impossible := false
	for i, n := range observed {
		total += n
		weight += weights[i]
		impossible = impossible || weights[i] == 0 && n > 0
	}
	var f fit
	classes := 0
	add := func(n int64, expected float64) {
		d := float64(n) - expected
		f.chi2 += d * d / expected
		classes++
	}
	var smallObserved int64
	var smallExpected float64
	for i, n := range observed {
		expected := weights[i] / weight * float64(total)
		if expected < minExpected {
			smallObserved += n
			smallExpected += expected
			continue
		}
		add(n, expected)
	}
	if smallExpected >= minExpected {
		add(smallObserved, smallExpected)
	}
	switch {
	case impossible:
		f.degrees, f.p = max(1, classes-1), 0
	case classes < 2:
		f = fit{p: 1}
	default:
		f.degrees = classes - 1
		f.p = gammaQ(float64(f.degrees)/2, f.chi2/2)
	}
	return f
}

// gammaQ is the regularised upper incomplete gamma function Q(a, x) for a > 0 and x >= 0: the chance
// that a gamma variable of shape a exceeds x. Abramowitz and Stegun 6.5.29 gives the series for P = 1-Q
// that converges fast below a+1, and 6.5.31 the continued fraction for above, here evaluated by
// Lentz's method.
func gammaQ(a, x float64) float64 {
	if x <= 0 {
		return 1
	}
	lg, _ := math.Lgamma(a)
	// e^-x x^a / Gamma(a), which both expansions share.
	front := math.Exp(a*math.Log(x) - x - lg)
	const tiny, eps, most = 1e-300, 1e-15, 100_000
	if x < a+1 {
		term := 1 / a
		sum := term
		for n := 1; n < most && math.Abs(term) > eps*math.Abs(sum); n++ {
			term *= x / (a + float64(n))
			sum += term
		}
		return 1 - front*sum
	}
	b := x + 1 - a
	c := 1 / tiny
	d := 1 / b
	h := d
	for n := 1; n < most; n++ {
		an := -float64(n) * (float64(n) - a)
		b += 2
		if d = an*d + b; math.Abs(d) < tiny {
			d = tiny
		}
		if c = b + an/c; math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		step := d * c
		h *= step
		if math.Abs(step-1) < eps {
			break
		}
	}
	return front * h
}
