package report

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// DefaultTrendStats are k6's.
func DefaultTrendStats() []string { return []string{"avg", "min", "med", "max", "p(90)", "p(95)"} }

// CheckTrendStats tells what in a list of trend statistics is none.
func CheckTrendStats(stats []string) error {
	for _, s := range stats {
		if _, err := new(metrics.Histogram).Stat(s); err != nil {
			return err
		}
	}
	return nil
}

// Collect fills in all that follows from what the store and the timeline hold: everything from Metrics on but
// for the health, the outputs, and what thresholds say. Test.TrendStats, Run.Elapsed and Thresholds are to be
// there.
func (r *Result) Collect(store *metrics.Store, timeline *metrics.Timeline) {
	r.Format, r.Version = Format, Version
	r.Series = seriesOf(store)
	slices.SortFunc(r.Series, func(a, b Series) int {
		return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(fmt.Sprint(a.Tags), fmt.Sprint(b.Tags)))
	})
	if timeline != nil {
		r.Timeline = timeline.Points()
	}
	r.collectMetrics()
	r.collectEndpoints()
	r.collectHosts()
	r.collectChecks()
	r.collectErrors()
}

// SetThresholds takes over what the thresholds say. With allowNoData those pass that have nothing to look at.
func (r *Result) SetThresholds(results []threshold.Result, allowNoData bool) {
	r.Thresholds = nil
	for _, t := range results {
		r.Thresholds = append(r.Thresholds, Threshold{
			Selector: t.Selector.String(), Source: t.Source, State: t.State.String(), Value: t.Value, FailedAt: t.FailedAt,
			Allowed: allowNoData && t.State == threshold.NoData,
		})
	}
}

func (r *Result) collectMetrics() {
	r.Metrics = make(map[string]Metric)
	wanted := []metrics.Selector{{Metric: "http_req_duration", Tags: map[string]string{"expected_response": "true"}}}
	seen := map[string]bool{}
	for i := range r.Series {
		if name := r.Series[i].Metric; !seen[name] {
			seen[name] = true
			wanted = append(wanted, metrics.Selector{Metric: name})
		}
	}
	status := map[string]map[string]ThresholdStatus{}
	for _, t := range r.Thresholds {
		if status[t.Selector] == nil {
			status[t.Selector] = make(map[string]ThresholdStatus)
			if sel, err := threshold.ParseSelector(t.Selector); err == nil {
				wanted = append(wanted, sel)
			}
		}
		status[t.Selector][t.Source] = ThresholdStatus{OK: !t.Crossed()}
	}
	for _, sel := range wanted {
		key := sel.String()
		sink := r.Total(sel)
		if sink == nil && status[key] == nil {
			continue
		}
		kind, contains := r.kindOf(sel.Metric)
		if sink == nil {
			sink = metrics.NewSink(kind)
		}
		r.Metrics[key] = Metric{
			Type: kind.String(), Contains: contains, Values: r.values(sink), Thresholds: status[key],
		}
	}
}

// kindOf finds the type of a metric, that of one of the built-in ones where nothing of it was counted.
func (r *Result) kindOf(name string) (metrics.Type, string) {
	for i := range r.Series {
		if s := &r.Series[i]; s.Metric == name {
			return types()[s.Type], s.Contains
		}
	}
	if m := metrics.NewRegistry().Lookup(name); m != nil {
		return m.Type, m.Contains.String()
	}
	return metrics.Trend, metrics.Default.String()
}

// values are k6's of the sink's type.
func (r *Result) values(s *metrics.Sink) map[string]float64 {
	switch s.Type {
	case metrics.Counter:
		return map[string]float64{"count": s.Sum, "rate": s.RateValue(r.Run.Elapsed)}
	case metrics.Gauge:
		return map[string]float64{"value": s.Last, "min": s.Min, "max": s.Max}
	case metrics.Rate:
		return map[string]float64{"rate": s.RateValue(0), "passes": float64(s.Passes), "fails": float64(s.Count - s.Passes)}
	}
	v := make(map[string]float64)
	for _, name := range r.Test.TrendStats {
		v[name], _ = s.Values.Stat(name) // checked when the flags were
	}
	return v
}

