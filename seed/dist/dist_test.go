package dist_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/medianest/testbed/seed/dist"
)

// A Perm is a bijection: nothing is lost or doubled, and Inverse leads back.
func TestPermIsABijection(t *testing.T) {
	sizes := []int64{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 50, 63, 64, 65, 100, 255, 1000, 4097, 65_536, 100_001}
	for _, n := range sizes {
		for key := range uint64(3) {
			p := dist.NewPerm(n, key)
			seen := make([]bool, n)
			for i := range n {
				j := p.At(i)
				if j < 0 || j >= n {
					t.Fatalf("n %d key %d: %d goes to %d, outside", n, key, i, j)
				}
				if seen[j] {
					t.Fatalf("n %d key %d: two numbers go to %d", n, key, j)
				}
				seen[j] = true
				if back := p.Inverse(j); back != i {
					t.Fatalf("n %d key %d: %d goes to %d and back to %d", n, key, i, j, back)
				}
			}
		}
	}
}

// Over many keys every number goes everywhere equally often, neighbours go to unrelated places, and
// different keys agree on about one number in each shuffle. The bounds are the 1 in 100,000 quantiles.
func TestPermLooksRandom(t *testing.T) {
	const n, keys = 101, 101 * 20
	var place [n][n]int // how often i went to j
	var step [n]int     // how often i+1 went d places after i
	fixed := 0
	for key := range uint64(keys) {
		p := dist.NewPerm(n, key)
		for i := range int64(n) {
			place[i][p.At(i)]++
			step[(p.At((i+1)%n)-p.At(i)+n)%n]++
			if p.At(i) == i {
				fixed++
			}
		}
	}
	chi := 0.0
	for i := range n {
		for j := range n {
			d := float64(place[i][j]) - keys/n
			chi += d * d / (keys / n)
		}
	}
	if chi > 10_615 {
		t.Errorf("places: chi-square %.0f with 100 x 100 degrees of freedom", chi)
	}
	chi = 0
	for d := 1; d < n; d++ {
		e := float64(n) * keys / (n - 1)
		chi += (float64(step[d]) - e) * (float64(step[d]) - e) / e
	}
	if chi > 171 {
		t.Errorf("distances of neighbours: chi-square %.0f with 99 degrees of freedom", chi)
	}
	if perKey := float64(fixed) / keys; math.Abs(perKey-1) > 0.05 {
		t.Errorf("a shuffle leaves %.3f numbers in place on average, want 1", perKey)
	}
}

var shapes = map[string]dist.Shape{"tail 200": dist.Tail(200), "tail 30": dist.Tail(30), "fall": dist.Fall, "even": dist.Even}

// A Quota answers both questions consistently: item to owner, and owner to items.
func TestQuotaIsInvertible(t *testing.T) {
	for name, shape := range shapes {
		for _, owners := range []int64{1, 2, 7, 8, 9, 16, 17, 100, 1000, 12_345} {
			for _, items := range []int64{1, 2, owners, 3*owners + 1, 20 * owners} {
				for _, limit := range []int64{(items + owners - 1) / owners, 40, items} {
					if items > owners*limit {
						continue
					}
					q := dist.NewQuota(items, owners, limit, shape)
					item := int64(0)
					for rank := range owners {
						first, count := q.Span(rank)
						if first != item || count < 0 || count > limit {
							t.Fatalf("%s, %d items, %d owners, limit %d: rank %d has %d from %d, want at most the limit from %d",
								name, items, owners, limit, rank, count, first, item)
						}
						for nth := range count {
							if r, j := q.Owner(item); r != rank || j != nth {
								t.Fatalf("%s, %d items, %d owners, limit %d: item %d is of (%d, %d), want (%d, %d)",
									name, items, owners, limit, item, r, j, rank, nth)
							}
							item++
						}
					}
					if item != items {
						t.Fatalf("%s, %d owners, limit %d: owners have %d items, want %d", name, owners, limit, item, items)
					}
				}
			}
		}
	}
}

// How heavy the tails are, at two sizes: the shapes don't depend on the size.
func ExampleTail() {
	for _, owners := range []int64{1000, 1_000_000} {
		for _, k := range []float64{200, 100, 30} {
			q := dist.NewQuota(20*owners, owners, 20*owners, dist.Tail(k))
			first, _ := q.Span(owners / 100)
			_, most := q.Span(0)
			_, median := q.Span(owners / 2)
			fmt.Printf("%d owners of 20 on average, k %3.0f: top 1%% have %2.0f%%, the first %4d, the median %d\n",
				owners, k, 100*float64(first)/float64(q.Items()), most, median)
		}
	}
	// Output:
	// 1000 owners of 20 on average, k 200: top 1% have 45%, the first 1868, the median 2
	// 1000 owners of 20 on average, k 100: top 1% have 33%, the first 1033, the median 3
	// 1000 owners of 20 on average, k  30: top 1% have 15%, the first  357, the median 6
	// 1000000 owners of 20 on average, k 200: top 1% have 45%, the first 2152, the median 2
	// 1000000 owners of 20 on average, k 100: top 1% have 33%, the first 1111, the median 3
	// 1000000 owners of 20 on average, k  30: top 1% have 15%, the first  365, the median 6
}

