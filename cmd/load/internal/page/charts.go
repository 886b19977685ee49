package page

import (
	"cmp"
	"encoding/json"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/mockapi/look"
)

// maxPoints is how many points of a run's time a chart shows: what it is wide in pixels, and what keeps a report
// small however long the run.
const maxPoints = 300

// wide and high are a chart that takes a whole row.
const wide, high = 900, 260

// Stretch is what happened in a part of a run's time. Rates are per second, latencies milliseconds.
type Stretch struct {
	Start, Length time.Duration
	VUs           float64
	Requests      float64 // the number
	Failed        float64
	Dropped       float64
	P50, P95, P99 float64 // NaN where there were no requests
	Errors        map[string]uint64
}

// Stretches makes at most maxPoints of a timeline, each of as many of its points. elapsed is the run's time, beyond
// which the last point does not reach.
func Stretches(points []metrics.Point, elapsed time.Duration) []Stretch {
	each := max((len(points)+maxPoints-1)/maxPoints, 1)
	var out []Stretch
	var traffic metrics.Traffic
	for i := range points {
		p := &points[i]
		length := p.Length
		if i == len(points)-1 && elapsed > p.Start {
			length = min(length, elapsed-p.Start)
		}
		last := len(out) - 1
		// Points on either side of a hole are never one.
		if i%each == 0 || p.Start > out[last].Start+out[last].Length {
			out, traffic = append(out, Stretch{Start: p.Start, Errors: map[string]uint64{}}), metrics.Traffic{}
			last++
		}
		s := &out[last]
		s.Length = p.Start + length - s.Start
		s.VUs = max(s.VUs, p.VUs)
		s.Requests, s.Failed, s.Dropped = s.Requests+float64(p.All.Requests), s.Failed+float64(p.All.Failed), s.Dropped+p.Dropped
		for kind, n := range p.Errors {
			s.Errors[kind] += n
		}
		traffic.Duration.Merge(&p.All.Duration)
		s.P50, s.P95, s.P99 = quantiles(&traffic.Duration)
	}
	return out
}

func quantiles(s *metrics.Sketch) (p50, p95, p99 float64) {
	if s.Count() == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return s.Quantile(0.5), s.Quantile(0.95), s.Quantile(0.99)
}

// line makes a line of stretches, each at its middle, with a break where there is a hole.
func line(name string, stretches []Stretch, y func(*Stretch) float64) look.Line {
	l := look.Line{Name: name}
	for i := range stretches {
		s := &stretches[i]
		if i > 0 {
			if end := stretches[i-1].Start + stretches[i-1].Length; s.Start > end+s.Length/2 {
				l.Points = append(l.Points, look.XY{X: end.Seconds(), Y: math.NaN()})
			}
		}
		l.Points = append(l.Points, look.XY{X: (s.Start + s.Length/2).Seconds(), Y: y(s)})
	}
	return l
}

// rate is per second of the stretch; a rest of it that is too short to tell has none.
func (s *Stretch) rate(n float64) float64 {
	if s.Length < time.Second/4 {
		return math.NaN()
	}
	return n / s.Length.Seconds()
}

// Latency are the percentiles of http_req_duration. It and the charts below are of a run's time, for a report and for a
// run that goes on.
func Latency(id string, s []Stretch, marks []look.Mark) look.Chart {
	return look.Chart{
		ID: id + "-latency", Title: "Latency: http_req_duration", Unit: look.Milliseconds, Marks: marks,
		Lines: []look.Line{
			line("p50", s, func(s *Stretch) float64 { return s.P50 }),
			line("p95", s, func(s *Stretch) float64 { return s.P95 }),
			line("p99", s, func(s *Stretch) float64 { return s.P99 }),
		},
	}
}

// Rates are the requests and those that failed.
func Rates(id string, s []Stretch, marks []look.Mark) look.Chart {
	return look.Chart{
		ID: id + "-rates", Title: "Requests a second", Unit: look.PerSecond, Marks: marks,
		Lines: []look.Line{
			line("all", s, func(s *Stretch) float64 { return s.rate(s.Requests) }),
			line("failed", s, func(s *Stretch) float64 { return s.rate(s.Failed) }),
		},
	}
}

