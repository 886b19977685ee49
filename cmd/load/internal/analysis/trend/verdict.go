// Package trend tells drift from noise: whether a quantity rose or fell over a run, how fast, how sure that is, and
// when it will reach its limit.
//
// A run is judged over its constant part, after a warm-up. Each quantity is brought down to 48 blocks at most, of which
// the median (of memory that is collected, the least) is taken, so that bursts and the teeth of a saw count for
// little; a robust line is put through the blocks, whose interval allows for blocks that depend on each other (see fit);
// and what rises or falls beyond doubt must still do so in the last half and the last third (see goesOn), so that a
// cache that fills and a step to another level are no leaks. The rates at which this is wrong are measured by
// TestFalseAlarms and TestDetection.
package trend

import (
	"fmt"
	"strings"
	"time"
)

// The states of a Verdict.
const (
	Steady   = "steady"
	Drifting = "drifting"
	// TooShort is for a series with too few points after the warm-up to tell.
	TooShort = "too short to tell"
)

// Verdict is what became of one quantity over a run.
type Verdict struct {
	// Quantity is what was looked at in words, such as "p95 of http_req_duration" or "memory of the target";
	// Unit is ms, bytes, requests/s, share (0 to 1), connections and the like.
	Quantity string `json:"quantity"`
	Unit     string `json:"unit"`
	State    string `json:"state"`
	// Bad tells that the drift is in the wrong direction and large enough to fail the run, or that a limit of memory or
	// disk was reached.
	Bad bool `json:"bad"`
	// From and To are the trend's values at the end of the warm-up and at the end of the part that was judged; where
	// the target was restarted, of the process that was seen longest.
	From float64 `json:"from"`
	To   float64 `json:"to"`
	// PerHour is the slope, and Low and High bound it with the stated Confidence, 0 to 1.
	PerHour    float64 `json:"perHour"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
	// Limit is what the quantity must not reach, and Reaches the time from the run's end until it does at this
	// slope; both 0 where there is no limit or it is not approached.
	Limit   float64       `json:"limit,omitempty"`
	Reaches time.Duration `json:"reaches,omitempty"`
	// Reason is the verdict in a sentence with its figures.
	Reason string `json:"reason"`
}

// Summary says in one sentence what became of all quantities.
func Summary(verdicts []Verdict) string {
	var bad []string
	steady, drifting, short := 0, 0, 0
	for _, v := range verdicts {
		switch {
		case v.Bad:
			bad = append(bad, v.Quantity)
		case v.State == TooShort:
			short++
		case v.State == Drifting:
			drifting++
		default:
			steady++
		}
	}
	var parts []string
	count := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	if len(bad) > 0 {
		parts = append(parts, "bad drift of "+strings.Join(bad, ", "))
	} else if steady+drifting > 0 {
		parts = append(parts, "no bad drift")
	}
	count(steady, "steady")
	count(drifting, "drifting within bounds")
	count(short, TooShort)
	if len(parts) == 0 {
		return "there was nothing to judge"
	}
	return strings.Join(parts, ", ")
}
