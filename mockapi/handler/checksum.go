package handler

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/medianest/testbed/mockapi/content"
)

// rememberedSums is how many checksums are remembered, in 4 MB: working one out takes longer than all the
// rest that a handler does for a file's page.
const rememberedSums = 1 << 18

// checksums remembers the checksums of files without locks: each slot holds a sum, and the sum mixed with the
// hash of its file. A slot torn by two writers, or written for another file, does not add up and counts as
// empty.
type checksums struct {
	seed  maphash.Seed
	slots []sumSlot
}

type sumSlot struct{ mixed, sum atomic.Uint64 }

func newChecksums(n int) checksums {
	return checksums{maphash.MakeSeed(), make([]sumSlot, n)}
}

// checksum returns the CRC-32C of a file's bytes.
func (d *datasetContent) checksum(f content.File) uint32 {
	key := maphash.Comparable(d.sums.seed, f)
	slot := &d.sums.slots[key%uint64(len(d.sums.slots))]
	const known = 1 << 32 // tells the sum 0 from an empty slot
	if sum := slot.sum.Load(); sum&known != 0 && slot.mixed.Load()^sum == key {
		return uint32(sum)
	}
	sum := d.CRC32C(f)
	slot.sum.Store(uint64(sum) | known)
	slot.mixed.Store(key ^ (uint64(sum) | known))
	return sum
}
