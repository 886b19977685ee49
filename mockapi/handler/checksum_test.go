package handler

import (
	"sync"
	"testing"

	"github.com/medianest/testbed/mockapi/content"
)

// TestRememberedChecksumsAreThoseOfTheirFiles asks for 350 files from 4 goroutines, which share 16 slots.
func TestRememberedChecksumsAreThoseOfTheirFiles(t *testing.T) {
	d := &datasetContent{Source: content.NewSource("0123456789abcdef"), sums: newChecksums(16)}
	file := func(i int) content.File {
		return content.File{ID: int64(i%50 + 1), MimeType: "text/plain", Size: int64(100 + i%7)}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				if got, want := d.checksum(file(i)), d.CRC32C(file(i)); got != want {
					t.Errorf("file %d: checksum %08x, want %08x", i, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
	slot := &d.sums.slots[0]
	slot.sum.Store(1<<32 | 5) // torn: the other half belongs to no such file
	slot.mixed.Store(7)
	for i := range 350 {
		if got, want := d.checksum(file(i)), d.CRC32C(file(i)); got != want {
			t.Errorf("file %d after a torn write: checksum %08x, want %08x", i, got, want)
		}
	}
}
