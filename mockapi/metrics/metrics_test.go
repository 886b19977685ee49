package metrics_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/metrics"
)

// store answers for one file, refuses another and panics at a third; everything else panics too.
type store struct{ mockapi.Store }

func (store) Media(_ context.Context, _ mockapi.Viewer, id int64) (mockapi.Media, error) {
	switch id {
	case 1:
		return mockapi.Media{ID: 1, SHA256: make([]byte, 32)}, nil
	case 2:
		return mockapi.Media{}, mockapi.Errorf(mockapi.CodeAccessDenied, "not yours")
	}
	panic("no such file")
}

func (store) Dataset(context.Context) (mockapi.Dataset, error) {
	return mockapi.Dataset{Fingerprint: "0123456789abcdef"}, nil
}

// What Prometheus is told: rate, errors and duration by route, the pool, the runtime, and the rules that fired.
func TestWhatPrometheusIsTold(t *testing.T) {
	faults := fault.New(fault.Options{
		WriteError: func(w http.ResponseWriter, _ *http.Request, e *mockapi.Error) { w.WriteHeader(e.HTTPStatus()) },
	})
	t.Cleanup(faults.Clear)
	rule := fault.Rule{Name: "no-tags", Match: fault.Match{Path: "/api/v1/tags"}, Status: &fault.Status{Code: 503}}
	if _, err := faults.Add(rule); err != nil {
		t.Fatal(err)
	}
	m := metrics.New(func() mockapi.PoolStats {
		return mockapi.PoolStats{Max: 8, Busy: 3, Idle: 2, Acquired: 40, Waited: 5, WaitTime: 1500 * time.Millisecond, SlowOrBroken: 6}
	}, faults)
	api := handler.NewAPI(store{}, auth.New(auth.Options{}), handler.Options{
		Middleware: []handler.Middleware{m.Middleware("api")},
	})
	h := faults.Wrap("api", api.Handler(api.Service(handler.ServiceAPI)))
	for _, path := range []string{"/api/v1/media/1", "/api/v1/media/1", "/api/v1/media/2", "/api/v1/media/3", "/nowhere", "/api/v1/tags"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	told := w.Body.String()
	for _, line := range []string{
		`medianest_http_requests_total{method="GET",route="/api/v1/media/:id",service="api",status="200"} 2`,
		`medianest_http_requests_total{method="GET",route="/api/v1/media/:id",service="api",status="403"} 1`,
		`medianest_http_requests_total{method="GET",route="/api/v1/media/:id",service="api",status="500"} 1`,
		`medianest_http_requests_total{method="",route="",service="api",status="404"} 1`,
		`medianest_http_request_duration_seconds_count{method="GET",route="/api/v1/media/:id",service="api"} 4`,
		`medianest_http_request_duration_seconds_bucket{method="GET",route="/api/v1/media/:id",service="api",le="0.2"} 4`,
		`medianest_http_requests_in_flight{service="api"} 0`,
		`medianest_db_pool_connections{state="busy"} 3`,
		`medianest_db_pool_connections{state="idle"} 2`,
		`medianest_db_pool_max_connections 8`,
		`medianest_db_pool_acquired_total 40`,
		`medianest_db_pool_waited_total 5`,
		`medianest_db_pool_wait_seconds_total 1.5`,
		`medianest_db_unavailable_total 6`,
		`medianest_fault_fired_total{name="no-tags",rule="rule-1"} 1`,
	} {
		if !strings.Contains(told, "\n"+line+"\n") {
			t.Errorf("Prometheus is not told\n%s", line)
		}
	}
	for _, name := range []string{"go_goroutines ", "go_memstats_alloc_bytes "} {
		if !strings.Contains(told, "\n"+name) {
			t.Errorf("Prometheus is not told %s", name)
		}
	}
	if t.Failed() {
		t.Log(told)
	}
}
