package dist

import (
	"math"
	"sort"
)

// Apportion divides n whole things by weights, by the method of largest remainders: each share is the exact
// one rounded down or up, and they sum to n. The weights need not sum to 1.
func Apportion(n int64, weights []float64) []int64 {
	counts := make([]int64, len(weights))
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	if n <= 0 || sum <= 0 {
		return counts
	}
	remainders := make([]float64, len(weights))
	order := make([]int, len(weights))
	left := n
	for i, w := range weights {
		exact := float64(float64(w/sum) * float64(n))
		counts[i] = int64(exact)
		remainders[i] = exact - float64(counts[i])
		order[i] = i
		left -= counts[i]
	}
	sort.SliceStable(order, func(a, b int) bool { return remainders[order[a]] > remainders[order[b]] })
	for i := 0; left > 0; i = (i + 1) % len(order) {
		if weights[order[i]] > 0 {
			counts[order[i]]++
			left--
		}
	}
	return counts
}

// Joint returns a table of counts whose rows and columns sum exactly to the given counts and which otherwise
// is as close to prior as they allow: iterative proportional fitting (Deming and Stephan, 1940), then
// rounding that keeps the sums. The row and the column counts have the same sum. Cells of prior that are 0
// get a tiny weight, so that a table always exists.
func Joint(prior [][]float64, rows, cols []int64) [][]int64 {
	cells := make([][]float64, len(rows))
	for i := range rows {
		cells[i] = make([]float64, len(cols))
		for j := range cols {
			cells[i][j] = max(prior[i][j], 1e-9)
		}
	}
	fit(cells, rows, cols)
	return round(cells, rows, cols)
}

// fit scales rows and columns in turn until the columns' sums are off by less than a thousandth of an item.
func fit(cells [][]float64, rows, cols []int64) {
	const most = 10_000
	for range most {
		off := 0.0
		for j, want := range cols {
			sum := 0.0
			for i := range rows {
				sum += cells[i][j]
			}
			off = max(off, math.Abs(sum-float64(want)))
			if sum > 0 {
				for i := range rows {
					cells[i][j] = float64(float64(cells[i][j]/sum) * float64(want))
				}
			}
		}
		for i, want := range rows {
			sum := 0.0
			for j := range cols {
				sum += cells[i][j]
			}
			if sum > 0 {
				for j := range cols {
					cells[i][j] = float64(float64(cells[i][j]/sum) * float64(want))
				}
			}
		}
		if off < 1e-3 {
			return
		}
	}
}

// round rounds every cell down and then gives out what is missing, largest fraction first.
func round(cells [][]float64, rows, cols []int64) [][]int64 {
	counts := make([][]int64, len(rows))
	rowLeft, colLeft := append([]int64(nil), rows...), append([]int64(nil), cols...)
	for i := range rows {
		counts[i] = make([]int64, len(cols))
		for j := range cols {
			n := min(int64(cells[i][j]), rowLeft[i], colLeft[j])
			counts[i][j] = n
			rowLeft[i] -= n
			colLeft[j] -= n
		}
	}
	for {
		bestRow, bestCol, best := -1, -1, math.Inf(-1)
		for i := range rows {
			for j := range cols {
				if rowLeft[i] > 0 && colLeft[j] > 0 {
					if fraction := cells[i][j] - float64(counts[i][j]); fraction > best {
						bestRow, bestCol, best = i, j, fraction
					}
				}
			}
		}
		if bestRow < 0 {
			return counts
		}
		n := min(rowLeft[bestRow], colLeft[bestCol], max(1, int64(best)))
		counts[bestRow][bestCol] += n
		rowLeft[bestRow] -= n
		colLeft[bestCol] -= n
	}
}
