package executor

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// ConstantVUs is constant-vus: so many users loop for a while.
type ConstantVUs struct {
	Base
	VUs      int      `json:"vus"`
	Duration Duration `json:"duration"`
}

// NewConstantVUs returns a configuration with the defaults.
func NewConstantVUs(name string) *ConstantVUs {
	return &ConstantVUs{Base: newBase(name, TypeConstantVUs), VUs: 1}
}

// Validate implements Config.
func (c *ConstantVUs) Validate() []error {
	return slices.Concat(c.validate(TypeConstantVUs), checkVUs("vus", c.VUs, 1), checkDuration("duration", c.Duration))
}

// Describe implements Config.
func (c *ConstantVUs) Describe() string {
	return fmt.Sprintf("%d looping VUs for %s%s", c.VUs, c.Duration, c.info())
}

// Scale implements Config.
func (c *ConstantVUs) Scale(factor float64) Config {
	return &ConstantVUs{Base: c.scaled(factor), VUs: c.VUs, Duration: c.Duration.scaled(factor)}
}

// Length implements Config.
func (c *ConstantVUs) Length() time.Duration { return time.Duration(c.Duration) }

// PlannedVUs implements Config.
func (c *ConstantVUs) PlannedVUs() int { return c.VUs }

// PeakVUs implements Config.
func (c *ConstantVUs) PeakVUs() int { return c.VUs }

// RampingVUs is ramping-vus: a number of looping users that follows stages.
type RampingVUs struct {
	Base
	StartVUs int     `json:"startVUs"`
	Stages   []Stage `json:"stages"`
	// GracefulRampDown is how long a user who is no longer wanted may take to finish its iteration.
	GracefulRampDown Duration `json:"gracefulRampDown"`
}

// NewRampingVUs returns a configuration with the defaults.
func NewRampingVUs(name string) *RampingVUs {
	return &RampingVUs{Base: newBase(name, TypeRampingVUs), StartVUs: 1, GracefulRampDown: DefaultGracefulRampDown}
}

// Validate implements Config.
func (c *RampingVUs) Validate() []error {
	errs := slices.Concat(c.validate(TypeRampingVUs), checkStages(c.Stages), checkVUs("startVUs", c.StartVUs, 0))
	if c.GracefulRampDown < 0 {
		errs = append(errs, fmt.Errorf("gracefulRampDown is %s, it can't be negative", c.GracefulRampDown))
	}
	switch peak := peakOf(c.StartVUs, c.Stages); {
	case peak <= 0:
		errs = append(errs, errors.New("startVUs and all targets are 0, one of them must be more"))
	case peak > maxVUs:
		errs = append(errs, fmt.Errorf("a target is %d, it can be %d at most", peak, maxVUs))
	}
	return errs
}

// Describe implements Config.
func (c *RampingVUs) Describe() string {
	return fmt.Sprintf("Up to %d looping VUs for %s over %d stages%s", c.PeakVUs(), c.Length(), len(c.Stages),
		c.info("gracefulRampDown: "+c.GracefulRampDown.String()))
}

// Scale implements Config.
func (c *RampingVUs) Scale(factor float64) Config {
	return &RampingVUs{
		Base: c.scaled(factor), StartVUs: c.StartVUs, Stages: scaledStages(c.Stages, factor), GracefulRampDown: c.GracefulRampDown,
	}
}

// Length implements Config.
func (c *RampingVUs) Length() time.Duration { return lengthOf(c.Stages) }

// PlannedVUs implements Config.
func (c *RampingVUs) PlannedVUs() int { return peakOf(c.StartVUs, c.Stages) }

// PeakVUs implements Config.
func (c *RampingVUs) PeakVUs() int { return c.PlannedVUs() }

// Step is a number of users from a time on, until the next step.
type Step struct {
	At  time.Duration // after the scenario's start
	VUs int
}

// Steps returns the whole schedule: one step for every change by one, or by more where a stage has no
// duration. Over a stage from a to b that takes d, the k-th change comes at k*d/|b-a| after the stage's start,
// as in k6: a ramp begins with its first change, not at once, and reaches its target at its end. The schedule
// ends with 0 users.
func (c *RampingVUs) Steps() []Step {
	steps := []Step{{VUs: c.StartVUs}}
	add := func(at time.Duration, vus int) {
		switch last := &steps[len(steps)-1]; {
		case last.VUs == vus:
		case last.At == at:
			last.VUs = vus
		default:
			steps = append(steps, Step{At: at, VUs: vus})
		}
	}
	var start time.Duration
	from := c.StartVUs
	for _, s := range c.Stages {
		d := time.Duration(s.Duration)
		if d == 0 {
			add(start, s.Target)
		} else {
			sign, n := 1, s.Target-from
			if n < 0 {
				sign, n = -1, -n
			}
			for k := 1; k <= n; k++ {
				add(start+portion(d, k, n), from+sign*k)
			}
		}
		start += d
		from = s.Target
	}
	add(start, 0)
	return steps
}

// portion is d*k/n without overflow for any test that ends.
func portion(d time.Duration, k, n int) time.Duration {
	q, r := d/time.Duration(n), d%time.Duration(n)
	return q*time.Duration(k) + r*time.Duration(k)/time.Duration(n)
}

// VUsAt returns how many users are to loop at a time after the scenario's start.
func (c *RampingVUs) VUsAt(elapsed time.Duration) int { return at(c.Steps(), elapsed) }

func at(steps []Step, elapsed time.Duration) int {
	i := sort.Search(len(steps), func(i int) bool { return steps[i].At > elapsed })
	if i == 0 {
		return 0
	}
	return steps[i-1].VUs
}
