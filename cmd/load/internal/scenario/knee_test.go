package scenario_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

func search(start, maximum int) *scenario.Search {
	return &scenario.Search{
		Start: start, Max: maximum, Growth: 1.5, Precision: 0.05, Confirm: 2,
		Hold: executor.Duration(60 * time.Second), MaxDuration: executor.Duration(100 * 60 * time.Second),
	}
}

type measure = func(context.Context, int) (scenario.Outcome, string, error)

// upTo holds for rates up to a limit.
func upTo(limit int) measure {
	return func(_ context.Context, rate int) (scenario.Outcome, string, error) {
		if rate <= limit {
			return scenario.Holds, "", nil
		}
		return scenario.Fails, "p(95)<1000", nil
	}
}

func find(t *testing.T, s *scenario.Search, m measure) scenario.Knee {
	t.Helper()
	k, err := s.Knee(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKneeOfASteadyTarget searches for every limit that there may be, from below and from above.
func TestKneeOfASteadyTarget(t *testing.T) {
	for limit := 1; limit < 3000; limit += 1 + limit/20 {
		s := search(100, 10_000)
		k := find(t, s, upTo(limit))
		if k.Rate > limit || k.Failing <= limit || k.Failing-k.Rate > 1 && float64(k.Failing-k.Rate) > float64(k.Rate)*s.Precision {
			t.Fatalf("limit %d: found %d, failing %d", limit, k.Rate, k.Failing)
		}
		if !k.Confirmed || k.Limit != scenario.LimitTarget {
			t.Fatalf("limit %d: confirmed %v, limit %s", limit, k.Confirmed, k.Limit)
		}
		held, failed := count(k, k.Rate, scenario.Holds), count(k, k.Failing, scenario.Fails)
		if held != s.Confirm || failed != s.Confirm {
			t.Fatalf("limit %d: the knee held %d times, the rate above failed %d times, want %d each", limit, held, failed, s.Confirm)
		}
		if len(k.Steps) > 40 {
			t.Errorf("limit %d took %d steps", limit, len(k.Steps))
		}
	}
}

func count(k scenario.Knee, rate int, outcome scenario.Outcome) int {
	n := 0
	for _, s := range k.Steps {
		if s.Rate == rate && s.Outcome == outcome {
			n++
		}
	}
	return n
}

func TestGrowthIsGradual(t *testing.T) {
	k := find(t, search(100, 10_000), upTo(400))
	var rates []int
	for _, s := range k.Steps[:6] {
		rates = append(rates, s.Rate)
	}
	if want := []int{100, 150, 225, 337, 505, 505}; !slices.Equal(rates, want) {
		t.Errorf("rates %v, want %v: half as much again each, and a failing one twice", rates, want)
	}
}

func TestKneeBeyondTheSearch(t *testing.T) {
	k := find(t, search(100, 1000), upTo(5000))
	if k.Rate != 1000 || k.Limit != scenario.LimitMax || !k.Confirmed || k.Failing != 0 {
		t.Errorf("%+v", k)
	}
	none := find(t, search(100, 1000), upTo(0))
	if none.Rate != 0 || none.Limit != scenario.LimitNone || none.Confirmed || none.Failing != 1 {
		t.Errorf("%+v", none)
	}
}

// A stumble is no knee: the rate is run again, and holds.
func TestStumbleIsForgiven(t *testing.T) {
	stumbled := false
	k := find(t, search(100, 1000), func(ctx context.Context, rate int) (scenario.Outcome, string, error) {
		if rate == 225 && !stumbled {
			stumbled = true
			return scenario.Fails, "a stumble", nil
		}
		return upTo(700)(ctx, rate)
	})
	if k.Rate < 665 || k.Rate > 700 {
		t.Errorf("found %d, want some 700: one failure at 225 says nothing", k.Rate)
	}
	if k.Steps[2].Why != "a stumble" {
		t.Errorf("the steps do not say why: %+v", k.Steps[2])
	}
}

// A rate that has failed must hold twice, before it fails twice.
func TestBestOfThree(t *testing.T) {
	for _, x := range []struct {
		name     string
		outcomes []scenario.Outcome // of 337
		holds    bool
	}{
		{"fails, holds, fails", []scenario.Outcome{scenario.Fails, scenario.Holds, scenario.Fails}, false},
		{"fails, holds, holds", []scenario.Outcome{scenario.Fails, scenario.Holds, scenario.Holds}, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			outcomes := x.outcomes
			k := find(t, search(100, 1000), func(ctx context.Context, rate int) (scenario.Outcome, string, error) {
				if rate == 337 && len(outcomes) > 0 {
					next := outcomes[0]
					outcomes = outcomes[1:]
					return next, "", nil
				}
				return upTo(600)(ctx, rate)
			})
			if x.holds != (k.Rate > 337) {
				t.Errorf("found %d", k.Rate)
			}
		})
	}
}

// A rate that held once by luck and fails when it is to be confirmed is none.
func TestLuckIsNotConfirmed(t *testing.T) {
	lucky := true
	k := find(t, search(100, 1000), func(ctx context.Context, rate int) (scenario.Outcome, string, error) {
		if rate == 505 && lucky {
			lucky = false
			return scenario.Holds, "", nil
		}
		return upTo(500)(ctx, rate)
	})
	if k.Rate > 500 || k.Rate < 475 || !k.Confirmed || k.Limit != scenario.LimitTarget {
		t.Errorf("found %d, confirmed %v; want some 500", k.Rate, k.Confirmed)
	}
}

// With a target that fails more often the nearer it is to its limit, the search ends near it, in reasonable time.
func TestKneeOfANoisyTarget(t *testing.T) {
	const limit = 800.0
	var far int
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 1))
		k := find(t, search(100, 5000), func(_ context.Context, rate int) (scenario.Outcome, string, error) {
			// From 5 % below to 5 % above the limit, the chance to fail goes from 0 to 1.
			if dice.Float64() < (float64(rate)/limit-0.95)/0.1 {
				return scenario.Fails, "", nil
			}
			return scenario.Holds, "", nil
		})
		if k.Rate < 0.90*limit || k.Rate > 1.05*limit {
			far++
		}
		if !k.Confirmed || len(k.Steps) > 60 {
			t.Fatalf("seed %d: %+v", seed, k)
		}
	}
	if far > 4 {
		t.Errorf("%d of 200 searches ended more than 10 %% off", far)
	}
}

