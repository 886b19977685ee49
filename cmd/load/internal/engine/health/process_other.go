//go:build !unix

package health

import "time"

// What these systems do not tell is taken as unremarkable.

func cpuTime() time.Duration { return 0 }

func peakMemory() uint64 { return 0 }

// RaiseFiles returns how many files the process may open; 0 is not known.
func RaiseFiles() (limit uint64) { return 0 }
