package engine_test

import (
	"bytes"
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/client/tiny"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// outOfSockets is a client on a machine without sockets.
type outOfSockets struct{}

func (outOfSockets) Do(context.Context, *client.Request, *client.Response) error {
	return &client.Error{Kind: client.Generator, Doing: "connect", Err: syscall.EMFILE}
}
func (outOfSockets) Release() {}
func (outOfSockets) Close()   {}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs b.N iterations of a suite and reports the requests for a second of the generator's CPU time.
func measure(b *testing.B, c executor.Config, s vu.Suite, thresholds ...threshold.Threshold) {
	b.Helper()
	e, err := engine.New(engine.Options{
		Scenarios: of(c, s), Registry: metrics.NewRegistry(), Thresholds: thresholds, Tags: map[string]string{"test_type": "bench"},
		NewClient: func() client.Client { return client.NewRaw(client.Options{}) },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	r, err := e.Run(b.Context())
	used := cpuTime(b) - before
	b.StopTimer()
	if err != nil || r.Ended != engine.Completed {
		b.Fatal(r.Ended, err)
	}
	requests := e.Store().Total(metrics.Selector{Metric: "http_reqs"})
	failed := e.Store().Total(metrics.Selector{Metric: "http_req_failed"})
	if failed.Passes > 0 {
		b.Fatalf("%d of %d requests failed", failed.Passes, failed.Count)
	}
	b.ReportMetric(float64(requests.Count)/used.Seconds(), "req/cpu-s")
	b.ReportMetric(float64(requests.Count)/r.End.Sub(r.Start).Seconds(), "req/s")
}

func shared(n, vus int) executor.Config {
	c := executor.NewSharedIterations("bench")
	c.VUs, c.Iterations, c.MaxDuration = min(vus, n), n, 3600*second
	return c
}

// BenchmarkGET is one small GET an iteration, by 50 users, all built-in metrics counted.
func BenchmarkGET(b *testing.B) {
	h := host(b, tiny.Start(b))
	s := &suite{iterate: func(v *vu.VU) error {
		v.Do(&vu.Call{Method: "GET", Host: h, Path: "/400", Name: "home"})
		return nil
	}}
	b.Run("alone", func(b *testing.B) { measure(b, shared(b.N, 50), s) })
	checked := &suite{iterate: func(v *vu.VU) error {
		r := v.Do(&vu.Call{Method: "GET", Host: h, Path: "/400", Name: "home", Tags: []string{"endpoint", "home"}})
		v.Check("status is 200", r.Status == 200)
		v.Check("has data", bytes.Contains(r.Body, []byte(`"data"`)))
		v.Check("is not empty", len(r.Body) > 100)
		v.Check("is quick", r.Milliseconds < 1000)
		return nil
	}}
	b.Run("4 checks, tags, thresholds", func(b *testing.B) {
		var thresholds []threshold.Threshold
		for _, x := range [][2]string{{"http_req_duration", "p(95)<1000"}, {"http_req_duration{endpoint:home}", "p(99)<1000 over 1m"}, {"checks", "rate>0.9"}} {
			parsed, err := threshold.Parse(x[0], x[1])
			if err != nil {
				b.Fatal(err)
			}
			thresholds = append(thresholds, parsed)
		}
		measure(b, shared(b.N, 50), checked, thresholds...)
	})
}

// BenchmarkWorkflow is a login, a list of 10 KB and one item, with checks and groups, by 50 users.
func BenchmarkWorkflow(b *testing.B) {
	h := host(b, tiny.Start(b))
	login := []byte(`{"email":"perf.user1@medianest.test","password":"perf123"}`)
	header := []string{"Content-Type", "application/json"}
	measure(b, shared(b.N, 50), &suite{iterate: func(v *vu.VU) error {
		v.Group("login", func() {
			r := v.Do(&vu.Call{Method: "POST", Host: h, Path: "/auth/login", Body: login, Header: header, Name: "login"})
			v.Check("login status is 200", r.Status == 200)
			v.Check("login has token", bytes.Contains(r.Body, []byte(`"token"`)))
		})
		v.Group("browse", func() {
			r := v.Do(&vu.Call{Method: "GET", Host: h, Path: "/10000", Header: header, Name: "media"})
			v.Check("media status is 200", r.Status == 200)
			v.Check("media has data", bytes.Contains(r.Body, []byte(`"data"`)))
		})
		v.Group("detail", func() {
			r := v.Do(&vu.Call{Method: "GET", Host: h, Path: "/400", Header: header, Name: "detail"})
			v.Check("detail status is 200", r.Status == 200)
			v.Check("detail is quick", r.Milliseconds < 1000)
		})
		return nil
	}})
}

// BenchmarkOpen is an open model at 2,000 a second; it shows what pacing costs, and how late iterations begin.
func BenchmarkOpen(b *testing.B) {
	h := host(b, tiny.Start(b))
	c := executor.NewConstantArrivalRate("bench")
	c.Rate, c.PreAllocatedVUs, c.MaxVUs = 2000, 50, 200
	c.Duration = executor.Duration(max(time.Duration(b.N)*time.Second/2000, time.Second))
	measure(b, c, &suite{iterate: func(v *vu.VU) error {
		v.Do(&vu.Call{Method: "GET", Host: h, Path: "/400", Name: "home"})
		return nil
	}})
}

// BenchmarkStalledTarget is 2,000 requests a second by 50 users to a target that answers nothing for 200 ms of every
// second. The truth is p90 100 ms, p95 150 and p99 190, and what it takes to work off 400 requests after each stall.
func BenchmarkStalledTarget(b *testing.B) {
	h := host(b, tiny.Start(b))
	c := executor.NewConstantArrivalRate("bench")
	c.Rate, c.PreAllocatedVUs, c.Duration = 2000, 50, 5*second
	for b.Loop() {
		e, err := engine.New(engine.Options{
			Scenarios: of(c, &suite{iterate: func(v *vu.VU) error {
				v.Do(&vu.Call{Method: "GET", Host: h, Path: "/stalled", Name: "home"})
				return nil
			}}),
			Registry: metrics.NewRegistry(), NewClient: func() client.Client { return client.NewRaw(client.Options{}) },
		})
		if err != nil {
			b.Fatal(err)
		}
		r, err := e.Run(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		total := func(name string) *metrics.Histogram { return e.Store().Total(metrics.Selector{Metric: name}).Values }
		for name, q := range map[string]float64{"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99} {
			b.ReportMetric(total("http_req_duration").Quantile(q), name+"-ms")
		}
		b.ReportMetric(total("http_req_service").Quantile(0.9), "service-p90-ms")
		b.ReportMetric(float64(r.Progress.Dropped), "dropped")
		b.ReportMetric(float64(r.Health.PacerP99.Microseconds()), "pacer-p99-us")
	}
}

// BenchmarkIteration is what the engine itself costs: an iteration that does nothing, and one with four checks.
func BenchmarkIteration(b *testing.B) {
	for name, checks := range map[string]int{"empty": 0, "4 checks": 4} {
		b.Run(name, func(b *testing.B) {
			e, err := engine.New(options(engine.Options{Scenarios: of(shared(b.N, 1), &suite{iterate: func(v *vu.VU) error {
				for range checks {
					v.Check("fine", true)
				}
				return nil
			}})}))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			if _, err := e.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkManyUsers is 10,000 users with connections of their own, who mostly pause, or who all wait for answers of
// 10 KB as fast as these come. It reports the resident memory for each, beside what the process had before. It takes
// 45 seconds: -benchtime 1x.
func BenchmarkManyUsers(b *testing.B) {
	b.Run("pausing", func(b *testing.B) { manyUsers(b, 30*time.Second, 10*time.Second, 10*time.Second) })
	b.Run("waiting", func(b *testing.B) { manyUsers(b, 10*time.Second, 0, time.Millisecond) })
}

// manyUsers runs for a length users who come in over a while and pause between requests.
func manyUsers(b *testing.B, length, over, pause time.Duration) {
	const users = 10_000
	h := host(b, tiny.Start(b))
	debug.FreeOSMemory()
	before := resident(b)
	c := executor.NewConstantVUs("many")
	c.VUs, c.Duration, c.GracefulStop = users, executor.Duration(length), 0
	var most uint64
	e, err := engine.New(engine.Options{
		Scenarios: of(c, &suite{iterate: func(v *vu.VU) error {
			if v.Iteration == 0 {
				v.Sleep(time.Duration(v.Rand.Int64N(int64(over) + 1)))
			}
			r := v.Do(&vu.Call{Method: "GET", Host: h, Path: "/10000", Name: "media"})
			v.Check("status is 200", r.Status == 200)
			v.Sleep(pause)
			return nil
		}}),
		Registry: metrics.NewRegistry(), NewClient: func() client.Client { return client.NewRaw(client.Options{}) },
		OnTick: func(engine.Progress) { most = max(most, resident(b)) },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if _, err := e.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	if n := e.Store().Total(metrics.Selector{Metric: "http_req_failed"}).Passes; n > 0 {
		b.Fatalf("%d requests failed", n)
	}
	b.ReportMetric(float64(most-before)/users/1024, "KB/user")
	b.ReportMetric(float64(most)/(1<<20), "MB")
}

// resident is the memory that the process has in RAM, in bytes.
func resident(b *testing.B) uint64 {
	b.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("this system does not tell how much memory a process has")
	}
	pages, err := strconv.ParseUint(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}
