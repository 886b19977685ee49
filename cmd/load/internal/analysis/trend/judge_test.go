package trend

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func options() *Options {
	return &Options{Confidence: 0.99, WarmUp: 0.1, Tolerance: 0.1, Errors: 0.01, Horizon: 168 * time.Hour}
}

// draws is how many series are drawn of each shape.
const draws = 200

// shape makes the values of a series at n times; each of them, like everything about it, is drawn by r.
type shape func(r *rand.Rand, n int) []float64

// each makes a shape of a function of the time, 0 to 1.
func each(drawn func(r *rand.Rand) func(t float64) float64) shape {
	return func(r *rand.Rand, n int) []float64 {
		f := drawn(r)
		values := make([]float64, n)
		for i := range values {
			values[i] = f(float64(i) / float64(n))
		}
		return values
	}
}

// noise is of a standard deviation of sd, each value being phi times the one before and something new.
func noise(sd, phi float64) shape {
	return each(func(r *rand.Rand) func(float64) float64 {
		v := sd * r.NormFloat64()
		return func(float64) float64 {
			v = phi*v + math.Sqrt(1-phi*phi)*sd*r.NormFloat64()
			return v
		}
	})
}

func level(v float64) shape {
	return each(func(*rand.Rand) func(float64) float64 { return func(float64) float64 { return v } })
}

// rising goes up by so much in a straight line.
func rising(by float64) shape {
	return each(func(*rand.Rand) func(float64) float64 { return func(t float64) float64 { return by * t } })
}

// saw has between from and to teeth of the given height, each rising slowly and falling at once.
func saw(height, from, to float64) shape {
	return each(func(r *rand.Rand) func(float64) float64 {
		teeth, phase := from+(to-from)*r.Float64(), r.Float64()
		return func(t float64) float64 { return height * math.Mod(t*teeth+phase, 1) }
	})
}

// step goes up by so much at once, somewhere.
func step(by float64) shape {
	return each(func(r *rand.Rand) func(float64) float64 {
		at := r.Float64()
		return func(t float64) float64 {
			if t > at {
				return by
			}
			return 0
		}
	})
}

// filling goes up by so much, ever more slowly, as a cache does that misses less and less: by 63 % in the given share of
// the time at most.
func filling(by, within float64) shape {
	return each(func(r *rand.Rand) func(float64) float64 {
		tau := within * (0.2 + 0.8*r.Float64())
		return func(t float64) float64 { return by * (1 - math.Exp(-t/tau)) }
	})
}

// full goes up in a straight line until it is full, by half of the time at most.
func full(by float64) shape {
	return func(r *rand.Rand, n int) []float64 { return fullAt(by, 0.5*r.Float64())(r, n) }
}

func fullAt(by, at float64) shape {
	return each(func(*rand.Rand) func(float64) float64 { return func(t float64) float64 { return by * min(t/at, 1) } })
}

// bursts are rare and large, like the seconds in which somebody else has the machine.
func bursts(share, mean float64) shape {
	return each(func(r *rand.Rand) func(float64) float64 {
		return func(float64) float64 {
			if r.Float64() < share {
				return mean * r.ExpFloat64()
			}
			return 0
		}
	})
}

// sum adds shapes up.
func sum(shapes ...shape) shape {
	return func(r *rand.Rand, n int) []float64 {
		values := make([]float64, n)
		for _, s := range shapes {
			for i, v := range s(r, n) {
				values[i] += v
			}
		}
		return values
	}
}

// series spreads values over a time.
func series(values []float64, length time.Duration) []point {
	points := make([]point, len(values))
	for i, v := range values {
		points[i] = point{at: time.Duration(i) * length / time.Duration(len(values)), value: v, weight: 1}
	}
	return points
}

// count draws series and counts the verdicts on them; change changes what is judged.
func count(s shape, n int, change func(*quantity)) (bad, drifting float64) {
	for d := range uint64(draws) {
		q := quantity{words: "it", unit: unitMilliseconds, reduce: median, wrong: 1, share: 0.1, least: 2}
		q.points = series(s(rand.New(rand.NewPCG(d, uint64(n))), n), 24*time.Hour)
		if change != nil {
			change(&q)
		}
		v := q.judge(options())
		if v.Bad {
			bad++
		}
		if v.State == Drifting {
			drifting++
		}
	}
	return bad / draws, drifting / draws
}

