package executor

import (
	"fmt"
	"slices"
	"time"
)

// PerVUIterations is per-vu-iterations: every user does so many iterations.
type PerVUIterations struct {
	Base
	VUs        int `json:"vus"`
	Iterations int `json:"iterations"`
	// MaxDuration is when no more iterations start; those left are dropped.
	MaxDuration Duration `json:"maxDuration"`
}

// NewPerVUIterations returns a configuration with the defaults.
func NewPerVUIterations(name string) *PerVUIterations {
	return &PerVUIterations{Base: newBase(name, TypePerVUIterations), VUs: 1, Iterations: 1, MaxDuration: DefaultMaxDuration}
}

// Validate implements Config.
func (c *PerVUIterations) Validate() []error {
	errs := slices.Concat(c.validate(TypePerVUIterations), checkVUs("vus", c.VUs, 1), checkDuration("maxDuration", c.MaxDuration))
	if c.Iterations < 1 {
		errs = append(errs, fmt.Errorf("iterations is %d, it must be 1 or more", c.Iterations))
	}
	return errs
}

// Describe implements Config.
func (c *PerVUIterations) Describe() string {
	return fmt.Sprintf("%d iterations for each of %d VUs%s", c.Iterations, c.VUs, c.info("maxDuration: "+c.MaxDuration.String()))
}

// Scale implements Config.
func (c *PerVUIterations) Scale(factor float64) Config {
	return &PerVUIterations{Base: c.scaled(factor), VUs: c.VUs, Iterations: c.Iterations, MaxDuration: c.MaxDuration.scaled(factor)}
}

// Length implements Config.
func (c *PerVUIterations) Length() time.Duration { return time.Duration(c.MaxDuration) }

// PlannedVUs implements Config.
func (c *PerVUIterations) PlannedVUs() int { return c.VUs }

// PeakVUs implements Config.
func (c *PerVUIterations) PeakVUs() int { return c.VUs }

// SharedIterations is shared-iterations: so many iterations in all, done by whichever user is free.
type SharedIterations struct {
	Base
	VUs        int `json:"vus"`
	Iterations int `json:"iterations"`
	// MaxDuration is when no more iterations start; those left are dropped.
	MaxDuration Duration `json:"maxDuration"`
}

// NewSharedIterations returns a configuration with the defaults.
func NewSharedIterations(name string) *SharedIterations {
	return &SharedIterations{Base: newBase(name, TypeSharedIterations), VUs: 1, Iterations: 1, MaxDuration: DefaultMaxDuration}
}

// Validate implements Config.
func (c *SharedIterations) Validate() []error {
	errs := slices.Concat(c.validate(TypeSharedIterations), checkVUs("vus", c.VUs, 1), checkDuration("maxDuration", c.MaxDuration))
	if c.Iterations < c.VUs {
		errs = append(errs, fmt.Errorf("iterations is %d, it can't be less than vus, %d", c.Iterations, c.VUs))
	}
	return errs
}

// Describe implements Config.
func (c *SharedIterations) Describe() string {
	return fmt.Sprintf("%d iterations shared among %d VUs%s", c.Iterations, c.VUs, c.info("maxDuration: "+c.MaxDuration.String()))
}

// Scale implements Config.
func (c *SharedIterations) Scale(factor float64) Config {
	return &SharedIterations{Base: c.scaled(factor), VUs: c.VUs, Iterations: c.Iterations, MaxDuration: c.MaxDuration.scaled(factor)}
}

// Length implements Config.
func (c *SharedIterations) Length() time.Duration { return time.Duration(c.MaxDuration) }

// PlannedVUs implements Config.
func (c *SharedIterations) PlannedVUs() int { return c.VUs }

// PeakVUs implements Config.
func (c *SharedIterations) PeakVUs() int { return c.VUs }