// A generator that can't keep up says nothing about the target, and the search says so.
func TestKneeOfTheGenerator(t *testing.T) {
	k := find(t, search(100, 5000), func(ctx context.Context, rate int) (scenario.Outcome, string, error) {
		if rate > 900 {
			return scenario.Saturated, "", nil
		}
		return upTo(2000)(ctx, rate)
	})
	if k.Rate < 850 || k.Rate > 900 || k.Limit != scenario.LimitGenerator || !k.Confirmed {
		t.Errorf("%+v", k)
	}
}

// What ends a search is the time that its steps have really taken, which is longer than planned where iterations are
// slow to finish.
func TestKneeEndsInTime(t *testing.T) {
	for _, x := range []struct {
		step    time.Duration
		steps   int
		highest int
	}{{time.Minute, 7, 757}, {90 * time.Second, 5, 505}, {time.Hour, 1, 100}} {
		synctest.Test(t, func(t *testing.T) {
			s := search(100, 100_000)
			s.MaxDuration = executor.Duration(7 * time.Minute)
			k := find(t, s, func(ctx context.Context, rate int) (scenario.Outcome, string, error) {
				time.Sleep(x.step)
				return upTo(1000)(ctx, rate)
			})
			if len(k.Steps) != x.steps || k.Limit != scenario.LimitTime || k.Confirmed || k.Rate != x.highest || k.Failing != 0 {
				t.Errorf("after %d steps of %s: %+v", x.steps, x.step, k)
			}
		})
	}
}

func TestKneeIsInterrupted(t *testing.T) {
	broken := errors.New("the target is gone")
	k, err := search(100, 1000).Knee(t.Context(), func(_ context.Context, rate int) (scenario.Outcome, string, error) {
		if rate > 200 {
			return "", "", broken
		}
		return scenario.Holds, "", nil
	})
	if !errors.Is(err, broken) || k.Rate != 150 || k.Confirmed || len(k.Steps) != 2 {
		t.Errorf("got %v, %+v; want the error and what was known", err, k)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = search(100, 1000).Knee(ctx, func(ctx context.Context, rate int) (scenario.Outcome, string, error) {
		cancel()
		return scenario.Holds, "", nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to stop", err)
	}
}

// AtRate is a test of one rate: first to settle, then to be judged.
func TestAtRate(t *testing.T) {
	o := named(t, "stress")
	unchanged(t, o)
	step := o.AtRate(750)
	if problems := step.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(step.Scenarios) != 2 || step.Search != nil {
		t.Fatalf("%s", write(t, step))
	}
	settle, hold := step.Scenarios[0].(*executor.ConstantArrivalRate), step.Scenarios[1].(*executor.ConstantArrivalRate)
	if settle.Name != "stress_settle" || settle.Rate != 750 || settle.Duration != o.Search.Settle || settle.StartTime != 0 {
		t.Errorf("settle: %+v", settle)
	}
	if hold.Name != "stress" || hold.Rate != 750 || hold.Duration != o.Search.Hold || hold.StartTime != o.Search.Settle {
		t.Errorf("hold: %+v", hold)
	}
	if got := conditions(step); len(got) != len(o.Thresholds) || got[0] != "dropped_iterations{scenario:stress} count<1" {
		t.Errorf("thresholds on the part that is judged: %q", got)
	}
	o.Search.Settle = 0
	if step := o.AtRate(5); len(step.Scenarios) != 1 || step.Scenarios[0].Common().StartTime != 0 {
		t.Errorf("without settling: %s", write(t, step.Scenarios))
	}
	o.Search.Settle = executor.Duration(15 * time.Second)
}
