package engine_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

func constantRate(rate int, d executor.Duration, vus, maxVUs int) *executor.ConstantArrivalRate {
	c := executor.NewConstantArrivalRate("open")
	c.Rate, c.Duration, c.PreAllocatedVUs, c.MaxVUs = rate, d, vus, maxVUs
	return c
}

// Every iteration starts at its due time exactly: fake time has no lateness of its own.
func TestArrivalRatesAreExact(t *testing.T) {
	ramping := executor.NewRampingArrivalRate("open")
	ramping.StartRate, ramping.PreAllocatedVUs = 10, 20
	ramping.Stages = []executor.Stage{{Duration: 10 * second, Target: 200}, {Duration: 0, Target: 3}, {Duration: 5 * second, Target: 3}, {Duration: 7 * second, Target: 0}}
	perMinute := constantRate(90, 60*second, 5, 5)
	perMinute.TimeUnit = 60 * second
	for name, c := range map[string]struct {
		config   executor.Config
		schedule *executor.Arrivals
	}{
		"constant":   {constantRate(333, 20*second, 20, 20), constantRate(333, 20*second, 20, 20).Arrivals()},
		"per minute": {perMinute, perMinute.Arrivals()},
		"ramping":    {ramping, ramping.Arrivals()},
	} {
		t.Run(name, func(t *testing.T) {
			var starts log[time.Time]
			s := &suite{iterate: func(v *vu.VU) error {
				starts.add(time.Now())
				v.Sleep(50 * time.Millisecond)
				return nil
			}}
			inFakeTime(t, engine.Options{Scenarios: of(c.config, s)}, func(r *run) {
				if len(starts.entries) != int(c.schedule.Total()) {
					t.Fatalf("%d iterations started, want %d", len(starts.entries), c.schedule.Total())
				}
				slices.SortFunc(starts.entries, time.Time.Compare)
				for n, at := range starts.entries {
					if due, _ := c.schedule.Due(int64(n)); at.Sub(r.result.Start) != due {
						t.Fatalf("iteration %d started after %v, it was due after %v", n, at.Sub(r.result.Start), due)
					}
				}
				if p := r.result.Progress; p.Iterations != c.schedule.Total() || p.Dropped != 0 || p.Scenarios[0].Short != 0 {
					t.Errorf("%+v", p)
				}
			})
		})
	}
}

func TestUsersAreAddedWhenNobodyIsFree(t *testing.T) {
	var most atomic.Int64
	o := engine.Options{Scenarios: of(constantRate(10, 10*second, 2, 50), pausing(1950*time.Millisecond)), OnTick: func(p engine.Progress) {
		most.Store(max(most.Load(), int64(p.VUsMax)))
	}}
	inFakeTime(t, o, func(r *run) {
		// 10 a second that take 1.95 s each keep 20 users at work.
		if p := r.result.Progress.Scenarios[0]; p.VUsMax != 20 || p.Dropped != 0 || p.Iterations != 100 || p.Short != 0 {
			t.Errorf("%+v", p)
		}
		if most.Load() != 20 {
			t.Errorf("the run tells of %d users at most", most.Load())
		}
	})
}

// Users take turns, so that each does its share and none is forgotten.
func TestFreeUsersTakeTurns(t *testing.T) {
	var order log[int]
	s := &suite{iterate: func(v *vu.VU) error {
		order.add(v.ID)
		v.Sleep(time.Millisecond)
		return nil
	}}
	inFakeTime(t, engine.Options{Scenarios: of(constantRate(100, second, 5, 5), s)}, func(r *run) {
		each := make(map[int]int)
		for _, id := range order.entries {
			each[id]++
		}
		for id := 1; id <= 5; id++ {
			if each[id] != 20 {
				t.Errorf("user %d did %d iterations of 100", id, each[id])
			}
		}
	})
}

// What k6 does: an iteration that is due when nobody is free is dropped.
func TestDroppedIterations(t *testing.T) {
	c := constantRate(10, 10*second, 2, 3)
	c.MaxWait = 0
	inFakeTime(t, engine.Options{Scenarios: of(c, pausing(950*time.Millisecond))}, func(r *run) {
		// Three users are busy for all but 50 ms of every second: 3 of 10 iterations start, always the same.
		done, dropped := r.total("iterations").Sum, r.total("dropped_iterations", "scenario", "open").Sum
		if done != 30 || dropped != 70 || r.result.Progress.Dropped != 70 || r.result.Health.Dropped != 70 {
			t.Errorf("%v done, %v dropped", done, dropped)
		}
		if late := r.total("http_req_lateness"); late.Count != 0 {
			t.Error("iterations without requests have a lateness")
		}
	})
}

