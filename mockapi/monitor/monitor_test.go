package monitor

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// running returns a Monitor that collects until the end of the bubble's test.
func running(t *testing.T, o Options) *Monitor {
	m := New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return m
}

// settle lets the clock run, and waits for what it sets off.
func settle(d time.Duration) {
	time.Sleep(d) // in a bubble
	synctest.Wait()
}

// pool is a pool of four connections, of which all may be in use, beside one of two that nobody uses.
type pool struct{ busy, waited atomic.Int64 }

func (p *pool) stats() mockapi.PoolStats {
	s := mockapi.PoolStats{Max: 6, Busy: int(p.busy.Load()), Waited: p.waited.Load()}
	if s.Busy == 4 {
		s.Full = 4
	}
	return s
}

// ended is one operation as the test knows it.
type ended struct {
	at     time.Time
	name   string
	took   time.Duration
	status int
}

// Whatever the window, its figures are those of the operations that ended in it and of no others.
func TestEveryFigureObeysItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options{})
		random := rand.New(rand.NewPCG(1, 2))
		names := []string{"GET /a", "GET /b", "POST /c"}
		var all []ended
		windows := []time.Duration{
			time.Second, 3 * time.Second, 30 * time.Second, time.Minute, 61 * time.Second, 5 * time.Minute, 10 * time.Minute,
			11 * time.Minute, 47 * time.Minute, 2 * time.Hour, MaxWindow,
		}
		for second := range 3 * 3600 {
			if random.IntN(4) == 0 || second < 100 {
				for range random.IntN(4) {
					e := ended{name: names[random.IntN(len(names))], took: time.Duration(1+random.IntN(900)) * time.Millisecond / 2, status: 200}
					switch random.IntN(20) {
					case 0:
						e.status = 503
					case 1:
						e.status = 404
					case 2:
						e.status = 0
					}
					span := m.Operation(e.name, nil).Start()
					time.Sleep(e.took)
					span.End(e.status)
					e.at = time.Now()
					all = append(all, e)
				}
			}
			time.Sleep(tick - time.Since(m.start)%tick)
			m.collect()
			if second%1499 != 0 && second != 95 {
				continue
			}
			for _, d := range windows {
				compare(t, m, d, all)
			}
		}
	})
}

func compare(t *testing.T, m *Monitor, d time.Duration, all []ended) {
	t.Helper()
	s := m.Summary(d)
	wanted := m.start.Add(m.last - d)
	step := time.Minute
	switch {
	case d <= time.Minute:
		step = time.Second
	case d <= 10*time.Minute:
		step = 10 * time.Second
	}
	if early := wanted.Sub(s.From); early >= step+time.Millisecond || early < 0 && s.From.After(m.start.UTC()) {
		t.Errorf("the window of %v begins %v before what was asked for", d, early)
	}
	var in []ended
	for _, e := range all {
		if e.at.After(s.From) && !e.at.After(s.To) {
			in = append(in, e)
		}
	}
	check := func(what string, in []ended, requests, failed uint64, l *Latency) {
		t.Helper()
		var bad uint64
		var took []float64
		sum := 0.0
		for _, e := range in {
			if e.status == 0 || e.status >= 500 {
				bad++
			}
			took = append(took, milliseconds(e.took))
			sum += milliseconds(e.took)
		}
		if requests != uint64(len(in)) || failed != bad {
			t.Fatalf("%s over %v: %d requests, %d of them failed, want %d and %d", what, d, requests, failed, len(in), bad)
		}
		if len(in) == 0 {
			if l != nil {
				t.Errorf("%s over %v: there is a latency without requests: %+v", what, d, l)
			}
			return
		}
		slices.Sort(took)
		near := func(name string, got, want, tolerance float64) {
			t.Helper()
			if math.Abs(got-want) > tolerance*want {
				t.Errorf("%s over %v: %s is %v, want %v", what, d, name, got, want)
			}
		}
		near("average", l.Average, sum/float64(len(in)), 1e-3) // it is to the microsecond
		near("maximum", l.Max, took[len(took)-1], 0)
		for _, p := range []struct{ got, q float64 }{{l.P50, .5}, {l.P95, .95}, {l.P99, .99}} {
			near("p"+strconv.Itoa(int(p.q*100)), p.got, took[int(math.Ceil(p.q*float64(len(took))))-1], 1.0/64+1e-9)
		}
	}
	check("all", in, s.Requests, s.Failed, s.Latency)
	if got, want := s.Throughput, float64(len(in))/max(s.To.Sub(s.From).Seconds(), 1); math.Abs(got-want) > 1e-9 {
		t.Errorf("throughput over %v is %v, want %v", d, got, want)
	}
	operations := m.Operations(d)
	if !slices.IsSortedFunc(operations, func(a, b OperationSummary) int { return cmp.Compare(b.Latency.Max, a.Latency.Max) }) {
		t.Errorf("the slowest operation over %v is not the first", d)
	}
	var seen uint64
	for _, o := range operations {
		seen += o.Requests
		of := slices.DeleteFunc(slices.Clone(in), func(e ended) bool { return e.name != o.Name })
		check(o.Name, of, o.Requests, o.Failed, &o.Latency)
		if i := slices.IndexFunc(of, func(e ended) bool { return e.at.Sub(o.Slowest).Abs() < time.Microsecond }); i < 0 || milliseconds(of[i].took) != o.Latency.Max {
			t.Errorf("the slowest %s ended at %v, where none did that took %v ms", o.Name, o.Slowest, o.Latency.Max)
		}
	}
	if seen != s.Requests {
		t.Errorf("over %v there were %d requests, and %d by operation", d, s.Requests, seen)
	}
}