// TestFalseAlarms measures how often a series without drift fails a run. All of them stand at 100 with a tolerance of
// 10 in 24 hours, and the noise is as large as that, so that the tolerance alone saves none.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name           string
		shape          shape
		bad, drifting  float64 // the most
		reduce         func([]point) float64
		onlyManyPoints bool
	}{
		{name: "noise", shape: noise(10, 0), bad: 0.005, drifting: 0.015},
		{name: "noise that lasts for some points", shape: noise(10, 0.5), bad: 0.01, drifting: 0.04},
		{name: "noise that lasts for many points", shape: noise(10, 0.9), bad: 0.01, drifting: 0.03, onlyManyPoints: true},
		{name: "bursts", shape: sum(noise(3, 0), bursts(0.1, 100)), bad: 0.005, drifting: 0.015},
		{name: "a saw", shape: sum(saw(100, 2.5, 40), noise(3, 0)), bad: 0.005, drifting: 0.015},
		{name: "the floor of a saw", shape: sum(saw(100, 2.5, 40), noise(3, 0)), bad: 0.005, drifting: 0.015, reduce: least},
		{name: "a step", shape: sum(step(50), noise(5, 0)), bad: 0.02, drifting: 0.03},
		{name: "a cache that fills", shape: sum(filling(50, 0.15), noise(5, 0)), bad: 0.05, drifting: 0.08},
		{name: "a cache that is full", shape: sum(full(50), noise(5, 0)), bad: 0.04, drifting: 0.05},
	} {
		for _, n := range []int{45, 250} {
			if n == 45 && x.onlyManyPoints {
				continue
			}
			bad, drifting := count(sum(level(100), x.shape), n, func(q *quantity) {
				if x.reduce != nil {
					q.reduce = x.reduce
				}
			})
			t.Logf("%s, %d points: %.2f %% false alarms, %.2f %% called drifting", x.name, n, 100*bad, 100*drifting)
			if bad > x.bad || drifting > x.drifting {
				t.Errorf("%s, %d points: %.3f false alarms and %.3f called drifting, want at most %.3f and %.3f", x.name, n, bad, drifting, x.bad, x.drifting)
			}
		}
	}
}

// TestDetection measures how often a drift is found that fails a run: of 45 points, as a run of a minute has them, and of
// more, as all longer ones have.
func TestDetection(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name        string
		shape       shape
		short, long float64 // the least
		change      func(*quantity)
	}{
		{"a quarter more in quiet", sum(rising(25), noise(3, 0)), 0.97, 0.99, nil},
		{"a quarter more in noise", sum(rising(25), noise(5, 0)), 0.80, 0.98, nil},
		{"half as much again in noise", sum(rising(50), noise(10, 0)), 0.80, 0.98, nil},
		{"half as much again in noise that lasts", sum(rising(50), noise(5, 0.7)), 0.75, 0.98, nil},
		{"half as much again among bursts", sum(rising(50), noise(3, 0), bursts(0.1, 100)), 0.97, 0.98, nil},
		{"a leak under a saw", sum(rising(60), saw(50, 15, 60), noise(2, 0)), 0.55, 0.98, nil},
		{"a leak under a saw, by its floor", sum(rising(60), saw(50, 15, 60), noise(2, 0)), 0.55, 0.98, func(q *quantity) { q.reduce = least }},
		{"a throughput that falls", sum(rising(-25), noise(3, 0)), 0.97, 0.99, func(q *quantity) { q.wrong = -1 }},
	} {
		for _, n := range []int{45, 250} {
			bad, _ := count(sum(level(100), x.shape), n, x.change)
			t.Logf("%s, %d points: %.1f %% found", x.name, n, 100*bad)
			least := x.long
			if n == 45 {
				least = x.short
			}
			if bad < least {
				t.Errorf("%s, %d points: %.3f found, want at least %.2f", x.name, n, bad, least)
			}
		}
	}
}

// TestIntervalHoldsTheSlope measures how often the interval has the true slope in it, which is what its confidence says.
func TestIntervalHoldsTheSlope(t *testing.T) {
	t.Parallel()
	const slope = 3.0
	for _, x := range []struct {
		phi, atLeast float64
	}{{0, 0.98}, {0.3, 0.97}, {0.6, 0.95}} {
		for _, n := range []int{16, 48} {
			inside := 0
			for d := range uint64(draws) {
				values := noise(1, x.phi)(rand.New(rand.NewPCG(d, 7)), n)
				samples := make([]sample, n)
				for i := range samples {
					samples[i] = sample{at: float64(i), value: slope*float64(i) + values[i]}
				}
				l, ok := fit(samples, 0.99)
				if ok && l.low <= slope && slope <= l.high {
					inside++
				}
			}
			if share := float64(inside) / draws; share < x.atLeast {
				t.Errorf("%d values, each %.1f of the one before: %.3f of the intervals hold the slope, want %.2f", n, x.phi, share, x.atLeast)
			} else {
				t.Logf("%d values, each %.1f of the one before: %.1f %% of the intervals hold the slope", n, x.phi, 100*share)
			}
		}
	}
}

