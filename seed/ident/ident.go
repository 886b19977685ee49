// Package ident turns the identity of a value into randomness: the draw for (seed, table, row, column) is a
// hash of those four and of nothing else. There is no stream to share or to advance, so rows may be made in
// any order, by any number of workers, and again later, and always come out the same.
//
// The mixing function is the finalizer of SplitMix64 in its mix13 variant (Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", 2014; constants by David Stafford). It uses 64-bit integer
// arithmetic only, so draws are the same on every processor.
package ident

import "math/bits"

// gamma is the odd number closest to 2^64 divided by the golden ratio: multiples of it are spread evenly
// over the 64-bit numbers.
const gamma = 0x9e3779b97f4a7c15

// Mix is a bijection of the 64-bit numbers in which every input bit affects every output bit.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return x
}

// Seed is the root of all draws of a dataset.
type Seed uint64

// Key returns a key for a named use of the seed, such as one table's rows or one permutation.
func (s Seed) Key(name string) Key {
	h := Mix(uint64(s) + gamma)
	for i := range len(name) {
		h = Mix(h ^ uint64(name[i]))
	}
	return Key(Mix(h + gamma*uint64(len(name))))
}

// Key is the root of the draws of one named use.
type Key uint64

// Row returns the randomness of row i.
func (k Key) Row(i int64) Row {
	return Row(Mix(uint64(k) + gamma*uint64(i)))
}

// Row is the randomness of one row: independent draws, told apart by column numbers.
type Row uint64

// Col returns 64 random bits for column c.
func (r Row) Col(c uint8) uint64 {
	return Mix(uint64(r) + gamma*(uint64(c)+1))
}

// Dice returns a Dice that is good for the choices of column c.
func (r Row) Dice(c uint8) Dice {
	return Dice(r.Col(c))
}

// Dice spends 64 random bits on several small choices, as a number's digits in a mixed radix are spent from
// the top. After choices whose sizes multiply to p the next one of n has a bias of at most p*n/2^64, so
// keep the product of all sizes below 2^48 or so.
type Dice uint64

// Roll returns a number in [0, n), n > 0.
func (d *Dice) Roll(n int) int {
	hi, lo := bits.Mul64(uint64(*d), uint64(n))
	*d = Dice(lo)
	return int(hi)
}

// OneIn reports true once in n rolls on average.
func (d *Dice) OneIn(n int) bool { return d.Roll(n) == 0 }

// Below maps 64 random bits evenly to [0, n), n >= 0; for n = 0 the answer is 0.
func Below(u uint64, n int64) int64 {
	hi, _ := bits.Mul64(u, uint64(n))
	return int64(hi)
}

// Squared maps 64 random bits to [0, n) with a lean towards 0: the share of draws below x*n is x^(1/2).
func Squared(u uint64, n int64) int64 {
	sq, _ := bits.Mul64(u, u)
	return Below(sq, n)
}

// Cubed is like Squared with the share of draws below x*n being x^(1/3): the first 1 % gets 21.5 %.
func Cubed(u uint64, n int64) int64 {
	sq, _ := bits.Mul64(u, u)
	cube, _ := bits.Mul64(sq, u)
	return Below(cube, n)
}

// Fourth is like Squared with the share of draws below x*n being x^(1/4): the first 1 % gets 31.6 %.
func Fourth(u uint64, n int64) int64 {
	sq, _ := bits.Mul64(u, u)
	fourth, _ := bits.Mul64(sq, sq)
	return Below(fourth, n)
}
