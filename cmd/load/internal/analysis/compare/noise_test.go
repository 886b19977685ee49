package compare

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// Twenty numbers whose trimmed mean and Winsorized variance can be worked out by hand: of 1 to 20 with a trim of a
// quarter, 6 to 15 are left.
func TestTrimmedMeanAndItsSpread(t *testing.T) {
	x := make([]float64, 20)
	for i := range x {
		x[(i*7)%20] = float64(i + 1)
	}
	x[0], x[7] = -1e6, 2 // in place of 1: what is trimmed may be anything
	value, s := trimmed(x, 0.25)
	if value != 10.5 {
		t.Errorf("the trimmed mean is %v, want 10.5", value)
	}
	// Winsorized: six times 6, 7 to 14, six times 15; the mean is 10.5.
	squares := 2 * (6*4.5*4.5 + 3.5*3.5 + 2.5*2.5 + 1.5*1.5 + 0.5*0.5)
	if want := squares / (10 * 9); math.Abs(s.variance-want) > 1e-9 || s.degrees != 9 {
		t.Errorf("the variance is %v with %v degrees of freedom, want %v with 9", s.variance, s.degrees, want)
	}
}

// What chance exceeds with a probability of 1 % must be exceeded in about 1 % of the cases: hardly more where blocks are
// independent, and still where each resembles the one before, which the plain formula gets wrong by a factor.
func TestNoiseIsExceededAsOftenAsItSays(t *testing.T) {
	const n, alpha = 4000, 0.01
	for _, c := range []struct {
		phi       float64
		outliers  float64
		low, high float64
	}{
		{0, 0, 0.001, 0.012}, {0, 0.1, 0.0003, 0.012}, {0.5, 0, 0.002, 0.025}, {0.8, 0, 0.005, 0.04},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		exceeded, plain := 0, 0
		for range n {
			x, last := make([]float64, 60), r.NormFloat64()
			for i := range x {
				last = c.phi*last + math.Sqrt(1-c.phi*c.phi)*r.NormFloat64()
				x[i] = last
				if r.Float64() < c.outliers {
					x[i] *= 10
				}
			}
			if e := typical(x, trim); e.value > e.noise(alpha) {
				exceeded++
			}
			if value, s := trimmed(x, trim); value > s.noise(alpha) {
				plain++
			}
		}
		if got := float64(exceeded) / n; got < c.low || got > c.high {
			t.Errorf("phi %v, outliers %v: noise is exceeded in %.2f %% of the cases, want %.2f to %.2f", c.phi, c.outliers, 100*got, 100*c.low, 100*c.high)
		}
		if c.phi > 0 && plain < 3*exceeded {
			t.Errorf("phi %v: exceeded %d times, %d times if blocks were independent: the correlation counts for nothing", c.phi, exceeded, plain)
		}
	}
}

// Runs of a baseline that differ by more than their blocks say make a change less sure, and equal ones do not.
func TestSpreadBetweenRunsCounts(t *testing.T) {
	within := spread{0.01 * 0.01, 29}
	all := estimate{0.15, within, within}
	// Against a single run the noise of the current run and of that one count, of which the mean of five has less.
	against := func(values ...float64) []estimate {
		var each []estimate
		for _, v := range values {
			s := spread{0.01 * 0.01 * 2 / 1.2, 29}
			each = append(each, estimate{v, s, s})
		}
		return each
	}
	alike := overRuns(all, against(0.14, 0.145, 0.15, 0.155, 0.16), spread{})
	apart := overRuns(all, against(0.05, 0.10, 0.15, 0.20, 0.25), spread{})
	if alike.fine != within {
		t.Errorf("runs that are alike: %+v, want %+v", alike.fine, within)
	}
	// The variance between the runs is 0.00625, less a fifteenth of a thousandth of their own, and counts 1 1/5 times.
	if want := 0.0001 + (0.00625-0.0001*(2/1.2-1)/0.8)*1.2; math.Abs(apart.fine.variance-want) > 1e-9 {
		t.Errorf("the variance is %v, want %v", apart.fine.variance, want)
	}
	if apart.fine.degrees < 4 || apart.fine.degrees > 4.5 {
		t.Errorf("%v degrees of freedom, want little more than the four of five runs", apart.fine.degrees)
	}
	if one := overRuns(all, against(0.15), spread{}); one != all {
		t.Errorf("a single run has no spread: %+v", one)
	}
	if got, want := apart.noise(0.001), math.Sqrt(apart.fine.variance)*(distuv.StudentsT{Sigma: 1, Nu: apart.fine.degrees}).Quantile(0.999); got != want {
		t.Errorf("noise %v, want %v", got, want)
	}
}
