package scenario_test

import (
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

// timeline makes points of a second: '.' is within limits, 'o' too but for one answer, 's' slow, 'f' failing, '0' without
// requests, 'i' so while iterations end, 'n' so without users, ' ' missing.
func timeline(picture string) []metrics.Point {
	var points []metrics.Point
	for i, c := range picture {
		p := metrics.Point{Start: time.Duration(i) * time.Second, Length: time.Second, VUs: 5}
		var h metrics.Histogram
		switch c {
		case ' ':
			continue
		case '0':
		case 'i':
			p.Iterations = 1
		case 'n':
			p.VUs = 0
		case 'o':
			h.AddN(50, 100)
			h.AddN(4000, 1)
		case 's':
			h.AddN(2000, 100)
		default:
			h.AddN(50, 100)
		}
		p.All.Requests = h.Count()
		if c == 'f' {
			p.All.Failed = 20
		}
		p.All.Duration.AddHistogram(&h)
		points = append(points, p)
	}
	return points
}

func TestRecovery(t *testing.T) {
	c := &scenario.Recovery{At: executor.Duration(5 * time.Second), Hold: executor.Duration(3 * time.Second), Within: executor.Duration(6 * time.Second), P95: 1000, Failed: 0.05}
	for _, x := range []struct {
		name, picture                          string
		disturbed, recovered, relapsed, inTime bool
		took                                   time.Duration
	}{
		{"taken without a blink", "...............", false, true, false, true, 0},
		{"slow for a while", ".....ssss......", true, true, false, true, 4 * time.Second},
		{"failing for a while", ".....ffff......", true, true, false, true, 4 * time.Second},
		{"answering nobody for a while", ".....0000s......", true, true, false, true, 5 * time.Second},
		{"answering one after a while", ".....0000o......", true, true, false, true, 4 * time.Second},
		{"failing after a while", ".....0000f......", true, true, false, true, 5 * time.Second},
		{"answering nobody any more", ".....00000000", true, false, false, false, 8 * time.Second},
		{"nobody asks for a while", ".....0000......", false, true, false, true, 0},
		{"users pause at last", "..........00i", false, true, false, true, 0},
		{"no users at last", "..........nnn", false, true, false, true, 0},
		{"pauses are no time in which limits are kept", ".....ss.000000", true, false, false, false, 9 * time.Second},
		{"pauses between answers are", ".....ss.00..", true, true, false, true, 2 * time.Second},
		{"some good seconds are not enough", ".....ss..s..s...", true, true, false, false, 8 * time.Second},
		{"too late", ".....sssssss....", true, true, false, false, 7 * time.Second},
		{"never", ".....ssssssss", true, false, false, false, 8 * time.Second},
		{"not for long enough before the end", ".....sssss..", true, false, false, false, 7 * time.Second},
		{"a relapse", ".....ss....s....", true, true, true, true, 2 * time.Second},
		{"slow before the spike does not count", "sssss..........", false, true, false, true, 0},
		{"a gap is not good", ".....ss..  ....", true, true, false, true, 6 * time.Second},
		{"the spike comes late", ".......sss.....", true, true, false, true, 5 * time.Second},
		{"ended before the spike", "....", false, false, false, false, 0},
	} {
		got := c.Judge(timeline(x.picture), 0)
		if got.Disturbed != x.disturbed || got.Recovered != x.recovered || got.Relapsed != x.relapsed || got.InTime != x.inTime || got.Took != x.took {
			t.Errorf("%s: %q: got %+v", x.name, x.picture, got)
		}
	}
	want := "recovered too late, 7s after the spike where 6s are allowed, at worst p95 2014 ms and 0.0 % failed; the limits are 1000 ms and 5 %"
	if got := c.Judge(timeline(".....sssssss...."), 0).String(); got != want {
		t.Errorf("too late is worded %q; want %q", got, want)
	}
	worst := c.Judge(timeline("sfs..s.f......"), 0)
	if worst.WorstP95 < 1900 || worst.WorstP95 > 2100 || worst.WorstFailed != 0.2 {
		t.Errorf("worst p95 %v ms and %v failed, want 2000 and 0.2", worst.WorstP95, worst.WorstFailed)
	}
	// After ten seconds, iterations only finish. Some pause until then, which is no trouble; a slow answer is.
	if got := c.Judge(timeline(".....ss......00"), 10*time.Second); !got.InTime || got.Relapsed {
		t.Errorf("users pause at the end: got %+v", got)
	}
	if got := c.Judge(timeline(".....ss....s.00"), 10*time.Second); !got.Relapsed {
		t.Errorf("slow at the end: got %+v", got)
	}
	if got := c.Judge(timeline(".....ss000"), 10*time.Second); got.Recovered {
		t.Errorf("nobody is answered before the end: got %+v", got)
	}
}
