package engine_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

func constantVUs(n int, d executor.Duration) *executor.ConstantVUs {
	c := executor.NewConstantVUs("load")
	c.VUs, c.Duration = n, d
	return c
}

func TestConstantVUs(t *testing.T) {
	var ids log[int]
	s := pausing(300 * time.Millisecond)
	iterate := s.iterate
	s.iterate = func(v *vu.VU) error {
		if v.Iteration == 0 {
			ids.add(v.ID)
		}
		return iterate(v)
	}
	c := constantVUs(10, 2*second)
	c.Tags = map[string]string{"test_type": "load"}
	inFakeTime(t, engine.Options{Scenarios: of(c, s), Tags: map[string]string{"test_type": "none", "run": "7"}}, func(r *run) {
		// 7 iterations each start before 2 s: at 0, 0.3 ... 1.8.
		if n := r.total("iterations", "scenario", "load", "test_type", "load", "run", "7", "group", "").Sum; n != 70 {
			t.Errorf("%v iterations, want 70", n)
		}
		if d := r.total("iteration_duration").Values; d.Count() != 70 || d.Min() != 300 || d.Max() != 300 {
			t.Errorf("iterations took %v to %v", d.Min(), d.Max())
		}
		if took := r.result.End.Sub(r.result.Start); took != 2100*time.Millisecond {
			t.Errorf("the run took %v, want 2.1 s: the last iterations finish within gracefulStop", took)
		}
		if r.result.Ended != engine.Completed || r.err != nil || r.result.Progress.Interrupted != 0 {
			t.Errorf("ended as %s, %v", r.result.Ended, r.err)
		}
		if v := r.total("vus"); v.Max != 10 {
			t.Errorf("vus is %v at most", v.Max)
		}
		if v := r.total("vus_max"); v.Min != 10 || v.Max != 10 {
			t.Errorf("vus_max is %v to %v", v.Min, v.Max)
		}
	})
	if slices.Sort(ids.entries); !slices.Equal(ids.entries, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
		t.Errorf("users %v", ids.entries)
	}
}

