//go:build linux

package fault_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi/fault"
)

// resident is the memory of this process that is in RAM, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	var size, pages int64
	statm, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(statm), &size, &pages)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// A leak is not only counted: the process really grows by it, and shrinks when the rule ends.
func TestLeakedMemoryIsResident(t *testing.T) {
	e := newEngine(t)
	before := resident(t)
	const leaked = 128 << 20
	add(t, e, fault.Rule{Leak: &fault.Leak{BytesPerSecond: 1 << 30, Max: leaked}})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for e.List()[0].Leaked < leaked {
		<-tick.C
	}
	if grown := resident(t) - before; grown < leaked*9/10 {
		t.Errorf("the process grew by %d bytes, want the %d of the leak", grown, leaked)
	}
	e.Clear()
	// The race detector keeps its shadow of the memory, so the end is looked for in the heap.
	var m runtime.MemStats
	for range 1000 {
		runtime.ReadMemStats(&m)
		if m.HeapAlloc < leaked/2 {
			return
		}
		<-tick.C
	}
	t.Errorf("%d bytes of heap are in use after the rule has ended", m.HeapAlloc)
}
