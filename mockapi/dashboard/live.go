package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/look"
	"github.com/medianest/testbed/mockapi/monitor"
)

const (
	maxOperations = 15 // in the table
	maxVitals     = 30
	// dataInterval is how long what the database told is shown, and dataTimeout how long it is waited for.
	dataInterval = 10 * time.Second
	dataTimeout  = time.Second
)

// view is what was made of a moment.
type view struct {
	key  string
	html []byte
}

// data is what the database tells.
type data struct {
	Dataset *mockapi.Dataset // nil where there is none, or none is known
	Rows    []mockapi.TableRows
	Problem string // why it is not known
}

// moment is what live.html shows.
type moment struct {
	At         time.Time
	Window     string
	Alerts     []alert
	Announce   string // the alerts that last, in words that stay the same while they do
	Cards      []card
	Charts     []template.HTML
	Operations []monitor.OperationSummary
	More       int // operations that are not in the table
	Vitals     []monitor.VitalSummary
	Presets    []preset
	Rules      []rule
	Process    process
	data
}

type alert struct {
	monitor.Alert
	Subject string
}

type card struct {
	Name, Value, Verdict string
	Details              []string
}

type preset struct {
	Name, Description string
	On                bool
}

type rule struct {
	fault.State
	For, Does string
}

type process struct {
	Version, Go      string
	Started          time.Time
	CPUs, Goroutines int
	GCPause          float64 // ms, the longest of the window
}

// alive returns the parts of the page that change. They are made anew when the monitor has collected, or rules have come or gone.
func (d *Handler) alive(ctx context.Context, window time.Duration) ([]byte, error) {
	d.mu.Lock() // readers who come meanwhile wait for what is being made for the first of them
	defer d.mu.Unlock()
	rules := d.Faults.List()
	latest := d.Monitor.Summary(monitor.MinWindow)
	key := latest.To.String()
	for _, r := range rules {
		key += " " + r.ID
	}
	if v := d.made[window]; v != nil && v.key == key {
		return v.html, nil
	}
	if d.asked.IsZero() {
		d.data, d.asked = d.read(ctx), time.Now()
	} else if time.Since(d.asked) >= dataInterval {
		// A database that does not answer keeps no reader waiting: what is new comes with the next view.
		d.asked = time.Now()
		go func() {
			data := d.read(ctx)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.data = data
		}()
	}
	m, err := d.look(window, rules)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := d.live.Execute(&b, m); err != nil {
		return nil, fmt.Errorf("write the dashboard: %w", err)
	}
	d.made[window] = &view{key, b.Bytes()}
	return b.Bytes(), nil
}

// read asks the database, for all readers: whether the one who happens to ask stays does not matter.
func (d *Handler) read(ctx context.Context) data {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dataTimeout)
	defer cancel()
	ds, err := d.Dataset(ctx)
	var rows []mockapi.TableRows
	if err == nil {
		rows, err = d.Rows(ctx)
	}
	switch {
	case err == nil:
		return data{Dataset: &ds, Rows: rows}
	case mockapi.CodeOf(err) == mockapi.CodeNotFound:
		return data{Problem: "The database was never seeded."}
	default:
		return data{Problem: "The database does not answer (" + string(mockapi.CodeOf(err)) + ")."}
	}
}