// TestLeakAcrossRestarts: a process that grows until it is killed, again and again, leaks, although its memory is at
// the end what it was at the beginning.
func TestLeakAcrossRestarts(t *testing.T) {
	leak := sum(level(100), saw(60, 4, 4), noise(2, 0))
	r := rand.New(rand.NewPCG(1, 1))
	q := quantity{words: "memory of the target", unit: unitBytes, reduce: median, wrong: 1, share: 0.1}
	q.points = series(leak(r, 400), 24*time.Hour)
	if v := q.judge(options()); v.Bad {
		t.Errorf("without knowing of the restarts: %s", v.Reason)
	}
	for i := 1; i < len(q.points); i++ {
		if q.points[i].value < q.points[i-1].value-40 {
			q.restarts = append(q.restarts, q.points[i].at)
		}
	}
	if len(q.restarts) < 3 {
		t.Fatalf("restarts at %v", q.restarts)
	}
	v := q.judge(options())
	if !v.Bad || math.Abs(v.PerHour-10) > 1 {
		t.Errorf("%+v, want 10 bytes an hour", v)
	}
}

func TestVerdicts(t *testing.T) {
	const GiB = 1 << 30
	quiet := func(shapes ...shape) []point {
		return series(sum(append(shapes, noise(GiB/1000, 0))...)(rand.New(rand.NewPCG(1, 2)), 500), 24*time.Hour)
	}
	for _, x := range []struct {
		name   string
		points []point
		limit  float64
		state  string
		bad    bool
		reason string
	}{
		{"no points", nil, 0, TooShort, false, "memory: too short to tell, 0 points after the warm-up; it takes 20"},
		{"a few points", quiet(level(GiB))[:15], 0, TooShort, false, "13 points after"},
		{"steady", quiet(level(GiB)), 2 * GiB, Steady, false, "memory: steady at 1 GiB"},
		{"beyond the limit", quiet(level(3 * GiB)), 2 * GiB, Steady, true, "memory: steady at 3 GiB, its limit being 2 GiB"},
		{"a leak", quiet(level(GiB), rising(GiB/2)), 2 * GiB, Drifting, true, "from 1.05 GiB to 1.5 GiB; it reaches 2 GiB in 24 h"},
		{"a leak without a limit", quiet(level(GiB), rising(GiB/2)), 0, Drifting, true, "an hour (21."},
		{"a leak that will take long", quiet(level(GiB), rising(GiB/20)), 2 * GiB, Drifting, false, "it reaches 2 GiB in 19 days"},
		{"a leak that is small, close to the limit", quiet(level(GiB), rising(GiB/20)), 1.2 * GiB, Drifting, true, "it reaches 1.2 GiB in 72 h"},
		{"a leak that is tolerated", quiet(level(GiB), rising(GiB/20)), 0, Drifting, false, ", which is tolerated"},
		{"a fall", quiet(level(GiB), rising(-GiB/2)), 2 * GiB, Drifting, false, "memory: down by 21."},
		{"a cache", quiet(level(GiB), noise(GiB/3, 0), fullAt(GiB/2, 0.65)), 2 * GiB, Steady, false, "before it levelled off"},
	} {
		t.Run(x.name, func(t *testing.T) {
			q := quantity{words: "memory", unit: unitBytes, reduce: median, wrong: 1, share: 0.1, limit: x.limit, hard: true, points: x.points}
			v := q.judge(options())
			if v.State != x.state || v.Bad != x.bad || !strings.Contains(v.Reason, x.reason) {
				t.Errorf("%+v, want %s, bad %v, %q", v, x.state, x.bad, x.reason)
			}
		})
	}
}

// TestShortRunsAreNotProjected: a slope that was seen for a minute reaches everything within a week.
// Four values whose ranks are as little correlated as ranks can be have an interval all the same.
func TestIntervalOfFourSamples(t *testing.T) {
	samples := []sample{{at: 0, value: 2}, {at: 1, value: 1}, {at: 2, value: 3}, {at: 3, value: 2}}
	if got := inflation(samples, []float64{0, -1, 1, 0}); got != 1 {
		t.Errorf("the variance is multiplied by %v", got)
	}
	if l, ok := fit(samples, 0.8); !ok || l.low > l.slope || l.high < l.slope {
		t.Errorf("%+v", l)
	}
}

func TestShortRunsAreNotProjected(t *testing.T) {
	q := quantity{words: "p95", unit: unitMilliseconds, reduce: median, wrong: 1, share: 0.1, least: 2, limit: 1000}
	q.points = series(sum(level(50), rising(1), noise(0.02, 0))(rand.New(rand.NewPCG(1, 1)), 60), time.Minute)
	if v := q.judge(options()); v.State != Drifting || v.Reaches == 0 || v.Bad {
		t.Errorf("%+v, want a drift that does not fail the run", v)
	}
}
