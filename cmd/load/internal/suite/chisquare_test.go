package suite_test

// What a chi-square statistic with 1 and with 4 degrees of freedom exceeds once in a million times.
const (
	bound1 = 23.9
	bound4 = 33.4
)

// goodness is the chi-square statistic of counts against the chances that they should follow.
func goodness(counts []int, chances []float64) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	var x float64
	for i, n := range counts {
		expected := float64(total) * chances[i]
		x += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	return x
}

// homogeneity is the chi-square statistic of two samples that should follow the same chances.
func homogeneity(a, b []int) float64 {
	var totalA, totalB float64
	for i := range a {
		totalA += float64(a[i])
		totalB += float64(b[i])
	}
	var x float64
	for i := range a {
		share := float64(a[i]+b[i]) / (totalA + totalB)
		for _, side := range []struct{ n, total float64 }{{float64(a[i]), totalA}, {float64(b[i]), totalB}} {
			if expected := side.total * share; expected > 0 {
				x += (side.n - expected) * (side.n - expected) / expected
			}
		}
	}
	return x
}
