package report

import (
	"maps"
	"slices"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// collectHosts sums up what the hosts did of the services that have several. One without users is there too.
func (r *Result) collectHosts() {
	urls := make(map[string]bool)
	for _, hosts := range r.Test.Hosts {
		for _, u := range hosts {
			urls[u] = true
		}
	}
	r.Hosts = nil
	for _, u := range slices.Sorted(maps.Keys(urls)) {
		of := func(metric string, t metrics.Type) *metrics.Sink {
			if s := r.Total(metrics.Selector{Metric: metric, Tags: map[string]string{"host": u}}); s != nil {
				return s
			}
			return metrics.NewSink(t)
		}
		failed, h := of("http_req_failed", metrics.Rate), of("http_req_duration", metrics.Trend).Values
		r.Hosts = append(r.Hosts, Host{
			URL: u, Requests: failed.Count, Failed: failed.Passes, Rate: perSecond(float64(failed.Count), r.Run.Elapsed),
			P50: h.Quantile(0.5), P95: h.Quantile(0.95), P99: h.Quantile(0.99), Max: h.Max(),
		})
	}
}

// TargetURLs are the base URLs, each once.
func (r *Result) TargetURLs() []string {
	var targets []string
	for _, service := range slices.Sorted(maps.Keys(r.Test.Targets)) {
		all := r.Test.Hosts[service]
		if len(all) == 0 {
			all = []string{r.Test.Targets[service]}
		}
		for _, u := range all {
			if !slices.Contains(targets, u) {
				targets = append(targets, u)
			}
		}
	}
	return targets
}
