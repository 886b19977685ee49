// Package metrics tells Prometheus about a running mock: requests, errors and durations by route, the pool of
// database connections, the Go runtime and the process, and the fault rules that fired.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/handler"
)

// buckets are the upper bounds of the durations in seconds. The limits that MediaNest's suites judge by, 0.2 to
// 2 s, are among them.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2, 5}

// Metrics are the metrics of one process.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	inFlight  *prometheus.GaugeVec
}

// New returns the metrics of a process with the given pool and fault rules; pool may be nil.
func New(pool func() mockapi.PoolStats, faults *fault.Engine) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "medianest_http_requests_total", Help: "Requests answered, by service, method, route and status.",
		}, []string{"service", "method", "route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "medianest_http_request_duration_seconds", Help: "Time from a request's headers to its answer, without faults, by service, method and route.",
			Buckets: buckets,
		}, []string{"service", "method", "route"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "medianest_http_requests_in_flight", Help: "Requests being answered, by service.",
		}, []string{"service"}),
	}
	m.registry.MustRegister(m.requests, m.durations, m.inFlight, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &faultCollector{faults})
	if pool != nil {
		m.registry.MustRegister(&poolCollector{pool})
	}
	return m
}

// Handler answers in the format of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Middleware counts what the routes of a service answer. What matches no route is counted under the route "".
func (m *Metrics) Middleware(service string) handler.Middleware {
	inFlight := m.inFlight.WithLabelValues(service)
	return func(rt handler.Route, next handler.HandlerFunc) handler.HandlerFunc {
		duration := m.durations.WithLabelValues(service, rt.Method, rt.Path)
		ok := m.requests.WithLabelValues(service, rt.Method, rt.Path, "200")
		return func(c *handler.Call) error {
			inFlight.Inc()
			start, status := time.Now(), http.StatusInternalServerError // of a handler that panics
			defer func() {
				inFlight.Dec()
				duration.Observe(time.Since(start).Seconds())
				if status == http.StatusOK {
					ok.Inc()
				} else {
					m.requests.WithLabelValues(service, rt.Method, rt.Path, strconv.Itoa(status)).Inc()
				}
			}()
			err := next(c)
			status = c.StatusOf(err)
			return err
		}
	}
}

// poolCollector reads the pool when it is asked.
type poolCollector struct{ stats func() mockapi.PoolStats }

var (
	poolConnections = prometheus.NewDesc("medianest_db_pool_connections", "Connections to the database, by state.", []string{"state"}, nil)
	poolMax         = prometheus.NewDesc("medianest_db_pool_max_connections", "Connections that the pool may have.", nil, nil)
	poolAcquired    = prometheus.NewDesc("medianest_db_pool_acquired_total", "Connections handed out.", nil, nil)
	poolWaited      = prometheus.NewDesc("medianest_db_pool_waited_total", "Acquires that found no idle connection.", nil, nil)
	poolWaitTime    = prometheus.NewDesc("medianest_db_pool_wait_seconds_total", "Time spent in acquires that succeeded.", nil, nil)
	poolUnavailable = prometheus.NewDesc("medianest_db_unavailable_total", "Visits to the database that ended without an answer.", nil, nil)
)

func (p *poolCollector) Describe(d chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, d) }

func (p *poolCollector) Collect(out chan<- prometheus.Metric) {
	s := p.stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	gauge(poolConnections, float64(s.Busy), "busy")
	gauge(poolConnections, float64(s.Idle), "idle")
	gauge(poolMax, float64(s.Max))
	counter(poolAcquired, float64(s.Acquired))
	counter(poolWaited, float64(s.Waited))
	counter(poolWaitTime, s.WaitTime.Seconds())
	counter(poolUnavailable, float64(s.SlowOrBroken))
}

// faultCollector tells of the rules that live now; a rule's counter ends with it.
type faultCollector struct{ faults *fault.Engine }

var (
	faultFired  = prometheus.NewDesc("medianest_fault_fired_total", "Requests that a living fault rule hit.", []string{"rule", "name"}, nil)
	faultLeaked = prometheus.NewDesc("medianest_fault_leaked_bytes", "Memory that living fault rules hold.", []string{"rule", "name"}, nil)
)

func (f *faultCollector) Describe(d chan<- *prometheus.Desc) { d <- faultFired; d <- faultLeaked }

func (f *faultCollector) Collect(out chan<- prometheus.Metric) {
	for _, s := range f.faults.List() {
		out <- prometheus.MustNewConstMetric(faultFired, prometheus.CounterValue, float64(s.Fired), s.ID, s.Name)
		if s.Leak != nil {
			out <- prometheus.MustNewConstMetric(faultLeaked, prometheus.GaugeValue, float64(s.Leaked), s.ID, s.Name)
		}
	}
}
