package scenario_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

// unchanged fails the test where making another test of o changed o.
func unchanged(t *testing.T, o *scenario.Options) {
	t.Helper()
	before := write(t, o)
	t.Cleanup(func() {
		if after := write(t, o); after != before {
			t.Errorf("the test itself was changed to %s", after)
		}
	})
}

func must(t *testing.T) func(*scenario.Options, error) *scenario.Options {
	return func(o *scenario.Options, err error) *scenario.Options {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if problems := o.Validate(); len(problems) > 0 {
			t.Fatalf("it can't be run any more: %v", problems)
		}
		return o
	}
}

func TestTimeScaled(t *testing.T) {
	o := named(t, "core")
	unchanged(t, o)
	got := must(t)(o.TimeScaled(1.0 / 60))
	load, stress := got.Scenarios[0].(*executor.RampingVUs), got.Scenarios[1].(*executor.RampingVUs)
	if load.Stages[1] != (executor.Stage{Duration: executor.Duration(10 * time.Second), Target: 100}) || load.GracefulRampDown != executor.Duration(10*time.Second) {
		t.Errorf("minutes become seconds, graceful stops and users stay: %+v", load)
	}
	if stress.StartTime != executor.Duration(46*time.Second) || got.Length() != 89*time.Second {
		t.Errorf("stress starts at %s, all takes %s", stress.StartTime, got.Length())
	}
	if !slices.Equal(conditions(got), conditions(o)) {
		t.Errorf("thresholds must not scale with time: %q", conditions(got))
	}
	if !slices.Equal(got.Scaled, []string{"time x 0.01667"}) {
		t.Errorf("it is marked as %q", got.Scaled)
	}
	if same := must(t)(o.TimeScaled(1)); len(same.Scaled) > 0 {
		t.Errorf("time x 1 is marked as %q", same.Scaled)
	}
	for _, factor := range []float64{0, -1, 1e6, 1e300} {
		if _, err := o.TimeScaled(factor); err == nil {
			t.Errorf("time x %v is accepted", factor)
		}
	}
}

// What is measured in time goes with it, and stays possible.
func TestTimeOfThresholdsSearchesAndRecoveries(t *testing.T) {
	o := parse(t, `
scenarios: {a: {executor: constant-arrival-rate, rate: 10, duration: 10m, preAllocatedVUs: 5}}
thresholds:
  http_req_duration: ["p(95)<100 over 2m", {threshold: avg<9, abortOnFail: true, delayAbortEval: 5m}]
  http_reqs: ["count>=6000", "count<9000", "rate>9"]
search: {start: 1, max: 10, hold: 2m, settle: 1m, pause: 30s, maxDuration: 1h}
recovery: {at: 1m, hold: 90s, within: 5m}
`)
	unchanged(t, o)
	got := must(t)(o.TimeScaled(0.1))
	if want := []string{"http_req_duration avg<9", "http_req_duration p(95)<100 over 12s", "http_reqs count<9000", "http_reqs count>=600", "http_reqs rate>9"}; !slices.Equal(conditions(got), want) {
		t.Errorf("got %q\nwant %q", conditions(got), want)
	}
	for _, c := range got.Thresholds {
		if c.AbortOnFail && c.DelayAbortEval != 30*time.Second {
			t.Errorf("%s waits for %s, want 30s", c.Source, c.DelayAbortEval)
		}
		if strings.Contains(c.Source, "over") && c.Window != 12*time.Second {
			t.Errorf("%s looks at %s", c.Source, c.Window)
		}
	}
	s, r := got.Search, got.Recovery
	if s.Hold != executor.Duration(12*time.Second) || s.Settle != executor.Duration(6*time.Second) || s.Pause != executor.Duration(3*time.Second) || s.MaxDuration != executor.Duration(360*time.Second) {
		t.Errorf("search %+v", s)
	}
	if r.At != executor.Duration(6*time.Second) || r.Hold != executor.Duration(9*time.Second) || r.Within != executor.Duration(30*time.Second) {
		t.Errorf("recovery %+v", r)
	}
	// A hundred-thousandth of the time would be less than can be run.
	tiny := must(t)(o.TimeScaled(1e-5))
	if d := tiny.Scenarios[0].(*executor.ConstantArrivalRate).Duration; d != executor.Duration(time.Second) {
		t.Errorf("the shortest duration is %s, want k6's second", d)
	}
}

