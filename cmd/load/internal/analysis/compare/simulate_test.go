package compare

import (
	"flag"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

var simulated = flag.Int("pairs", 30, "how many pairs of runs of each kind TestFalseAlarmsAndDetection simulates")

// world is a target and a machine whose truth is known: what the times of its requests are made of.
type world struct {
	seconds int     // of a run
	rate    float64 // requests a second
	ramp    bool    // the load rises to three times as much, and times with it
	// All of these are of the logarithm of the times. The level of a run differs from that of others by between, moves
	// over the run by up to drift up or down, and wanders, second by second, as an autoregressive series of first order
	// with the deviation wander and the memory phi.
	between, drift, wander, phi float64
	// bursts come so often a second, last some seconds, and multiply times by 1.3 to 3.
	bursts float64
}

// endpoints have the weights and roughly the times of the core suite.
func endpoints() []struct {
	label            string
	weight           float64
	median, spread   float64 // ms, and of the logarithm
	tail, tailFactor float64 // share of the requests that take longer, and how much
} {
	return []struct {
		label            string
		weight           float64
		median, spread   float64
		tail, tailFactor float64
	}{
		{"POST /login", 1.00, 1.2, 0.25, 0.02, 3},
		{"GET /media", 0.75, 2.5, 0.40, 0.02, 4},
		{"GET /media/{id}", 0.60, 0.8, 0.30, 0.02, 3},
		{"POST /media/upload", 0.40, 1.5, 0.35, 0.03, 4},
		{"GET /collections", 0.40, 1.8, 0.35, 0.02, 3},
		{"POST /collections", 0.12, 1.4, 0.35, 0.03, 4},
		{"GET /search?q=photo", 0.03, 4.0, 0.50, 0.02, 3},
		{"GET /search?q=video", 0.03, 4.2, 0.50, 0.02, 3},
		{"GET /search?q=document", 0.03, 3.0, 0.50, 0.02, 3},
		{"GET /search?q=image", 0.03, 5.0, 0.50, 0.02, 3},
		{"GET /search?q=test", 0.03, 3.5, 0.50, 0.02, 3},
		{"GET /user/profile", 0.15, 0.7, 0.30, 0.02, 3},
		{"PUT /user/profile", 0.06, 1.3, 0.35, 0.03, 4},
	}
}

// run simulates a run of a target that takes slower times as long as it should.
func (w world) run(r *rand.Rand, slower float64) *Run {
	all := endpoints()
	total := 0.0
	for _, e := range all {
		total += e.weight
	}
	run := &Run{Length: time.Duration(w.seconds) * time.Second, Figures: make(map[string]Figures)}
	run.Step = stepFor(run.Length)
	run.Stretches = make([]Stretch, run.Length/run.Step)

	h := new(metrics.Histogram)
	level := r.NormFloat64() * w.between
	drift := (2*r.Float64() - 1) * w.drift
	wander := r.NormFloat64() * w.wander
	burst, factor := 0, 1.0
	for s := range w.seconds {
		wander = w.phi*wander + math.Sqrt(1-w.phi*w.phi)*w.wander*r.NormFloat64()
		if burst--; burst < 0 {
			factor = 1.0
			if r.Float64() < w.bursts {
				burst, factor = 1+r.IntN(4), 1.3+1.7*r.Float64()
			}
		}
		at, load := float64(s)/float64(w.seconds), 1.0
		if w.ramp {
			load = 0.5 + at
		}
		now := slower * factor * load * math.Exp(level+drift*(at-0.5)+wander)
		stretch := &run.Stretches[min(s/int(run.Step/time.Second), len(run.Stretches)-1)]
		for _, e := range all {
			expected := w.rate * load * e.weight / total
			t := metrics.Traffic{Requests: uint64(max(math.Round(expected+math.Sqrt(expected)*r.NormFloat64()), 0))}
			h.Reset()
			for range t.Requests {
				ms := e.median * now * math.Exp(e.spread*r.NormFloat64())
				chance := r.Float64()
				if chance < e.tail {
					ms *= e.tailFactor
				}
				h.Add(ms)
				if chance > 1-0.002*factor {
					t.Failed++
				}
			}
			t.Duration.AddHistogram(h)
			add(&stretch.All, &t)
			add(stretch.endpoint(e.label), &t)
		}
	}
	run.Figures[""] = figures(run, "")
	for _, e := range all {
		run.Figures[e.label] = figures(run, e.label)
	}
	return run
}

// figures are those of the whole run as its stretches tell them.
func figures(r *Run, label string) Figures {
	var all metrics.Traffic
	for i := range r.Stretches {
		if t := r.Stretches[i].traffic(label); t != nil {
			add(&all, t)
		}
	}
	return Figures{
		Requests: all.Requests, Failed: all.Failed, Rate: float64(all.Requests) / r.Length.Seconds(),
		P50: all.Duration.Quantile(0.5), P95: all.Duration.Quantile(0.95), P99: all.Duration.Quantile(0.99),
	}
}

// calm and quiet are machines on which nothing else runs that matters, quiet one with a burst of some seconds every
// minute; noisy is one that others use. On that, hardly anything can be told, and nothing false must be.
func calm() world {
	return world{seconds: 60, rate: 300, between: 0.01, drift: 0.03, wander: 0.02, phi: 0.8, bursts: 0.005}
}

func quiet() world {
	return world{seconds: 60, rate: 300, between: 0.01, drift: 0.03, wander: 0.03, phi: 0.8, bursts: 0.015}
}

func noisy() world {
	return world{seconds: 60, rate: 300, between: 0.02, drift: 0.1, wander: 0.08, phi: 0.9, bursts: 0.05}
}

// compare simulates a baseline of so many runs, a run of the same target, and one of a target that takes 15 % longer,
// and holds both against the baseline.
func (w world) compare(t *testing.T, seed uint64, runs int) (same, slower *Analysis) {
	r := rand.New(rand.NewPCG(seed, uint64(runs)))
	b := new(Baseline)
	for range runs {
		b.Runs = append(b.Runs, w.run(r, 1))
	}
	same, err := Compare(w.run(r, 1), b)
	if err != nil {
		t.Error(err)
		return new(Analysis), new(Analysis)
	}
	slower, err = Compare(w.run(r, 1.15), b)
	if err != nil {
		t.Error(err)
		return new(Analysis), new(Analysis)
	}
	return same, slower
}

// The whole point: a comparison of equal targets tells of a regression at most once in a hundred times, and one with a
// target that takes 15 % longer at least 95 times. Both are counted over whole analyses, of whichever figure. Few pairs
// are enough for a method that does not do what it should: were the true rates 1 % and 95 %, the test would fail once in
// a thousand times. For a closer look there is
//
//	go test -run FalseAlarms -pairs 300 -v
//
// which also has a noisy machine, on which little can be found and nothing false should be, and baselines of three runs.
func TestFalseAlarmsAndDetection(t *testing.T) {
	const few = 30
	n := *simulated
	for _, c := range []struct {
		name   string
		world  world
		runs   int
		detect bool
	}{
		{"calm", calm(), 1, true},
		{"quiet", quiet(), 1, true},
		{"noisy", noisy(), 1, false},
		{"calm, a baseline of three runs", calm(), 3, true},
	} {
		if n <= few && (c.runs > 1 || !c.detect) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			var alarms, found atomic.Int64
			var wait sync.WaitGroup
			seeds := make(chan uint64)
			for range runtime.GOMAXPROCS(0) {
				wait.Go(func() {
					for seed := range seeds {
						same, slower := c.world.compare(t, seed, c.runs)
						if same.HasRegression {
							alarms.Add(1)
						}
						if slower.HasRegression {
							found.Add(1)
						}
						for _, x := range same.Regressions {
							t.Logf("false alarm in pair %d: %s of %s: %s, noise %s", seed, x.Metric, x.where(), x.typical(), x.noise())
						}
					}
				})
			}
			for i := range n {
				seeds <- uint64(i)
			}
			close(seeds)
			wait.Wait()
			t.Logf("false alarms: %d of %d; 15 %% slower: found %d of %d", alarms.Load(), n, found.Load(), n)
			if most := (distuv.Binomial{N: float64(n), P: FalseAlarms}); alarms.Load() > 0 && most.CDF(float64(alarms.Load())-1) > 0.999 {
				t.Errorf("%d of %d comparisons of equal targets tell of a regression", alarms.Load(), n)
			}
			if least := (distuv.Binomial{N: float64(n), P: 0.95}); c.detect && least.CDF(float64(found.Load())) < 0.001 {
				t.Errorf("only %d of %d comparisons with a target that takes 15 %% longer tell of a regression", found.Load(), n)
			}
		})
	}
}
