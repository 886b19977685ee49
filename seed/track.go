package seed

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tracker counts what a run does and tells Options.Progress about it. Its methods may be called from
// several goroutines; what happens for each block of rows is an atomic addition.
type tracker struct {
	started time.Time
	tell    func(Progress)

	tables []trackedTable
	bytes  atomic.Int64

	mu      sync.Mutex
	phase   Phase
	resumed int64
	steps   []StepProgress
	loads   int // steps to go
	loaded  time.Time
	doing   map[string]int
	recent  []mark
	stop    chan struct{}
	done    chan struct{}
	wake    chan struct{}
}

type trackedTable struct {
	name  string
	total int64
	rows  atomic.Int64
}

// mark is the number of rows sent by a time.
type mark struct {
	at   time.Time
	rows int64
}

// rateWindow is how far back Progress.RowsPerSecond looks.
const rateWindow = time.Second

// newTracker starts a tracker. A nil tell costs next to nothing.
func newTracker(ds Dataset, tell func(Progress), every time.Duration) *tracker {
	t := &tracker{
		started: time.Now(), tell: tell, phase: PhasePrepare,
		tables: make([]trackedTable, len(ds.Tables)),
		doing:  make(map[string]int),
		stop:   make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	for i, table := range ds.Tables {
		t.tables[i].name, t.tables[i].total = table.Schema.Name, table.Rows
	}
	if tell == nil {
		close(t.done)
		return t
	}
	go t.run(every)
	return t
}

func (t *tracker) run(every time.Duration) {
	defer close(t.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-t.wake:
		case <-t.stop:
			t.tell(t.snapshot(time.Now()))
			return
		}
		t.tell(t.snapshot(time.Now()))
	}
}

// close tells the last state and stops.
func (t *tracker) close() {
	close(t.stop)
	<-t.done
}

// enter begins a phase.
func (t *tracker) enter(p Phase) {
	t.mu.Lock()
	t.phase = p
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// plan sets the steps to do.
func (t *tracker) plan(steps []*step) {
	t.mu.Lock()
	t.steps, t.loads = nil, 0
	for _, kind := range []string{StepIndex, StepForeignKey, StepAnalyze} {
		n := 0
		for _, s := range steps {
			if s.kind == kind {
				n++
			}
		}
		if n > 0 {
			t.steps = append(t.steps, StepProgress{Kind: kind, Total: n})
		}
	}
	for _, s := range steps {
		if s.kind == stepLoad {
			t.loads++
		}
	}
	loads, phase := t.loads, t.phase
	t.mu.Unlock()
	switch {
	case phase == PhaseRestore:
	case loads > 0:
		t.enter(PhaseLoad)
	default:
		t.loadsDone()
	}
}

// loadsDone notes that the last row is in.
func (t *tracker) loadsDone() {
	t.mu.Lock()
	t.loaded = time.Now()
	t.mu.Unlock()
	t.enter(PhaseBuild)
}

// split divides the time since start at the last row.
func (t *tracker) split(start time.Time) (before, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.loaded.Sub(start)), time.Since(t.loaded)
}

// stepDone counts a step as done.
func (t *tracker) stepDone(kind string) {
	t.mu.Lock()
	for i := range t.steps {
		if t.steps[i].Kind == kind {
			t.steps[i].Done++
		}
	}
	last := false
	if kind == stepLoad {
		t.loads--
		last = t.loads == 0
	}
	t.mu.Unlock()
	if last {
		t.loadsDone()
	}
}

// start notes that a worker begins something and returns the function that notes its end.
func (t *tracker) start(what string) func() {
	t.mu.Lock()
	t.doing[what]++
	t.mu.Unlock()
	return func() {
		t.mu.Lock()
		if t.doing[what]--; t.doing[what] == 0 {
			delete(t.doing, what)
		}
		t.mu.Unlock()
	}
}

// committedBefore notes the rows that an earlier run has committed.
func (t *tracker) committedBefore(tables []*tableJob) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range tables {
		t.tables[i].rows.Store(tables[i].done)
		t.resumed += tables[i].done
	}
}

// rows returns the function that counts a table's rows.
func (t *tracker) rows(table string) func(rows, bytes int64) {
	i := 0
	for t.tables[i].name != table {
		i++
	}
	counter := &t.tables[i].rows
	return func(rows, bytes int64) {
		counter.Add(rows)
		t.bytes.Add(bytes)
	}
}

func (t *tracker) snapshot(now time.Time) Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := Progress{
		Phase: t.phase, Resumed: t.resumed, Elapsed: now.Sub(t.started),
		Tables: make([]TableProgress, len(t.tables)),
		Steps:  slices.Clone(t.steps),
		Doing:  slices.Sorted(maps.Keys(t.doing)),
	}
	for i := range t.tables {
		tt := &t.tables[i]
		p.Tables[i] = TableProgress{Table: tt.name, Rows: tt.rows.Load(), Total: tt.total}
		p.Rows += p.Tables[i].Rows
		p.Total += tt.total
	}
	if t.phase == PhaseLoad {
		p.RowsPerSecond = t.rate(mark{now, p.Rows})
	}
	return p
}

// rate returns the rows per second since the oldest mark of the window.
func (t *tracker) rate(m mark) float64 {
	t.recent = append(t.recent, m)
	// One mark older than the window stays, so that the window is always covered.
	for len(t.recent) > 2 && m.at.Sub(t.recent[1].at) >= rateWindow {
		t.recent = slices.Delete(t.recent, 0, 1)
	}
	since := m.at.Sub(t.recent[0].at).Seconds()
	if since <= 0 {
		return 0
	}
	return float64(m.rows-t.recent[0].rows) / since
}
