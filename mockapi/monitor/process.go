package monitor

import (
	"bytes"
	"math"
	"os"
	"strconv"

	runtimemetrics "runtime/metrics"
)

// process reads what the operating system and the runtime tell about this process.
type process struct {
	waited  int64    // waits for a database connection until the last sample
	pauses  []uint64 // by the buckets of the runtime, until the last sample
	metrics []runtimemetrics.Sample
}

const (
	heapMetric  = "/memory/classes/heap/objects:bytes"
	totalMetric = "/memory/classes/total:bytes"
	freeMetric  = "/memory/classes/heap/released:bytes"
	pauseMetric = "/sched/pauses/total/gc:seconds"
)

// sample returns the resident memory and the bytes of heap objects, and the longest pause of the garbage collector
// since the last sample, in milliseconds: the upper bound of its bucket.
func (p *process) sample() (resident, heap uint64, pause float64) {
	if p.metrics == nil {
		p.metrics = []runtimemetrics.Sample{{Name: heapMetric}, {Name: totalMetric}, {Name: freeMetric}, {Name: pauseMetric}}
	}
	runtimemetrics.Read(p.metrics)
	heap = p.metrics[0].Value.Uint64()
	resident, ok := residentBytes()
	if !ok { // what the runtime has of the system is the nearest that every system can tell
		resident = p.metrics[1].Value.Uint64() - p.metrics[2].Value.Uint64()
	}
	h := p.metrics[3].Value.Float64Histogram()
	for i, n := range h.Counts {
		if i < len(p.pauses) && n > p.pauses[i] {
			if bound := h.Buckets[i+1]; !math.IsInf(bound, 1) {
				pause = bound * 1000
			} else {
				pause = h.Buckets[i] * 1000
			}
		}
	}
	p.pauses = append(p.pauses[:0], h.Counts...)
	return resident, heap, pause
}

// residentBytes reads the resident set of this process where the system has /proc.
func residentBytes() (uint64, bool) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	return pages * uint64(os.Getpagesize()), err == nil
}
