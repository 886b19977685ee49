// Package compare holds a run against a baseline and tells what has become worse by more than noise explains.
//
// # Method
//
// Both runs are cut into the same blocks of time, ten to sixty, and each block is compared with the block of the
// other run that was at the same time of the test, so that ramps and phases of the load cancel out. For times the
// change of a block is the logarithm of the quotient of its percentiles, for throughput the difference over the
// baseline's mean, for errors the difference in percentage points. The typical change is the trimmed mean of the
// blocks' changes, for errors their mean, and its variance takes into account that noise lasts longer than a block
// and that runs differ among one another: typical and overRuns have the formulas and where they are from.
//
// A figure is a regression where its typical change is above its threshold and above what noise explains: the
// quantile of Student's t distribution at 1 - a, times the standard deviation. The chance that a comparison of two
// equal targets tells of any regression at all is to be FalseAlarms at most. Half of that is for the five figures of
// all requests and half for those of the endpoints, each half divided by the number of its figures (Bonferroni's
// inequality, which holds however they depend on each other).
//
// What takes more than three times as long in each block is a regression whatever the estimate of its noise: see plain.
//
// A percentile needs samples beyond it: ten blocks with two each, otherwise there are "too few samples" to tell.
// That is 2,000 requests for p99, 400 for p95 and 100 for p50.
//
// What no variation within a run tells is that the machine was another one from run to run, as machines that others
// use are. Where the current run's own timers say that it was short of processors, regressions are only suspected,
// unless they are larger than that can make them.
//
// # Measured
//
// TestFalseAlarmsAndDetection holds the method against simulated pairs of runs whose truth is known.
package compare

import "time"

// The severities of a Change.
const (
	Minor    = "minor"
	Major    = "major"
	Critical = "critical"
)

// FalseAlarms is how likely a comparison of two runs that differ by noise alone may tell of a regression.
const FalseAlarms = 0.01

// The thresholds and the bounds of the severities: in percent of the baseline, for errors in percentage points.
const (
	TimeThreshold       = 10.0
	ThroughputThreshold = 10.0
	ErrorThreshold      = 2.0

	MajorChange    = 25.0
	CriticalChange = 50.0
	MajorErrors    = 5.0
	CriticalErrors = 10.0
)

// The metrics of a Change.
const (
	P50        = "Response Time (P50)"
	P95        = "Response Time (P95)"
	P99        = "Response Time (P99)"
	Throughput = "Throughput"
	ErrorRate  = "Error Rate"
)

// Analysis is what came of a comparison.
type Analysis struct {
	// HasRegression tells whether anything became worse; Severity is that of the worst regression, "" for none.
	HasRegression bool   `json:"hasRegression"`
	Severity      string `json:"severity,omitempty"`
	// Regressions are what became worse, the most severe first; Improvements what became better by as much.
	Regressions  []Change `json:"regressions"`
	Improvements []Change `json:"improvements"`
	// Suspected are what would be regressions, had the machine not been so busy that it may be the reason: see Busy.
	// Where there is nothing else, the comparison ought to be repeated.
	Suspected []Change `json:"suspected,omitempty"`
	// Changes are all figures that were compared, whatever came of them.
	Changes []Change `json:"changes"`
	// NewEndpoints are only in the current run, GoneEndpoints only in the baseline.
	NewEndpoints  []string `json:"newEndpoints,omitempty"`
	GoneEndpoints []string `json:"goneEndpoints,omitempty"`
	// Summary is the outcome in a sentence.
	Summary string `json:"summary"`
	// Warnings tell what makes the two runs hard to compare.
	Warnings []string `json:"warnings,omitempty"`
	// Test is the name of the test that both ran.
	Test string `json:"test"`
	// Current names the run, Baseline what it was compared with: its name or file. BaselineRuns is how many runs
	// that holds, and BaselineSaved when the last of them was.
	Current       string    `json:"current"`
	Baseline      string    `json:"baseline"`
	BaselineRuns  int       `json:"baselineRuns"`
	BaselineSaved time.Time `json:"baselineSaved"`
	// Compared is how much of the test was compared, and Blocks into how many blocks it was cut at most.
	Compared time.Duration `json:"compared"`
	Blocks   int           `json:"blocks"`
}

// Change is one figure of both runs. Times are milliseconds, rates per second, shares percent.
type Change struct {
	// Metric is what was compared, such as "Response Time (P95)"; Endpoint the label of an endpoint, "" for all
	// requests.
	Metric   string `json:"metric"`
	Endpoint string `json:"endpoint,omitempty"`
	// Unit is ms, requests/s or %.
	Unit string `json:"unit"`
	// Baseline and Current are the figures of the whole runs, the baseline's being the median of its runs'.
	Baseline float64 `json:"baseline"`
	Current  float64 `json:"current"`
	// Change is Current - Baseline, ChangePercent the same in percent of Baseline; nil where that is zero.
	Change        float64  `json:"change"`
	ChangePercent *float64 `json:"changePercent"`
	// Typical is the change of the typical block, which bursts do not pull as they pull the whole run's figure. It
	// decides. In percent of the baseline, or percentage points for shares; nil where there are too few samples.
	Typical *float64 `json:"typical"`
	// Noise is how large a typical change chance alone explains, in the unit of Typical.
	Noise float64 `json:"noise"`
	// Threshold is what a change must exceed besides, in the unit of Typical.
	Threshold float64 `json:"threshold"`
	Severity  string  `json:"severity,omitempty"`
	// Note is what there is to add: a baseline of zero, too few samples, a change that noise explains.
	Note string `json:"note,omitempty"`
	// Statements are those of the endpoint whose cost changed, where both runs observed the database.
	Statements []StatementChange `json:"statements,omitempty"`
}

// StatementChange is a statement of an endpoint before and after. Times are milliseconds a call.
type StatementChange struct {
	Query          string  `json:"query"`
	BaselineTime   float64 `json:"baselineTime"`
	CurrentTime    float64 `json:"currentTime"`
	BaselineCalls  float64 `json:"baselineCalls"` // a request
	CurrentCalls   float64 `json:"currentCalls"`
	BaselineBlocks float64 `json:"baselineBlocks"` // a call: hit and read
	CurrentBlocks  float64 `json:"currentBlocks"`
	OnlyIn         string  `json:"onlyIn,omitempty"` // baseline or current, where the other does not have it
	// ChangePerSecond is by how much more time was spent in it over the whole run, ms a second.
	ChangePerSecond float64 `json:"changePerSecond"`
}
