// Package recommend tells what to do about what a run has shown. Every recommendation quotes the evidence that it
// rests on; where there is none, there is no recommendation.
package recommend

// The categories of a Recommendation.
const (
	Database       = "database"
	API            = "api"
	Frontend       = "frontend"
	Infrastructure = "infrastructure"
)

// Priorities and, up to High, efforts.
const (
	Low      = "low"
	Medium   = "medium"
	High     = "high"
	Critical = "critical"
)

// Recommendation is one thing to do.
type Recommendation struct {
	// Rule is the name of the rule that fired, such as missing-index.
	Rule     string `json:"rule"`
	Category string `json:"category"`
	Priority string `json:"priority"`
	Title    string `json:"title"`
	// Description tells what was seen, Impact what doing something about it brings.
	Description string `json:"description"`
	Impact      string `json:"impact"`
	Effort      string `json:"effort"`
	// Implementation are the steps, the best first.
	Implementation []string `json:"implementation"`
	// Evidence are the figures and statements of the result that made the rule fire.
	Evidence []string `json:"evidence"`
	// Gain is the expected gain, as a share 0 to 1 of all time that requests took in the run.
	Gain float64 `json:"gain"`
}
