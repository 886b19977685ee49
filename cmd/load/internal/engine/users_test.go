package engine_test

import (
	"fmt"
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// Every user draws the same numbers in every run, whatever the others do.
func TestUsersAreDeterministic(t *testing.T) {
	draws := func(seed uint64, name string, d time.Duration) map[int]string {
		var mu sync.Mutex
		drawn := make(map[int]string)
		s := &suite{iterate: func(v *vu.VU) error {
			v.Sleep(d + time.Duration(v.ID)*time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			drawn[v.ID] += fmt.Sprint(v.Between(0, 9))
			return nil
		}}
		c := executor.NewPerVUIterations(name)
		c.VUs, c.Iterations = 20, 40
		inFakeTime(t, engine.Options{Scenarios: of(c, s), Seed: seed}, func(*run) {})
		return drawn
	}
	first := draws(7, "a", time.Millisecond)
	if again := draws(7, "a", 30*time.Millisecond); !maps.Equal(first, again) {
		t.Error("two runs with the same seed differ")
	}
	if other := draws(8, "a", time.Millisecond); maps.Equal(first, other) {
		t.Error("another seed draws the same")
	}
	if other := draws(7, "b", time.Millisecond); maps.Equal(first, other) {
		t.Error("another scenario's users draw the same")
	}
	seen := make(map[string]bool)
	for _, d := range first {
		seen[d] = true
	}
	if len(seen) != 20 {
		t.Errorf("20 users draw %d different sequences", len(seen))
	}
}

func TestThinkTimeScales(t *testing.T) {
	for factor, want := range map[float64]time.Duration{0: 2 * time.Second, 1: 2 * time.Second, 0.25: 500 * time.Millisecond, 3: 6 * time.Second, -1: 0} {
		c := executor.NewPerVUIterations("s")
		inFakeTime(t, engine.Options{Scenarios: of(c, pausing(2*time.Second)), ThinkTime: factor}, func(r *run) {
			if took := r.result.End.Sub(r.result.Start); took != want {
				t.Errorf("with the factor %v two seconds take %v", factor, took)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	open := constantRate(20, 10*second, 5, 5)
	closed := constantVUs(4, 10*second)
	closed.StartTime = 5 * second
	var seen []engine.Progress
	o := engine.Options{
		Scenarios: append(of(open, pausing(10*time.Millisecond)), of(closed, pausing(130*time.Millisecond))...),
		OnTick:    func(p engine.Progress) { seen = append(seen, p) },
	}
	inFakeTime(t, o, func(r *run) {
		p := seen[2] // after 3 s
		if a, b := p.Scenarios[0], p.Scenarios[1]; p.Elapsed != 3*time.Second || p.Length != 15*time.Second ||
			a.State != engine.Running || a.Share != 0.3 || a.Target != 20 || a.Total != 200 || a.Rate < 19 || a.Rate > 21 ||
			b.State != engine.Waiting || b.Share != 0 || b.Elapsed != 0 {
			t.Errorf("after 3 s: %+v", p)
		}
		p = seen[11]
		if a, b := p.Scenarios[0], p.Scenarios[1]; a.State != engine.Finished || a.Share != 1 || a.Iterations != 200 || a.Rate != 0 ||
			b.State != engine.Running || b.Elapsed != 7*time.Second || b.VUs != 4 || b.Wanted != 4 {
			t.Errorf("after 12 s: %+v", p)
		}
		if p := r.engine.Progress(); p.Iterations != int64(r.total("iterations").Sum) || p.Scenarios[1].State != engine.Finished {
			t.Errorf("at the end: %+v", p)
		}
	})
}

// What a run keeps does not grow with its length.
func TestMemoryDoesNotGrow(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early, late uint64
	ticks := 0
	s := &suite{iterate: func(v *vu.VU) error {
		v.Check("fine", v.Rand.IntN(2) == 0)
		v.Sleep(time.Duration(v.Between(1, 100)) * time.Millisecond)
		return nil
	}}
	c := constantRate(50, 1800*second, 3, 4) // 3 users are at work in the mean: some iterations wait
	o := engine.Options{Scenarios: append(of(c, s), of(constantVUs(3, 1800*second), s)...), OnTick: func(engine.Progress) {
		switch ticks++; ticks {
		case 300:
			early = heap()
		case 1799:
			late = heap()
		}
	}}
	inFakeTime(t, o, func(r *run) {
		if n := r.total("iterations").Sum; n < 150_000 {
			t.Errorf("only %v iterations", n)
		}
		if r.result.Health.Short == 0 {
			t.Error("no iteration had to wait")
		}
		if late > early+256<<10 {
			t.Errorf("the heap grew from %d to %d bytes over %v iterations", early, late, r.total("iterations").Sum)
		}
	})
}