func TestIterationsWaitForAUser(t *testing.T) {
	c := constantRate(10, 10*second, 2, 2)
	c.MaxWait = 2 * second
	c.GracefulStop = 10 * second
	var started log[time.Time]
	s := &suite{iterate: func(v *vu.VU) error {
		started.add(time.Now())
		v.Sleep(time.Second)
		return nil
	}}
	var backlog time.Duration
	o := engine.Options{Scenarios: of(c, s), OnTick: func(p engine.Progress) { backlog = max(backlog, p.Scenarios[0].Backlog) }}
	inFakeTime(t, o, func(r *run) {
		p := r.result.Progress
		if p.Iterations+p.Dropped != 100 || p.Iterations < 22 || p.Iterations > 24 {
			t.Errorf("%d done, %d dropped: two users do two a second for ten seconds and the two that iterations wait", p.Iterations, p.Dropped)
		}
		if backlog < 1900*time.Millisecond || backlog > 2*time.Second {
			t.Errorf("the first in the queue waited for %v at most", backlog)
		}
		last := slices.MaxFunc(started.entries, time.Time.Compare).Sub(r.result.Start)
		if last > 12*time.Second || last < 10*time.Second {
			t.Errorf("the last iteration started after %v", last)
		}
		// Ten a second of a second each take ten users, and there are two: the rate could never be made.
		if h := r.result.Health; h.Short == 0 || len(h.Warnings) == 0 || h.Valid || h.Ceilings[0].Needed != 10 {
			t.Errorf("the health report is %+v", h)
		}
	})
}

// A target that answers nothing for 200 ms of every second, 2,000 requests a second, 50 users. Somebody who comes
// in the stall waits for its end: of all, a tenth waits for 100 ms and more. Whoever times from the send sees fifty
// slow requests a second and calls the rest quick.
func TestStalledTargetIsTimedFromTheDueTime(t *testing.T) {
	const (
		rate    = 2000
		seconds = 10
		service = 100 * time.Microsecond
		stall   = 200 * time.Millisecond
	)
	for _, users := range []int{50, 5, 500} {
		host, err := client.NewHost(t.Context(), "http://127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		var begin time.Time
		wait := func(now time.Time) time.Duration { return max(stall-now.Sub(begin)%time.Second, 0) + service }
		tg := &target{takes: wait}
		s := &suite{
			setup: func(*vu.VU) error {
				begin = time.Now()
				return nil
			},
			iterate: func(v *vu.VU) error {
				v.Do(&vu.Call{Method: "GET", Host: host, Path: "/", Name: "home"})
				return nil
			},
		}
		o := engine.Options{Scenarios: of(constantRate(rate, seconds*second, users, users), s), NewClient: tg.client}
		inFakeTime(t, o, func(r *run) {
			var truth metrics.Histogram // what would be measured with users without end
			for n := range int64(rate * seconds) {
				due := begin.Add(time.Duration(n) * time.Second / rate)
				truth.Add(float64(wait(due)) / float64(time.Millisecond))
			}
			measured := r.total("http_req_duration")
			for _, q := range []float64{0.5, 0.75, 0.9, 0.95, 0.99, 1} {
				// A few users need a while after the stall, which somebody would notice too.
				slack := 3 + 400/float64(users)*float64(service)/float64(time.Millisecond)
				if got, want := measured.Values.Quantile(q), truth.Quantile(q); math.Abs(got-want) > slack {
					t.Errorf("%d users: quantile %v is %.2f ms, the truth is %.2f ms", users, q, got, want)
				}
			}
			if measured.Count != rate*seconds || r.total("dropped_iterations").Sum != 0 {
				t.Errorf("%d users: %d requests", users, measured.Count)
			}
			if service := r.total("http_req_service").Values.Quantile(0.9); users == 50 && service > 1 {
				t.Errorf("http_req_service has p90 %.2f ms: it is to tell what the target took for those that were sent", service)
			}
			if users == 500 && r.result.Health.Short != 0 {
				t.Errorf("%d iterations waited for one of 500 users", r.result.Health.Short)
			}
			if d := r.total("iteration_duration").Values.Max(); d < 190 {
				t.Errorf("iteration_duration is %v ms at most", d)
			}
		})
	}
}

// The generator's own lateness is shown, and not taken for the target's.
func TestOwnLatenessIsNotTheTargets(t *testing.T) {
	host, err := client.NewHost(t.Context(), "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		registry := metrics.NewRegistry()
		store := metrics.NewStore(registry, time.Now(), nil)
		v := vu.New(vu.Config{ID: 1, Registry: registry, Recorder: store.Recorder(), Client: new(target).client(), Sleep: func(context.Context, time.Duration) {}})
		get := func() { v.Do(&vu.Call{Method: "GET", Host: host, Path: "/", Name: "home"}) }
		v.BeginOpen(t.Context(), registry.Tags("scenario", "open"), 500*time.Millisecond, 200*time.Millisecond)
		get()
		get() // only the first request was late
		v.End(0)
		store.Tick(time.Now())
		total := func(name string) *metrics.Histogram { return store.Total(metrics.Selector{Metric: name}).Values }
		if d := total("http_req_duration"); d.Max() != 200 || d.Min() != 0 {
			t.Errorf("http_req_duration is %v to %v ms", d.Min(), d.Max())
		}
		if d := total("http_req_service"); d.Count() != 2 || d.Max() != 0 {
			t.Errorf("http_req_service: %d values up to %v ms", d.Count(), d.Max())
		}
		if d := total("http_req_lateness"); d.Count() != 1 || d.Max() != 500 {
			t.Errorf("http_req_lateness: %d values up to %v ms", d.Count(), d.Max())
		}
		if d := total("iteration_duration"); d.Max() != 200 {
			t.Errorf("iteration_duration is %v ms", d.Max())
		}
	})
}

