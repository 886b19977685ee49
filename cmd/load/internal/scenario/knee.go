package scenario

import (
	"context"
	"math"
	"time"
)

// Knee searches. measure runs one rate and says what became of it; why is kept beside it.
//
// The rate grows from Start until it fails, or shrinks from there while even that fails; then the gap between the
// highest that holds and the lowest that fails is halved until it is small. A rate that fails is run again,
// since a single stumble is no knee: it counts as failing once it has failed Confirm times, unless it has held
// so often before. In the end the knee must hold Confirm times in all. If it fails so often instead, it is a
// failing rate, and the search goes on below it. Each such turn lowers the lowest failing rate, so that the
// search ends, if not with MaxDuration.
func (s *Search) Knee(ctx context.Context, measure func(ctx context.Context, rate int) (outcome Outcome, why string, err error)) (Knee, error) {
	k := &kneeSearch{Search: s, ctx: ctx, started: time.Now(), measure: measure, held: map[int]int{}, failed: map[int]int{}}
	err := k.run()
	k.knee.Rate, k.knee.Confirmed = k.low, k.low > 0 && k.held[k.low] >= s.Confirm
	if k.high != noRate {
		k.knee.Failing = k.high
	}
	return k.knee, err
}

const noRate = math.MaxInt

// kneeSearch is a search under way. low holds, high does not; 0 and noRate stand for none.
type kneeSearch struct {
	*Search
	ctx     context.Context
	started time.Time
	measure func(context.Context, int) (Outcome, string, error)

	low, high    int
	held, failed map[int]int // how often, by rate
	saturated    bool        // high is the generator's limit
	over         bool        // no time is left
	knee         Knee
}

func (k *kneeSearch) run() error {
	k.high = noRate
	defer k.limit()
	if err := k.grow(); err != nil {
		return err
	}
	for {
		if err := k.close(); err != nil || k.over || k.low == 0 {
			return err
		}
		if confirmed, err := k.confirm(); err != nil || k.over || confirmed {
			return err
		}
	}
}

// limit says what kept the knee from being higher.
func (k *kneeSearch) limit() {
	switch {
	case k.over:
		k.knee.Limit = LimitTime
	case k.low == 0:
		k.knee.Limit = LimitNone
	case k.high == noRate:
		k.knee.Limit = LimitMax
	case k.saturated:
		k.knee.Limit = LimitGenerator
	default:
		k.knee.Limit = LimitTarget
	}
}

// grow raises the rate until one fails or there is no higher one.
func (k *kneeSearch) grow() error {
	for rate := k.Start; ; {
		holds, err := k.try(rate)
		if err != nil || k.over || !holds || rate == k.Max {
			return err
		}
		rate = min(max(rate+1, int(float64(rate)*k.Growth)), k.Max)
	}
}

// close narrows the gap between what holds and what fails. Without a rate that holds it goes down as fast as
// grow goes up.
func (k *kneeSearch) close() error {
	for k.high != noRate && k.high-k.low > 1 && float64(k.high-k.low) > float64(k.low)*k.Precision {
		next := k.low + (k.high-k.low)/2
		if k.low == 0 {
			next = max(1, min(k.high-1, int(float64(k.high)/k.Growth)))
		}
		if _, err := k.try(next); err != nil || k.over {
			return err
		}
	}
	return nil
}

// confirm runs the knee until it has held or failed as often as asked. Failing makes it the lowest failing
// rate, and low the highest below it that holds.
func (k *kneeSearch) confirm() (bool, error) {
	for k.held[k.low] < k.Confirm {
		outcome, err := k.once(k.low)
		if err != nil || k.over {
			return false, err
		}
		if outcome != Saturated && k.failed[k.low] < k.Confirm {
			continue
		}
		k.high, k.saturated, k.low = k.low, outcome == Saturated, 0
		for rate := range k.held {
			if rate < k.high && k.failed[rate] < k.Confirm {
				k.low = max(k.low, rate)
			}
		}
		return false, nil
	}
	return true, nil
}

// try runs a rate until it holds or fails for good, and moves low or high there.
func (k *kneeSearch) try(rate int) (bool, error) {
	for {
		outcome, err := k.once(rate)
		switch {
		case err != nil || k.over:
			return false, err
		case outcome == Saturated:
			k.high, k.saturated = rate, true
			return false, nil
		case outcome == Holds && (k.failed[rate] == 0 || k.held[rate] >= k.Confirm):
			k.low = rate
			return true, nil
		case k.failed[rate] >= k.Confirm:
			k.high, k.saturated = rate, false
			return false, nil
		}
	}
}

// once runs a rate, unless there is no time left for it.
func (k *kneeSearch) once(rate int) (Outcome, error) {
	if len(k.knee.Steps) > 0 && time.Since(k.started)+time.Duration(k.step()) > time.Duration(k.MaxDuration) {
		k.over = true
		return "", nil
	}
	if err := k.ctx.Err(); err != nil {
		return "", err
	}
	outcome, why, err := k.measure(k.ctx, rate)
	if err != nil {
		return "", err
	}
	k.knee.Steps = append(k.knee.Steps, Step{Rate: rate, Outcome: outcome, Why: why})
	if outcome == Holds {
		k.held[rate]++
	} else {
		k.failed[rate]++
	}
	return outcome, nil
}
