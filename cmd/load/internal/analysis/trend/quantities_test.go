package trend

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/observe"
)

// run makes the timeline of a run of seconds: a ramp of 10 s, 100 s of the load, and 10 s of ramping down. Every second
// has requests of about the given latency in milliseconds and so many failures.
func run(latency func(second int) float64, failed func(second int) uint64) []metrics.Point {
	r := rand.New(rand.NewPCG(1, 2))
	var points []metrics.Point
	for i := range 120 {
		requests := uint64(10 * min(i+1, 10, 120-i))
		p := metrics.Point{Start: time.Duration(i) * time.Second, Length: time.Second}
		var h metrics.Histogram
		for range requests {
			h.Add(latency(i) * (0.5 + r.ExpFloat64()))
		}
		p.All.Requests, p.All.Failed = requests, failed(i)
		p.All.Duration.AddHistogram(&h)
		points = append(points, p)
	}
	return points
}

// seen makes a series of a value a second.
func seen(name string, value func(second int) float64) observe.Series {
	s := observe.Series{Name: name}
	for i := range 120 {
		v := value(i)
		s.Points = append(s.Points, observe.Point{At: time.Duration(i) * time.Second, Value: v, Min: v, Max: v})
	}
	return s
}

func evidence(timeline []metrics.Point, series ...observe.Series) Evidence {
	return Evidence{Timeline: timeline, Observed: &observe.Report{Series: series}, From: 10 * time.Second, To: 110 * time.Second}
}

func find(t *testing.T, verdicts []Verdict, quantity string) Verdict {
	t.Helper()
	for _, v := range verdicts {
		if strings.Contains(v.Quantity, quantity) {
			return v
		}
	}
	t.Fatalf("there is no verdict on %s in %+v", quantity, verdicts)
	return Verdict{}
}

func TestTimelineIsJudged(t *testing.T) {
	steady := func(int) float64 { return 20 }
	none := func(int) uint64 { return 0 }
	for _, x := range []struct {
		name     string
		timeline []metrics.Point
		bad      []string
	}{
		{"healthy, ramps and all", run(steady, none), nil},
		{"slower and slower", run(func(i int) float64 { return 20 + float64(i)/5 }, none), []string{"p50", "p95"}},
		{"more and more failures", run(steady, func(i int) uint64 { return uint64(i / 12) }), []string{"failed"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			verdicts := Judge(*options(), evidence(x.timeline))
			for _, quantity := range []string{"p50", "p95", "throughput", "failed"} {
				v, want := find(t, verdicts, quantity), false
				for _, b := range x.bad {
					want = want || b == quantity
				}
				if v.Bad != want || v.State == TooShort {
					t.Errorf("%+v, want bad %v", v, want)
				}
			}
		})
	}
	falling := run(steady, none)
	for i := range falling {
		falling[i].All.Requests -= falling[i].All.Requests * uint64(i) / 400
	}
	if v := find(t, Judge(*options(), evidence(falling)), "throughput"); !v.Bad || v.PerHour >= 0 {
		t.Errorf("a throughput that falls: %+v", v)
	}
}

func TestTargetIsJudged(t *testing.T) {
	const MiB = 1 << 20
	r := rand.New(rand.NewPCG(3, 4))
	collected := seen(observe.GCCount, func(i int) float64 { return float64(i) * 2 })
	saw := func(leak float64) func(int) float64 {
		return func(i int) float64 { return MiB * (60 + leak*float64(i) + 40*r.Float64()) }
	}
	for _, x := range []struct {
		name     string
		observed []observe.Series
		quantity string
		state    string
		bad      bool
	}{
		{"a saw", []observe.Series{collected, seen(observe.HeapInUse, saw(0))}, "heap", Steady, false},
		{"a leak under a saw", []observe.Series{collected, seen(observe.HeapInUse, saw(1))}, "heap", Drifting, true},
		{"memory that leaks", []observe.Series{collected, seen(observe.ResidentMemory, saw(1))}, "memory", Drifting, true},
		{"memory of what does not tell of collections", []observe.Series{seen(observe.ResidentMemory, saw(1))}, "memory", Drifting, true},
		{
			"one tooth, which can't be told from a leak",
			[]observe.Series{seen(observe.GCCount, func(i int) float64 { return float64(i / 50) }), seen(observe.HeapInUse, func(i int) float64 { return MiB * float64(20+i%50) })},
			"heap", TooShort, false,
		},
		{"connections that are not given back", []observe.Series{seen(observe.Connections, func(i int) float64 { return 10 + float64(i)/3 })}, "connections", Drifting, true},
		{"goroutines", []observe.Series{seen(observe.Goroutines, func(i int) float64 { return 100 + float64(i%7) })}, "goroutines", Steady, false},
		{"a database that is written to", []observe.Series{seen(observe.DatabaseSize, func(i int) float64 { return float64(100+i) * MiB })}, "database", Drifting, false},
		{"dead rows before a vacuum", []observe.Series{seen(observe.DeadRows, func(i int) float64 { return float64(i) * 100 })}, "dead rows", Drifting, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			v := find(t, Judge(*options(), evidence(nil, x.observed...)), x.quantity)
			if v.State != x.state || v.Bad != x.bad {
				t.Errorf("%+v, want %s, bad %v", v, x.state, x.bad)
			}
		})
	}
	o := options()
	o.DatabaseLimit = 1000 * MiB
	growing := evidence(nil, seen(observe.DatabaseSize, func(i int) float64 { return float64(100+i) * MiB }))
	if v := find(t, Judge(*o, growing), "database"); !v.Bad || v.Reaches.Round(time.Minute) != 13*time.Minute {
		t.Errorf("a database that will reach its limit: %+v", v)
	}
}

// TestGapsAreNotCompared: in a gap a target has given memory back, or another one has taken its place; what it does on
// either side counts.
func TestGapsAreNotCompared(t *testing.T) {
	const MiB = 1 << 20
	r := rand.New(rand.NewPCG(5, 6))
	for _, x := range []struct {
		name       string
		leak, drop float64 // MiB a second; MiB in the gap
		bad        bool
	}{
		{"more after the gap", 0, -60, false},
		{"less after the gap", 0, 60, false},
		{"a leak that the gap hides", 1, 50, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			e := evidence(nil, seen(observe.ResidentMemory, func(i int) float64 {
				v := 100 + x.leak*float64(i) + 2*r.NormFloat64()
				if i >= 60 {
					v -= x.drop
				}
				return MiB * v
			}))
			e.Gaps = []time.Duration{60 * time.Second}
			v := find(t, Judge(*options(), e), "memory")
			if v.Bad != x.bad {
				t.Errorf("%+v, want bad %v", v, x.bad)
			}
			if perSecond := v.PerHour / 3600 / MiB; x.bad && (perSecond < 0.9 || perSecond > 1.1) {
				t.Errorf("%v MiB a second, want %v", perSecond, x.leak)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	for want, verdicts := range map[string][]Verdict{
		"there was nothing to judge":                       nil,
		"2 too short to tell":                              {{State: TooShort}, {State: TooShort}},
		"no bad drift, 1 steady, 1 drifting within bounds": {{State: Steady}, {State: Drifting}},
		"bad drift of memory, heap, 1 steady":              {{Quantity: "memory", Bad: true}, {Quantity: "heap", Bad: true}, {State: Steady}},
	} {
		if got := Summary(verdicts); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
