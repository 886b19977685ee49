// Package executor is how the load of a scenario is scheduled, in k6's words: seven executors with k6's names,
// options and meaning, as configurations that can be read from JSON or YAML, validated, described and scaled,
// and as schedules that are pure functions of time. Package engine runs them.
//
// Closed models (the -vus and -iterations executors) start an iteration when a user has finished the one
// before. Open models (the -arrival-rate executors) start iterations when they are due, whatever the target
// does: see Arrivals.
package executor

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"
)

// The executors' names.
const (
	TypeConstantVUs          = "constant-vus"
	TypeRampingVUs           = "ramping-vus"
	TypeConstantArrivalRate  = "constant-arrival-rate"
	TypeRampingArrivalRate   = "ramping-arrival-rate"
	TypePerVUIterations      = "per-vu-iterations"
	TypeSharedIterations     = "shared-iterations"
	TypeExternallyControlled = "externally-controlled"
)

// Types returns the names of all executors.
func Types() []string {
	return []string{
		TypeConstantVUs, TypeRampingVUs, TypeConstantArrivalRate, TypeRampingArrivalRate,
		TypePerVUIterations, TypeSharedIterations, TypeExternallyControlled,
	}
}

// Defaults, k6's but for DefaultMaxWait, which is explained at OpenVUs.
const (
	DefaultGracefulStop     = Duration(30 * time.Second)
	DefaultGracefulRampDown = Duration(30 * time.Second)
	DefaultTimeUnit         = Duration(time.Second)
	DefaultMaxDuration      = Duration(10 * time.Minute)
	DefaultMaxWait          = Duration(10 * time.Second)
)

const (
	minDuration = Duration(time.Second) // k6's
	maxVUs      = 1_000_000             // far beyond what one machine can have of connections
)

// Config is the configuration of one scenario. Its types are ConstantVUs, RampingVUs, ConstantArrivalRate,
// RampingArrivalRate, PerVUIterations, SharedIterations and ExternallyControlled, all as pointers.
type Config interface {
	// Common returns what all executors share. Changing it changes the configuration.
	Common() *Base
	// Validate returns all that is wrong.
	Validate() []error
	// Describe says in one line what will run, as k6 does.
	Describe() string
	// Scale returns a copy in which time passes differently: startTime and all durations are multiplied by the
	// factor; rates and numbers of users stay. gracefulStop and gracefulRampDown stay too, since the time that an
	// iteration takes does not change.
	Scale(factor float64) Config
	// Length is how long iterations are started for, after StartTime; 0 means without end. Executors with a
	// number of iterations may end sooner.
	Length() time.Duration
	// PlannedVUs is how many users there are from the start, at most at the same time; PeakVUs how many there
	// may be when an open model needs more.
	PlannedVUs() int
	PeakVUs() int
}

// Base is what all executors have in common.
type Base struct {
	// Name is the scenario's; letters, digits, - and _.
	Name string `json:"-"`
	// Type is the executor's name.
	Type string `json:"executor"`
	// StartTime is how long after the test's start the scenario starts.
	StartTime Duration `json:"startTime,omitzero"`
	// GracefulStop is how long iterations may go on after the scenario's end before they are cut off.
	GracefulStop Duration `json:"gracefulStop"`
	// Exec names what the users do, of several things that a suite offers; "" is its default.
	Exec string `json:"exec,omitempty"`
	// Env is read, being k6's; no suite takes any.
	Env map[string]string `json:"env,omitempty"`
	// Tags are added to everything that the scenario measures.
	Tags map[string]string `json:"tags,omitempty"`
}

// Common implements Config.
func (b *Base) Common() *Base { return b }

func newBase(name, executor string) Base {
	return Base{Name: name, Type: executor, GracefulStop: DefaultGracefulStop}
}

func (b Base) scaled(factor float64) Base {
	b.StartTime = b.StartTime.scaled(factor)
	b.Env, b.Tags = maps.Clone(b.Env), maps.Clone(b.Tags)
	return b
}

var scenarioName = regexp.MustCompile(`^[0-9a-zA-Z_-]+$`)

func (b *Base) validate(executor string) []error {
	var errs []error
	if !scenarioName.MatchString(b.Name) {
		errs = append(errs, fmt.Errorf("the scenario's name is %q; it takes letters, digits, - and _, and at least one", b.Name))
	}
	if b.Type != executor {
		errs = append(errs, fmt.Errorf("the executor is %q, not %q", b.Type, executor))
	}
	if b.StartTime < 0 {
		errs = append(errs, fmt.Errorf("startTime is %s, it can't be negative", b.StartTime))
	}
	if b.GracefulStop < 0 {
		errs = append(errs, fmt.Errorf("gracefulStop is %s, it can't be negative", b.GracefulStop))
	}
	for name := range b.Tags {
		if name == "" {
			errs = append(errs, errors.New("a tag has no name"))
		}
	}
	return errs
}

// info writes what follows a description in parentheses.
func (b *Base) info(facts ...string) string {
	if b.Exec != "" {
		facts = append(facts, "exec: "+b.Exec)
	}
	if b.StartTime > 0 {
		facts = append(facts, "startTime: "+b.StartTime.String())
	}
	if b.GracefulStop > 0 {
		facts = append(facts, "gracefulStop: "+b.GracefulStop.String())
	}
	if len(facts) == 0 {
		return ""
	}
	return " (" + strings.Join(facts, ", ") + ")"
}

// Last returns when, after the test's start, the scenario's last iteration is cut off; 0 means never.
func Last(c Config) time.Duration {
	if c.Length() == 0 {
		return 0
	}
	b := c.Common()
	return time.Duration(b.StartTime) + c.Length() + time.Duration(b.GracefulStop)
}

func checkVUs(key string, n, atLeast int) []error {
	switch {
	case n < atLeast:
		return []error{fmt.Errorf("%s is %d, it must be %d or more", key, n, atLeast)}
	case n > maxVUs:
		return []error{fmt.Errorf("%s is %d, it can be %d at most", key, n, maxVUs)}
	}
	return nil
}

func checkDuration(key string, d Duration) []error {
	if d < minDuration {
		return []error{fmt.Errorf("%s is %s, it must be at least %s", key, d, minDuration)}
	}
	return nil
}
