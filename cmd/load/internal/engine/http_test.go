package engine_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/client/tiny"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

func TestMain(m *testing.M) {
	tiny.ServeIfChild()
	os.Exit(m.Run())
}

// real runs a test against a real server with the real client.
func real(t *testing.T, o engine.Options) *run {
	t.Helper()
	if o.Registry == nil {
		o.Registry = metrics.NewRegistry()
	}
	if o.NewClient == nil {
		o.NewClient = func() client.Client { return client.NewRaw(client.Options{}) }
	}
	e, err := engine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, engine: e}
	if r.result, r.err = e.Run(t.Context()); r.err != nil {
		t.Fatal(r.err)
	}
	return r
}

func host(tb testing.TB, url string) *client.Host {
	tb.Helper()
	h, err := client.NewHost(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// What the runner counts is what the server has seen.
func TestAgainstARealServer(t *testing.T) {
	var served [2]atomic.Int64
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			served[1].Add(1)
			w.WriteHeader(http.StatusCreated)
			return
		}
		if n := served[0].Add(1); n%10 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, "hello")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	h := host(t, server.URL)
	s := &suite{iterate: func(v *vu.VU) error {
		v.Group("browse", func() {
			r := v.Do(&vu.Call{Method: "GET", Host: h, Path: "/media?page=1", Name: "media"})
			v.Check("status is 200", r.Status == 200)
		})
		v.Do(&vu.Call{Method: "POST", Host: h, Path: "/upload", Body: []byte("{}"), Tags: []string{"kind", "write"}})
		return nil
	}}
	each := executor.NewPerVUIterations("each")
	each.VUs, each.Iterations = 5, 100
	open := constantRate(1000, second, 5, 20)
	r := real(t, engine.Options{
		Scenarios:  append(of(each, s), of(open, s)...),
		Thresholds: []threshold.Threshold{threshold1(t, "http_req_failed{name:media}", "rate<0.11"), threshold1(t, "checks", "rate>0.99")},
	})
	gets, posts := served[0].Load(), served[1].Load()
	if n := int64(r.total("http_reqs", "name", "media").Sum); n != gets || n != int64(r.total("http_reqs", "group", "::browse").Sum) {
		t.Errorf("%d requests counted, %d served", n, gets)
	}
	if n := int64(r.total("http_reqs", "kind", "write", "status", "201", "group", "").Sum); n != posts || posts != 1500 {
		t.Errorf("%d uploads counted, %d served, want 1500", n, posts)
	}
	failed := r.total("http_req_failed", "name", "media")
	if n := int64(failed.Passes); n != gets/10 || r.total("checks", "check", "status is 200").Count-r.total("checks").Passes != uint64(n) {
		t.Errorf("%d failures counted of %d", n, gets/10)
	}
	if x := r.result.Thresholds; x[0].State != threshold.Passed || x[1].State != threshold.Failed {
		t.Errorf("thresholds %+v", x)
	}
	if n := int64(r.total("http_req_connecting").Count); n != gets+posts {
		t.Errorf("%d values of http_req_connecting", n)
	}
	if n := connections.Load(); n > 25 {
		t.Errorf("%d connections for at most 25 users", n)
	}
	late := r.total("http_req_lateness")
	if late.Count != 1000 || late.Values.Min() < 0 || r.total("http_req_service").Count != 2000 {
		t.Errorf("%d first requests of the open model, the earliest %v ms late", late.Count, late.Values.Min())
	}
	if r.result.Ended != engine.Completed || r.result.Health.Requests != uint64(gets+posts) || r.result.Health.OwnErrors != 0 {
		t.Errorf("%s, %+v", r.result.Ended, r.result.Health)
	}
}

// A target that stops answering does not keep a run from ending.
func TestAHangingTargetIsCutOff(t *testing.T) {
	release := make(chan struct{})
	hanging := make(chan struct{}, 5)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		hanging <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	h := host(t, server.URL)
	s := &suite{iterate: func(v *vu.VU) error {
		v.Do(&vu.Call{Method: "GET", Host: h, Path: "/", Name: "home"})
		return nil
	}}
	e, err := engine.New(engine.Options{
		Scenarios: of(constantVUs(5, 3600*second), s), Registry: metrics.NewRegistry(),
		NewClient: func() client.Client { return client.NewRaw(client.Options{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 5 {
			<-hanging
		}
		e.Stop()
		e.Stop()
	}()
	r, err := e.Run(t.Context())
	if err != nil || r.Ended != engine.Stopped || r.Progress.Iterations != 0 || r.Progress.Interrupted != 5 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Errors that the generator makes itself make the run invalid.
func TestOwnErrorsMakeARunInvalid(t *testing.T) {
	h := host(t, "http://127.0.0.1:1")
	s := &suite{iterate: func(v *vu.VU) error {
		v.Do(&vu.Call{Method: "GET", Host: h, Path: "/", Name: "home"})
		return nil
	}}
	c := executor.NewPerVUIterations("s")
	c.Iterations = 10
	r := real(t, engine.Options{Scenarios: of(c, s), NewClient: func() client.Client { return outOfSockets{} }})
	if r.result.Health.Valid || r.result.Health.OwnErrors != 10 || len(r.result.Health.Reasons) == 0 {
		t.Errorf("%+v", r.result.Health)
	}
	if !r.result.End.After(r.result.Start) || time.Since(r.result.End) < 0 {
		t.Errorf("from %v to %v", r.result.Start, r.result.End)
	}
}
