package ident_test

import (
	"fmt"
	"math"
	"math/bits"
	"testing"

	"github.com/medianest/testbed/seed/ident"
)

// A draw depends on the seed, the name, the row and the column, and on nothing else.
func Example() {
	users := ident.Seed(1).Key("users")
	row := users.Row(41)
	const role, city = 0, 1
	fmt.Println(ident.Below(row.Col(role), 3), ident.Below(row.Col(city), 1000))

	// Small choices for one text come out of one draw.
	dice := row.Dice(2)
	fmt.Println(dice.Roll(6), dice.Roll(6), dice.Roll(6))
	// Output:
	// 1 523
	// 2 3 3
}

// The draws themselves: every dataset hangs on them. Another value here means another version of the generator.
func TestDrawsStayTheSame(t *testing.T) {
	if got := ident.Mix(1); got != 0x5692161d100b05e5 {
		t.Errorf("Mix(1) = %#x", got)
	}
	key := ident.Seed(42).Key("media_files")
	if got := key.Row(1_000_000).Col(3); got != 0x93499335433deb71 {
		t.Errorf("draw = %#x", got)
	}
}

// Flipping any one bit of the seed, the row number or the column flips half of the bits of the draw on average,
// and each of them about half of the time.
func TestAvalanche(t *testing.T) {
	const samples = 4000
	draws := map[string]func(x uint64, bit int) uint64{
		"seed":   func(x uint64, bit int) uint64 { return ident.Seed(x ^ 1<<bit).Key("users").Row(7).Col(1) },
		"row":    func(x uint64, bit int) uint64 { return ident.Key(x).Row(int64(x>>20) ^ 1<<bit).Col(1) },
		"column": func(x uint64, bit int) uint64 { return ident.Row(x).Col(uint8(x) ^ 1<<(bit%8)) },
	}
	same := map[string]func(x uint64) uint64{
		"seed":   func(x uint64) uint64 { return ident.Seed(x).Key("users").Row(7).Col(1) },
		"row":    func(x uint64) uint64 { return ident.Key(x).Row(int64(x >> 20)).Col(1) },
		"column": func(x uint64) uint64 { return ident.Row(x).Col(uint8(x)) },
	}
	for name, draw := range draws {
		var flips [64]int
		for i := range uint64(samples) {
			x := ident.Mix(i + 1)
			changed := same[name](x) ^ draw(x, int(i%40))
			for b := range 64 {
				flips[b] += int(changed >> b & 1)
			}
		}
		for b, n := range flips {
			// Five standard deviations of a fair coin.
			if off := math.Abs(float64(n) - samples/2); off > 5*math.Sqrt(samples)/2 {
				t.Errorf("%s: bit %d flips %d times in %d", name, b, n, samples)
			}
		}
	}
}

// Neighbouring rows, neighbouring columns and rows of two keys draw numbers that have nothing to do with each
// other: the pairs fill a table evenly.
func TestNeighboursAreIndependent(t *testing.T) {
	const side, perCell = 16, 200
	a, b := ident.Seed(1).Key("users"), ident.Seed(1).Key("users2")
	for name, pair := range map[string]func(i int64) (uint64, uint64){
		"rows":    func(i int64) (uint64, uint64) { return a.Row(i).Col(0), a.Row(i + 1).Col(0) },
		"columns": func(i int64) (uint64, uint64) { return a.Row(i).Col(0), a.Row(i).Col(1) },
		"keys":    func(i int64) (uint64, uint64) { return a.Row(i).Col(0), b.Row(i).Col(0) },
		"seeds": func(i int64) (uint64, uint64) {
			return ident.Seed(i).Key("x").Row(0).Col(0), ident.Seed(i + 1).Key("x").Row(0).Col(0)
		},
	} {
		var table [side][side]int
		for i := range int64(side * side * perCell) {
			x, y := pair(i)
			table[ident.Below(x, side)][ident.Below(y, side)]++
		}
		chi := 0.0
		for _, row := range table {
			for _, n := range row {
				chi += float64((n-perCell)*(n-perCell)) / perCell
			}
		}
		// 255 degrees of freedom; exceeded once in a million times.
		if chi > 373 {
			t.Errorf("%s: chi-square %.0f", name, chi)
		}
	}
}

// Rolls of one Dice are even and independent as long as there are bits for them.
func TestDice(t *testing.T) {
	const rolls = 60_000
	var counts [6][10]int
	key := ident.Seed(3).Key("dice")
	for i := range int64(rolls) {
		d := key.Row(i).Dice(0)
		d.Roll(50)
		d.Roll(1000) // 50,000 x 1000 = 2^25 spent
		counts[d.Roll(6)][d.Roll(10)]++
	}
	chi := 0.0
	for _, row := range counts {
		for _, n := range row {
			chi += float64((n-rolls/60)*(n-rolls/60)) / (rolls / 60)
		}
	}
	if chi > 127 { // 59 degrees of freedom, once in a million
		t.Errorf("chi-square %.0f", chi)
	}
}

// Draws that lean towards 0 lean as much as they say, and stay in their range even at its ends.
func TestLeaningDraws(t *testing.T) {
	for name, c := range map[string]struct {
		draw  func(uint64, int64) int64
		share float64 // of draws in the first hundredth
	}{
		"Below": {ident.Below, 0.01}, "Squared": {ident.Squared, 0.1}, "Cubed": {ident.Cubed, 0.2154}, "Fourth": {ident.Fourth, 0.3162},
	} {
		const n, draws = 10_000, 40_000
		first := 0
		for i := range uint64(draws) {
			if c.draw(ident.Mix(i), n) < n/100 {
				first++
			}
		}
		if got := float64(first) / draws; math.Abs(got-c.share) > 0.012 {
			t.Errorf("%s: %.3f of the draws are in the first hundredth, want %.3f", name, got, c.share)
		}
		for _, n := range []int64{0, 1, 2, math.MaxInt64} {
			if got := c.draw(0, n); got != 0 {
				t.Errorf("%s: the lowest draw below %d is %d", name, n, got)
			}
			if got := c.draw(math.MaxUint64, n); got < 0 || got > max(0, n-1) {
				t.Errorf("%s: the highest draw below %d is %d", name, n, got)
			}
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	key := ident.Seed(1).Key("users")
	var sum uint64
	for i := 0; b.Loop(); i++ {
		sum += key.Row(int64(i)).Col(1)
	}
	_ = bits.OnesCount64(sum)
}
