package client_test

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/client/tiny"
)

func TestMain(m *testing.M) {
	tiny.ServeIfChild()
	os.Exit(m.Run())
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkClients compares what a request costs the generator: 50 kept connections, GET, a target in a process of
// its own. The figure to look at is requests per second of the generator's CPU time, req/cpu-s.
func BenchmarkClients(b *testing.B) {
	url := tiny.Start(b)
	target := host(b, url)
	measured := func(c client.Client) func(b *testing.B) func() error {
		return func(b *testing.B) func() error {
			b.Cleanup(c.Close)
			var resp client.Response
			req := &client.Request{Method: "GET", Host: target, Path: "/400"}
			return func() error { return c.Do(b.Context(), req, &resp) }
		}
	}
	for _, c := range []struct {
		name string
		make func(b *testing.B) func() error
	}{
		{"raw", func(b *testing.B) func() error { return measured(client.NewRaw(client.Options{}))(b) }},
		{"fasthttp", func(b *testing.B) func() error {
			c := &fasthttp.HostClient{Addr: url[len("http://"):], MaxConns: 1, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
			b.Cleanup(c.CloseIdleConnections)
			var req fasthttp.Request
			var resp fasthttp.Response
			req.SetRequestURI(url + "/400")
			return func() error { return c.Do(&req, &resp) }
		}},
		{"net/http", func(b *testing.B) func() error { return measured(client.NewStd(client.Options{}))(b) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			const connections = 50
			work := make(chan int)
			var busy sync.WaitGroup
			for range connections {
				do := c.make(b)
				go func() {
					for n := range work {
						for range n {
							if err := do(); err != nil {
								b.Error(err)
							}
						}
						busy.Done()
					}
				}()
			}
			share := func(n int) { // n requests over all connections
				busy.Add(connections)
				for range connections {
					work <- max(n/connections, 1)
				}
				busy.Wait()
			}
			share(connections) // connect
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			share(b.N)
			used := cpuTime(b) - before
			b.StopTimer()
			close(work)
			b.ReportMetric(float64(max(b.N/connections, 1)*connections)/used.Seconds(), "req/cpu-s")
		})
	}
}
