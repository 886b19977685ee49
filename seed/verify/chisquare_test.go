package verify

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Critical values of the chi-square distribution as printed in statistical tables (NIST/SEMATECH e-Handbook
// of Statistical Methods, 1.3.6.7.4): the statistic that is exceeded with probability p.
func TestGammaQAgreesWithPublishedTables(t *testing.T) {
	tests := []struct {
		degrees int
		chi2    float64
		p       float64
	}{
		{1, 2.706, 0.10}, {1, 3.841, 0.05}, {1, 6.635, 0.01}, {1, 10.828, 0.001},
		{2, 4.605, 0.10}, {2, 5.991, 0.05}, {2, 13.816, 0.001},
		{3, 7.815, 0.05}, {3, 16.266, 0.001},
		{4, 9.488, 0.05}, {4, 18.467, 0.001},
		{10, 18.307, 0.05}, {10, 29.588, 0.001},
		{50, 67.505, 0.05}, {50, 86.661, 0.001},
		{100, 124.342, 0.05}, {100, 149.449, 0.001},
	}
	for _, test := range tests {
		got := gammaQ(float64(test.degrees)/2, test.chi2/2)
		if math.Abs(got-test.p) > 0.001*test.p+2e-6 {
			t.Errorf("chi2 %.3f with %d degrees: p = %.6f, the table says %.3f", test.chi2, test.degrees, got, test.p)
		}
	}
}

// One and two degrees of freedom have closed forms, which reach far into the tail where no table goes.
func TestGammaQAgreesWithClosedForms(t *testing.T) {
	for chi2 := 0.01; chi2 < 600; chi2 *= 1.1 {
		one, two := math.Erfc(math.Sqrt(chi2/2)), math.Exp(-chi2/2)
		if got := gammaQ(0.5, chi2/2); math.Abs(got/one-1) > 1e-9 {
			t.Errorf("1 degree, chi2 %g: p = %g, want %g", chi2, got, one)
		}
		if got := gammaQ(1, chi2/2); math.Abs(got/two-1) > 1e-9 {
			t.Errorf("2 degrees, chi2 %g: p = %g, want %g", chi2, got, two)
		}
	}
}

func TestGoodnessOfFit(t *testing.T) {
	tests := []struct {
		name     string
		observed []int64
		weights  []float64
		degrees  int
		chi2     float64
		low      bool
	}{
		// Mendel's peas, 9:3:3:1, whose statistic of 0.47 is in every textbook.
		{"mendel", []int64{315, 108, 101, 32}, []float64{9, 3, 3, 1}, 3, 0.470, false},
		{"exact", []int64{850, 100, 50}, []float64{0.85, 0.1, 0.05}, 2, 0, false},
		{"wrong", []int64{700, 250, 50}, []float64{0.85, 0.1, 0.05}, 2, 251.47, true},
		{"no rows", []int64{0, 0}, []float64{0.5, 0.5}, 0, 0, false},
		{"one class", []int64{10}, []float64{1}, 0, 0, false},
		{"too few rows", []int64{3, 1}, []float64{0.9, 0.1}, 0, 0, false},
		{"small classes pooled", []int64{90, 7, 3}, []float64{0.92, 0.04, 0.04}, 1, 0.5435, false},
		{"weight zero, none seen", []int64{50, 50, 0}, []float64{0.5, 0.5, 0}, 1, 0, false},
		{"weight zero, one seen", []int64{50, 49, 1}, []float64{0.5, 0.5, 0}, 1, 0.02, true},
	}
	for _, test := range tests {
		got := goodnessOfFit(test.observed, test.weights)
		if got.degrees != test.degrees {
			t.Errorf("%s: %d degrees, want %d", test.name, got.degrees, test.degrees)
		}
		if math.Abs(got.chi2-test.chi2) > 0.005 {
			t.Errorf("%s: chi2 %.4f, want %.4f", test.name, got.chi2, test.chi2)
		}
		if low := got.p < Threshold; low != test.low {
			t.Errorf("%s: p = %g, want below the threshold: %v", test.name, got.p, test.low)
		}
	}
}

// A right database must practically never fail, not even a small one, where Pearson's statistic has a
// fatter tail than the distribution that it is compared with.
func TestRightDataPracticallyNeverFails(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	weights := []float64{0.85, 0.10, 0.05}
	for range 50_000 {
		var observed [3]int64
		for range 100 {
			switch u := r.Float64(); {
			case u < 0.85:
				observed[0]++
			case u < 0.95:
				observed[1]++
			default:
				observed[2]++
			}
		}
		if f := goodnessOfFit(observed[:], weights); f.p < Threshold {
			t.Fatalf("%v fails with chi2 %.1f, p = %g", observed, f.chi2, f.p)
		}
	}
}
