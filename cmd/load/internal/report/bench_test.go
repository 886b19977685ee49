package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// BenchmarkCheckpoint is what a checkpoint of a long run costs: 30 endpoints, a timeline that is as long as it
// gets, every point of it with 20 requests of each endpoint and more. It reports the file's size.
func BenchmarkCheckpoint(b *testing.B) {
	reg := metrics.NewRegistry()
	start := time.Now()
	store := metrics.NewStore(reg, start, nil)
	timeline := store.Timeline(nil)
	rec := store.Recorder()
	rng := rand.New(rand.NewPCG(1, 2))
	for second := range metrics.TimelineCapacity {
		for i := range 600 {
			t := math.Exp(rng.NormFloat64() + 1)
			rec.HTTP(&metrics.HTTPRequest{
				Tags:     reg.Tags("method", "GET", "name", fmt.Sprint("/", i%30), "status", "200", "scenario", "load", "expected_response", "true"),
				Duration: t, Waiting: t, Sending: t / 100, Receiving: t / 100,
			})
		}
		store.Tick(start.Add(time.Duration(second+1) * time.Second))
	}
	var out bytes.Buffer
	for b.Loop() {
		r := &Result{Test: Test{TrendStats: DefaultTrendStats()}, Run: Run{Elapsed: time.Hour}}
		r.Collect(store, timeline)
		out.Reset()
		if err := json.NewEncoder(&out).Encode(r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Len()), "file-bytes")
}
