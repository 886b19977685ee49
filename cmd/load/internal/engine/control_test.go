package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

func TestExternallyControlled(t *testing.T) {
	c := executor.NewExternallyControlled("manual")
	c.VUs, c.MaxVUs, c.Duration = 2, 5, 60*second
	working := func(e *engine.Engine) int {
		time.Sleep(50 * time.Millisecond) // between two iterations' ends
		return e.Progress().VUs
	}
	var ids log[int]
	s := &suite{iterate: func(v *vu.VU) error {
		ids.add(v.ID)
		v.Sleep(300 * time.Millisecond)
		return nil
	}}
	meanwhile := func(e *engine.Engine) {
		do := func(what string, c engine.Control, users int) {
			t.Helper()
			if err := e.Control("manual", c); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if n := working(e); n != users {
				t.Errorf("%s: %d users are at work, want %d", what, n, users)
			}
		}
		refused := func(what string, c engine.Control) {
			t.Helper()
			if e.Control("", c) == nil {
				t.Errorf("%s is taken", what)
			}
		}
		time.Sleep(10 * time.Second)
		if n := working(e); n != 2 {
			t.Errorf("%d users at first", n)
		}
		do("more users", engine.Control{VUs: new(5)}, 5)
		refused("more users than maxVUs", engine.Control{VUs: new(6)})
		refused("fewer than none", engine.Control{VUs: new(-1)})
		refused("less than the configured maxVUs", engine.Control{MaxVUs: new(4)})
		do("maxVUs too", engine.Control{VUs: new(8), MaxVUs: new(10)}, 8)
		do("pause", engine.Control{Paused: new(true)}, 0)
		at := e.Progress().Iterations
		time.Sleep(time.Hour)
		if p := e.Progress(); p.Iterations != at || !p.Scenarios[0].Paused {
			t.Errorf("%d iterations in the pause, paused %v", p.Iterations-at, p.Scenarios[0].Paused)
		}
		do("fewer in the pause", engine.Control{VUs: new(1)}, 0)
		do("resume", engine.Control{Paused: new(false)}, 1)
		do("nobody", engine.Control{VUs: new(0)}, 0)
		do("somebody", engine.Control{VUs: new(3)}, 3)
		if e.Control("other", engine.Control{}) == nil {
			t.Error("a scenario that is not there can be controlled")
		}
	}
	whileInFakeTime(t, engine.Options{Scenarios: of(c, s)}, meanwhile, func(r *run) {
		took := r.result.End.Sub(r.result.Start)
		if took < time.Hour+59*time.Second || took > time.Hour+62*time.Second {
			t.Errorf("took %v, want the duration and the pause", took)
		}
		if n := slices.Max(ids.entries); n != 8 {
			t.Errorf("users up to number %d", n)
		}
		if r.result.Progress.Interrupted == 0 {
			t.Error("taking users away interrupted nobody, and neither did the end")
		}
		if r.engine.Control("", engine.Control{VUs: new(1)}) == nil {
			t.Error("a run that has ended can be controlled")
		}
	})
}

func TestExternallyControlledWithoutEnd(t *testing.T) {
	c := executor.NewExternallyControlled("manual")
	c.VUs = 1
	whileInFakeTime(t, engine.Options{Scenarios: of(c, pausing(time.Second))}, after(30*24*time.Hour/1000, (*engine.Engine).Stop), func(r *run) {
		if p := r.result.Progress; p.Iterations < 2000 || p.Length != 0 || p.Scenarios[0].Share != 1 {
			t.Errorf("%+v", p)
		}
	})
}

// A control that comes before the scenario starts is kept for it.
func TestControlBeforeTheStart(t *testing.T) {
	c := executor.NewExternallyControlled("manual")
	c.VUs, c.MaxVUs, c.Duration, c.StartTime = 1, 5, 10*second, 10*second
	meanwhile := func(e *engine.Engine) {
		time.Sleep(time.Second)
		if err := e.Control("", engine.Control{VUs: new(5), Paused: new(true)}); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if n := e.Progress().VUs; n != 0 {
			t.Errorf("%d users at work in a pause", n)
		}
		if err := e.Control("", engine.Control{Paused: new(false)}); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if n := e.Progress().VUs; n != 5 {
			t.Errorf("%d users at work", n)
		}
	}
	whileInFakeTime(t, engine.Options{Scenarios: of(c, pausing(90*time.Millisecond))}, meanwhile, func(r *run) {
		if took := r.result.End.Sub(r.result.Start); took != 71*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