// An open run that was interrupted goes on with the schedule where its clock is.
func TestGoingOn(t *testing.T) {
	ramping := executor.NewRampingVUs("closed")
	ramping.StartVUs, ramping.Stages = 0, []executor.Stage{{Duration: 60 * second, Target: 60}}
	over := constantVUs(5, 10*second)
	over.Name = "over"
	later := constantRate(10, 5*second, 5, 5)
	later.Name, later.StartTime = "later", 54*second
	scenarios := []engine.Scenario{
		{Config: constantRate(10, 60*second, 5, 5), Suite: pausing(10 * time.Millisecond)},
		{Config: ramping, Suite: pausing(100 * time.Millisecond)},
		{Config: over, Suite: pausing(time.Second)},
		{Config: later, Suite: pausing(10 * time.Millisecond)},
	}
	first := engine.Progress{}
	slow := func() client.Client { // to be made, so that it is late when the schedules begin
		time.Sleep(time.Millisecond)
		return client.NewRaw(client.Options{})
	}
	o := engine.Options{Scenarios: scenarios, NewClient: slow, From: 50*time.Second + 50*time.Millisecond, OnTick: func(p engine.Progress) {
		if first.Scenarios == nil {
			first = p
		}
	}}
	inFakeTime(t, o, func(r *run) {
		if took := r.result.End.Sub(r.result.Start); took < 9950*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("what was left took %v", took)
		}
		if n := r.total("iterations", "scenario", "open").Sum; n != 99 {
			t.Errorf("%v iterations of the open model, want the 99 that are due after 50.05 s", n)
		}
		if n := r.total("iterations", "scenario", "later").Sum; n != 50 {
			t.Errorf("%v iterations of a scenario that had yet to begin, want all 50", n)
		}
		if n := r.total("iterations", "scenario", "over").Sum; n != 0 {
			t.Errorf("%v iterations of a scenario that was over", n)
		}
		if p := first; p.Elapsed != 51*time.Second+50*time.Millisecond || p.Scenarios[1].VUs != 51 || p.Scenarios[2].State != engine.Finished {
			t.Errorf("after a second: %+v", p)
		}
		if e := r.engine.Store().Elapsed(r.result.End); e < 60*time.Second {
			t.Errorf("the store's clock says %v", e)
		}
	})
}

// Users who are too few for the rate, however fast the target is, are the generator's fault; that they are all held up
// by a target that has become slow is not.
func TestWhoIsToBlameForDroppedIterations(t *testing.T) {
	judged, err := threshold.Parse("dropped_iterations", "count<1000")
	if err != nil {
		t.Fatal(err)
	}
	stalls := func() *suite {
		var begun atomic.Int64
		return &suite{iterate: func(v *vu.VU) error {
			v.Sleep(map[bool]time.Duration{true: 100 * time.Millisecond, false: time.Minute}[begun.Add(1) <= 50])
			return nil
		}}
	}
	for name, c := range map[string]struct {
		suite      *suite
		maxVUs     int
		thresholds []threshold.Threshold
		valid      bool
		says       string
	}{
		"too few users":                  {pausing(2 * time.Second), 5, nil, false, "its rate takes 20 users"},
		"too few users, and it is meant": {pausing(2 * time.Second), 5, []threshold.Threshold{judged}, true, "its rate takes 20 users"},
		"hardly too few users":           {pausing(2 * time.Second), 18, nil, true, "its rate takes 20 users"},
		"users enough":                   {pausing(2 * time.Second), 20, nil, true, ""},
		"the target stalls":              {stalls(), 5, nil, true, "the target held the users up, of whom 1 would do at its fastest, and there were 5"},
		"the target never answers":       {pausing(time.Hour), 5, nil, true, "the target held the users up"},
	} {
		t.Run(name, func(t *testing.T) {
			config := constantRate(10, 60*second, 1, c.maxVUs)
			config.MaxWait = 5 * second
			inFakeTime(t, engine.Options{Scenarios: of(config, c.suite), Thresholds: c.thresholds}, func(r *run) {
				h := r.result.Health
				said := strings.Join(slices.Concat(h.Reasons, h.Warnings), "\n")
				if h.Valid != c.valid || !strings.Contains(said, c.says) || (c.says == "") != (len(h.Ceilings) == 0) {
					t.Errorf("valid %v, %+v: %s", h.Valid, h.Ceilings, said)
				}
			})
		})
	}
}