// look gathers everything of a window.
func (d *Handler) look(window time.Duration, rules []fault.State) (*moment, error) {
	points := d.Monitor.Timeline(window)
	sum := d.Monitor.Summary(window)
	m := &moment{At: sum.To, Window: inWords(window), Cards: cards(&sum, points), data: d.data}
	var lasting []string
	for _, a := range d.Monitor.Alerts(window) {
		m.Alerts = append(m.Alerts, alert{a, subjects[a.Type]})
		if a.Until == nil {
			lasting = append(lasting, a.Severity+": "+subjects[a.Type])
		}
	}
	slices.Reverse(m.Alerts)
	if m.Announce = "No alerts."; len(lasting) > 0 {
		m.Announce = "Alerts: " + strings.Join(lasting, "; ") + "."
	}
	var err error
	if m.Charts, err = charts(&sum, window, points, rules); err != nil {
		return nil, err
	}
	m.Operations = d.Monitor.Operations(window)
	if n := len(m.Operations); n > maxOperations {
		m.Operations, m.More = m.Operations[:maxOperations], n-maxOperations
	}
	m.Vitals = vitals(d.Monitor.Vitals(window))
	on := make(map[string]bool)
	for _, r := range rules {
		on[r.Name] = true
		m.Rules = append(m.Rules, rule{r, matched(&r.Match), effects(&r.Rule)})
	}
	for _, p := range d.presets {
		m.Presets = append(m.Presets, preset{p.Name, p.Description, on[p.Name]})
	}
	m.Process = process{
		Version: d.Version, Go: runtime.Version(), Started: d.started, CPUs: runtime.GOMAXPROCS(0), Goroutines: runtime.NumGoroutine(),
	}
	for i := range points {
		m.Process.GCPause = max(m.Process.GCPause, points[i].GCPause)
	}
	return m, nil
}

// vitals leaves out what is said twice: all pages, where there is but one.
func vitals(all []monitor.VitalSummary) []monitor.VitalSummary {
	pages := make(map[string]int)
	for _, v := range all {
		pages[v.Name]++
	}
	all = slices.DeleteFunc(all, func(v monitor.VitalSummary) bool { return v.Page == "*" && pages[v.Name] == 2 })
	return all[:min(len(all), maxVitals)]
}

func inWords(window time.Duration) string {
	for _, w := range windows {
		if w.duration == window {
			return w.Words
		}
	}
	return window.String()
}

var subjects = map[string]string{
	monitor.AlertResponseTime: "Response time", monitor.AlertErrorRate: "Errors",
	monitor.AlertPool: "Database connections", monitor.AlertMemory: "Memory",
}

// cards are the figures of the window, and of its last second.
func cards(s *monitor.Summary, points []monitor.Point) []card {
	now := monitor.Point{}
	if len(points) > 0 {
		now = points[len(points)-1]
	}
	l := monitor.Latency{Average: math.NaN(), P50: math.NaN(), P95: math.NaN(), P99: math.NaN(), Max: math.NaN()}
	if s.Latency != nil {
		l = *s.Latency
	}
	rate, failing := math.NaN(), "" // the monitor's own limit: see its alerts
	if percent, ok := s.ErrorRate(); ok {
		rate = percent
		if percent > 5 {
			failing = "fail"
		} else if percent > 0 {
			failing = "warn"
		}
	}
	busy, connections := "", []string{"of " + look.Count.Format(float64(now.PoolMax)) + " in use", look.Count.Format(now.PoolWaits) + " waits/s"}
	if now.PoolFull > 0 {
		busy = "warn"
		if now.PoolFull < now.PoolMax {
			connections = append(connections, "a pool of "+look.Count.Format(float64(now.PoolFull))+" is full")
		}
	}
	ms := look.Milliseconds.Format
	return []card{
		{"Requests", look.PerSecond.Format(s.Throughput), "", []string{"now " + look.PerSecond.Format(now.Requests), look.Count.Format(float64(s.Requests)) + " in all"}},
		{"Failed", look.Percent.Format(rate), failing, []string{"now " + look.PerSecond.Format(now.Failed), look.Count.Format(float64(s.Failed)) + " in all"}},
		{"p50", ms(l.P50), "", []string{"mean " + ms(l.Average)}},
		{"p95", ms(l.P95), "", []string{"p99 " + ms(l.P99)}},
		{"Longest", ms(l.Max), "", []string{look.Count.Format(float64(s.Slow)) + " over " + ms(float64(monitor.SlowOperation.Milliseconds()))}},
		{"In flight", look.Count.Format(float64(now.InFlight)), "", []string{"requests now"}},
		{"Connections", look.Count.Format(float64(now.PoolBusy)), busy, connections},
		{"Memory", look.Bytes.Format(float64(now.ResidentBytes)), "", []string{"heap " + look.Bytes.Format(float64(now.HeapBytes))}},
	}
}

