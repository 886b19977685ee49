package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

func threshold1(t *testing.T, selector, source string) threshold.Threshold {
	t.Helper()
	x, err := threshold.Parse(selector, source)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// after waits, in the bubble, and does something.
func after(d time.Duration, f func(e *engine.Engine)) func(*engine.Engine) {
	return func(e *engine.Engine) {
		time.Sleep(d)
		f(e)
	}
}

func TestStop(t *testing.T) {
	for _, c := range []struct {
		name             string
		meanwhile        func(e *engine.Engine)
		took             time.Duration
		done, cut        int64
		teardownsStarted int
	}{
		{"lets iterations finish", after(5500*time.Millisecond, (*engine.Engine).Stop), 7 * time.Second, 20, 0, 1},
		{"but not beyond gracefulStop", after(4100*time.Millisecond, (*engine.Engine).Stop), 6100 * time.Millisecond, 10, 10, 1},
		{"twice cuts them off", func(e *engine.Engine) {
			time.Sleep(5 * time.Second)
			e.Stop()
			time.Sleep(time.Second)
			e.Stop()
		}, 6 * time.Second, 10, 10, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := constantVUs(10, 3600*second)
			config.GracefulStop = 2 * second
			s := pausing(3500 * time.Millisecond)
			torn := 0
			s.teardown = func(v *vu.VU) error {
				torn++
				if v.Context().Err() != nil {
					t.Error("teardown has no time")
				}
				return nil
			}
			whileInFakeTime(t, engine.Options{Scenarios: of(config, s)}, c.meanwhile, func(r *run) {
				p := r.result.Progress
				if r.result.Ended != engine.Stopped || p.Iterations != c.done || p.Interrupted != c.cut || torn != c.teardownsStarted {
					t.Errorf("%s: %d done, %d cut off, %d teardowns", r.result.Ended, p.Iterations, p.Interrupted, torn)
				}
				if took := r.result.End.Sub(r.result.Start); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

// Every executor ends when it is told to, wherever it is.
func TestEveryExecutorStops(t *testing.T) {
	closed := executor.NewRampingVUs("s")
	closed.StartVUs, closed.Stages = 3, []executor.Stage{{Duration: 3600 * second, Target: 3000}}
	each := executor.NewPerVUIterations("s")
	each.VUs, each.Iterations, each.MaxDuration = 3, 1e6, 3600*second
	shared := executor.NewSharedIterations("s")
	shared.VUs, shared.Iterations, shared.MaxDuration = 3, 1e6, 3600*second
	open := executor.NewRampingArrivalRate("s")
	open.StartRate, open.PreAllocatedVUs, open.Stages = 1, 3, []executor.Stage{{Duration: 3600 * second, Target: 1000}}
	external := executor.NewExternallyControlled("s")
	external.VUs = 3
	later := constantVUs(3, 3600*second)
	later.StartTime = 3600 * second
	for _, c := range []executor.Config{constantVUs(3, 3600*second), closed, each, shared, open, constantRate(50, 3600*second, 3, 3), external, later} {
		for name, stop := range map[string]func(*engine.Engine){
			"gracefully": after(10*time.Second, (*engine.Engine).Stop),
			"at once": after(10*time.Second, func(e *engine.Engine) {
				e.Stop()
				e.Stop()
			}),
		} {
			t.Run(c.Common().Type+" "+name, func(t *testing.T) {
				whileInFakeTime(t, engine.Options{Scenarios: of(c, pausing(700*time.Millisecond))}, stop, func(r *run) {
					if took := r.result.End.Sub(r.result.Start); took < 10*time.Second || took > 11*time.Second {
						t.Errorf("stopping after 10 s took until %v", took)
					}
					p := r.result.Progress
					if r.result.Ended != engine.Stopped || c != later && p.Iterations == 0 || p.VUs != 0 {
						t.Errorf("%s: %+v", r.result.Ended, p)
					}
					if n := int64(r.total("dropped_iterations").Sum); n != p.Dropped || c == each && n != 0 || c == shared && n != 0 {
						t.Errorf("%d dropped, %d counted", p.Dropped, n)
					}
				})
			})
		}
	}
}

func TestTheEndOfTheContextEndsTheRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := engine.New(options(engine.Options{Scenarios: of(constantVUs(2, 3600*second), pausing(time.Minute))}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		r, err := e.Run(ctx)
		if err != nil || r.Ended != engine.Stopped || r.End.Sub(r.Start) != 90*time.Second || r.Progress.Interrupted != 2 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestStopDuringSetUp(t *testing.T) {
	s := &suite{
		setup: func(v *vu.VU) error {
			v.Sleep(time.Hour)
			return nil
		},
		iterate: func(*vu.VU) error { panic("must not start") },
	}
	whileInFakeTime(t, engine.Options{Scenarios: of(constantVUs(1, second), s)}, after(30*time.Second, (*engine.Engine).Stop), func(r *run) {
		if r.result != nil || !errors.Is(r.err, engine.ErrStopped) {
			t.Errorf("%v, %v", r.result, r.err)
		}
	})
}

func TestAbortOnFail(t *testing.T) {
	failing := threshold1(t, "checks", "rate>0.9")
	failing.AbortOnFail, failing.DelayAbortEval = true, 10*time.Second
	s := &suite{iterate: func(v *vu.VU) error {
		v.Sleep(700 * time.Millisecond)
		v.Check("fine", v.Iteration%2 == 0)
		return nil
	}}
	o := engine.Options{Scenarios: of(constantVUs(2, 3600*second), s), Thresholds: []threshold.Threshold{failing, threshold1(t, "iterations", "count>10")}}
	inFakeTime(t, o, func(r *run) {
		if r.result.Ended != engine.ThresholdCrossed || r.result.End.Sub(r.result.Start) != 10*time.Second {
			t.Errorf("%s after %v", r.result.Ended, r.result.End.Sub(r.result.Start))
		}
		if x := r.result.Thresholds; x[0].State != threshold.Failed || x[0].FailedAt != 10*time.Second || x[1].State != threshold.Passed {
			t.Errorf("%+v", x)
		}
	})
	o.Thresholds = []threshold.Threshold{threshold1(t, "nonsense", "p(95)<1"), threshold1(t, "iterations", "p(95)<1")}
	if _, err := engine.New(options(o)); err == nil || !strings.Contains(err.Error(), "nonsense") || !strings.Contains(err.Error(), "iterations") {
		t.Errorf("thresholds that make no sense: %v", err)
	}
}

func TestASuiteThatCannotGoOnEndsTheRun(t *testing.T) {
	for name, iterate := range map[string]func(v *vu.VU) error{
		"error": func(v *vu.VU) error { return v.Errorf("broken") },
		"panic": func(*vu.VU) error { panic("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			s := &suite{iterate: func(v *vu.VU) error {
				v.Sleep(time.Second)
				if v.ID == 3 && v.Iteration == 4 {
					return iterate(v)
				}
				return nil
			}}
			inFakeTime(t, engine.Options{Scenarios: of(constantVUs(4, 3600*second), s)}, func(r *run) {
				if r.result.Ended != engine.SuiteFailed || r.result.Err == nil || !strings.Contains(r.result.Err.Error(), "broken") {
					t.Errorf("%s, %v", r.result.Ended, r.result.Err)
				}
				if took := r.result.End.Sub(r.result.Start); took != 5*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// Requests that the end cuts off are not counted, as in k6, and their iterations are interrupted.
func TestRequestsThatAreCutOffDoNotCount(t *testing.T) {
	host, err := client.NewHost(t.Context(), "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{iterate: func(v *vu.VU) error {
		r := v.Do(&vu.Call{Method: "GET", Host: host, Path: "/", Name: "home"})
		v.Check("status is 200", r.Err == nil && r.Status == 200)
		return nil
	}}
	config := constantVUs(2, 5*second)
	config.GracefulStop = second
	tg := &target{takes: func(time.Time) time.Duration { return 4 * time.Second }}
	inFakeTime(t, engine.Options{Scenarios: of(config, s), NewClient: tg.client}, func(r *run) {
		if n, checks := r.total("http_reqs").Sum, r.total("checks"); tg.requests != 4 || n != 2 || checks.Count != 2 || checks.Passes != 2 {
			t.Errorf("%d requests were sent, %v are counted, and %d checks of which %d passed", tg.requests, n, checks.Count, checks.Passes)
		}
		if r.result.Progress.Interrupted != 2 {
			t.Errorf("%d iterations were interrupted", r.result.Progress.Interrupted)
		}
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	twice := append(of(constantVUs(1, second), new(suite)), of(constantVUs(2, second), new(suite))...)
	many := constantVUs(900_000, second)
	for name, c := range map[string]struct {
		options engine.Options
		want    string
	}{
		"nothing to run":       {engine.Options{}, "needs"},
		"two of one name":      {engine.Options{Scenarios: twice}, `two scenarios "load"`},
		"no suite":             {engine.Options{Scenarios: of(constantVUs(1, second), nil)}, "nothing to do"},
		"too many connections": {engine.Options{Scenarios: of(many, new(suite)), Targets: 100_000}, "ulimit -n"},
	} {
		if _, err := engine.New(options(c.options)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
