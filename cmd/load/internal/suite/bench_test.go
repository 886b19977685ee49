package suite_test

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client/tiny"
	"github.com/medianest/testbed/cmd/load/internal/suite"
)

func TestMain(m *testing.M) {
	tiny.ServeIfChild()
	os.Exit(m.Run())
}

// BenchmarkCore is an iteration of the core suite against a server on this machine that answers with bodies of
// the real size from memory. process-us is the CPU time of the client for an iteration.
func BenchmarkCore(b *testing.B) {
	url := tiny.Start(b)
	w := newWorld(b, suite.Core, url, nil)
	if err := w.suite.Setup(w.user(0, nil)); err != nil {
		b.Fatal(err)
	}
	v := w.user(1, w.store.Recorder())
	tags := w.registry.Tags("scenario", "default")
	iterate := func() {
		v.Begin(context.Background(), tags)
		if err := w.suite.Iterate(v); err != nil {
			b.Fatal(err)
		}
	}
	for range 100 {
		iterate()
	}
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		iterate()
	}
	b.ReportMetric(float64(cpu()-before)/float64(b.N)/1e3, "process-us/op")
	w.store.Tick(time.Now())
	b.ReportMetric(w.total("http_reqs").Sum/float64(b.N+100), "requests/op")
	if failed := w.total("http_req_failed"); failed.Passes > 0 {
		b.Fatalf("%d requests failed", failed.Passes)
	}
}

func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
