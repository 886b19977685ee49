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
// two ran at once that may not, or one before another that it has to wait for.
func simulate(t *testing.T, workers int, steps []*step) (began map[string]time.Duration, total time.Duration) {
	t.Helper()
	began = make(map[string]time.Duration)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := newSchedule(steps, workers)
		var mu sync.Mutex
		running, finished := make(map[*step]bool), make(map[*step]bool)
		begin := func(st *step) {
			mu.Lock()
			defer mu.Unlock()
			began[st.name] = time.Since(start)
			for other := range running {
				if other.touches(st) && (st.exclusive || other.exclusive) {
					t.Errorf("%s runs beside %s", st.name, other.name)
				}
			}
			for _, other := range steps {
				if other.touches(st) && other.stage < st.stage && !finished[other] {
					t.Errorf("%s runs before %s", st.name, other.name)
				}
			}
			running[st] = true
		}
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				err := s.work(t.Context(), func(_ context.Context, st *step) error {
					begin(st)
					time.Sleep(time.Duration(st.cost * float64(time.Second)))
					mu.Lock()
					defer mu.Unlock()
					delete(running, st)
					finished[st] = true
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

func fill(table string, cost float64) *step {
	return &step{kind: stepLoad, name: "fill " + table, tables: []string{table}, exclusive: true, cost: cost}
}

func chunk(table string, n int, cost float64) *step {
	return &step{kind: stepLoad, name: fmt.Sprintf("%s chunk %d", table, n), tables: []string{table}, cost: cost}
}

func index(table string, n int, cost float64) *step {
	return &step{kind: StepIndex, name: fmt.Sprintf("%s index %d", table, n), stage: stageIndex, tables: []string{table}, cost: cost}
}

func reference(table, other string, cost float64) *step {
	return &step{kind: StepForeignKey, name: table + " to " + other, stage: stageAfter, tables: []string{table, other}, exclusive: true, cost: cost}
}

func analyze(table string, cost float64) *step {
	return &step{kind: StepAnalyze, name: "analyze " + table, stage: stageAfter, tables: []string{table}, exclusive: true, cost: cost}
}

func TestScheduleKeepsWorkersBusy(t *testing.T) {
	// The proportions of a large dataset: one index takes as long as all that is not of its table.
	steps := []*step{
		fill("users", 0.1), fill("tags", 0.01), fill("comments", 1), fill("media_tags", 1.2), fill("media_files", 1.5),
		index("media_files", 1, 0.6), index("media_files", 2, 0.6), index("media_files", 3, 8),
		index("comments", 1, 1), index("comments", 2, 1), index("media_tags", 1, 1.6), index("users", 1, 0.1),
		reference("media_files", "users", 0.2), reference("comments", "users", 0.2), reference("comments", "media_files", 0.2),
		reference("media_tags", "media_files", 0.3), reference("media_tags", "tags", 0.3),
		analyze("media_files", 0.3), analyze("comments", 0.2), analyze("media_tags", 0.3), analyze("users", 0.01),
	}
	began, total := simulate(t, 2, steps)
	if began["fill media_files"] != 0 || began["media_files index 3"] != 1500*time.Millisecond {
		t.Errorf("the longest chain begins at %s and goes on at %s, want 0s and 1.5s", began["fill media_files"], began["media_files index 3"])
	}
	// Nothing can be quicker than that chain: filling, the index, and what excludes one another after it.
	if least := 10500 * time.Millisecond; total < least || total > least+200*time.Millisecond {
		t.Errorf("two workers take %s, want little more than %s", total, least)
	}
	var sum float64
	for _, s := range steps {
		sum += s.cost
	}
	if _, total := simulate(t, 1, steps); total.Round(time.Millisecond) != time.Duration(sum*1000)*time.Millisecond {
		t.Errorf("one worker takes %s, want %g s", total, sum)
	}
}

func TestScheduleRunsChunksOfATableSideBySide(t *testing.T) {
	steps := []*step{chunk("comments", 1, 1), chunk("comments", 2, 1), chunk("comments", 3, 1), chunk("comments", 4, 1),
		index("comments", 1, 1), index("comments", 2, 1), analyze("comments", 1)}
	if _, total := simulate(t, 2, steps); total != 4*time.Second {
		t.Errorf("two workers take %s, want 4s", total)
	}
}

func TestScheduleStopsAtFailure(t *testing.T) {
	s := newSchedule([]*step{index("a", 1, 3), index("a", 2, 2), index("a", 3, 1)}, 2)
	boom := errors.New("boom")
	ran := 0
	err := s.work(t.Context(), func(_ context.Context, st *step) error {
		ran++
		if st.name == "a index 2" {
			return boom
		}
		return nil
	})
	if !errors.Is(err, boom) || ran != 2 {
		t.Errorf("%d steps ran, error %v; want 2, boom", ran, err)
	}
	if err := s.work(t.Context(), func(context.Context, *step) error { t.Error("a step ran after the failure"); return nil }); err != nil {
		t.Error(err)
	}
}
