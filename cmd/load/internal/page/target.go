package page

import (
	"cmp"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/mockapi/look"
)

// target is what was seen of the target besides its answers.
type target struct {
	*observe.Report
	Charts     []template.HTML
	Zero       []string    // the titles of charts on which nothing would have been above zero
	Statements []statement // that took the most time first
	Waits      []observe.Wait
	Tables     []tableChange
	Plans      []plan
	Endpoints  []endpointCalls
}

// target returns nil where nothing was seen.
func (v *view) target() (*target, error) {
	if v.Observed == nil {
		return nil, nil
	}
	t := &target{Report: v.Observed}
	for _, c := range v.observedCharts() {
		if flat(c) {
			t.Zero = append(t.Zero, c.Title)
			continue
		}
		figure, err := c.Figure()
		if err != nil {
			return nil, err
		}
		t.Charts = append(t.Charts, figure)
	}
	if d := v.Observed.Database; d != nil {
		t.Waits = d.Waits
		t.Statements = statements(d)
		t.Tables = tables(d)
		t.Plans = plans(d)
		t.Endpoints = calls(d)
	}
	return t, nil
}

// flat tells whether all figures of a chart are zero.
func flat(c look.Chart) bool {
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if p.Y != 0 && !math.IsNaN(p.Y) {
				return false
			}
		}
	}
	return true
}

// drawing is a chart of observed series.
type drawing struct {
	id, title string
	unit      look.Unit
	lines     []drawnSeries
}

// drawnSeries is a line: the series as it is; where per is set, how much it rises for each unit that per rises,
// time being a series too.
type drawnSeries struct {
	name, series, per string
}

// elapsed is time as a series that others are divided by.
const elapsed = "elapsed seconds"

// drawings are the charts of series that are known; others get one each.
func drawings() []drawing {
	return []drawing{
		{"memory", "Memory", look.Bytes, []drawnSeries{{"resident", observe.ResidentMemory, ""}, {"heap in use", observe.HeapInUse, ""}}},
		{"cpu", "Processor time, of one processor", look.Ratio, []drawnSeries{{"share", observe.CPUSeconds, elapsed}}},
		{"pool", "Database connections", look.Count, []drawnSeries{
			{"busy in the pool", observe.PoolBusy, ""}, {"pool's maximum", observe.PoolMax, ""}, {"backends in PostgreSQL", observe.Connections, ""}}},
		{"pool-wait", "Wait for a connection, each time", look.Seconds, []drawnSeries{{"wait", observe.PoolWait, observe.PoolAcquired}}},
		{"pool-waited", "Requests for a connection", look.PerSecond, []drawnSeries{{"all", observe.PoolAcquired, elapsed}, {"that had to wait", observe.PoolWaited, elapsed}}},
		{"goroutines", "Goroutines", look.Count, []drawnSeries{{"goroutines", observe.Goroutines, ""}}},
		{"files", "Open files", look.Count, []drawnSeries{{"open files", observe.OpenFiles, ""}}},
		{"gc", "Time in garbage collection pauses", look.Ratio, []drawnSeries{{"share", observe.GCPauseSeconds, elapsed}}},
		{"gc-count", "Garbage collections", look.PerSecond, []drawnSeries{{"collections", observe.GCCount, elapsed}}},
		{"size", "Size of the database", look.Bytes, []drawnSeries{{"size", observe.DatabaseSize, ""}}},
		{"dead", "Dead rows", look.Count, []drawnSeries{{"dead rows", observe.DeadRows, ""}}},
		{"disk", "Bytes written a second", look.Bytes, []drawnSeries{{"WAL", observe.WALBytes, elapsed}, {"temporary files", observe.TempBytes, elapsed}}},
		{"blocks", "Blocks", look.PerSecond, []drawnSeries{{"found in shared buffers", observe.BlocksHit, elapsed}, {"read", observe.BlocksRead, elapsed}}},
		{"deadlocks", "Deadlocks so far", look.Count, []drawnSeries{{"deadlocks", observe.Deadlocks, ""}}},
	}
}

// observedCharts draws every series that was observed, with what happened to the run and the target marked.
func (v *view) observedCharts() []look.Chart {
	marks := v.marks()
	known := map[string]bool{}
	all := drawings()
	for _, d := range all {
		for _, l := range d.lines {
			known[l.series] = true
		}
	}
	for i, s := range v.Observed.Series {
		if !known[s.Name] {
			per := ""
			if s.Cumulative {
				per = elapsed
			}
			all = append(all, drawing{"series-" + strconv.Itoa(i), s.Name, unitOf(s.Unit), []drawnSeries{{s.Name, s.Name, per}}})
		}
	}
	var charts []look.Chart
	for _, d := range all {
		c := look.Chart{ID: v.ID + "-target-" + d.id, Title: d.title, Unit: d.unit, Marks: marks, To: v.Run.Elapsed.Seconds()}
		for _, l := range d.lines {
			if points := v.seriesPoints(l); len(points) > 1 {
				c.Lines = append(c.Lines, look.Line{Name: l.name, Points: points})
			}
		}
		if len(c.Lines) > 0 {
			charts = append(charts, c)
		}
	}
	return charts
}