// Shares are exact to the item.
func ExampleApportion() {
	fmt.Println(dist.Apportion(50, []float64{0.85, 0.10, 0.05}))
	fmt.Println(dist.Apportion(1_000_000, []float64{0.85, 0.10, 0.05}))
	// Output:
	// [43 5 2]
	// [850000 100000 50000]
}

// The table keeps both margins exactly and leans to where the prior is large.
func ExampleJoint() {
	prior := [][]float64{{9, 3, 1}, {1, 3, 9}}
	for _, row := range dist.Joint(prior, []int64{700, 300}, []int64{300, 300, 400}) {
		fmt.Println(row)
	}
	// Output:
	// [294 254 152]
	// [6 46 248]
}

// Whatever the prior and the margins, a table exists and has the margins.
func TestJointKeepsMargins(t *testing.T) {
	priors := map[string][][]float64{
		"all zero":     {{0, 0, 0}, {0, 0, 0}},
		"diagonal":     {{1, 0, 0}, {0, 0, 1}},
		"lopsided":     {{1e-9, 1, 1e9}, {5, 1e-12, 3}},
		"one row only": {{1, 1, 1}, {0, 0, 0}},
	}
	margins := []struct{ rows, cols []int64 }{
		{[]int64{1, 0}, []int64{0, 1, 0}},
		{[]int64{3, 4}, []int64{2, 2, 3}},
		{[]int64{999_999_999, 1}, []int64{1, 1, 999_999_998}},
		{[]int64{500_000, 500_000}, []int64{999_998, 1, 1}},
		{[]int64{0, 0}, []int64{0, 0, 0}},
	}
	for name, prior := range priors {
		for _, m := range margins {
			table := dist.Joint(prior, m.rows, m.cols)
			cols := make([]int64, len(m.cols))
			for i, row := range table {
				sum := int64(0)
				for j, n := range row {
					if n < 0 {
						t.Errorf("%s, %v: negative cell in %v", name, m, table)
					}
					sum += n
					cols[j] += n
				}
				if sum != m.rows[i] {
					t.Errorf("%s, %v: row %d of %v sums to %d", name, m, i, table, sum)
				}
			}
			for j, sum := range cols {
				if sum != m.cols[j] {
					t.Errorf("%s, %v: column %d of %v sums to %d", name, m, j, table, sum)
				}
			}
		}
	}
}

// Draws stay in [lo, hi) and are spread evenly on a logarithmic scale.
func TestGeometric(t *testing.T) {
	for _, r := range [][2]int64{{1, 2}, {1, 3}, {7, 9}, {50_000, 500_000}, {10_000_000, 100_000_000}, {1, 1 << 50}} {
		g := dist.NewGeometric(r[0], r[1])
		last := int64(0)
		for i := range uint64(4096) {
			v := g.At(i<<52 | 1<<51)
			if v < r[0] || v >= r[1] || v < last {
				t.Fatalf("%v: draw %d is %d after %d", r, i, v, last)
			}
			last = v
		}
		if got := g.At(math.MaxUint64); got >= r[1] {
			t.Errorf("%v: the highest draw is %d", r, got)
		}
	}
	g := dist.NewGeometric(1_000_000, 100_000_000)
	if mid := g.At(1 << 63); mid != 10_000_000 {
		t.Errorf("half of the draws between 1 and 100 MB are below %d, want 10 MB", mid)
	}
}

func BenchmarkPermAt(b *testing.B) {
	for _, n := range []int64{49_971, 1_000_000, 1_048_577} {
		p := dist.NewPerm(n, 1)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var sum int64
			for i := 0; b.Loop(); i++ {
				sum += p.At(int64(i) % n)
			}
			_ = sum
		})
	}
}

func BenchmarkQuotaOwner(b *testing.B) {
	q := dist.NewQuota(1_000_000, 50_000, 1_000_000, dist.Tail(100))
	p := dist.NewPerm(1_000_000, 1)
	var sum int64
	for i := 0; b.Loop(); i++ {
		rank, nth := q.Owner(p.At(int64(i) % 1_000_000))
		sum += rank + nth
	}
	_ = sum
}

func BenchmarkQuotaSpan(b *testing.B) {
	q := dist.NewQuota(1_000_000, 50_000, 1_000_000, dist.Tail(100))
	var sum int64
	for i := 0; b.Loop(); i++ {
		first, count := q.Span(int64(i) % 50_000)
		sum += first + count
	}
	_ = sum
}