// charts draws the time line. What rules there are is marked at the time since when they live.
func charts(s *monitor.Summary, window time.Duration, points []monitor.Point, rules []fault.State) ([]template.HTML, error) {
	var marks []look.Mark
	for _, r := range rules {
		name := r.Name
		if name == "" {
			name = r.ID
		}
		if at := seconds(r.Since); len(marks) == 0 || marks[len(marks)-1].Name != name { // a preset has several
			marks = append(marks, look.Mark{Name: name, X: at})
		}
	}
	line := func(name string, y func(*monitor.Point) float64) look.Line {
		l := look.Line{Name: name, Points: make([]look.XY, len(points))}
		for i := range points {
			l.Points[i] = look.XY{X: seconds(points[i].Time), Y: y(&points[i])}
		}
		return l
	}
	latency := func(name string, y func(*monitor.Latency) float64) look.Line {
		return line(name, func(p *monitor.Point) float64 {
			if p.Latency == nil {
				return math.NaN() // nothing was asked for, which is not quick
			}
			return y(p.Latency)
		})
	}
	var most, full float64
	for i := range points {
		most, full = max(most, float64(points[i].PoolMax)), max(full, float64(points[i].PoolFull))
	}
	all := []look.Chart{
		{Title: "Throughput", Unit: look.PerSecond, Lines: []look.Line{
			line("requests", func(p *monitor.Point) float64 { return p.Requests }),
			line("failed", func(p *monitor.Point) float64 { return p.Failed }),
		}},
		{Title: "Latency", Unit: look.Milliseconds, Lines: []look.Line{
			latency("p50", func(l *monitor.Latency) float64 { return l.P50 }),
			latency("p95", func(l *monitor.Latency) float64 { return l.P95 }),
			latency("p99", func(l *monitor.Latency) float64 { return l.P99 }),
		}},
		{Title: "Errors", Unit: look.Percent, Lines: []look.Line{line("failed", func(p *monitor.Point) float64 {
			if p.Requests == 0 {
				return math.NaN()
			}
			return 100 * p.Failed / p.Requests
		})}},
		{Title: "Database connections", Unit: look.Count, Lines: []look.Line{
			line("in use", func(p *monitor.Point) float64 { return float64(p.PoolBusy) }),
		}},
		{Title: "In flight", Unit: look.Count, Lines: []look.Line{line("requests", func(p *monitor.Point) float64 { return float64(p.InFlight) })}},
		{Title: "Memory", Unit: look.Bytes, Lines: []look.Line{
			line("resident", func(p *monitor.Point) float64 { return float64(p.ResidentBytes) }),
			line("heap", func(p *monitor.Point) float64 { return float64(p.HeapBytes) }),
		}},
	}
	drawn := make([]template.HTML, len(all))
	for i, c := range all {
		c.XAxis, c.Marks = look.Clock, slices.Clone(marks)
		c.To = seconds(s.To)
		// A mock that has just started does not leave most of the chart empty.
		c.From = min(max(c.To-window.Seconds(), seconds(s.From)), c.To-time.Minute.Seconds())
		if c.Title == "Database connections" && most > 0 {
			c.Marks = append(c.Marks, look.Mark{Name: "pool size", Y: most, Horizontal: true})
			if full > 0 && full < most {
				c.Marks = append(c.Marks, look.Mark{Name: "a pool was full", Y: full, Horizontal: true})
			}
		}
		var err error
		if drawn[i], err = c.Figure(); err != nil {
			return nil, err
		}
	}
	return drawn, nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
