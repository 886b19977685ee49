package monitor

import (
	"cmp"
	"slices"
	"time"
)

// Summary is the figures of a window over all operations.
type Summary struct {
	// From and To are what is covered: the window that was asked for, less what was before the start and more by at
	// most one step of the history (1, 10 or 60 s).
	From, To time.Time
	Requests uint64 // operations that ended
	Failed   uint64 // of them
	Slow     uint64 // of them, longer than SlowOperation
	// Latency is nil where no operation ended.
	Latency *Latency
	// Throughput is operations that ended, a second.
	Throughput float64
}

// ErrorRate is how many percent of the operations failed; false where none ended.
func (s *Summary) ErrorRate() (percent float64, ok bool) {
	if s.Requests == 0 {
		return 0, false
	}
	return 100 * float64(s.Failed) / float64(s.Requests), true
}

// OperationSummary is the figures of a window of one operation, at least one of which ended in it.
type OperationSummary struct {
	Name     string
	Tags     Tags // not to be changed
	Requests uint64
	Failed   uint64
	Slow     uint64
	// Statuses counts by "2xx", "3xx", "4xx" (without 429), "429", "5xx" and "none"; those that did not come are not there.
	Statuses map[string]uint64
	Latency  Latency
	// Slowest is when the one that took Latency.Max ended.
	Slowest    time.Time
	Throughput float64 // a second
}

var outcomeNames = [outcomes]string{ok: "2xx", redirect: "3xx", refused: "4xx", throttled: "429", broken: "5xx", dropped: "none"}

// window is the history from a time on.
type window struct {
	from, to time.Duration
	walk     func(visit func(*interval))
}

// window returns what there is of a window. m.mu is held.
func (m *Monitor) window(d time.Duration) window {
	w := window{to: m.last, from: m.last}
	since := m.last - clampWindow(d)
	m.history.since(since, func(v *interval) { w.from = v.from })
	w.walk = func(visit func(*interval)) { m.history.since(since, visit) }
	return w
}

func (w *window) seconds() float64 { return max((w.to - w.from).Seconds(), tick.Seconds()) }

// Summary returns the figures of a window, of MinWindow to MaxWindow.
func (m *Monitor) Summary(d time.Duration) Summary {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.window(d)
	var all tally
	m.history.sum(operations, w.walk, func(_ int, t *tally) { all.merge(t) })
	return Summary{
		From: m.at(w.from), To: m.at(w.to), Requests: all.total, Failed: all.failed(), Slow: all.slow,
		Latency: latencyOf(&all), Throughput: float64(all.total) / w.seconds(),
	}
}

// Operations returns the figures of a window by operation, the one with the longest single operation first.
func (m *Monitor) Operations(d time.Duration) []OperationSummary {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, known := m.window(d), m.series[operations].list()
	var list []OperationSummary
	m.history.sum(operations, w.walk, func(i int, t *tally) {
		o := OperationSummary{
			Name: known[i].name, Tags: known[i].tags, Requests: t.total, Failed: t.failed(), Slow: t.slow,
			Statuses: make(map[string]uint64), Latency: *latencyOf(t), Slowest: m.at(t.maxAt), Throughput: float64(t.total) / w.seconds(),
		}
		for k, n := range t.by {
			if n > 0 {
				o.Statuses[outcomeNames[k]] = n
			}
		}
		list = append(list, o)
	})
	slices.SortFunc(list, func(a, b OperationSummary) int {
		return cmp.Or(cmp.Compare(b.Latency.Max, a.Latency.Max), cmp.Compare(a.Name, b.Name), compareTags(a.Tags, b.Tags))
	})
	return list
}

// MetricSummary is the figures of a window of one metric.
type MetricSummary struct {
	Name                   string
	Tags                   Tags // not to be changed
	Count                  uint64
	Average, P75, P95, Max float64
}

// Metrics returns the figures of a window by recorded metric, by name and tags.
func (m *Monitor) Metrics(d time.Duration) []MetricSummary {
	var list []MetricSummary
	m.eachMetric(d, func(s *series, t *tally) {
		list = append(list, MetricSummary{
			Name: s.name, Tags: s.tags, Count: t.total, Average: t.average(), P75: t.quantile(.75), P95: t.quantile(.95), Max: units(t.max),
		})
	})
	slices.SortFunc(list, func(a, b MetricSummary) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), compareTags(a.Tags, b.Tags))
	})
	return list
}

// eachMetric calls f with every metric of a window.
func (m *Monitor) eachMetric(d time.Duration, f func(*series, *tally)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, known := m.window(d), m.series[metrics].list()
	m.history.sum(metrics, w.walk, func(i int, t *tally) { f(known[i], t) })
}

func compareTags(a, b Tags) int {
	return cmp.Compare(a.key(""), b.key(""))
}