// Users are the virtual users at work.
func Users(id string, s []Stretch, marks []look.Mark) look.Chart {
	return look.Chart{
		ID: id + "-users", Title: "Virtual users", Unit: look.Count, Marks: marks,
		Lines: []look.Line{line("users", s, func(s *Stretch) float64 { return s.VUs })},
	}
}

// Dropped are the iterations that were never started.
func Dropped(id string, s []Stretch, marks []look.Mark) look.Chart {
	return look.Chart{
		ID: id + "-dropped", Title: "Dropped iterations a second", Unit: look.PerSecond, Marks: marks,
		Lines: []look.Line{line("dropped", s, func(s *Stretch) float64 { return s.rate(s.Dropped) })},
	}
}

// drawn are the charts of a report.
type drawn struct {
	overTime                       []template.HTML
	errors, endpoints, percentiles template.HTML
}

func (v *view) charts() (d drawn, err error) {
	draw := func(c look.Chart) template.HTML {
		if err != nil {
			return ""
		}
		var figure template.HTML
		if c.XAxis == look.Elapsed {
			c.To = v.Run.Elapsed.Seconds()
		}
		figure, err = c.Figure()
		return figure
	}
	// A drawing as wide as a page has letters that are too small on a phone, which gets another one.
	both := func(c look.Chart) template.HTML {
		narrow := c
		narrow.ID, narrow.Width, narrow.Height = c.ID+"-narrow", 0, 0
		c.Width, c.Height = wide, high
		return `<div class="broad">` + draw(c) + `</div><div class="narrow">` + draw(narrow) + `</div>`
	}
	stretches := Stretches(v.Timeline, v.Run.Elapsed)
	if len(stretches) > 1 {
		marks := v.marks()
		latency := Latency(v.ID, stretches, marks)
		if limits := v.limits(stretches); len(limits) > 0 {
			// The names of limits are where that of what began at 0 would be.
			latency.Marks = append(limits, slices.DeleteFunc(slices.Clone(marks), func(m look.Mark) bool { return m.X == 0 })...)
		}
		d.overTime = append(d.overTime, both(latency), draw(Rates(v.ID, stretches, marks)), draw(Users(v.ID, stretches, marks)))
		if v.Figures().Dropped > 0 {
			d.overTime = append(d.overTime, draw(Dropped(v.ID, stretches, marks)))
		}
		if len(v.Errors) > 0 {
			d.errors = both(v.errorsOverTime(stretches, marks))
		}
		if len(v.Endpoints) > 1 {
			d.endpoints = both(v.slowest(marks))
		}
	}
	if c, ok := v.percentiles(); ok {
		d.percentiles = both(c)
	}
	return d, err
}

// marks are what happened to the run: where its scenarios began, where it was interrupted, and where the target
// was restarted.
func (v *view) marks() []look.Mark {
	var marks []look.Mark
	if len(v.Test.Scenarios) > 1 {
		var o struct {
			Scenarios map[string]struct {
				StartTime string `json:"startTime"`
			} `json:"scenarios"`
		}
		_ = json.Unmarshal(v.Test.Options, &o) // a result without options has no such marks
		for _, name := range slices.Sorted(maps.Keys(o.Scenarios)) {
			at, err := time.ParseDuration(cmp.Or(o.Scenarios[name].StartTime, "0s"))
			if err == nil && at < v.Run.Elapsed {
				marks = append(marks, look.Mark{Name: name, X: at.Seconds()})
			}
		}
	}
	for _, g := range v.Run.Gaps {
		marks = append(marks, look.Mark{Name: "interrupted for " + took(g.To.Sub(g.From)), X: g.At.Seconds()})
	}
	if v.Observed != nil {
		for _, at := range v.Observed.Restarts {
			marks = append(marks, look.Mark{Name: "target restarted", X: at.Seconds()})
		}
	}
	slices.SortStableFunc(marks, func(a, b look.Mark) int { return cmp.Compare(a.X, b.X) })
	return marks
}

// farLimit is how far above the highest figure a limit may be for a chart to show it: one that is far away would
// press the lines flat.
const farLimit = 1.5

