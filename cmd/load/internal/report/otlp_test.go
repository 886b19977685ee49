package report

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	exporting "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// gatherer is a collector of OpenTelemetry's that keeps what it is sent.
type gatherer struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	got      []*exporting.ExportMetricsServiceRequest
	// answer, where it is not nil, answers the n-th request, from 1.
	answer func(n int, w http.ResponseWriter)
}

func gather(t *testing.T) *gatherer {
	t.Helper()
	g := new(gatherer)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("the body is not compressed: %v", err)
			return
		}
		body, err := io.ReadAll(z)
		m := new(exporting.ExportMetricsServiceRequest)
		if err := errors.Join(err, proto.Unmarshal(body, m)); err != nil {
			t.Errorf("read the request: %v", err)
		}
		g.requests, g.got = append(g.requests, r), append(g.got, m)
		if g.answer != nil {
			g.answer(len(g.got), w)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// metric returns a metric that was sent, with the data points of all requests.
func (g *gatherer) metric(t *testing.T, name string) []*otlp.Metric {
	t.Helper()
	var found []*otlp.Metric
	for _, r := range g.got {
		for _, m := range r.ResourceMetrics[0].ScopeMetrics[0].Metrics {
			if m.Name == name {
				found = append(found, m)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s was not sent", name)
	}
	return found
}

func words(attributes []*common.KeyValue) string {
	var b strings.Builder
	for _, a := range attributes {
		b.WriteString(a.Key + "=" + a.Value.GetStringValue() + " ")
	}
	return strings.TrimSpace(b.String())
}

func quiet(error) {}

func TestOTLPTakesTheTotals(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20abc, X-Scope=medianest")
	t.Setenv("OTEL_SERVICE_NAME", "nightly")
	registry := metrics.NewRegistry()
	store := metrics.NewStore(registry, time.Now(), nil)
	r, tags := store.Recorder(), registry.Tags("scenario", "load", "group", "")
	b := &registry.Builtin
	for range 3 {
		r.Add(b.HTTPReqs, tags, 1)
	}
	for _, ok := range []float64{1, 1, 0} {
		r.Add(b.Checks, tags.With("check", "there"), ok)
	}
	r.Add(b.VUs, tags, 7)
	r.Add(b.VUs, tags, 5)
	r.Add(b.DataReceived, tags, 1000)
	values := []float64{0, 0.5, 1.5, 3, 100, 2500}
	for _, v := range values {
		r.Add(b.HTTPReqDuration, tags, v)
	}
	store.Tick(time.Now())
	g := gather(t)
	start := time.Now().Add(-time.Minute)
	p, err := PushOTLP(g.URL, store, start, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	if len(g.requests) != 1 || g.requests[0].URL.Path != "/v1/metrics" || g.requests[0].Method != "POST" {
		t.Fatalf("%d requests, the first to %s", len(g.requests), g.requests[0].URL)
	}
	h := g.requests[0].Header
	if h.Get("Authorization") != "Basic abc" || h.Get("X-Scope") != "medianest" || h.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("headers %v", h)
	}
	if name := words(g.got[0].ResourceMetrics[0].Resource.Attributes); name != "service.name=nightly" {
		t.Errorf("the resource is %s", name)
	}
	requests := g.metric(t, "http_reqs")[0].GetSum()
	if n := requests.DataPoints[0]; n.GetAsDouble() != 3 || words(n.Attributes) != "scenario=load" || !requests.IsMonotonic || n.StartTimeUnixNano != uint64(start.UnixNano()) {
		t.Errorf("http_reqs: %v", requests)
	}
	checks := map[string]int64{}
	for _, n := range g.metric(t, "checks")[0].GetSum().DataPoints {
		checks[words(n.Attributes)] = n.GetAsInt()
	}
	if len(checks) != 2 || checks["check=there scenario=load condition=nonzero"] != 2 || checks["check=there scenario=load condition=zero"] != 1 {
		t.Errorf("checks: %v", checks)
	}
	if n := g.metric(t, "vus")[0].GetGauge().DataPoints[0].GetAsDouble(); n != 5 {
		t.Errorf("vus: %v", n)
	}
	if unit := g.metric(t, "data_received")[0].Unit; unit != "By" {
		t.Errorf("data_received is in %s", unit)
	}
	m := g.metric(t, "http_req_duration")[0]
	d := m.GetExponentialHistogram().DataPoints[0]
	if m.Unit != "ms" || d.Count != 6 || d.ZeroCount != 1 || d.GetSum() != 2605 || d.GetMin() != 0 || d.GetMax() != 2500 {
		t.Errorf("http_req_duration in %s: %v", m.Unit, d)
	}
	if got := bounded(d.Positive.BucketCounts); got != 5 || len(d.Positive.BucketCounts) > maxBuckets {
		t.Errorf("%d values in %d buckets", got, len(d.Positive.BucketCounts))
	}
	for _, v := range values[1:] {
		if n := holding(d, v); n == 0 {
			t.Errorf("no bucket has %v", v)
		}
	}
}

func bounded(counts []uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// holding returns how many values the bucket around v has, or the one beside it: those of metrics.Histogram are
// coarse by 0.05 % themselves.
func holding(d *otlp.ExponentialHistogramDataPoint, v float64) (n uint64) {
	base := math.Exp2(math.Exp2(-float64(d.Scale)))
	for i, count := range d.Positive.BucketCounts {
		low := math.Pow(base, float64(int(d.Positive.Offset)+i))
		if v > low*0.999 && v <= low*base*1.001 {
			n += count
		}
	}
	return n
}

// Bucket bounds are those of OpenTelemetry's data model, whatever the spread: at most 160, and none wider than needed.
func TestExponentialBuckets(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		scale  int32
	}{
		"one value":      {[]float64{3}, maxScale},
		"a power of two": {[]float64{4, 4, 4}, maxScale},
		"one octave":     {[]float64{1.001, 2}, 7},
		"milliseconds":   {[]float64{0.2, 1, 5, 9000}, 3},
		"both signs":     {[]float64{-8, -1, 0, 2, 1024}, 4},
		"the extremes":   {[]float64{1e-300, 1e300}, -4},
	} {
		var h metrics.Histogram
		for _, v := range c.values {
			h.Add(v)
		}
		p := exponential(&h)
		n := bounded(p.Positive.BucketCounts) + bounded(p.Negative.BucketCounts) + p.ZeroCount
		if n != uint64(len(c.values)) || len(p.Positive.BucketCounts) > maxBuckets || len(p.Negative.BucketCounts) > maxBuckets {
			t.Errorf("%s: %d values in %d and %d buckets", name, n, len(p.Positive.BucketCounts), len(p.Negative.BucketCounts))
		}
		if p.Scale != c.scale {
			t.Errorf("%s: scale %d, want %d", name, p.Scale, c.scale)
		}
		for _, v := range c.values {
			if v > 0 && holding(p, v) == 0 {
				t.Errorf("%s: no bucket has %v", name, v)
			}
		}
	}
}

// full is a store with a counter under so many tag sets.
func full(series int) *metrics.Store {
	registry := metrics.NewRegistry()
	store := metrics.NewStore(registry, time.Now(), nil)
	r := store.Recorder()
	for i := range series {
		r.Add(registry.Builtin.HTTPReqs, registry.Tags("n", strings.Repeat("x", i)), 1)
	}
	store.Tick(time.Now())
	return store
}

func TestOTLPSendsManyInSeveralRequests(t *testing.T) {
	g := gather(t)
	p, err := PushOTLP(g.URL+"/otlp", full(maxPoints+1), time.Now(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	points := 0
	for _, m := range g.metric(t, "http_reqs") {
		points += len(m.GetSum().DataPoints)
	}
	if len(g.got) != 2 || points != maxPoints+1 || g.requests[0].URL.Path != "/otlp" {
		t.Errorf("%d points in %d requests to %s", points, len(g.got), g.requests[0].URL.Path)
	}
}

func TestWhatDoesNotArriveIsTold(t *testing.T) {
	partly, err := proto.Marshal(&exporting.ExportMetricsServiceResponse{PartialSuccess: &exporting.ExportMetricsPartialSuccess{RejectedDataPoints: 1, ErrorMessage: "too old"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		answer   func(n int, w http.ResponseWriter)
		requests int
		says     string
	}{
		"busy for a moment": {func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, 2, ""},
		"refused": {func(_ int, w http.ResponseWriter) { http.Error(w, "who are you?", http.StatusUnauthorized) }, 1, `401 Unauthorized "who are you?`},
		"partly":  {func(_ int, w http.ResponseWriter) { _, _ = w.Write(partly) }, 1, "1 data points were rejected: too old"},
	} {
		g := gather(t)
		g.answer = c.answer
		p, err := PushOTLP(g.URL, full(1), time.Now(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Close()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || len(g.got) != c.requests {
			t.Errorf("%s: %d requests, %v", name, len(g.got), err)
		}
	}
}

func TestOTLPHeadersAreChecked(t *testing.T) {
	if err := CheckOTLP("localhost:4318"); err == nil {
		t.Error("a URL without a scheme passes")
	}
	for _, check := range []func(string) error{CheckOTLP, CheckRemoteWrite} {
		if err := check("http://me:secret@localhost:4318"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("a password passes or is shown: %v", err)
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "secret")
	if err := CheckOTLP("http://localhost:4318"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// Totals are sent every ten seconds and at the end; one trouble is told once, however long it lasts.
func TestPusher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sent, failing := 0, false
		var told []error
		p := startPusher(&url.URL{Scheme: "http", Host: "collector", User: url.UserPassword("me", "secret")}, func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			if sent++; failing {
				return errors.New("nobody there")
			}
			return nil
		}, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err)
		})
		if strings.Contains(p.URL(), "secret") {
			t.Errorf("it tells the password: %s", p.URL())
		}
		for _, c := range []struct {
			failing     bool
			sent, tells int
		}{{false, 2, 0}, {true, 4, 1}, {false, 6, 1}, {true, 8, 2}} {
			mu.Lock()
			failing = c.failing
			mu.Unlock()
			time.Sleep(2*PushEvery + time.Second/10)
			synctest.Wait()
			mu.Lock()
			if sent != c.sent || len(told) != c.tells || (p.Err() != nil) != c.failing {
				t.Errorf("sent %d times, told %v, %v", sent, told, p.Err())
			}
			failing = false
			mu.Unlock()
		}
		if err := p.Close(); err != nil || sent != 9 {
			t.Errorf("sent %d times, %v", sent, err)
		}
	})
}
