package scenario_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

func parsed(t *testing.T, text string) *scenario.Options {
	t.Helper()
	o, err := scenario.Parse("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSteady(t *testing.T) {
	for text, want := range map[string][2]time.Duration{
		"{vus: 5, duration: 1m}": {0, time.Minute},
		"{stages: [{duration: 10m, target: 5}, {duration: 1h, target: 5}, {duration: 5m, target: 0}]}":                            {10 * time.Minute, 70 * time.Minute},
		"{stages: [{duration: 10m, target: 5}, {duration: 1h, target: 5}, {duration: 0s, target: 9}, {duration: 2h, target: 9}]}": {70 * time.Minute, 190 * time.Minute},
		"{vus: 3, stages: [{duration: 20m, target: 3}, {duration: 1h, target: 9}]}":                                               {0, 20 * time.Minute},
		"{stages: [{duration: 1h, target: 5}]}":                                                                                   {0, 0},
		"scenarios: {a: {executor: externally-controlled, vus: 1, maxVUs: 2, duration: 0}}":                                       {0, math.MaxInt64},
		`scenarios:
  a: {executor: constant-vus, vus: 1, duration: 1h}
  b: {executor: constant-arrival-rate, rate: 1, preAllocatedVUs: 1, startTime: 20m, duration: 5m}`: {25 * time.Minute, time.Hour},
		`scenarios:
  a: {executor: ramping-arrival-rate, startRate: 5, preAllocatedVUs: 1, stages: [{duration: 30m, target: 5}, {duration: 1m, target: 10}, {duration: 40m, target: 10}]}
  b: {executor: constant-vus, vus: 1, duration: 2h}`: {71 * time.Minute, 2 * time.Hour},
	} {
		if from, to := parsed(t, text).Steady(); from != want[0] || to != want[1] {
			t.Errorf("%s: steady from %s to %s, want %v", text, from, to, want)
		}
	}
}

func TestTrendsAreRead(t *testing.T) {
	o := parsed(t, `
duration: 1h
trends: {warmUp: 20%, confidence: 95%, tolerance: 1/4, errors: 2%, memoryLimit: 512MiB, databaseLimit: 1.5GB, horizon: 24h}`)
	want := scenario.Trends{WarmUp: 0.2, Confidence: 0.95, Tolerance: 0.25, Errors: 0.02, MemoryLimit: 512 << 20, DatabaseLimit: 1.5e9}
	if got := *o.Trends; time.Duration(got.Horizon) != 24*time.Hour {
		t.Errorf("horizon %s", got.Horizon)
	} else if got.Horizon = 0; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if o := parsed(t, "{duration: 1h, trends: {}}"); *o.Trends != *scenario.DefaultTrends() {
		t.Errorf("%+v", o.Trends)
	}
	for text, hint := range map[string]string{
		"trends: {memryLimit: 1}":     "did you mean memoryLimit?",
		"trends: {memoryLimit: much}": "512MiB",
		"trends: {warmUp: 95%}":       "trends.warmUp: is 0.95",
		"trends: {confidence: 1}":     "trends.confidence: is 1",
		"trends: {confidence: 10%}":   "trends.confidence: is 0.1",
		"trends: {errors: 2}":         "trends.errors: is 2",
		"trends: {horizon: tomorrow}": "trends.horizon",
	} {
		if _, err := scenario.Parse("x", []byte("duration: 1m\n"+text)); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: want %q in %v", text, hint, err)
		}
	}
	for _, name := range []string{"volume", "endurance"} {
		o, err := scenario.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if from, to := o.Steady(); o.Trends == nil || o.Trends.MemoryLimit != 2<<30 || to-from < o.Length()*9/10 {
			t.Errorf("%s: judged by %+v from %s to %s of %s", name, o.Trends, from, to, o.Length())
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]scenario.Size{"0": 0, "100": 100, "100B": 100, "2GiB": 2 << 30, " 1.5 GB ": 1.5e9, "3kB": 3000, "1TiB": 1 << 40} {
		got, err := scenario.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
		if again, err := scenario.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q and read as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1 2", "NaN", "1e40", "2GiBs"} {
		if got, err := scenario.ParseSize(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
	if s := scenario.Size(2 << 30).String(); s != "2GiB" {
		t.Errorf("2 GiB are %s", s)
	}
}

// TestTrendsOfATest: the ramps are not judged, thresholds are limits, and a test that does not ask gets no verdict.
func TestTrendsOfATest(t *testing.T) {
	const ask = `
stages: [{duration: 30s, target: 5}, {duration: 100s, target: 5}, {duration: 30s, target: 0}]
thresholds: {http_req_duration: ["p(95)<900", "p(95)<1000", "p(50) < 300", "p(95)<5 over 1m"], "http_req_duration{name:x}": ["p(95)<1"], http_req_failed: ["rate<=0.01"]}
`
	// Slow in the ramps, and of one duration between them.
	var points []metrics.Point
	for i := range 160 {
		p := metrics.Point{Start: time.Duration(i) * time.Second, Length: time.Second}
		var h metrics.Histogram
		h.AddN(map[bool]float64{false: 50, true: 500 + float64(i)}[i < 30 || i >= 130], 100)
		p.All.Requests = h.Count()
		p.All.Duration.AddHistogram(&h)
		points = append(points, p)
	}
	if got := parsed(t, ask).JudgeTrends(points, nil, 160*time.Second, nil); got != nil {
		t.Errorf("not asked for: %v", got)
	}
	limits := map[string]float64{"p50": 300, "p95": 900, "throughput": 0, "share": 0.01}
	o := parsed(t, ask+"trends: {}")
	for _, v := range o.JudgeTrends(points, nil, 160*time.Second, nil) {
		word, _, _ := strings.Cut(v.Quantity, " ")
		if v.State != trend.Steady || v.Bad || v.Limit != limits[word] {
			t.Errorf("%+v, want it steady with the limit %v", v, limits[word])
		}
	}
	for _, v := range o.JudgeTrends(points[:51], nil, 51*time.Second, nil) {
		if v.State != trend.TooShort {
			t.Errorf("after 21 s of constant load: %+v", v)
		}
	}
}
