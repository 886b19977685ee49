package report

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	prompb "buf.build/gen/go/prometheus/prometheus/protocolbuffers/go"
	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/proto"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

func TestRemoteWriteTakesTheTotals(t *testing.T) {
	t.Setenv("K6_PROMETHEUS_RW_TREND_STATS", "p(99.9), count,max")
	t.Setenv("K6_PROMETHEUS_RW_USERNAME", "me")
	t.Setenv("K6_PROMETHEUS_RW_PASSWORD", "secret")
	registry := metrics.NewRegistry()
	store := metrics.NewStore(registry, time.Now(), nil)
	r, tags, b := store.Recorder(), registry.Tags("scenario", "load", "Zone", "eu", "group", ""), &registry.Builtin
	r.Add(b.HTTPReqs, tags, 1)
	r.Add(b.HTTPReqs, tags, 1)
	r.Add(b.Checks, tags, 1)
	r.Add(b.Checks, tags, 0)
	r.Add(b.VUs, tags, 7)
	for _, ms := range []float64{100, 2500} {
		r.Add(b.HTTPReqDuration, tags, ms)
	}
	store.Tick(time.Now())

	got := map[string]float64{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.URL.Path != "/api/v1/write" || user != "me" || password != "secret" || r.Header.Get("X-Prometheus-Remote-Write-Version") != "0.1.0" {
			t.Errorf("%s %s by %s: %v", r.Method, r.URL, user, r.Header)
		}
		packed, err := io.ReadAll(r.Body)
		body, unpacking := snappy.Decode(nil, packed)
		var w prompb.WriteRequest
		if err := errors.Join(err, unpacking, proto.Unmarshal(body, &w)); err != nil {
			t.Errorf("read the request: %v", err)
		}
		for _, s := range w.Timeseries {
			var labels []string
			for _, l := range s.Labels {
				labels = append(labels, l.Name+"="+l.Value)
			}
			if !slices.IsSorted(labels) || time.Since(time.UnixMilli(s.Samples[0].Timestamp)) > time.Minute {
				t.Errorf("%v at %d", labels, s.Samples[0].Timestamp)
			}
			got[strings.Join(labels, " ")] = s.Samples[0].Value
		}
	}))
	t.Cleanup(server.Close)
	p, err := PushRemoteWrite(server.URL+"/api/v1/write", store, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	for name, value := range map[string]float64{
		"http_reqs_total": 2, "checks_rate": 0.5, "vus": 7,
		"http_req_duration_p99_9": 2.5, "http_req_duration_count": 2, "http_req_duration_max": 2.5,
	} {
		want["Zone=eu __name__=k6_"+name+" scenario=load"] = value
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestRemoteWriteIsChecked(t *testing.T) {
	if err := CheckRemoteWrite("localhost:9090"); err == nil {
		t.Error("a URL without a scheme passes")
	}
	t.Setenv("K6_PROMETHEUS_RW_TREND_STATS", "p(99),best")
	if err := CheckRemoteWrite("http://localhost:9090/api/v1/write"); err == nil || !strings.Contains(err.Error(), `"best"`) {
		t.Errorf("got %v", err)
	}
}

// A redirect has taken no metrics, and where it leads to is told no secrets.
func TestPushesAreNotRedirected(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
	}))
	defer elsewhere.Close()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect} {
		moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		defer moved.Close()
		registry := metrics.NewRegistry()
		store := metrics.NewStore(registry, time.Now(), nil)
		store.Recorder().Add(registry.Builtin.HTTPReqs, registry.Tags(), 1)
		store.Tick(time.Now())
		otlp, err := PushOTLP(moved.URL, store, time.Now(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		remote, err := PushRemoteWrite(moved.URL, store, quiet)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []*Pusher{otlp, remote} {
			if err := p.Close(); err == nil || !strings.Contains(err.Error(), http.StatusText(status)) {
				t.Errorf("the error is %v, want one of status %d", err, status)
			}
		}
	}
}
