package health

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestASecondIsSaturatedByUseAndLagTogether(t *testing.T) {
	lags := func(late int, d time.Duration) []time.Duration {
		l := make([]time.Duration, 100)
		for i := range late {
			l[99-i] = d
		}
		return l
	}
	for _, c := range []struct {
		name string
		cpu  float64
		lags []time.Duration
		want bool
	}{
		{"busy and late", 0.97, lags(20, 15*time.Millisecond), true},
		{"busy and prompt", 1, lags(0, 0), false},
		{"busy, and late now and then", 1, lags(8, time.Second), false},
		{"late because of others", 0.5, lags(90, 100*time.Millisecond), false},
		{"nothing was seen", 1, nil, false},
	} {
		if got := saturated(c.cpu, c.lags); got != c.want {
			t.Errorf("%s: %v", c.name, got)
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
		{"short of users", Report{Short: 7}, true, "7 iterations waited"},
		{"somebody else on the machine", Report{LagP99: 50 * time.Millisecond}, true, "50ms late"},
		{"garbage", Report{GCShare: 0.5, GCPauseP99: 20 * time.Millisecond}, true, "50 %"},
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
		m := Start()
		defer m.Stop()
		m.Pacer(3 * time.Millisecond)
		time.Sleep(10*time.Second + 5*time.Millisecond)
		r := m.Report(Counts{Requests: 10, FilesLimit: 77})
		if r.Seconds != 10 || r.LagMax != 0 || m.lag.Count() != 1000 || !r.Valid || r.FilesLimit != 77 {
			t.Errorf("%+v after %d probes", r, m.lag.Count())
		}
		if r.PacerMax != 3*time.Millisecond || r.Cores < 1 || r.MemoryBytes == 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestMonitorSeesALateProbe(t *testing.T) {
	m := &Monitor{cores: 1, last: usage{at: time.Now().Add(-2 * time.Second)}}
	for range 3 {
		m.probed(30 * time.Millisecond)
		m.last.at = m.last.at.Add(-time.Second)
	}
	if m.lag.Count() != 3 || m.lag.Quantile(0.5) < 0.029 || m.seconds != 3 {
		t.Errorf("%d probes, %d seconds", m.lag.Count(), m.seconds)
	}
}

func TestGarbageCollections(t *testing.T) {
	before := readGC()
	if before.pauses == nil {
		t.Fatal("the runtime does not tell of its pauses")
	}
	var keep [][]byte
	for range 50 {
		keep = append(keep, make([]byte, 1<<20))
	}
	_ = keep
	for range 3 {
		runtime.GC()
	}
	share, p99, longest := readGC().since(before, time.Second)
	if share <= 0 || p99 <= 0 || longest < p99 {
		t.Errorf("after three collections: share %v, pauses up to %v, p99 %v", share, longest, p99)
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