func TestLasting(t *testing.T) {
	o := named(t, "endurance")
	unchanged(t, o)
	got := must(t)(o.Lasting(72 * time.Hour))
	if got.Length() != 72*time.Hour || !slices.Equal(got.Scaled, []string{"duration 72h0m0s instead of 24h0m0s"}) {
		t.Errorf("%s, %q", got.Length(), got.Scaled)
	}
	if same := must(t)(o.Lasting(24 * time.Hour)); len(same.Scaled) > 0 {
		t.Errorf("the duration that it has is marked as %q", same.Scaled)
	}
	search := must(t)(named(t, "stress").Lasting(30 * time.Minute))
	if search.Length() != 30*time.Minute || search.Search.Hold != named(t, "stress").Search.Hold {
		t.Errorf("a search of %s, each rate for %s", search.Length(), search.Search.Hold)
	}
	if _, err := o.Lasting(11 * 365 * 24 * time.Hour); err == nil {
		t.Error("eleven years are accepted")
	}
	if _, err := named(t, "stress").Lasting(time.Minute); err == nil || !strings.Contains(err.Error(), "scale time too") {
		t.Errorf("a search shorter than a step: %v", err)
	}
	endless := must(t)(parse(t, "scenarios: {a: {executor: externally-controlled, vus: 1, maxVUs: 2, duration: 0}}").Lasting(time.Minute))
	if endless.Length() != time.Minute {
		t.Errorf("what had no end takes %s, want 1m", endless.Length())
	}
}

func TestOnly(t *testing.T) {
	o := named(t, "core")
	unchanged(t, o)
	got := must(t)(o.Only("spike_test", "stress_test"))
	if len(got.Scenarios) != 2 || got.Scenarios[0].Common().Name != "stress_test" || got.Scenarios[0].Common().StartTime != 0 {
		t.Errorf("want stress_test at once and spike_test: %s", write(t, got.Scenarios))
	}
	if start := got.Scenarios[1].Common().StartTime; start != executor.Duration(31*60*time.Second) {
		t.Errorf("spike_test must start 31 minutes after stress_test, as in the whole test, got %s", start)
	}
	if !slices.Equal(got.Scaled, []string{"only stress_test, spike_test"}) {
		t.Errorf("it is marked as %q", got.Scaled)
	}
	if _, err := o.Only("sp1ke_test"); err == nil || !strings.Contains(err.Error(), "did you mean spike_test?") {
		t.Errorf("want a near miss, got %v", err)
	}
	if all := must(t)(o.Only("load_test", "stress_test", "spike_test")); len(all.Scaled) > 0 {
		t.Errorf("all of them are marked as %q", all.Scaled)
	}
	two := parse(t, `
scenarios:
  a: {executor: constant-vus, duration: 10s}
  b: {executor: constant-vus, duration: 10s}
thresholds: {"http_reqs{scenario:a}": [count>1], "http_reqs{scenario:b}": [count>1], http_reqs: [count>1]}`)
	if got := conditions(must(t)(two.Only("b"))); !slices.Equal(got, []string{"http_reqs count>1", "http_reqs{scenario:b} count>1"}) {
		t.Errorf("thresholds on what does not run must go: %q", got)
	}
}

func TestWithVUs(t *testing.T) {
	o := must(t)(named(t, "core").WithTargets("medianest-maximum"))
	unchanged(t, o)
	got := must(t)(o.WithVUs(100)) // of 1,000
	peaks := []int{got.Scenarios[0].PeakVUs(), got.Scenarios[1].PeakVUs(), got.Scenarios[2].PeakVUs()}
	if !slices.Equal(peaks, []int{20, 60, 100}) || got.Length() != o.Length() {
		t.Errorf("got %v users in %s, want a tenth of 200, 600 and 1,000 in the same time", peaks, got.Length())
	}
	want := strings.NewReplacer("http_reqs rate>100", "http_reqs rate>10", "http_reqs rate>=5000", "http_reqs rate>=500", "vus_max value>=10000", "vus_max value>=1000").
		Replace(strings.Join(conditions(o), "\n"))
	if got := strings.Join(conditions(got), "\n"); got != want {
		t.Errorf("a tenth of the users owes a tenth of the requests, and no more: got\n%s\nwant\n%s", got, want)
	}
	if !slices.Equal(got.Scaled, []string{"at most 100 users instead of 1000"}) {
		t.Errorf("it is marked as %q", got.Scaled)
	}
	if one := must(t)(o.WithVUs(1)); one.Scenarios[0].PeakVUs() != 1 {
		t.Errorf("one user of 1,000 leaves %d of 200, want at least one", one.Scenarios[0].PeakVUs())
	}
	if _, err := named(t, "database").WithVUs(5); err == nil || !strings.Contains(err.Error(), "scale its rate") {
		t.Errorf("a test of rates: %v", err)
	}
	if _, err := o.WithVUs(0); err == nil {
		t.Error("no users are accepted")
	}
	for kind, text := range map[string]string{
		"constant":   "{executor: constant-vus, vus: 10, duration: 10s}",
		"per VU":     "{executor: per-vu-iterations, vus: 10, iterations: 5}",
		"shared":     "{executor: shared-iterations, vus: 10, iterations: 10}",
		"controlled": "{executor: externally-controlled, vus: 5, maxVUs: 10, duration: 10s}",
	} {
		if got := must(t)(parse(t, "scenarios: {a: "+text+"}").WithVUs(30)).Scenarios[0].PeakVUs(); got != 30 {
			t.Errorf("%s: %d users, want 30", kind, got)
		}
	}
}

