// Package trend tells drift from noise: whether a quantity rose or fell over a run, how fast, how sure that is, and
// when it will reach its limit.
package trend

import "time"

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
	// Unit is ms, bytes, requests/s, connections and the like.
	Quantity string `json:"quantity"`
	Unit     string `json:"unit"`
	State    string `json:"state"`
	// Bad tells that the drift is in the wrong direction and large enough to fail the run.
	Bad bool `json:"bad"`
	// From and To are the trend's values at the end of the warm-up and at the end of the run.
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