// seriesPoints are the points of a line. What a counter did across a restart is not known, and breaks it.
func (v *view) seriesPoints(l drawnSeries) []look.XY {
	s := v.Observed.Find(l.series)
	if s == nil {
		return nil
	}
	var points []look.XY
	if l.per == "" {
		for _, p := range s.Points {
			points = append(points, look.XY{X: p.At.Seconds(), Y: p.Value})
		}
		return points
	}
	by := map[float64]float64{}
	if l.per != elapsed {
		divisor := v.Observed.Find(l.per)
		if divisor == nil {
			return nil
		}
		for _, p := range divisor.Points {
			by[p.At.Seconds()] = p.Value
		}
	}
	for i := 1; i < len(s.Points); i++ {
		from, to := s.Points[i-1], s.Points[i]
		rise, divisor := to.Value-from.Value, (to.At - from.At).Seconds()
		if l.per != elapsed {
			a, okA := by[from.At.Seconds()]
			b, okB := by[to.At.Seconds()]
			if divisor = b - a; !okA || !okB {
				divisor = 0
			}
		}
		y := math.NaN()
		if rise >= 0 && divisor > 0 && !v.restarted(from, to) {
			y = rise / divisor
		}
		points = append(points, look.XY{X: to.At.Seconds(), Y: y})
	}
	return points
}

func (v *view) restarted(from, to observe.Point) bool {
	for _, at := range v.Observed.Restarts {
		if at > from.At && at <= to.At {
			return true
		}
	}
	return false
}

// statement is what a statement did in the run. Times are milliseconds.
type statement struct {
	observe.Statement
	Mean  float64
	Share float64 // of the time of all statements
}

// shownRows is how many rows of a table of the database are shown.
const shownRows = 15

// statements are those that the run has run.
func statements(d *observe.Database) []statement {
	var all []statement
	total := 0.0
	for _, s := range d.Run() {
		if s.Calls > 0 {
			all = append(all, statement{Statement: s, Mean: s.TotalTime / float64(s.Calls)})
			total += s.TotalTime
		}
	}
	for i := range all {
		if total > 0 {
			all[i].Share = all[i].TotalTime / total
		}
	}
	return all[:min(len(all), shownRows)]
}

// tableChange is what happened to a table in the run.
type tableChange struct {
	Name                            string
	Size, Growth, DeadRows          int64
	SequentialScans, SequentialRows int64
	IndexScans                      int64
}

// tables are those that anything happened to, the largest first.
func tables(d *observe.Database) []tableChange {
	before := map[string]observe.Table{}
	for _, t := range d.Before.Tables {
		before[t.Name] = t
	}
	var all []tableChange
	for _, t := range d.After.Tables {
		b := before[t.Name]
		c := tableChange{
			Name: t.Name, Size: t.Size, Growth: t.Size - b.Size, DeadRows: t.DeadRows, SequentialScans: t.SequentialScans - b.SequentialScans,
			SequentialRows: t.SequentialRows - b.SequentialRows, IndexScans: t.IndexScans - b.IndexScans,
		}
		if c.Growth != 0 || c.SequentialScans != 0 || c.IndexScans != 0 {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b tableChange) int { return cmp.Compare(b.Size, a.Size) })
	return all[:min(len(all), shownRows)]
}

// queries are the texts of statements.
func queries(d *observe.Database) map[int64]string {
	texts := map[int64]string{}
	for _, s := range slices.Concat(d.Before.Statements, d.After.Statements) {
		texts[s.ID] = s.Query
	}
	return texts
}

// plan is a plan with its statement's text.
type plan struct {
	observe.Plan
	Query string
}

func plans(d *observe.Database) []plan {
	texts := queries(d)
	var all []plan
	for _, p := range d.Plans {
		all = append(all, plan{p, texts[p.Statement]})
	}
	return all
}

// endpointCalls are the statements of one request of an endpoint.
type endpointCalls struct {
	Label      string
	PerRequest float64 // of all statements
	Calls      []call
}

type call struct {
	PerRequest float64
	Query      string
}

// calls are the endpoints that run the most statements first.
func calls(d *observe.Database) []endpointCalls {
	texts := queries(d)
	var all []endpointCalls
	for _, label := range slices.Sorted(maps.Keys(d.Endpoints)) {
		e := endpointCalls{Label: label}
		for _, c := range d.Endpoints[label] {
			e.PerRequest += c.PerRequest
			e.Calls = append(e.Calls, call{c.PerRequest, texts[c.Statement]})
		}
		slices.SortStableFunc(e.Calls, func(a, b call) int { return cmp.Compare(b.PerRequest, a.PerRequest) })
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b endpointCalls) int { return cmp.Compare(b.PerRequest, a.PerRequest) })
	return all
}
