package executor_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
)

const second = executor.Duration(time.Second)

func stage(d executor.Duration, target int) executor.Stage {
	return executor.Stage{Duration: d, Target: target}
}

func ramp(startVUs int, stages ...executor.Stage) *executor.RampingVUs {
	c := executor.NewRampingVUs("ramp")
	c.StartVUs, c.Stages = startVUs, stages
	return c
}

// steps writes a schedule as seconds:users.
func steps(c *executor.RampingVUs) (text string) {
	for _, s := range c.Steps() {
		text += fmt.Sprintf("%v:%d ", s.At.Seconds(), s.VUs)
	}
	return text
}

func TestRampingVUsSteps(t *testing.T) {
	for _, c := range []struct {
		name string
		ramp *executor.RampingVUs
		want string
	}{
		{"up and down by one a second", ramp(4, stage(2*second, 6), stage(5*second, 1), stage(4*second, 5), stage(3*second, 5), stage(0, 1), stage(3*second, 1)),
			"0:4 1:5 2:6 3:5 4:4 5:3 6:2 7:1 8:2 9:3 10:4 11:5 14:1 17:0 "},
		{"a jump at the start", ramp(0, stage(0, 3), stage(2*second, 3)), "0:3 2:0 "},
		{"several a second", ramp(0, stage(second, 4), stage(second, 0)), "0:0 0.25:1 0.5:2 0.75:3 1:4 1.25:3 1.5:2 1.75:1 2:0 "},
		{"the end takes everybody", ramp(5, stage(10*second, 5)), "0:5 10:0 "},
		{"ends at zero anyway", ramp(1, stage(2*second, 0), stage(2*second, 0)), "0:1 2:0 "},
	} {
		if got := steps(c.ramp); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// The load test of the performance-testing document, looked at where a person would check it.
func TestRampingVUsAt(t *testing.T) {
	minute := 60 * second
	c := ramp(0, stage(5*minute, 100), stage(10*minute, 100), stage(5*minute, 200), stage(20*minute, 200), stage(5*minute, 0))
	for at, want := range map[time.Duration]int{
		-time.Second: 0, 0: 0, 2*time.Second + 999*time.Millisecond: 0, 3 * time.Second: 1, 150 * time.Second: 50, 5 * time.Minute: 100,
		15 * time.Minute: 100, 17*time.Minute + 30*time.Second: 150, 30 * time.Minute: 200, 42*time.Minute + 30*time.Second: 100, 45 * time.Minute: 0, time.Hour: 0,
	} {
		if got := c.VUsAt(at); got != want {
			t.Errorf("at %v there are %d users, want %d", at, got, want)
		}
	}
	if c.PlannedVUs() != 200 || c.Length() != 45*time.Minute {
		t.Errorf("%d users for %v", c.PlannedVUs(), c.Length())
	}
}

func TestStepsNeverTurnBack(t *testing.T) {
	c := ramp(7, stage(777*second, 10_000), stage(13*second, 3), stage(0, 500), stage(second/3, 499), stage(71*second, 0))
	last := executor.Step{At: -1}
	for _, s := range c.Steps() {
		if s.At <= last.At || s.VUs == last.VUs && last.At >= 0 {
			t.Fatalf("step %v follows %v", s, last)
		}
		if s.VUs-last.VUs > 1 && last.At > 0 && s.At != 790*time.Second {
			t.Fatalf("from %v to %v within a stage", last, s)
		}
		last = s
	}
	if last.VUs != 0 {
		t.Errorf("the schedule ends with %d users", last.VUs)
	}
}

func constant(rate int, unit, length executor.Duration) *executor.Arrivals {
	c := executor.NewConstantArrivalRate("open")
	c.Rate, c.TimeUnit, c.Duration = rate, unit, length
	return c.Arrivals()
}

func ramping(start int, unit executor.Duration, stages ...executor.Stage) *executor.Arrivals {
	c := executor.NewRampingArrivalRate("open")
	c.StartRate, c.TimeUnit, c.Stages = start, unit, stages
	return c.Arrivals()
}

func due(t *testing.T, a *executor.Arrivals, n int64) time.Duration {
	t.Helper()
	at, ok := a.Due(n)
	if !ok {
		t.Fatalf("iteration %d of %d is never due", n, a.Total())
	}
	return at
}

func TestConstantArrivals(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		rate         int
		unit, length executor.Duration
		total        int64
		n            int64
		due          time.Duration
	}{
		{50, second, 600 * second, 30_000, 29_999, 599_980 * time.Millisecond},
		{3, second, 10 * second, 30, 29, 9_666_666_666},
		{1, 60 * second, 90 * second, 2, 1, time.Minute},
		{7, 3 * second, second, 3, 2, 857_142_857},
		// Three days at 5,000 a second, to the nanosecond: nothing is added up, so nothing drifts.
		{5000, second, executor.Duration(3 * day), 1_296_000_000, 1_295_999_999, 3*day - 200*time.Microsecond},
		{4999, second, executor.Duration(3 * day), 1_295_740_800, 1_295_740_799, 3*day - 200_041},
	} {
		a := constant(c.rate, c.unit, c.length)
		if a.Total() != c.total || due(t, a, 0) != 0 || due(t, a, c.n) != c.due {
			t.Errorf("%d every %s for %s: %d iterations, the last at %d ns, want %d and %d", c.rate, c.unit, c.length, a.Total(), due(t, a, a.Total()-1), c.total, c.due)
		}
		if _, ok := a.Due(c.total); ok {
			t.Errorf("%d every %s: iteration %d is due after the end", c.rate, c.unit, c.total)
		}
	}
}

func TestRampingArrivals(t *testing.T) {
	// From 0 to 10 a second over 2 s: n iterations after sqrt(2n/5) s; the area is 10.
	a := ramping(0, second, stage(2*second, 10))
	for n := range int64(10) {
		want := math.Sqrt(2 * float64(n+1) / 5)
		if got := due(t, a, n).Seconds(); math.Abs(got-want) > 1e-8 {
			t.Errorf("up: iteration %d is due at %v s, want %v", n, got, want)
		}
	}
	if a.Total() != 10 {
		t.Errorf("up: %d iterations, want 10", a.Total())
	}
	// Down again, mirrored: what was due x before the top is due x after it.
	b := ramping(0, second, stage(2*second, 10), stage(2*second, 0))
	for n := range int64(9) {
		if x, y := 2-due(t, b, 8-n).Seconds(), due(t, b, 10+n).Seconds()-2; math.Abs(x-y) > 1e-8 {
			t.Errorf("down: iteration %d is %v s after the top, want %v", 10+n, y, x)
		}
	}
	// The document's database_stress: 5 m from 50 to 100, 10 m to 200, 5 m to 300, 5 m to 0.
	d := ramping(50, second, stage(300*second, 100), stage(600*second, 200), stage(300*second, 300), stage(300*second, 0))
	if want := int64(75*300 + 150*600 + 250*300 + 150*300); d.Total() != want {
		t.Errorf("database_stress has %d iterations, want %d", d.Total(), want)
	}
	if got := due(t, d, 75*300-1); got != 300*time.Second {
		t.Errorf("the first stage's last iteration is due at %v", got)
	}
	for at, want := range map[time.Duration]float64{0: 50, 150 * time.Second: 75, 600 * time.Second: 150, 1200 * time.Second: 300, 1350 * time.Second: 150, 1500 * time.Second: 0} {
		if got := d.RateAt(at); math.Abs(got-want) > 1e-9 {
			t.Errorf("the rate at %v is %v, want %v", at, got, want)
		}
	}
	// A stage's fraction of an iteration counts in the next: 1.5 + 1.5 are 3.
	if c := ramping(3, second, stage(second/2, 3), stage(second/2, 3)); c.Total() != 3 || due(t, c, 1) != 666_666_666 {
		t.Errorf("%d iterations, the second at %v", c.Total(), due(t, c, 1))
	}
	// A stage without duration is a jump.
	if c := ramping(0, second, stage(0, 10), stage(second, 10)); c.Total() != 10 || due(t, c, 0) != 100*time.Millisecond {
		t.Errorf("after a jump: %d iterations, the first at %v", c.Total(), due(t, c, 0))
	}
}

// The iterations up to any time are the rate's integral, to one iteration, wherever one looks.
func TestArrivalsFollowTheRate(t *testing.T) {
	for name, a := range map[string]*executor.Arrivals{
		"constant":           constant(1999, second, 300*second),
		"constant per min":   constant(1999, 60*second, 300*second),
		"up, flat, down":     ramping(0, second, stage(60*second, 3000), stage(30*second, 3000), stage(60*second, 0)),
		"saw":                ramping(100, second, stage(second, 0), stage(second, 999), stage(0, 1), stage(100*second, 70), stage(second/7, 1)),
		"rises from nothing": ramping(0, 60*second, stage(600*second, 1)),
	} {
		const dt = time.Millisecond
		area, n := 0.0, int64(0)
		last := time.Duration(-1)
		for at := time.Duration(0); at < a.Length(); at += dt {
			area += (a.RateAt(at) + a.RateAt(min(at+dt, a.Length()-1))) / 2 * min(dt, a.Length()-at).Seconds()
			for ; ; n++ {
				d, ok := a.Due(n)
				if !ok || d > at+dt {
					break
				}
				if d < last {
					t.Fatalf("%s: iteration %d is due at %v, before the one before it", name, n, d)
				}
				last = d
			}
			if math.Abs(float64(n)-area) > 1.6 { // 1 for the whole number, the rest for the jumps of the saw
				t.Fatalf("%s: %d iterations by %v, the rate's integral is %.3f", name, n, at+dt, area)
			}
		}
		if rate := math.Abs(float64(a.Total())/area - 1); rate > 0.0002 && math.Abs(float64(a.Total())-area) > 1 {
			t.Errorf("%s: %d iterations, want %.1f: off by %.4f %%", name, a.Total(), area, rate*100)
		}
	}
}

func TestDueByCountsWhatDueTells(t *testing.T) {
	for _, a := range []*executor.Arrivals{constant(7, second, 10*second), ramping(5, second, stage(4*second, 20), stage(3*second, 0))} {
		var all []time.Duration
		for n := range a.Total() {
			all = append(all, due(t, a, n))
		}
		for at := -time.Second; at < 12*time.Second; at += 37 * time.Millisecond {
			want := int64(len(all))
			if i := slices.IndexFunc(all, func(d time.Duration) bool { return d > at }); i >= 0 {
				want = int64(i)
			}
			if got := a.DueBy(at); got != want {
				t.Fatalf("%d due by %v, want %d", got, at, want)
			}
		}
	}
}

func BenchmarkDue(b *testing.B) {
	for name, a := range map[string]*executor.Arrivals{
		"constant": constant(5000, second, 3600*second),
		"ramping":  ramping(0, second, stage(600*second, 5000), stage(1200*second, 5000), stage(600*second, 0)),
	} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				a.Due(int64(i) % a.Total())
			}
		})
	}
}