func (r *Result) collectEndpoints() {
	type key struct{ method, name string }
	durations, failed := map[key]*metrics.Histogram{}, map[key]*metrics.Sink{}
	for i := range r.Series {
		s := &r.Series[i]
		k := key{s.Tags["method"], s.Tags["name"]}
		switch s.Metric {
		case "http_req_duration":
			if durations[k] == nil {
				durations[k] = new(metrics.Histogram)
			}
			durations[k].Merge(s.Sink().Values)
		case "http_req_failed":
			if failed[k] == nil {
				failed[k] = metrics.NewSink(metrics.Rate)
			}
			failed[k].Merge(s.Sink())
		}
	}
	r.Endpoints = []Endpoint{}
	for k, f := range failed {
		h := durations[k]
		if h == nil {
			h = new(metrics.Histogram)
		}
		r.Endpoints = append(r.Endpoints, Endpoint{
			Label: r.Label(k.method, k.name), Method: k.method, Name: k.name, Requests: f.Count, Failed: f.Passes,
			Rate: perSecond(float64(f.Count), r.Run.Elapsed),
			Mean: h.Mean(), P50: h.Quantile(0.5), P90: h.Quantile(0.9), P95: h.Quantile(0.95), P99: h.Quantile(0.99), Max: h.Max(),
		})
	}
	slices.SortFunc(r.Endpoints, func(a, b Endpoint) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Method, b.Method))
	})
}

// Label names an endpoint without the base URL of the target.
func (r *Result) Label(method, name string) string {
	best, service := "", ""
	for s, base := range r.Test.Targets {
		base = strings.TrimSuffix(base, "/")
		if rest, ok := strings.CutPrefix(name, base); ok && (rest == "" || rest[0] == '/') && (len(base) > len(best) || len(base) == len(best) && s < service) {
			best, service = base, s
		}
	}
	label := strings.TrimPrefix(name, best)
	if service != "" && service != "api" {
		label = service + ":" + label
	}
	return strings.TrimSpace(method + " " + label)
}

func perSecond(n float64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return n / elapsed.Seconds()
}

func (r *Result) collectErrors() {
	counts := map[Failure]uint64{}
	for i := range r.Series {
		s := &r.Series[i]
		if s.Metric == "http_req_failed" && s.Passes > 0 {
			counts[Failure{Endpoint: r.Label(s.Tags["method"], s.Tags["name"]), Status: s.Tags["status"], Kind: s.Tags["error"]}] += s.Passes
		}
	}
	r.Errors = []Failure{}
	for f, n := range counts {
		f.Count = n
		r.Errors = append(r.Errors, f)
	}
	slices.SortFunc(r.Errors, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Kind, b.Kind))
	})
}

// Group is a group of a test with its checks, as in k6's summary.
type Group struct {
	Name   string  `json:"name"`
	Path   string  `json:"path"`
	ID     string  `json:"id"` // the MD5 of the path
	Groups []Group `json:"groups"`
	Checks []Check `json:"checks"`
}

// Check is a check and how it came out.
type Check struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	ID     string `json:"id"`
	Passes uint64 `json:"passes"`
	Fails  uint64 `json:"fails"`
}

func newGroup(name, path string) Group {
	return Group{Name: name, Path: path, ID: pathID(path), Groups: []Group{}, Checks: []Check{}}
}

// pathID is k6's way to identify groups and checks.
func pathID(path string) string {
	sum := md5.Sum([]byte(path))
	return hex.EncodeToString(sum[:])
}

// collectChecks builds the tree of all groups that appear in tags, checks in them, both by name.
func (r *Result) collectChecks() {
	checks := map[[2]string]*metrics.Sink{}
	groups := map[string]bool{}
	for i := range r.Series {
		s := &r.Series[i]
		path := s.Tags["group"]
		groups[path] = true
		if s.Metric != "checks" {
			continue
		}
		key := [2]string{path, s.Tags["check"]}
		if checks[key] == nil {
			checks[key] = metrics.NewSink(metrics.Rate)
		}
		checks[key].Merge(s.Sink())
	}
	r.Root = newGroup("", "")
	for path := range groups {
		r.Root.at(path)
	}
	for key, sink := range checks {
		g := r.Root.at(key[0])
		path := g.Path + "::" + key[1]
		g.Checks = append(g.Checks, Check{Name: key[1], Path: path, ID: pathID(path), Passes: sink.Passes, Fails: sink.Count - sink.Passes})
	}
	r.Root.sort()
}

// at returns the group of a path, and makes it and those around it where they are missing.
func (g *Group) at(path string) *Group {
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "::"), "::") {
		if name == "" {
			continue
		}
		i := slices.IndexFunc(g.Groups, func(x Group) bool { return x.Name == name })
		if i < 0 {
			i = len(g.Groups)
			g.Groups = append(g.Groups, newGroup(name, g.Path+"::"+name))
		}
		g = &g.Groups[i]
	}
	return g
}

func (g *Group) sort() {
	slices.SortFunc(g.Groups, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(g.Checks, func(a, b Check) int { return cmp.Compare(a.Name, b.Name) })
	for i := range g.Groups {
		g.Groups[i].sort()
	}
}

// Each calls f with every check, those of a group before those of the groups in it.
func (g *Group) Each(f func(Check)) {
	for _, c := range g.Checks {
		f(c)
	}
	for i := range g.Groups {
		g.Groups[i].Each(f)
	}
}
