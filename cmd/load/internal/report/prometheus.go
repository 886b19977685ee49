package report

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/medianest/testbed/cmd/load/internal/loopback"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// Exporter shows a store's totals to Prometheus at /metrics while a run goes on. A counter NAME is k6_NAME_total;
// a rate is k6_NAME_total and, of it, k6_NAME_passes_total; a gauge is k6_NAME; a trend is a summary k6_NAME,
// where it measures time k6_NAME_seconds. Tags are labels.
type Exporter struct {
	server *http.Server
	addr   net.Addr
	done   chan struct{}
}

// Export listens at an address such as 127.0.0.1:9464, as [loopback.Listen] does.
func Export(addr string, store *metrics.Store) (*Exporter, error) {
	l, err := loopback.Listen(addr)
	if err != nil {
		return nil, fmt.Errorf("prometheus output: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{store})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2}))
	e := &Exporter{
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10},
		addr:   l.Addr(), done: make(chan struct{}),
	}
	go func() {
		defer close(e.done)
		_ = e.server.Serve(l) // ends with Close
	}()
	return e, nil
}

// Addr is where it listens.
func (e *Exporter) Addr() net.Addr { return e.addr }

// Close ends it; a scrape that is under way gets a second to finish.
func (e *Exporter) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := e.server.Shutdown(ctx)
	if err != nil {
		err = e.server.Close()
	}
	<-e.done
	return err
}

// collector has no descriptions in advance: metrics and tags come up as a run goes on.
type collector struct{ store *metrics.Store }

func (*collector) Describe(chan<- *prometheus.Desc) {}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9_]`)

func (c *collector) Collect(out chan<- prometheus.Metric) {
	var found []prometheus.Metric // nothing may wait for a slow reader while the store is locked
	c.store.Each(func(m *metrics.Metric, tags *metrics.TagSet, s *metrics.Sink) {
		found = append(found, exported(m, tags, s)...)
	})
	for _, m := range found {
		out <- m
	}
}

func exported(m *metrics.Metric, tags *metrics.TagSet, s *metrics.Sink) []prometheus.Metric {
	labels := make(prometheus.Labels)
	tags.Each(func(name, value string) {
		if value != "" {
			labels[labelName(name)] = value
		}
	})
	name := "k6_" + notInNames.ReplaceAllString(m.Name, "_")
	desc := func(suffix string) *prometheus.Desc {
		return prometheus.NewDesc(name+suffix, m.Name+", a "+m.Type.String()+" of k6's", nil, labels)
	}
	switch m.Type {
	case metrics.Counter:
		return []prometheus.Metric{prometheus.MustNewConstMetric(desc("_total"), prometheus.CounterValue, s.Sum)}
	case metrics.Rate:
		return []prometheus.Metric{
			prometheus.MustNewConstMetric(desc("_total"), prometheus.CounterValue, float64(s.Count)),
			prometheus.MustNewConstMetric(desc("_passes_total"), prometheus.CounterValue, float64(s.Passes)),
		}
	case metrics.Gauge:
		return []prometheus.Metric{prometheus.MustNewConstMetric(desc(""), prometheus.GaugeValue, s.Last)}
	}
	suffix, scale := "", 1.0
	if m.Contains == metrics.Time {
		suffix, scale = "_seconds", 1000
	}
	quantiles := make(map[float64]float64)
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
		quantiles[q] = s.Values.Quantile(q) / scale
	}
	return []prometheus.Metric{prometheus.MustNewConstSummary(desc(suffix), s.Values.Count(), s.Values.Sum()/scale, quantiles)}
}

// labelName makes a label of a tag's name.
func labelName(tag string) string {
	name := notInNames.ReplaceAllString(tag, "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' || strings.HasPrefix(name, "__") {
		name = "tag_" + name
	}
	return name
}
