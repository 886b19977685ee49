package executor

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// OpenVUs are the users of an open model.
type OpenVUs struct {
	// PreAllocatedVUs is how many users there are from the start.
	PreAllocatedVUs int `json:"preAllocatedVUs"`
	// MaxVUs is how many there may be; 0 is PreAllocatedVUs. Users are added when an iteration is due and
	// nobody is free.
	MaxVUs int `json:"maxVUs,omitzero"`
	// MaxWait is for iterations that are due when nobody is free and there are MaxVUs users: they wait for a
	// user for so long, timed from when they were due, and are dropped then. k6 has no such option; it drops them
	// at once, which 0 does here too. But whoever drops what meets a stalled target also drops it from the
	// percentiles, which then tell little of the stall.
	MaxWait Duration `json:"maxWait"`
}

// PlannedVUs implements Config.
func (o *OpenVUs) PlannedVUs() int { return o.PreAllocatedVUs }

// PeakVUs implements Config.
func (o *OpenVUs) PeakVUs() int { return max(o.PreAllocatedVUs, o.MaxVUs) }

func (o *OpenVUs) check() []error {
	errs := slices.Concat(checkVUs("preAllocatedVUs", o.PreAllocatedVUs, 0), checkVUs("maxVUs", o.MaxVUs, 0))
	if o.MaxVUs != 0 && o.MaxVUs < o.PreAllocatedVUs {
		errs = append(errs, fmt.Errorf("maxVUs is %d, it can't be less than preAllocatedVUs, %d", o.MaxVUs, o.PreAllocatedVUs))
	}
	if o.PeakVUs() == 0 {
		errs = append(errs, errors.New("preAllocatedVUs and maxVUs are 0, nobody would do the iterations"))
	}
	if o.MaxWait < 0 {
		errs = append(errs, fmt.Errorf("maxWait is %s, it can't be negative", o.MaxWait))
	}
	return errs
}

func (o *OpenVUs) describe() string {
	text := fmt.Sprintf("maxVUs: %d", o.PreAllocatedVUs)
	if o.MaxVUs > o.PreAllocatedVUs {
		text += fmt.Sprintf("-%d", o.MaxVUs)
	}
	return text
}

// maxRate, in iterations per second, is far beyond what one machine can start.
const maxRate = 10_000_000

// checkRate takes the highest rate.
func checkRate(key string, rate int, unit Duration) []error {
	switch {
	case unit <= 0:
		return []error{fmt.Errorf("timeUnit is %s, it must be more than 0", unit)}
	case perSecond(rate, unit) > maxRate:
		return []error{fmt.Errorf("%s is %d every %s, it can be %d a second at most", key, rate, unit, maxRate)}
	}
	return nil
}

// ConstantArrivalRate is constant-arrival-rate: Rate iterations start every TimeUnit.
type ConstantArrivalRate struct {
	Base
	Rate     int      `json:"rate"`
	TimeUnit Duration `json:"timeUnit"`
	Duration Duration `json:"duration"`
	OpenVUs
}

// NewConstantArrivalRate returns a configuration with the defaults.
func NewConstantArrivalRate(name string) *ConstantArrivalRate {
	return &ConstantArrivalRate{Base: newBase(name, TypeConstantArrivalRate), TimeUnit: DefaultTimeUnit, OpenVUs: OpenVUs{MaxWait: DefaultMaxWait}}
}

// Validate implements Config.
func (c *ConstantArrivalRate) Validate() []error {
	errs := slices.Concat(c.validate(TypeConstantArrivalRate), checkRate("rate", c.Rate, c.TimeUnit), checkDuration("duration", c.Duration), c.check())
	if c.Rate < 1 {
		errs = append(errs, fmt.Errorf("rate is %d, it must be 1 or more", c.Rate))
	}
	return errs
}

// Describe implements Config.
func (c *ConstantArrivalRate) Describe() string {
	return fmt.Sprintf("%.2f iterations/s for %s%s", perSecond(c.Rate, c.TimeUnit), c.Duration, c.info(c.describe()))
}

// Scale implements Config.
func (c *ConstantArrivalRate) Scale(factor float64) Config {
	return &ConstantArrivalRate{Base: c.scaled(factor), Rate: c.Rate, TimeUnit: c.TimeUnit, Duration: c.Duration.scaled(factor), OpenVUs: c.OpenVUs}
}

// Length implements Config.
func (c *ConstantArrivalRate) Length() time.Duration { return time.Duration(c.Duration) }

// Arrivals returns the schedule. The first iteration is due at once.
func (c *ConstantArrivalRate) Arrivals() *Arrivals {
	return constantArrivals(c.Rate, time.Duration(c.TimeUnit), time.Duration(c.Duration))
}

// RampingArrivalRate is ramping-arrival-rate: the rate of starting iterations, per TimeUnit, follows stages.
type RampingArrivalRate struct {
	Base
	StartRate int      `json:"startRate"`
	TimeUnit  Duration `json:"timeUnit"`
	Stages    []Stage  `json:"stages"`
	OpenVUs
}

// NewRampingArrivalRate returns a configuration with the defaults.
func NewRampingArrivalRate(name string) *RampingArrivalRate {
	return &RampingArrivalRate{Base: newBase(name, TypeRampingArrivalRate), TimeUnit: DefaultTimeUnit, OpenVUs: OpenVUs{MaxWait: DefaultMaxWait}}
}

// Validate implements Config.
func (c *RampingArrivalRate) Validate() []error {
	errs := slices.Concat(c.validate(TypeRampingArrivalRate), checkRate("the highest rate", peakOf(c.StartRate, c.Stages), c.TimeUnit), checkStages(c.Stages), c.check())
	if c.StartRate < 0 {
		errs = append(errs, fmt.Errorf("startRate is %d, it can't be negative", c.StartRate))
	}
	if peakOf(c.StartRate, c.Stages) == 0 {
		errs = append(errs, errors.New("startRate and all targets are 0, one of them must be more"))
	}
	return errs
}

// Describe implements Config.
func (c *RampingArrivalRate) Describe() string {
	return fmt.Sprintf("Up to %.2f iterations/s for %s over %d stages%s", perSecond(peakOf(c.StartRate, c.Stages), c.TimeUnit),
		c.Length(), len(c.Stages), c.info(c.describe()))
}

// Scale implements Config.
func (c *RampingArrivalRate) Scale(factor float64) Config {
	return &RampingArrivalRate{
		Base: c.scaled(factor), StartRate: c.StartRate, TimeUnit: c.TimeUnit, Stages: scaledStages(c.Stages, factor), OpenVUs: c.OpenVUs,
	}
}

// Length implements Config.
func (c *RampingArrivalRate) Length() time.Duration { return lengthOf(c.Stages) }

// Arrivals returns the schedule. The first iteration is due when the rate has added up to one.
func (c *RampingArrivalRate) Arrivals() *Arrivals {
	return rampingArrivals(c.StartRate, time.Duration(c.TimeUnit), c.Stages)
}

func perSecond(rate int, unit Duration) float64 { return float64(rate) / time.Duration(unit).Seconds() }
