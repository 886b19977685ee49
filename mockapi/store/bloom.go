package store

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	bloomBits   = 1 << 24 // 2 MB
	bloomHashes = 5       // for a million members: one in a thousand non-members is taken for one
)

// bloom is a set that never denies a member and seldom takes a non-member for one. Its size is fixed, and it
// can be added to while it is asked.
type bloom struct {
	seed maphash.Seed
	bits []uint64
}

func newBloom() *bloom {
	return &bloom{seed: maphash.MakeSeed(), bits: make([]uint64, bloomBits/64)}
}

// hash returns the first bit of id and the distance to the next.
func (b *bloom) hash(id [16]byte) (first, step uint32) {
	h := maphash.Bytes(b.seed, id[:])
	return uint32(h), uint32(h>>32) | 1
}

func (b *bloom) add(id [16]byte) {
	at, step := b.hash(id)
	for range bloomHashes {
		i := at % bloomBits
		atomic.OrUint64(&b.bits[i/64], 1<<(i%64))
		at += step
	}
}

func (b *bloom) mayHave(id [16]byte) bool {
	at, step := b.hash(id)
	for range bloomHashes {
		i := at % bloomBits
		if atomic.LoadUint64(&b.bits[i/64])&(1<<(i%64)) == 0 {
			return false
		}
		at += step
	}
	return true
}
