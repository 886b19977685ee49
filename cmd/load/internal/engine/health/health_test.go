package health

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestASecondIsSaturatedByUseAndLagTogether(t *testing.T) {
	for _, c := range []struct {
		name      string
		cpu, idle float64
		lag       time.Duration
		want      bool
	}{
		{"busy and late", 0.97, 0, 15 * time.Millisecond, true},
		{"busy and late on its part of a machine", 0.97, 0.5, 15 * time.Millisecond, true},
		{"busy and prompt", 1, 0, time.Millisecond, false},
		{"late because of others", 0.5, 0, 100 * time.Millisecond, false},
		{"late, and most of the machine's work is its own", 0.7, 0.02, 50 * time.Millisecond, true},
		{"late although there is room", 0.7, 0.2, 50 * time.Millisecond, false},
	} {
		if got := saturated(c.cpu, c.idle, c.lag); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestLagIsTheWorseOfGoroutinesAndProbes(t *testing.T) {
	lags := func(counts ...uint64) usage {
		return usage{runtime: readings{lags: distribution{counts: counts, upper: []float64{0.001, 0.02, 1}}}}
	}
	m := &Monitor{last: lags(1000, 0, 7)}
	if got := m.lag(lags(1090, 10, 7)); got != time.Millisecond {
		t.Errorf("a tenth of the goroutines is late by more than %v", got)
	}
	if got := m.lag(lags(1080, 20, 7)); got != 20*time.Millisecond {
		t.Errorf("a fifth of the goroutines is late: %v", got)
	}
	for range 100 {
		m.second = append(m.second, 3*time.Millisecond)
	}
	m.second[40] = time.Second // one of a hundred
	if got := m.lag(lags(1000, 0, 7)); got != 3*time.Millisecond {
		t.Errorf("all probes are late: %v", got)
	}
}

func TestDistributions(t *testing.T) {
	d := distribution{counts: []uint64{5, 0, 4, 1}, upper: []float64{1, 2, 3, 4}}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 1, 0.51: 3, 0.9: 3, 0.91: 4, 1: 4} {
		if got := d.quantile(q); got != want*time.Second {
			t.Errorf("quantile %v is %v", q, got)
		}
	}
	d.upper[3] = math.Inf(1)
	if got := d.quantile(1); got != 3*time.Second {
		t.Errorf("beyond the last bound: %v", got)
	}
	d.upper[3] = 4
	if got := d.since(d).quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	if got := d.since(distribution{}).quantile(1); got != 4*time.Second {
		t.Errorf("since the beginning: %v", got)
	}
}

func TestMachine(t *testing.T) {
	before := parseMachine([]byte("cpu  100 0 50 800 50 0 0 0 10 10\ncpu0 1 2 3\n"))
	after := parseMachine([]byte("cpu  180 0 50 810 60 0 0 0 20 20\n"))
	if got := after.idleSince(before); got != 0.2 {
		t.Errorf("idle share %v, want 20 of 100 ticks", got)
	}
	for _, nonsense := range []string{"", "cpu", "intr 1 2 3 4 5 6 7 8 9", "cpu  a b c d e f g h"} {
		if got := parseMachine([]byte(nonsense)).idleSince(before); got != 1 {
			t.Errorf("%q: idle share %v", nonsense, got)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name     string
		report   Report
		valid    bool
		mentions string
	}{
		{"nothing to say", Report{Seconds: 60, CPU: 0.99, LagP99: 2 * time.Millisecond}, true, ""},
		{"saturated for long", Report{Seconds: 60, SaturatedSeconds: 4}, false, "saturated in 4 of 60 seconds"},
		{"saturated for a moment", Report{Seconds: 60, SaturatedSeconds: 3}, true, ""},
		{"a short run", Report{Seconds: 5, SaturatedSeconds: 2}, true, ""},
		{"a few errors of its own", Report{Requests: 100_000, OwnErrors: 3}, true, "3 of 100000 requests failed"},
		{"many errors of its own", Report{Requests: 100_000, OwnErrors: 300}, false, "300 of 100000 requests failed"},
		{"nothing but errors", Report{Requests: 1, OwnErrors: 1}, false, "1 of 1"},
		{"dropped", Report{Dropped: 7}, true, "7 iterations were dropped"},
		{"a VU ceiling", Report{Dropped: 30, Ceilings: []Ceiling{{"open", 100, 30, 12, 8}}}, false, "scenario open began 70 of 100 iterations that were due, and dropped the others: its rate takes 12 users"},
		{"a VU ceiling that costs little", Report{Dropped: 10, Ceilings: []Ceiling{{"open", 100, 10, 12, 8}}}, true, "takes 12 users"},
		{"a VU ceiling that a threshold judges", Report{Dropped: 90, DropsJudged: true, Ceilings: []Ceiling{{"open", 100, 90, 12, 8}}}, true, "takes 12 users"},
		{"a target that stalled", Report{Dropped: 90, Ceilings: []Ceiling{{"open", 100, 90, 8, 8}}}, true, "the target held the users up, of whom 8 would do"},
		{"short of users", Report{Short: 7}, true, "7 iterations waited"},
		{"somebody else on the machine", Report{LagP99: 50 * time.Millisecond}, true, "goroutines of the generator ran 50ms late"},
		{"the process had to wait", Report{ProbeP99: 40 * time.Millisecond}, true, "timers of the generator rang 40ms late"},
		{"garbage", Report{CPU: 0.1, GCShare: 0.5, GCPauseP99: 20 * time.Millisecond}, true, "50 %"},
		{"garbage of a generator with little to do", Report{CPU: 0.01, GCShare: 0.5}, true, ""},
	} {
		c.report.judge()
		all := strings.Join(slices.Concat(c.report.Reasons, c.report.Warnings), "\n")
		if c.report.Valid != c.valid || !strings.Contains(all, c.mentions) || (c.mentions == "") != (all == "") {
			t.Errorf("%s: valid %v, says %q", c.name, c.report.Valid, all)
		}
	}
}

// In a bubble the probe is never late, and it looks a hundred times a second.
func TestMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := Start(nil)
		defer m.Stop()
		m.Pacer(3 * time.Millisecond)
		time.Sleep(10*time.Second + 5*time.Millisecond)
		r := m.Report(Counts{Requests: 10, FilesLimit: 77})
		if r.Seconds != 10 || r.ProbeMax != 0 || m.probes.Count() != 1000 || !r.Valid || r.FilesLimit != 77 {
			t.Errorf("%+v after %d probes", r, m.probes.Count())
		}
		if r.PacerMax != 3*time.Millisecond || r.Cores < 1 || r.MemoryBytes == 0 {
			t.Errorf("%+v", r)
		}
	})
}