func TestGracefulStop(t *testing.T) {
	for _, c := range []struct {
		name                   string
		grace                  executor.Duration
		iteration, took        time.Duration
		completed, interrupted int64
	}{
		{"waits for iterations", 5 * second, 4 * time.Second, 4 * time.Second, 3, 0},
		{"cuts off what takes longer", 1 * second, 4 * time.Second, 3 * time.Second, 0, 3},
		{"zero cuts off at once", 0, 1500 * time.Millisecond, 2 * time.Second, 3, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := constantVUs(3, 2*second)
			config.GracefulStop = c.grace
			s := &suite{iterate: func(v *vu.VU) error {
				v.Group("g", func() { v.Sleep(c.iteration) })
				v.Check("done", true)
				return nil
			}}
			inFakeTime(t, engine.Options{Scenarios: of(config, s)}, func(r *run) {
				p := r.result.Progress
				if p.Iterations != c.completed || p.Interrupted != c.interrupted {
					t.Errorf("%d completed, %d interrupted", p.Iterations, p.Interrupted)
				}
				if n := int64(r.total("iterations").Sum); n != c.completed {
					t.Errorf("%d iterations counted", n)
				}
				// What an iteration does after it was cut off is nobody's failure.
				if n, m := r.total("checks").Count, r.total("group_duration").Count; int64(n) != c.completed || int64(m) != c.completed {
					t.Errorf("%d checks and %d groups counted", n, m)
				}
				if took := r.result.End.Sub(r.result.Start); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

func TestPerVUIterations(t *testing.T) {
	c := executor.NewPerVUIterations("each")
	c.VUs, c.Iterations = 5, 7
	var mu sync.Mutex
	each := make(map[int]int)
	s := &suite{iterate: func(v *vu.VU) error {
		v.Sleep(time.Duration(v.ID) * 100 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		each[v.ID]++
		return nil
	}}
	inFakeTime(t, engine.Options{Scenarios: of(c, s)}, func(r *run) {
		if n := r.total("iterations").Sum; n != 35 || r.result.End.Sub(r.result.Start) != 3500*time.Millisecond {
			t.Errorf("%v iterations in %v", n, r.result.End.Sub(r.result.Start))
		}
		for id, n := range each {
			if n != 7 {
				t.Errorf("user %d did %d iterations", id, n)
			}
		}
	})
	c.MaxDuration = 2 * second
	s = pausing(900 * time.Millisecond) // three start before 2 s
	inFakeTime(t, engine.Options{Scenarios: of(c, s)}, func(r *run) {
		if n, d := r.total("iterations").Sum, r.total("dropped_iterations", "scenario", "each").Sum; n != 15 || d != 20 || r.result.Progress.Dropped != 20 {
			t.Errorf("%v iterations, %v dropped", n, d)
		}
	})
	var shares []float64
	o := engine.Options{Scenarios: []engine.Scenario{{Config: c, Suite: s, Done: 5}}, OnTick: func(p engine.Progress) { shares = append(shares, p.Scenarios[0].Share) }}
	inFakeTime(t, o, func(r *run) {
		if n := r.total("iterations").Sum; n != 10 {
			t.Errorf("%v iterations, want the two that are left of each", n)
		}
		if shares[0] != 6./7 {
			t.Errorf("with six of seven done the shares are %v", shares)
		}
	})
}

func TestSharedIterations(t *testing.T) {
	c := executor.NewSharedIterations("shared")
	c.VUs, c.Iterations = 5, 23
	inFakeTime(t, engine.Options{Scenarios: of(c, pausing(time.Second))}, func(r *run) {
		if n := r.total("iterations").Sum; n != 23 || r.result.End.Sub(r.result.Start) != 5*time.Second {
			t.Errorf("%v iterations in %v", n, r.result.End.Sub(r.result.Start))
		}
		if p := r.result.Progress.Scenarios[0]; p.Total != 23 || p.Share != 1 || p.State != engine.Finished {
			t.Errorf("%+v", p)
		}
	})
	c.MaxDuration = 2500 * second / 1000
	inFakeTime(t, engine.Options{Scenarios: of(c, pausing(time.Second))}, func(r *run) {
		if n, d := r.total("iterations").Sum, r.total("dropped_iterations").Sum; n != 15 || d != 8 {
			t.Errorf("%v iterations, %v dropped", n, d)
		}
	})
}

func TestRampingVUsFollowsItsStages(t *testing.T) {
	c := executor.NewRampingVUs("ramp")
	c.StartVUs = 2
	c.Stages = []executor.Stage{{Duration: 10 * second, Target: 12}, {Duration: 5 * second, Target: 12}, {Duration: 20 * second, Target: 3}, {Duration: 0, Target: 8}, {Duration: 5 * second, Target: 8}}
	var seen []engine.Progress
	o := engine.Options{Scenarios: of(c, pausing(10*time.Millisecond)), OnTick: func(p engine.Progress) { seen = append(seen, p) }}
	inFakeTime(t, o, func(r *run) {
		for _, p := range seen[:len(seen)-1] {
			// A tick and a step, or an iteration's end, can be at the same instant; look from a little before to after it.
			early, late := c.VUsAt(p.Elapsed-20*time.Millisecond), c.VUsAt(p.Elapsed)
			if p.VUs < min(early, late) || p.VUs > max(early, late) {
				t.Errorf("after %v %d users are at work, want %d or %d", p.Elapsed, p.VUs, early, late)
			}
		}
		if took := r.result.End.Sub(r.result.Start); len(seen) < 40 || took < 40*time.Second || took > 40010*time.Millisecond {
			t.Errorf("%d ticks in %v", len(seen), took)
		}
	})
}

// A user who ramps down finishes its iteration within gracefulRampDown, and one who is wanted again meanwhile
// goes on as if nothing had happened.
func TestGracefulRampDown(t *testing.T) {
	for _, c := range []struct {
		name            string
		grace           executor.Duration
		iteration       time.Duration
		done, cut       int64
		took            time.Duration
		usersAtTheirEnd []int
	}{
		// Users 1 and 2 start at 0; 2 is not wanted any more at 1 s, and the test ends at 10 s.
		{"finishes", 5 * second, 4 * time.Second, 4, 0, 12 * time.Second, []int{2, 1, 1, 1}},
		{"is cut off", 2 * second, 4 * time.Second, 3, 1, 12 * time.Second, []int{1, 1, 1}},
		{"zero cuts off at once", 0, 1100 * time.Millisecond, 10, 1, 11 * time.Second, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := executor.NewRampingVUs("ramp")
			config.StartVUs, config.GracefulRampDown = 2, c.grace
			config.Stages = []executor.Stage{{Duration: second, Target: 2}, {Duration: 0, Target: 1}, {Duration: 9 * second, Target: 1}}
			var order log[int]
			s := &suite{iterate: func(v *vu.VU) error {
				v.Sleep(c.iteration + time.Duration(2-v.ID)*time.Millisecond) // the second user is a little faster
				if v.Context().Err() == nil {
					order.add(v.ID)
				}
				return nil
			}}
			inFakeTime(t, engine.Options{Scenarios: of(config, s)}, func(r *run) {
				p := r.result.Progress
				if p.Iterations != c.done || p.Interrupted != c.cut || r.result.End.Sub(r.result.Start).Round(100*time.Millisecond) != c.took {
					t.Errorf("%d done, %d cut off in %v", p.Iterations, p.Interrupted, r.result.End.Sub(r.result.Start))
				}
				if c.usersAtTheirEnd != nil && !slices.Equal(order.entries, c.usersAtTheirEnd) {
					t.Errorf("iterations were done by %v, want %v", order.entries, c.usersAtTheirEnd)
				}
			})
		})
	}
	t.Run("wanted again", func(t *testing.T) {
		config := executor.NewRampingVUs("ramp")
		config.StartVUs, config.GracefulRampDown = 1, 2*second
		config.Stages = []executor.Stage{
			{Duration: second, Target: 1}, {Duration: 0, Target: 0}, {Duration: second, Target: 0}, {Duration: 0, Target: 1}, {Duration: 4 * second, Target: 1},
		}
		inFakeTime(t, engine.Options{Scenarios: of(config, pausing(5*time.Second))}, func(r *run) {
			if p := r.result.Progress; p.Iterations != 2 || p.Interrupted != 0 {
				t.Errorf("%d done, %d cut off", p.Iterations, p.Interrupted)
			}
		})
	})
	t.Run("wanted again after being cut off", func(t *testing.T) {
		config := executor.NewRampingVUs("ramp")
		config.StartVUs, config.GracefulRampDown = 1, second
		config.Stages = []executor.Stage{
			{Duration: second, Target: 1}, {Duration: 0, Target: 0}, {Duration: 3 * second, Target: 0}, {Duration: 0, Target: 1}, {Duration: 4 * second, Target: 1},
		}
		inFakeTime(t, engine.Options{Scenarios: of(config, pausing(5*time.Second))}, func(r *run) {
			if p := r.result.Progress; p.Iterations != 1 || p.Interrupted != 1 {
				t.Errorf("%d done, %d cut off", p.Iterations, p.Interrupted)
			}
		})
	})
}

func TestScenariosStartWhenTheyShould(t *testing.T) {
	one, two := constantVUs(3, 10*second), constantVUs(2, 5*second)
	two.Name, two.StartTime = "later", 42*second // 10 s, 30 s of grace, and 2
	var starts log[time.Time]
	var ids log[int]
	s := &suite{iterate: func(v *vu.VU) error {
		starts.add(time.Now())
		ids.add(v.ID)
		v.Sleep(1100 * time.Millisecond)
		return nil
	}}
	inFakeTime(t, engine.Options{Scenarios: []engine.Scenario{{Config: one, Suite: pausing(1100 * time.Millisecond)}, {Config: two, Suite: s}}}, func(r *run) {
		if d := starts.entries[0].Sub(r.result.Start); d != 42*time.Second {
			t.Errorf("the second scenario started after %v", d)
		}
		if a, b := r.total("iterations", "scenario", "load").Sum, r.total("iterations", "scenario", "later").Sum; a != 30 || b != 10 {
			t.Errorf("%v and %v iterations", a, b)
		}
		if slices.Max(ids.entries) != 2 {
			t.Errorf("the second scenario's users are %v: they should be the first one's", ids.entries)
		}
		if v := r.total("vus_max"); v.Max != 3 {
			t.Errorf("vus_max is %v, want 3: the scenarios do not meet", v.Max)
		}
	})
}

func TestSetUpAndTeardown(t *testing.T) {
	var order log[string]
	note := func(what string) func(v *vu.VU) error {
		return func(v *vu.VU) error {
			order.add(what)
			v.Check("prepared", false)
			v.Sleep(time.Second)
			return nil
		}
	}
	s := &suite{setup: note("setup"), teardown: note("teardown"), iterate: pausing(1500 * time.Millisecond).iterate}
	other := constantVUs(1, second)
	other.Name = "other"
	scenarios := []engine.Scenario{{Config: constantVUs(1, second), Suite: s}, {Config: other, Suite: s}}
	inFakeTime(t, engine.Options{Scenarios: scenarios}, func(r *run) {
		if got := strings.Join(order.entries, " "); got != "setup teardown" {
			t.Errorf("ran %s", got)
		}
		if n := r.total("checks").Count; n != 0 {
			t.Errorf("%d checks of set-up and teardown are counted", n)
		}
		if took := r.result.End.Sub(r.result.Start); took != 1500*time.Millisecond || r.engine.Store().Elapsed(r.result.End) != took {
			t.Errorf("set-up's time is part of the run's %v", took)
		}
	})
	failing := &suite{setup: func(*vu.VU) error { return errBroken }, teardown: note("teardown of what was not set up")}
	inFakeTime(t, engine.Options{Scenarios: of(constantVUs(1, second), failing)}, func(r *run) {
		if r.err == nil || !strings.Contains(r.err.Error(), "set-up: broken") || r.result != nil || len(order.entries) != 2 {
			t.Errorf("%v, %v, %v", r.err, r.result, order.entries)
		}
	})
	slow := &suite{setup: func(v *vu.VU) error {
		v.Sleep(2 * time.Minute)
		return nil
	}}
	inFakeTime(t, engine.Options{Scenarios: of(constantVUs(1, second), slow)}, func(r *run) {
		if r.err == nil || !strings.Contains(r.err.Error(), "set-up took longer than 1m0s") {
			t.Error(r.err)
		}
	})
	slow.setup, slow.teardown, slow.iterate = nil, slow.setup, pausing(1500*time.Millisecond).iterate
	inFakeTime(t, engine.Options{Scenarios: of(constantVUs(1, second), slow), TeardownTimeout: time.Second}, func(r *run) {
		if r.err == nil || !strings.Contains(r.err.Error(), "teardown took longer than 1s") || r.result.Ended != engine.Completed {
			t.Errorf("%v, %v", r.result, r.err)
		}
	})
}