func TestWithRate(t *testing.T) {
	o := named(t, "database")
	unchanged(t, o)
	got := must(t)(o.WithRate(30)) // of 300
	load, stress := got.Scenarios[0].(*executor.ConstantArrivalRate), got.Scenarios[1].(*executor.RampingArrivalRate)
	if load.Rate != 5 || load.PreAllocatedVUs != 5 || load.MaxVUs != 20 || stress.StartRate != 5 || stress.Stages[2].Target != 30 {
		t.Errorf("want a tenth of all rates and users: %s", write(t, got.Scenarios))
	}
	if !slices.Equal(got.Scaled, []string{"at most 30 iterations/s instead of 300"}) {
		t.Errorf("it is marked as %q", got.Scaled)
	}
	slow := must(t)(o.WithRate(1)).Scenarios[0].(*executor.ConstantArrivalRate)
	if perMinute := float64(slow.Rate) / time.Duration(slow.TimeUnit).Minutes(); perMinute < 9.9 || perMinute > 10.1 {
		t.Errorf("a 300th of 50/s is %d every %s, want 10 a minute", slow.Rate, slow.TimeUnit)
	}
	search := must(t)(named(t, "stress").WithRate(455)) // of 5,000
	if search.Search.Start != 9 || search.Search.Max != 455 || !slices.Equal(search.Scaled, []string{"at most 455 iterations/s instead of 5000"}) {
		t.Errorf("a search up to a tenth of the rate: %+v, marked as %q", search.Search, search.Scaled)
	}
	if step := search.AtRate(20).Scenarios[1].(*executor.ConstantArrivalRate); step.Rate != 20 || step.TimeUnit != executor.Duration(time.Second) || step.MaxVUs != 910 {
		t.Errorf("a step of that search: %+v", step)
	}
	if _, err := named(t, "stress").WithRate(0.5); err == nil || !strings.Contains(err.Error(), "too low for a search") {
		t.Errorf("a search below one a second: %v", err)
	}
	if _, err := named(t, "core").WithRate(5); err == nil || !strings.Contains(err.Error(), "scale its users") {
		t.Errorf("a test of users: %v", err)
	}
	if high, err := o.WithRate(1e300); err != nil || len(high.Validate()) == 0 {
		t.Errorf("1e300 a second are %s, %v", write(t, high.Scenarios), err)
	}
	if _, err := o.WithRate(0); err == nil {
		t.Error("no rate is accepted")
	}
}

// Changes add up, each with its mark, in any order.
func TestChangesAddUp(t *testing.T) {
	o := named(t, "core")
	a := must(t)(must(t)(must(t)(o.Only("spike_test")).TimeScaled(0.5)).WithVUs(10))
	b := must(t)(must(t)(must(t)(o.WithVUs(10)).TimeScaled(0.5)).Only("spike_test"))
	if !reflect.DeepEqual(a.Scenarios, b.Scenarios) {
		t.Errorf("%s\n%s", write(t, a.Scenarios), write(t, b.Scenarios))
	}
	if len(a.Scaled) != 3 || len(b.Scaled) != 3 {
		t.Errorf("marked as %q and %q", a.Scaled, b.Scaled)
	}
}

func TestVerifying(t *testing.T) {
	o := named(t, "core")
	unchanged(t, o)
	with := must(t)(o.Verifying(0.1))
	if !slices.Contains(conditions(with), "data_verified rate==1") || with.VerifyData != 0.1 {
		t.Errorf("%v verified, thresholds %q", with.VerifyData, conditions(with))
	}
	if without := must(t)(with.Verifying(0)); !slices.Equal(conditions(without), conditions(o)) {
		t.Errorf("thresholds %q", conditions(without))
	}
	if _, err := o.Verifying(2); err == nil {
		t.Error("a share of 2 is accepted")
	}
}
