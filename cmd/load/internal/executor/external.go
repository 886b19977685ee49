package executor

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ExternallyControlled is externally-controlled: looping users whose number is changed, and who are paused,
// while the test runs.
type ExternallyControlled struct {
	Base
	// VUs is how many users loop at first.
	VUs int `json:"vus"`
	// MaxVUs is how many there may be; 0 is VUs. It can be raised while the test runs.
	MaxVUs int `json:"maxVUs"`
	// Duration is how long the test runs, pauses left aside; 0 is until it is stopped.
	Duration Duration `json:"duration"`
}

// NewExternallyControlled returns a configuration with the defaults.
func NewExternallyControlled(name string) *ExternallyControlled {
	b := newBase(name, TypeExternallyControlled)
	b.GracefulStop = 0
	return &ExternallyControlled{Base: b}
}

// Validate implements Config.
func (c *ExternallyControlled) Validate() []error {
	errs := slices.Concat(c.validate(TypeExternallyControlled), checkVUs("vus", c.VUs, 0), checkVUs("maxVUs", c.MaxVUs, 0))
	if c.MaxVUs != 0 && c.MaxVUs < c.VUs {
		errs = append(errs, fmt.Errorf("maxVUs is %d, it can't be less than vus, %d", c.MaxVUs, c.VUs))
	}
	if c.Duration < 0 {
		errs = append(errs, fmt.Errorf("duration is %s, it can't be negative; 0 is without end", c.Duration))
	}
	if c.GracefulStop != 0 {
		errs = append(errs, errors.New("gracefulStop is not for externally-controlled, which cuts its users off"))
	}
	return errs
}

// Describe implements Config.
func (c *ExternallyControlled) Describe() string {
	duration := "infinite"
	if c.Duration != 0 {
		duration = c.Duration.String()
	}
	return fmt.Sprintf("Externally controlled execution with %d VUs, %d max VUs, %s duration", c.VUs, c.PeakVUs(), duration)
}

// Scale implements Config.
func (c *ExternallyControlled) Scale(factor float64) Config {
	return &ExternallyControlled{Base: c.scaled(factor), VUs: c.VUs, MaxVUs: c.MaxVUs, Duration: c.Duration.scaled(factor)}
}

// Length implements Config.
func (c *ExternallyControlled) Length() time.Duration { return time.Duration(c.Duration) }

// PlannedVUs implements Config.
func (c *ExternallyControlled) PlannedVUs() int { return c.PeakVUs() }

// PeakVUs implements Config.
func (c *ExternallyControlled) PeakVUs() int { return max(c.VUs, c.MaxVUs) }