// What was seen before an interruption is judged together with what comes after it.
func TestMonitorGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := Start(&Report{
			Seconds: 30, SaturatedSeconds: 3, CPU: 1, MachineIdle: 1, LagP99: time.Minute, Short: 2, Dropped: 40,
			Ceilings: []Ceiling{{"one", 100, 25, 12, 8}, {"other", 50, 15, 9, 8}},
		})
		defer m.Stop()
		counts := func() Counts {
			return Counts{Dropped: 5, Ceilings: []Ceiling{{"one", 400, 5, 14, 8}, {"other", 10, 0, 0, 8}, {"third", 10, 0, 1, 8}}}
		}
		time.Sleep(10*time.Second + 5*time.Millisecond)
		r := m.Report(counts())
		if r.Valid || r.Seconds != 40 || r.SaturatedSeconds != 3 || r.CPU < 0.7 || r.CPU > 0.8 || r.LagP99 != time.Minute || r.Short != 2 || r.Dropped != 45 {
			t.Errorf("%+v", r)
		}
		if want := []Ceiling{{"one", 500, 30, 12, 8}, {"other", 60, 15, 9, 8}}; !slices.Equal(r.Ceilings, want) {
			t.Errorf("%+v, want %+v", r.Ceilings, want)
		}
		if says := strings.Join(r.Reasons, "\n"); !strings.Contains(says, "saturated in 3 of 40 seconds") || !strings.Contains(says, "other began 45 of 60") || strings.Contains(says, "one began") {
			t.Errorf("it says %q", says)
		}
		time.Sleep(30 * time.Second)
		if r = m.Report(counts()); strings.Contains(strings.Join(r.Reasons, "\n"), "saturated") {
			t.Errorf("3 saturated seconds of %d: %q", r.Seconds, r.Reasons)
		}
	})
}

func TestMonitorSeesALateProbe(t *testing.T) {
	m := &Monitor{cores: 1, last: usage{at: time.Now().Add(-2 * time.Second)}}
	for range 3 {
		m.probed(30 * time.Millisecond)
		m.last.at = m.last.at.Add(-time.Second)
	}
	if m.probes.Count() != 3 || m.probes.Quantile(0.5) < 0.029 || m.seconds != 3 {
		t.Errorf("%d probes, %d seconds", m.probes.Count(), m.seconds)
	}
}

func TestTheRuntimeTells(t *testing.T) {
	before := readRuntime()
	for range 3 {
		runtime.GC()
	}
	ran := make(chan bool) // goroutines become ready and run
	for range 1000 {
		go func() { ran <- true }()
		<-ran
	}
	after := readRuntime()
	if after.gcCPU <= before.gcCPU {
		t.Errorf("three collections took %v seconds", after.gcCPU-before.gcCPU)
	}
	if d := after.pauses.since(before.pauses); d.quantile(1) <= 0 || d.quantile(1) < d.quantile(0.5) {
		t.Errorf("pauses up to %v", d.quantile(1))
	}
	if d := after.lags.since(before.lags); d.quantile(1) <= 0 {
		t.Errorf("lags up to %v", d.quantile(1))
	}
}

func TestResources(t *testing.T) {
	limit := RaiseFiles()
	if limit == 0 {
		t.Skip("this system does not tell how many files are allowed")
	}
	if again := RaiseFiles(); again != limit {
		t.Errorf("raised to %d, and then to %d", limit, again)
	}
	if err := CheckFiles(10_000, 1, 20_000); err != nil {
		t.Error(err)
	}
	if err := CheckFiles(10_000, 1, 0); err != nil {
		t.Errorf("a limit that is not known: %v", err)
	}
	err := CheckFiles(10_000, 3, 20_000)
	if err == nil || !strings.Contains(err.Error(), "ulimit -n 30100") {
		t.Error(err)
	}
	const ports = "32768\t60999\n"
	if err := checkPorts(28_232, ports); err != nil {
		t.Error(err)
	}
	if err := checkPorts(28_233, ports); err == nil || !strings.Contains(err.Error(), "ip_local_port_range") {
		t.Error(err)
	}
	if err := checkPorts(1_000_000, "gibberish"); err != nil {
		t.Errorf("a range that can't be read: %v", err)
	}
}
