package report

import (
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/observe"
)

func TestTextOfTheTarget(t *testing.T) {
	series := func(name string, values ...float64) observe.Series {
		s := observe.Series{Name: name}
		for i, v := range values {
			s.Points = append(s.Points, observe.Point{At: time.Duration(i) * time.Second, Value: v})
		}
		return s
	}
	r := &Result{Observed: &observe.Report{
		Series:   []observe.Series{series(observe.ResidentMemory, 10e6, 90e6, 40e6), series(observe.PoolAcquired, 100, 200), series(observe.PoolWaited, 5, 30)},
		Restarts: []time.Duration{12 * time.Second},
		Database: &observe.Database{
			Before: observe.Snapshot{Statements: []observe.Statement{{ID: 1, Calls: 10, TotalTime: 1000}}},
			After: observe.Snapshot{Statements: []observe.Statement{
				{ID: 1, Query: "SELECT\n  old", Calls: 20, TotalTime: 1100}, {ID: 2, Query: "SELECT new", Calls: 1, TotalTime: 300}, {ID: 3, Query: "SELECT idle"},
			}},
		},
		Missing: []string{"waits: no right"},
	}}
	var out strings.Builder
	if err := r.Text(&out, false); err != nil {
		t.Fatal(err)
	}
	const want = `
    memory 10 MB → 40 MB
    25% of 100 acquires waited for a connection
    ✗ another process than before, from 12s on
    75% of the database's time, 300.0ms a call: SELECT new
    25% of the database's time, 10.00ms a call: SELECT old
    not observed: waits: no right
`
	if _, got, _ := strings.Cut(out.String(), "  TARGET\n"); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	out.Reset()
	r.Observed = &observe.Report{Missing: []string{"the target's process: status 404"}}
	if err := r.Text(&out, false); err != nil || strings.Contains(out.String(), "TARGET") {
		t.Errorf("%v, %s", err, out.String())
	}
}
