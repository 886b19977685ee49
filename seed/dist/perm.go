package dist

import "math/bits"

// Perm is a shuffle of the numbers 0 to n-1 that is computed, not stored: a Feistel network on the smallest
// power of two that holds them, walked along its cycle until it is back among them (Black and Rogaway,
// "Ciphers with arbitrary finite domains", 2002). It is for looks, not for secrecy.
type Perm struct {
	n uint64
	// The halves of a number are low bits of `low` and high bits of `high`.
	lowBits           uint
	lowMask, highMask uint64
	keys              [rounds]uint64
}

// rounds changes each half three times. With two, and also with weaker round functions than square, numbers
// that were neighbours stay at some distances too often, as a chi-square test of small domains shows.
const rounds = 6

// NewPerm returns the shuffle of 0 to n-1 that key chooses.
func NewPerm(n int64, key uint64) Perm {
	p := Perm{n: uint64(max(n, 0))}
	width := uint(2)
	if n > 4 {
		width = uint(bits.Len64(uint64(n - 1)))
	}
	p.lowBits = (width + 1) / 2
	p.lowMask = 1<<p.lowBits - 1
	p.highMask = 1<<(width-p.lowBits) - 1
	for i := range p.keys {
		// Steps of the golden ratio, mixed: unrelated keys for every round, even when key is a small number.
		key += 0x9e3779b97f4a7c15
		k := (key ^ key>>30) * 0xbf58476d1ce4e5b9
		k = (k ^ k>>27) * 0x94d049bb133111eb
		p.keys[i] = k ^ k>>31
	}
	return p
}

// square is the round function: the middle bits of the square of half a number and a key, the only part
// of a product that depends on all bits of its factors.
func square(half, key uint64) uint64 {
	hi, lo := bits.Mul64(half+key, half+key)
	return (hi ^ lo) >> 24
}

// At returns where i goes, 0 <= i < n.
func (p *Perm) At(i int64) int64 {
	low, high := uint64(i)&p.lowMask, uint64(i)>>p.lowBits
	for {
		high ^= square(low, p.keys[0]) & p.highMask
		low ^= square(high, p.keys[1]) & p.lowMask
		high ^= square(low, p.keys[2]) & p.highMask
		low ^= square(high, p.keys[3]) & p.lowMask
		high ^= square(low, p.keys[4]) & p.highMask
		low ^= square(high, p.keys[5]) & p.lowMask
		if x := high<<p.lowBits | low; x < p.n {
			return int64(x)
		}
	}
}

// Inverse returns what goes to j: Inverse(At(i)) is i.
func (p *Perm) Inverse(j int64) int64 {
	low, high := uint64(j)&p.lowMask, uint64(j)>>p.lowBits
	for {
		low ^= square(high, p.keys[5]) & p.lowMask
		high ^= square(low, p.keys[4]) & p.highMask
		low ^= square(high, p.keys[3]) & p.lowMask
		high ^= square(low, p.keys[2]) & p.highMask
		low ^= square(high, p.keys[1]) & p.lowMask
		high ^= square(low, p.keys[0]) & p.highMask
		if x := high<<p.lowBits | low; x < p.n {
			return int64(x)
		}
	}
}
