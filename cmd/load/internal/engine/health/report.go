// Package health tells whether the load generator itself was able to do what it was asked for, so that its own
// limits are not taken for the target's.
package health

import "time"

// Report is what the generator says of itself.
type Report struct {
	// Valid is false where the generator was the bottleneck: the figures of such a run say more of it than of the
	// target. Reasons then says why.
	Valid   bool     `json:"valid"`
	Reasons []string `json:"reasons,omitempty"`
	// Warnings are worth knowing, and do not make a run invalid.
	Warnings []string `json:"warnings,omitempty"`

	// CPU is the share of the available processors that the generator used, over the run, and CPUPeak in its
	// worst second, 0 to 1. Cores is how many it may use.
	CPU     float64 `json:"cpu"`
	CPUPeak float64 `json:"cpuPeak"`
	Cores   int     `json:"cores"`
	// MachineIdle is the share of the machine's processors that nobody used; 1 where it is not known.
	MachineIdle float64 `json:"machineIdle"`
	// Lag is how late the generator's goroutines ran that were ready to.
	LagMedian time.Duration `json:"lagMedian"`
	LagP99    time.Duration `json:"lagP99"`
	LagMax    time.Duration `json:"lagMax"`
	// Probe is how late a timer rang that should do so a hundred times a second.
	ProbeP99 time.Duration `json:"probeP99"`
	ProbeMax time.Duration `json:"probeMax"`
	// PacerP99 and PacerMax are how late the pacers of open models woke up.
	PacerP99 time.Duration `json:"pacerP99"`
	PacerMax time.Duration `json:"pacerMax"`
	// SaturatedSeconds is how many seconds were beyond both bounds, of Seconds.
	SaturatedSeconds int `json:"saturatedSeconds"`
	Seconds          int `json:"seconds"`
	// GCShare is the share of the used CPU time that went into collecting garbage; GCPauses how long the longest
	// pauses were.
	GCShare     float64       `json:"gcShare"`
	GCPauseP99  time.Duration `json:"gcPauseP99"`
	GCPauseMax  time.Duration `json:"gcPauseMax"`
	MemoryBytes uint64        `json:"memoryBytes"` // resident, at its peak

	// OwnErrors is how many requests failed for want of the generator's own resources, of Requests.
	OwnErrors uint64 `json:"ownErrors"`
	Requests  uint64 `json:"requests"`
	// Short is how many iterations of open models waited for a user with all MaxVUs at work, and Dropped how many
	// were never started.
	Short   int64 `json:"short"`
	Dropped int64 `json:"dropped"`
	// Ceilings are the open models that dropped iterations. DropsJudged tells that a threshold of the test says how
	// many it may be; they do not make the run invalid then.
	Ceilings    []Ceiling `json:"ceilings,omitempty"`
	DropsJudged bool      `json:"dropsJudged,omitempty"`
	// FilesLimit is how many files and sockets the process may have open.
	FilesLimit uint64 `json:"filesLimit"`
}

// Ceiling is an open model that dropped iterations, and whether it could have had users enough.
type Ceiling struct {
	Scenario string `json:"scenario"`
	// Due is how many iterations were to begin so far, Dropped how many of them never did.
	Due     int64 `json:"due"`
	Dropped int64 `json:"dropped"`
	// Needed is how many users the highest rate takes while the target is at its fastest, MaxVUs how many there may be.
	Needed int `json:"needed"`
	MaxVUs int `json:"maxVUs"`
}