// limits are the thresholds on percentiles of all requests that the latencies come near to.
func (v *view) limits(s []Stretch) []look.Mark {
	highest := 0.0
	for i := range s {
		if !math.IsNaN(s[i].P99) {
			highest = max(highest, s[i].P99)
		}
	}
	var marks []look.Mark
	for _, t := range v.Thresholds {
		at := strings.IndexByte(t.Source, '<')
		if t.Selector != "http_req_duration" || !strings.HasPrefix(t.Source, "p(") || at < 0 {
			continue
		}
		bound, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(t.Source[at+1:], "=")), " ") // " over 1m"
		if y, err := strconv.ParseFloat(bound, 64); err == nil && y <= highest*farLimit {
			marks = append(marks, look.Mark{Name: t.Source, Y: y, Horizontal: true})
		}
	}
	return marks
}

// chartLines is how many lines a chart has at most for them to be told apart.
const chartLines = 5

// errorsOverTime shows the most frequent kinds, and the others together.
func (v *view) errorsOverTime(s []Stretch, marks []look.Mark) look.Chart {
	totals := map[string]uint64{}
	for i := range s {
		for kind, n := range s[i].Errors {
			totals[kind] += n
		}
	}
	kinds := slices.SortedFunc(maps.Keys(totals), func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), strings.Compare(a, b))
	})
	c := look.Chart{ID: v.ID + "-errors-over-time", Title: "Failed requests a second", Unit: look.PerSecond, Marks: marks}
	shown := kinds[:min(len(kinds), chartLines)]
	for _, kind := range shown {
		c.Lines = append(c.Lines, line(kind, s, func(s *Stretch) float64 { return s.rate(float64(s.Errors[kind])) }))
	}
	if rest := kinds[len(shown):]; len(rest) > 0 {
		c.Lines = append(c.Lines, line("others", s, func(s *Stretch) float64 {
			n := uint64(0)
			for _, kind := range rest {
				n += s.Errors[kind]
			}
			return s.rate(float64(n))
		}))
	}
	if len(kinds) == 0 { // an older result
		c.Lines = []look.Line{line("failed", s, func(s *Stretch) float64 { return s.rate(s.Failed) })}
	}
	return c
}

// slowest shows the p95 of the endpoints that took the most time.
func (v *view) slowest(marks []look.Mark) look.Chart {
	c := look.Chart{ID: v.ID + "-slowest", Title: "p95 of the endpoints that took the most time", Unit: look.Milliseconds, Marks: marks}
	endpoints := slices.SortedStableFunc(slices.Values(v.Endpoints), func(a, b report.Endpoint) int { return cmp.Compare(spent(b), spent(a)) })
	for _, e := range endpoints[:min(len(endpoints), chartLines)] {
		key := strings.TrimSpace(e.Method + " " + e.Name)
		own := make([]metrics.Point, len(v.Timeline))
		for i, p := range v.Timeline {
			own[i] = metrics.Point{Start: p.Start, Length: p.Length}
			if t := p.Endpoints[key]; t != nil {
				own[i].All = *t
			}
		}
		c.Lines = append(c.Lines, line(clip(60, e.Label), Stretches(own, v.Run.Elapsed), func(s *Stretch) float64 { return s.P95 }))
	}
	return c
}

// steep is how many times the median the highest latency must be for the curve to need a logarithmic axis.
const steep = 20

// percentiles is the curve of the latencies, as far into the tail as there were requests to tell, with the time
// that the target itself took where that is another.
func (v *view) percentiles() (look.Chart, bool) {
	c := look.Chart{ID: v.ID + "-curve", Title: "Latency by percentile", Unit: look.Milliseconds, XAxis: look.Percentile}
	for _, m := range []struct{ metric, name string }{{"http_req_duration", "http_req_duration"}, {"http_req_service", "http_req_service, from sending"}} {
		s := v.Total(metrics.Selector{Metric: m.metric})
		if s == nil || s.Count < 2 {
			continue
		}
		h := s.Values
		l := look.Line{Name: m.name}
		// Ten points to each nine, up to the last request but one.
		for i := 0; ; i++ {
			rest := math.Pow(10, -float64(i)/10)
			if rest*float64(h.Count()) < 1 || i > 60 {
				break
			}
			l.Points = append(l.Points, look.XY{X: 100 * (1 - rest), Y: h.Quantile(1 - rest)})
		}
		c.Log = c.Log || h.Min() > 0 && h.Max() > steep*h.Quantile(0.5)
		c.Lines = append(c.Lines, l)
	}
	return c, len(c.Lines) > 0
}
