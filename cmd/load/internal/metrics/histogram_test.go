package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// exact is what Quantile promises, worked out on the values themselves.
func exact(sorted []float64, q float64) float64 {
	rank := min(max(int(math.Ceil(q*float64(len(sorted)))), 1), len(sorted))
	return sorted[rank-1]
}

func TestQuantilesKeepThreeFigures(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"latencies":  func() float64 { return math.Exp(rng.NormFloat64()*1.5 + 2) },
		"tiny":       func() float64 { return rng.Float64() * 1e-9 },
		"huge":       func() float64 { return rng.Float64() * 1e15 },
		"many zeros": func() float64 { return max(0, rng.NormFloat64()) },
		"both signs": func() float64 { return rng.NormFloat64() * 100 },
		"constant":   func() float64 { return 42.4242 },
	} {
		var h Histogram
		values := make([]float64, 20_001)
		var sum float64
		for i := range values {
			values[i] = draw()
			sum += values[i]
			h.Add(values[i])
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1} {
			got, want := h.Quantile(q), exact(values, q)
			if math.Abs(got-want) > 0.0005*math.Abs(want) {
				t.Errorf("%s: quantile %v is %v, want %v within 0.05 %%", name, q, got, want)
			}
		}
		if h.Count() != 20_001 || h.Sum() != sum || h.Min() != values[0] || h.Max() != values[20_000] {
			t.Errorf("%s: count %d, sum %v, min %v, max %v", name, h.Count(), h.Sum(), h.Min(), h.Max())
		}
	}
}

func TestMergeIsAddingAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var parts [4]Histogram
	var all, merged Histogram
	for range 10_000 {
		v := math.Exp(rng.NormFloat64()*4) - 1
		parts[rng.IntN(4)].Add(v)
		all.Add(v)
	}
	for i := range parts {
		merged.Merge(&parts[i])
	}
	for q := 0.0; q <= 1; q += 0.01 {
		if merged.Quantile(q) != all.Quantile(q) {
			t.Fatalf("quantile %v: %v merged, %v added", q, merged.Quantile(q), all.Quantile(q))
		}
	}
	if merged.Count() != all.Count() || merged.Min() != all.Min() || merged.Max() != all.Max() {
		t.Error("count, min or max differ")
	}
}

func TestStatsAreThoseThatTheyAreCalled(t *testing.T) {
	var h Histogram
	for i := range 1000 {
		h.Add(float64(i + 1))
	}
	for name, want := range map[string]float64{
		"avg": 500.5, "min": 1, "med": 500, "max": 1000, "count": 1000, "p(0)": 1, "p(55)": 550, "p( 95 )": 950, "p(99.9)": 999, "p(99.91)": 1000, "p(100)": 1000,
	} {
		if got, err := h.Stat(name); err != nil || math.Abs(got-want) > 0.5 {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "mean", "p95", "p()", "p(101)", "p(-1)", "p(NaN)"} {
		if got, err := h.Stat(name); err == nil {
			t.Errorf("%q is %v", name, got)
		}
	}
}

func TestResetEmptiesAndKeepsMemory(t *testing.T) {
	var h Histogram
	fill := func() {
		for i := range 1000 {
			h.Add(float64(i) - 10)
		}
	}
	fill()
	h.Reset()
	if h.Count() != 0 || h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Max() != 0 {
		t.Error("something is left after Reset")
	}
	if n := testing.AllocsPerRun(10, func() { fill(); h.Reset() }); n != 0 {
		t.Errorf("filling it again allocates %v times", n)
	}
}

func TestNothingBreaksIt(t *testing.T) {
	var h Histogram
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0, math.Copysign(0, -1)} {
		h.Add(v)
	}
	if h.Count() != 7 || !math.IsInf(h.Quantile(0), -1) || !math.IsInf(h.Quantile(1), 1) || h.Quantile(0.5) != 0 {
		t.Errorf("count %d, quantiles %v %v %v", h.Count(), h.Quantile(0), h.Quantile(0.5), h.Quantile(1))
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h Histogram
	v := 0.1
	b.ReportAllocs()
	for b.Loop() {
		h.Add(v)
		if v *= 1.01; v > 1000 {
			v = 0.1
		}
	}
}
