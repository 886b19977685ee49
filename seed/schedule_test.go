package seed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// simulate runs steps whose cost is their time in seconds and returns when each began. It fails the test if
// two ran at once that may not, or a last one before others of its table.
func simulate(t *testing.T, workers int, steps []step) (began map[string]time.Duration, total time.Duration) {
	t.Helper()
	began = make(map[string]time.Duration)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := newSchedule(steps)
		var mu sync.Mutex
		running := make(map[string][]step)
		finished := make(map[string]int)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				err := s.work(t.Context(), func(_ context.Context, st step) error {
					mu.Lock()
					began[st.name] = time.Since(start)
					for _, other := range running[st.table] {
						if st.exclusive || other.exclusive {
							t.Errorf("%s runs beside %s", st.name, other.name)
						}
					}
					if st.last {
						for _, other := range steps {
							if _, ok := began[other.name]; other.table == st.table && !other.last && !ok {
								t.Errorf("%s runs before %s", st.name, other.name)
							}
						}
					}
					running[st.table] = append(running[st.table], st)
					mu.Unlock()
					time.Sleep(time.Duration(st.cost * float64(time.Second)))
					mu.Lock()
					defer mu.Unlock()
					for i, r := range running[st.table] {
						if r == st {
							running[st.table] = append(running[st.table][:i:i], running[st.table][i+1:]...)
						}
					}
					finished[st.name]++
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		total = time.Since(start)
		if len(finished) != len(steps) {
			t.Errorf("%d of %d steps ran", len(finished), len(steps))
		}
	})
	return began, total
}

func index(table string, n int, cost float64) step {
	return step{kind: StepIndex, name: fmt.Sprintf("%s_%d", table, n), table: table, cost: cost}
}

func validate(table string, n int, cost float64) step {
	return step{kind: StepForeignKey, name: fmt.Sprintf("%s_fkey%d", table, n), table: table, exclusive: true, cost: cost}
}

func analyze(table string) step {
	return step{kind: StepAnalyze, name: table, table: table, exclusive: true, last: true, cost: 0.1}
}

func TestScheduleKeepsWorkersBusy(t *testing.T) {
	steps := []step{
		index("media_files", 1, 1), index("media_files", 2, 1), index("media_files", 3, 12), analyze("media_files"),
		validate("media_files", 1, 1), index("comments", 1, 1), index("comments", 2, 1), validate("comments", 1, 0.6),
		validate("comments", 2, 0.6), analyze("comments"), index("media_tags", 1, 2), validate("media_tags", 1, 1.2),
		validate("media_tags", 2, 1.2), analyze("media_tags"),
	}
	began, total := simulate(t, 2, steps)
	if began["media_files_3"] != 0 {
		t.Errorf("the longest step begins after %s", began["media_files_3"])
	}
	// What excludes the longest step is only done after it: a key and statistics of its table.
	if want := 13100 * time.Millisecond; total != want {
		t.Errorf("two workers take %s, want %s", total, want)
	}
	var sum float64
	for _, s := range steps {
		sum += s.cost
	}
	if _, total := simulate(t, 1, steps); total.Round(time.Millisecond) != time.Duration(sum*1000)*time.Millisecond {
		t.Errorf("one worker takes %s, want %g s", total, sum)
	}
}

func TestScheduleStopsAtFailure(t *testing.T) {
	s := newSchedule([]step{index("a", 1, 3), index("a", 2, 2), index("a", 3, 1)})
	boom := errors.New("boom")
	ran := 0
	err := s.work(t.Context(), func(_ context.Context, st step) error {
		ran++
		if st.name == "a_2" {
			return boom
		}
		return nil
	})
	if !errors.Is(err, boom) || ran != 2 {
		t.Errorf("%d steps ran, error %v; want 2, boom", ran, err)
	}
	if err := s.work(t.Context(), func(context.Context, step) error { t.Error("a step ran after the failure"); return nil }); err != nil {
		t.Error(err)
	}
}
