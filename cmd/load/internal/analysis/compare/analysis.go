// Package compare holds a run against a baseline and tells what has become worse by more than noise explains.
package compare

// The severities of a Change, and the words for those that are none.
const (
	Minor    = "minor"
	Major    = "major"
	Critical = "critical"
)

// Analysis is what came of a comparison.
type Analysis struct {
	// HasRegression tells whether anything became worse; Severity is that of the worst regression, "" for none.
	HasRegression bool   `json:"hasRegression"`
	Severity      string `json:"severity,omitempty"`
	// Regressions are what became worse, the most severe first; Improvements what became better by as much.
	Regressions  []Change `json:"regressions"`
	Improvements []Change `json:"improvements"`
	// Changes are all figures that were compared, whatever came of them.
	Changes []Change `json:"changes"`
	// Summary is the outcome in a sentence.
	Summary string `json:"summary"`
	// Warnings tell what makes the two runs hard to compare.
	Warnings []string `json:"warnings,omitempty"`
	// Baseline names what was compared with: its name or file, and how many runs it holds.
	Baseline     string `json:"baseline"`
	BaselineRuns int    `json:"baselineRuns"`
}

// Change is one figure of both runs. Times are milliseconds, rates per second, shares percent.
type Change struct {
	// Metric is what was compared, such as "Response Time (P95)"; Endpoint the label of an endpoint, "" for all
	// requests.
	Metric   string  `json:"metric"`
	Endpoint string  `json:"endpoint,omitempty"`
	Unit     string  `json:"unit"`
	Baseline float64 `json:"baseline"`
	Current  float64 `json:"current"`
	// Change is Current - Baseline, ChangePercent the same in percent of Baseline; nil where that is zero.
	Change        float64  `json:"change"`
	ChangePercent *float64 `json:"changePercent"`
	// Noise is how large a change, in the unit that the threshold is in, the two runs' own variation explains.
	Noise float64 `json:"noise"`
	// Threshold is what a change must exceed besides, in percent, or percentage points for shares.
	Threshold float64 `json:"threshold"`
	Severity  string  `json:"severity,omitempty"`
	// Note is what there is to add: a new endpoint, a baseline of zero, too few samples.
	Note string `json:"note,omitempty"`
	// Statements are those of the endpoint whose cost changed, where both runs observed the database.
	Statements []StatementChange `json:"statements,omitempty"`
}

// StatementChange is a statement of an endpoint before and after. Times are milliseconds a call.
type StatementChange struct {
	Query           string  `json:"query"`
	BaselineTime    float64 `json:"baselineTime"`
	CurrentTime     float64 `json:"currentTime"`
	BaselineCalls   float64 `json:"baselineCalls"` // a request
	CurrentCalls    float64 `json:"currentCalls"`
	BaselineBlocks  float64 `json:"baselineBlocks"` // a call
	CurrentBlocks   float64 `json:"currentBlocks"`
	OnlyIn          string  `json:"onlyIn,omitempty"` // baseline or current, where the other does not have it
	ChangePerSecond float64 `json:"changePerSecond"`  // of time spent, ms a second
}