func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pool
		m := running(t, Options{Pool: p.stats})
		op := m.Operation("GET /", nil)
		for i := range 2 * 3600 {
			for range i % 3 {
				op.Start().End(http.StatusOK)
			}
			if i%10 == 9 {
				op.Start().End(http.StatusInternalServerError)
			}
			p.busy.Store(int64(i % 4))
			p.waited.Add(7)
			settle(time.Second)
		}
		under := op.Start()
		settle(time.Second)

		fine := m.Timeline(30 * time.Second)
		if len(fine) != 30 {
			t.Fatalf("30 s have %d points", len(fine))
		}
		last := fine[29]
		if last.InFlight != 1 || last.Latency != nil || last.Requests != 0 || last.PoolMax != 6 {
			t.Errorf("the last second is %+v, want one operation under way and none ended", last)
		}
		if p := fine[28]; p.Requests != 3 || p.Failed != 1 || p.PoolBusy != 3 || p.PoolWaits != 7 || p.Seconds != 1 || p.ResidentBytes == 0 || p.HeapBytes == 0 {
			t.Errorf("the second before is %+v, want 3 requests, 1 of them failed", p)
		}
		if n := len(m.Timeline(FineWindow)); n != 600 {
			t.Errorf("ten minutes have %d points", n)
		}
		hour := m.Timeline(time.Hour)
		if len(hour) != 61 {
			t.Fatalf("an hour has %d points, want one a minute and one for the minute that has begun", len(hour))
		}
		if p := hour[30]; p.Seconds != 60 || math.Abs(p.Requests-1.1) > 1e-9 || math.Abs(p.Failed-.1) > 1e-9 || p.PoolBusy != 3 || math.Abs(p.PoolWaits-7) > 1e-9 || p.Latency == nil {
			t.Errorf("a minute is %+v, want 1.1 requests a second and 0.1 failed", p)
		}
		if p := hour[60]; p.Seconds != 1 || p.InFlight != 1 {
			t.Errorf("the minute that has begun is %+v", p)
		}
		under.End(http.StatusOK)
	})
}

// However many names and values come, and for however long, the number of what is kept has a bound.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := running(t, Options{})
		for i := range 10 * MaxOperations {
			m.Operation("operation "+strconv.Itoa(i), Tags{"n": strconv.Itoa(i)}).Start().End(200)
			m.Record("metric", 1, Tags{"n": strconv.Itoa(i)})
			m.RecordVital(Vital{Name: "LCP", Value: 1, Page: "/" + strconv.Itoa(i) + "x"})
		}
		settle(time.Second)
		operations := m.Operations(time.Minute)
		if len(operations) != MaxOperations {
			t.Errorf("there are %d operations, want %d", len(operations), MaxOperations)
		}
		i := slices.IndexFunc(operations, func(o OperationSummary) bool { return o.Name == Other })
		if i < 0 || operations[i].Requests != 10*MaxOperations-(MaxOperations-1) {
			t.Errorf("the operations beyond the bound are not counted as %s", Other)
		}
		if n := len(m.Metrics(time.Minute)); n != MaxMetrics {
			t.Errorf("there are %d metrics, want %d", n, MaxMetrics)
		}
		if n := len(m.vitals.pages); n != maxPages {
			t.Errorf("%d pages are known, want %d", n, maxPages)
		}
	})
}

func TestHistoryDoesNotGrowWithHours(t *testing.T) {
	h := newHistory()
	one := tally{total: 3}
	for i := range 3 {
		one.counts[bucketOf(int64(700*i))] = 1
	}
	full := 0 // bytes of histograms, once every level has been round
	for second := range 9 * time.Hour / time.Second {
		v := h.begin(second*time.Second, (second+1)*time.Second)
		if second%2 == 0 {
			v.put(operations, 0, &one)
		}
		h.finish()
		if (second+1)%3600 != 0 || second < 7*3600 {
			continue
		}
		bytes := 0
		for _, l := range h.levels {
			for i := range l.ring {
				for _, records := range l.ring[i].records {
					for _, r := range records[:cap(records)] {
						bytes += cap(r.packed)
					}
				}
			}
		}
		switch {
		case full == 0:
			full = bytes
		case bytes > full:
			t.Errorf("after %d s the history has %d bytes, it had %d before", second, bytes, full)
		}
	}
	if full == 0 {
		t.Error("the history is empty")
	}
}

func TestAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pool
		m := running(t, Options{Pool: p.stats})
		op := m.Operation("GET /", nil)
		begun := time.Now()
		for range 9 {
			op.Start().End(500)
		}
		settle(time.Second)
		if a := m.Alerts(time.Minute); len(a) != 0 {
			t.Errorf("nine requests are judged: %+v", a)
		}
		for range 20 {
			span := op.Start()
			time.Sleep(1900 * time.Millisecond)
			span.End(500)
		}
		p.busy.Store(4)
		for range 6 {
			p.waited.Add(1)
			settle(time.Second)
		}
		found := map[string]Alert{}
		for _, a := range m.Alerts(time.Minute) {
			found[a.Type] = a
		}
		for kind, severity := range map[string]string{AlertErrorRate: Critical, AlertResponseTime: Warn, AlertPool: Warn} {
			a, ok := found[kind]
			if kind == AlertPool && !strings.HasPrefix(a.Message, "all 4 database connections of a pool, of 6 in all, are in use") {
				t.Errorf("%s says %s", kind, a.Message)
			}
			if !ok || a.Severity != severity || a.Until != nil || !a.Since.After(begun) || a.Timestamp.Before(a.Since) || a.Message == "" {
				t.Errorf("%s is %+v", kind, a)
			}
		}
		if len(found) != 3 {
			t.Errorf("there are the alerts %v", found)
		}
		p.busy.Store(0)
		settle(time.Minute)
		for _, a := range m.Alerts(5 * time.Minute) {
			if a.Until == nil {
				t.Errorf("%s lasts, though nothing is wrong any more", a.Type)
			}
		}
		if n := len(m.Alerts(5 * time.Minute)); n != 3 {
			t.Errorf("%d alerts are remembered, want 3", n)
		}
		settle(5 * time.Minute)
		if a := m.Alerts(time.Minute); len(a) != 0 {
			t.Errorf("alerts from before the window are told: %+v", a)
		}
	})
}

// Memory that rises is told from memory that goes up and down, and from that which has risen once.
func TestRisingMemory(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		at   func(second int) int
		want bool
	}{
		"level":      {func(int) int { return 100 }, false},
		"leak":       {func(s int) int { return 100 + s }, true},
		"slow leak":  {func(s int) int { return 100 + s/30 }, false}, // 2 MiB a minute is within what a heap does by itself
		"sawtooth":   {func(s int) int { return 100 + s%90*2 }, false},
		"leaky saw":  {func(s int) int { return 100 + s%7*10 + s/2 }, true},
		"warming up": {func(s int) int { return min(100+s*3, 500) }, false},
	} {
		var r ring = make([]sample, 0, 601)
		for s := range 600 {
			r.add(sample{Point: Point{ResidentBytes: uint64(c.at(s)) * mib}, to: time.Duration(s+1) * time.Second})
		}
		if _, _, rising := r.rising(600 * time.Second); rising != c.want {
			t.Errorf("%s: rising is %t", name, rising)
		}
	}
}

func TestVitals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := running(t, Options{})
		for i := range 100 {
			m.RecordVital(Vital{Name: "LCP", Value: float64(i+1) * 50, Page: "/media/" + strconv.Itoa(i) + "?x=1", Rating: RatingGood})
		}
		m.RecordVital(Vital{Name: "CLS", Value: .1, Page: "/"})
		m.RecordVital(Vital{Name: "INP", Value: 501})
		if m.RecordVital(Vital{Name: "FID", Value: 1}) {
			t.Error("a vital that is not known is taken")
		}
		settle(time.Second)
		got := m.Vitals(time.Minute)
		want := []VitalSummary{
			{Name: "LCP", Unit: "ms", Page: "*", Count: 100, P75: 3750, Rating: RatingMid, Good: .5, NeedsImprovement: .3, Poor: .2},
			{Name: "LCP", Unit: "ms", Page: "/media/:id", Count: 100, P75: 3750, Rating: RatingMid, Good: .5, NeedsImprovement: .3, Poor: .2},
			{Name: "INP", Unit: "ms", Page: "*", Count: 1, P75: 501, Rating: RatingPoor, Poor: 1},
			{Name: "INP", Unit: "ms", Page: Other, Count: 1, P75: 501, Rating: RatingPoor, Poor: 1},
			{Name: "CLS", Page: "*", Count: 1, P75: .1, Rating: RatingGood, Good: 1},
			{Name: "CLS", Page: "/", Count: 1, P75: .1, Rating: RatingGood, Good: 1},
		}
		if len(got) != len(want) {
			t.Fatalf("the vitals are %+v", got)
		}
		for i := range want {
			if math.Abs(got[i].P75-want[i].P75) > want[i].P75/64 {
				t.Errorf("p75 of %s at %s is %v, want %v", want[i].Name, want[i].Page, got[i].P75, want[i].P75)
			}
			got[i].P75 = want[i].P75
			if got[i] != want[i] {
				t.Errorf("got %+v\nwant %+v", got[i], want[i])
			}
		}
		settle(2 * time.Minute)
		if v := m.Vitals(time.Minute); len(v) != 0 {
			t.Errorf("vitals from before the window are told: %+v", v)
		}
	})
}
