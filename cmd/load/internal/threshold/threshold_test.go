package threshold_test

import (
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// run is a store that has seen 100 requests of 1 to 100 ms, 5 of them failed, in 10 s.
func run(t *testing.T) (*metrics.Registry, *metrics.Store) {
	t.Helper()
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	rec := s.Recorder()
	for i := range 100 {
		endpoint := "login"
		if i >= 50 {
			endpoint = "browse"
		}
		rec.HTTP(&metrics.HTTPRequest{Tags: r.Tags("endpoint", endpoint), Duration: float64(i + 1), Failed: i < 5})
	}
	rec.Add(r.Builtin.VUs, r.Tags(), 7)
	s.Tick(start.Add(10 * time.Second))
	return r, s
}

func TestConditions(t *testing.T) {
	r, s := run(t)
	for _, c := range []struct {
		selector, source string
		state            threshold.State
	}{
		{"http_req_duration", "p(95)<95.1", threshold.Passed},
		{"http_req_duration", "p(95)<94.9", threshold.Failed},
		{"http_req_duration", "p(99.9)<=100", threshold.Passed},
		{"http_req_duration", " avg == 50.5 ", threshold.Passed},
		{"http_req_duration", "avg===50.5", threshold.Passed},
		{"http_req_duration", "avg!=50.5", threshold.Failed},
		{"http_req_duration", "min>=1", threshold.Passed},
		{"http_req_duration", "max>100", threshold.Failed},
		{"http_req_duration", "med<50.5", threshold.Passed},
		{"http_req_duration{endpoint:login}", "max<51", threshold.Passed},
		{"http_req_duration{endpoint:browse}", "max<51", threshold.Failed},
		{`http_req_duration{ endpoint : "login" }`, "max<51", threshold.Passed},
		{"http_req_duration{endpoint:upload}", "max<51", threshold.NoData},
		{"http_req_failed", "rate<0.05", threshold.Failed},
		{"http_req_failed", "rate<=0.05", threshold.Passed},
		{"http_req_failed{endpoint:login}", "rate<=0.05", threshold.Failed},
		{"http_reqs", "count==100", threshold.Passed},
		{"http_reqs", "rate>=10", threshold.Passed},
		{"http_reqs", "rate>10", threshold.Failed},
		{"http_reqs{endpoint:upload}", "count<1", threshold.Passed},
		{"vus", "value==7", threshold.Passed},
		{"checks", "rate>0.9", threshold.NoData},
		{"dropped_iterations", "count<1e0", threshold.Passed},
	} {
		th, err := threshold.Parse(c.selector, c.source)
		if err != nil {
			t.Errorf("%s %s: %v", c.selector, c.source, err)
			continue
		}
		set, err := threshold.NewSet(r, s, []threshold.Threshold{th})
		if err != nil {
			t.Errorf("%s %s: %v", c.selector, c.source, err)
			continue
		}
		set.Evaluate(start.Add(10 * time.Second))
		if got := set.Results()[0]; got.State != c.state {
			t.Errorf("%s %s: %v (%v), want %v", c.selector, c.source, got.State, got.Value, c.state)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct{ selector, source, says string }{
		{"http_req_duration", "p95<100", "not a condition"},
		{"http_req_duration", "p(101)<100", "from 0 to 100"},
		{"http_req_duration", "avg<fast", "not a number"},
		{"http_req_duration", "avg<1 over soon", "window"},
		{"http_req_duration", "avg<1 over 10ms", "window"},
		{"http_req_duration", "", "not a condition"},
		{"http_req_duration{endpoint}", "avg<1", "tag:value"},
		{"http req", "avg<1", "neither"},
	} {
		if _, err := threshold.Parse(c.selector, c.source); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s: %v, want it to say %q", c.selector, c.source, err, c.says)
		}
	}
	r, s := run(t)
	var all []threshold.Threshold
	for _, c := range [][2]string{{"http_req_duraton", "avg<1"}, {"http_reqs", "p(95)<1"}, {"checks", "avg<1"}, {"vus", "rate<1"}} {
		th, err := threshold.Parse(c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, th)
	}
	_, err := threshold.NewSet(r, s, all)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"did you mean http_req_duration?", "it has count, rate", "checks", "vus"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

// A minute of trouble in the middle of ten good ones fails a window, though not the whole run.
func TestWindows(t *testing.T) {
	r := metrics.NewRegistry()
	s := metrics.NewStore(r, start, nil)
	var all []threshold.Threshold
	for _, source := range []string{"p(95)<1000", "p(95)<1000 over 30s", "p(95)<3000 over 30s"} {
		th, err := threshold.Parse("http_req_duration", source)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, th)
	}
	set, err := threshold.NewSet(r, s, all)
	if err != nil {
		t.Fatal(err)
	}
	rec := s.Recorder()
	for second := 1; second <= 1200; second++ {
		ms := 100.0
		if second > 300 && second <= 340 {
			ms = 2000
		}
		rec.HTTP(&metrics.HTTPRequest{Tags: r.Tags(), Duration: ms})
		now := start.Add(time.Duration(second) * time.Second)
		s.Tick(now)
		if set.Evaluate(now) {
			t.Fatal("wants to abort without abortOnFail")
		}
	}
	got := set.Results()
	if got[0].State != threshold.Passed || got[1].State != threshold.Failed || got[2].State != threshold.Passed {
		t.Errorf("whole run %v, 30 s window %v, wider bound %v", got[0].State, got[1].State, got[2].State)
	}
	if at := got[1].FailedAt; at < 301*time.Second || at > 306*time.Second {
		t.Errorf("the window failed at %v, want just after 300 s", at)
	}
	if v := got[2].Value; v < 1999 || v > 2001 {
		t.Errorf("the worst window is %v, want 2000", v)
	}
}

func TestAbort(t *testing.T) {
	r, s := run(t)
	th, err := threshold.Parse("http_req_duration", "avg<1")
	if err != nil {
		t.Fatal(err)
	}
	th.AbortOnFail, th.DelayAbortEval = true, 20*time.Second
	set, err := threshold.NewSet(r, s, []threshold.Threshold{th})
	if err != nil {
		t.Fatal(err)
	}
	if set.Evaluate(start.Add(10 * time.Second)) {
		t.Error("aborts before its delay")
	}
	if !set.Evaluate(start.Add(20*time.Second)) || set.Results()[0].FailedAt != 20*time.Second {
		t.Error("does not abort after its delay")
	}
}
