// Package engine runs scenarios: it makes the virtual users, starts their iterations when the executors'
// schedules say so, counts what they do, judges the thresholds once a second, and watches itself.
//
// Every user is a goroutine with its own client, random source and recorder. Closed models let users loop.
// Open models are driven by one pacer for each scenario, which hands an iteration to the user who has been
// free for longest at the time when the schedule has it due.
//
// # What an open model measures
//
// An iteration that is due when nobody is free, because the target holds all users up, waits for a user (see
// executor.OpenVUs), and its first request is timed from when it was due: http_req_duration tells what
// somebody would have experienced who came at that time. What the target itself took is kept beside it as
// http_req_service. The generator's own lateness, when it wakes up late although a user is free, is not the
// target's doing and in neither of them; it is in http_req_lateness and in the health report.
package engine

import (
	"log/slog"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/engine/health"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// Scenario is a load and what its users do.
type Scenario struct {
	Config executor.Config
	// Suite is what the users do. Scenarios may share one; its Setup runs once.
	Suite vu.Suite
	// Done is how many iterations were done already, of a run that goes on: those that per-vu-iterations (of
	// every user) and shared-iterations (in all) leave out.
	Done int
}

// Options are what a run is made of. Scenarios, Registry and NewClient are needed.
type Options struct {
	Scenarios []Scenario
	// Registry knows the metrics, the suites' own included.
	Registry *metrics.Registry
	// NewClient makes the client of one user.
	NewClient func() client.Client
	// Thresholds are judged once a second and at the end.
	Thresholds []threshold.Threshold
	// Stream, where it is not nil, gets every sample; see metrics.NewStore.
	Stream func([]metrics.Sample)
	// Tags are added to everything that is measured; a scenario's own win.
	Tags map[string]string
	// Seed makes the users' random sources, together with the scenario's name and the user's number.
	Seed uint64
	// ThinkTime multiplies the users' pauses; 0 means 1, and a negative number leaves them out.
	ThinkTime float64
	// From is how far into the test it starts, for a run that goes on after an interruption: schedules, and
	// the store's clock, start there.
	From time.Duration
	// Past is what the generator said of itself before that interruption.
	Past *health.Report
	// SetupTimeout and TeardownTimeout bound what every suite does before and after; 0 means DefaultTimeout.
	SetupTimeout, TeardownTimeout time.Duration
	// OnTick is called once a second, after the store's tick and the thresholds, and once at the end, from one
	// goroutine. What it takes delays the next tick.
	OnTick func(Progress)
	// Recent, where it is not nil, keeps the last requests.
	Recent *vu.Recent
	// Targets is how many hosts a user keeps connections to, for the check of resources; 0 means 1.
	Targets int
	// Spread is over how many hosts of each target the users are spread, for the same check; 0 means 1.
	Spread int
	// PlainTimers paces open models with Go's timers alone, which are up to a millisecond late on an idle
	// machine. Tests in a synctest bubble need it: there is no other clock there.
	PlainTimers bool
	// Log gets what the run has to say; nil is silent.
	Log *slog.Logger
}

// DefaultTimeout bounds a suite's set-up and its teardown; k6's.
const DefaultTimeout = time.Minute

// Ended is why a run ended.
type Ended string

// The reasons. Everything but Completed leaves a run short of what was planned.
const (
	Completed        Ended = "completed"             // the scenarios ran to their ends
	Stopped          Ended = "stopped"               // Stop was called, or the context of Run ended
	ThresholdCrossed Ended = "aborted by threshold"  // one with abortOnFail
	SuiteFailed      Ended = "aborted by test suite" // Iterate returned an error, or panicked
)

// Result is what a run came to. The figures are in the engine's Store.
type Result struct {
	Ended Ended
	// Err is why, with SuiteFailed.
	Err error
	// Start is when the scenarios began, set-up being over; End when the last iteration did.
	Start, End time.Time
	Thresholds []threshold.Result
	// Progress is the last one.
	Progress Progress
	// Health tells whether the figures can be trusted.
	Health health.Report
}

// State is where a scenario is.
type State string

// The states, in order.
const (
	Waiting  State = "waiting"  // for its startTime
	Running  State = "running"  // iterations start
	Stopping State = "stopping" // the last iterations finish
	Finished State = "finished"
)

// Progress is a view of a run at one time.
type Progress struct {
	// Elapsed is the run's time; Length when the last scenario's schedule ends, 0 where one has no end.
	Elapsed, Length time.Duration
	// VUs is how many users are at work, VUsMax how many there are.
	VUs, VUsMax int
	// Iterations were completed, Interrupted cut off, Dropped never started.
	Iterations, Interrupted, Dropped int64
	Scenarios                        []ScenarioProgress
	// Thresholds is what they say at the moment.
	Thresholds []threshold.Result
	// Health is what the generator says of itself at the moment.
	Health health.Report
}

// settling is how long a run goes on before thresholds that do not hold mean anything.
const settling = 10 * time.Second

// Early tells that a run has just begun, as far as thresholds go: users are not all there, and rates and percentiles are
// those of a handful of requests. It is half of a short run.
func (p *Progress) Early() bool {
	if p.Length > 0 {
		return p.Elapsed < min(settling, p.Length/2)
	}
	return p.Elapsed < settling
}

// ScenarioProgress is a view of one scenario.
type ScenarioProgress struct {
	Name, Executor, Description string
	State                       State
	// Elapsed is the scenario's time, from its start; Length its schedule's, 0 where it has no end.
	Elapsed, Length time.Duration
	// Share is how much of it is done, 0 to 1, by time or by iterations; 0 where it has no end.
	Share float64
	// VUs is how many users are at work, VUsMax how many there are, Wanted how many the schedule of a closed
	// model asks for.
	VUs, VUsMax, Wanted              int
	Iterations, Interrupted, Dropped int64
	// Total is how many iterations are planned; 0 where that is not known.
	Total int64
	// Rate is how many iterations were completed in the last second; Target is the rate that the schedule of an
	// open model asks for at the moment, per second.
	Rate, Target float64
	// Backlog is how long the iteration that is next has been waiting for a user, in an open model; Short is how
	// many had to wait so far.
	Backlog time.Duration
	Short   int64
	// Paused is for externally-controlled.
	Paused bool
}
