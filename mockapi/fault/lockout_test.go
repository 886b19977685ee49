package fault_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi/fault"
)

// A login may be tried with an address of a megabyte; to remember that it failed takes some bytes.
func TestLockoutsKeepNoAddresses(t *testing.T) {
	const accounts, size = 500, 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	l := &fault.Lockouts{Lockout: fault.Lockout{Failures: 1, For: fault.Duration(time.Hour)}}
	before := heap()
	for i := range accounts {
		l.Failed(fmt.Sprint(i, strings.Repeat("x", size)))
	}
	if grown := int64(heap() - before); grown > accounts*size/10 {
		t.Errorf("%d failed logins keep %d bytes", accounts, grown)
	}
	if l.Locked("7"+strings.Repeat("x", size)) == 0 || l.Locked("7") != 0 {
		t.Error("another account is locked than the one whose logins failed")
	}
}
