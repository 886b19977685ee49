package engine

import (
	"context"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// Both pacers wait until the time has come, and not beyond the context's end.
func TestPacers(t *testing.T) {
	for name, plain := range map[string]bool{"precise": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			p := newPacer(ctx, plain)
			defer p.close()
			for _, d := range []time.Duration{5 * time.Millisecond, 0, -time.Second, 300 * time.Microsecond, 100 * time.Microsecond, 2 * time.Millisecond} {
				at := time.Now().Add(d)
				if !p.until(at) || time.Now().Before(at) {
					t.Errorf("waiting for %v ended early", d)
				}
			}
			ended := make(chan bool)
			go func() { ended <- p.until(time.Now().Add(time.Hour)) }()
			cancel()
			if <-ended {
				t.Error("the pacer says that an hour has passed")
			}
			if p.until(time.Now().Add(time.Hour)) {
				t.Error("the pacer waits although its context has ended")
			}
		})
	}
}

// BenchmarkPacer shows how late each pacer is, on a machine that does nothing else.
func BenchmarkPacer(b *testing.B) {
	for name, plain := range map[string]bool{"precise": false, "plain": true} {
		b.Run(name, func(b *testing.B) {
			p := newPacer(b.Context(), plain)
			defer p.close()
			var late metrics.Histogram
			at := time.Now()
			for b.Loop() {
				at = at.Add(1700 * time.Microsecond)
				p.until(at)
				late.Add(float64(time.Since(at)) / float64(time.Microsecond))
			}
			b.ReportMetric(late.Quantile(0.5), "us-late-p50")
			b.ReportMetric(late.Quantile(0.99), "us-late-p99")
		})
	}
}
