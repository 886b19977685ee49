package vu_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// answers is a client that answers what it is told to.
type answers struct {
	status   int
	err      error
	released int
	registry *metrics.Registry // of the user's run
}

func (a *answers) Do(_ context.Context, req *client.Request, resp *client.Response) error {
	*resp = client.Response{Status: a.status, Proto: "HTTP/1.1", Timings: client.Timings{Start: time.Now(), Waiting: 5 * time.Millisecond}}
	if a.err != nil {
		resp.Status = 0
	}
	return a.err
}

func (a *answers) Release() { a.released++ }
func (a *answers) Close()   {}

// user is a user who has begun an iteration, and what counts it.
func user(t *testing.T, a *answers) (*vu.VU, func(metric string, tags ...string) *metrics.Sink) {
	t.Helper()
	registry := metrics.NewRegistry()
	a.registry = registry
	store := metrics.NewStore(registry, time.Now(), nil)
	v := vu.New(vu.Config{ID: 7, Registry: registry, Recorder: store.Recorder(), Client: a, Sleep: func(context.Context, time.Duration) {}})
	v.Begin(t.Context(), registry.Tags("scenario", "load"))
	return v, func(metric string, tags ...string) *metrics.Sink {
		t.Helper()
		store.Tick(time.Now())
		sel := metrics.Selector{Metric: metric, Tags: map[string]string{}}
		for i := 0; i+1 < len(tags); i += 2 {
			sel.Tags[tags[i]] = tags[i+1]
		}
		return store.Total(sel)
	}
}

func host(t testing.TB) *client.Host {
	t.Helper()
	h, err := client.NewHost(t.Context(), "http://127.0.0.1:3000")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTagsOfRequests(t *testing.T) {
	a := &answers{status: 201}
	v, total := user(t, a)
	h := host(t)
	v.Group("upload", func() {
		v.Group("inner", func() {
			v.Do(&vu.Call{Method: "POST", Host: h, Path: "/media", Name: "upload", Tags: []string{"endpoint", "media"}})
		})
		v.Check("created", true)
	})
	a.status = 404
	v.Do(&vu.Call{Method: "GET", Host: h, Path: "/none?page=1"})
	v.Do(&vu.Call{Method: "GET", Host: h, Path: "/none", Name: "none", Expected: func(s int) bool { return s == 404 }})
	a.err = &client.Error{Kind: client.Refused, Doing: "connect", Err: errors.New("refused")}
	v.Do(&vu.Call{Method: "GET", Host: h, Path: "/", Name: "home", Expected: func(int) bool { return true }})
	for _, c := range []struct {
		tags   []string
		count  float64
		failed uint64
	}{
		{[]string{"scenario", "load"}, 4, 2},
		{[]string{"group", "::upload::inner", "name", "upload", "endpoint", "media", "method", "POST", "status", "201", "expected_response", "true", "proto", "HTTP/1.1"}, 1, 0},
		{[]string{"group", "", "name", "http://127.0.0.1:3000/none?page=1", "status", "404", "expected_response", "false"}, 1, 1},
		{[]string{"name", "none", "status", "404", "expected_response", "true"}, 1, 0},
		{[]string{"name", "home", "status", "0", "error", "connection refused", "expected_response", "false"}, 1, 1},
	} {
		if n, f := total("http_reqs", c.tags...).Sum, total("http_req_failed", c.tags...).Passes; n != c.count || f != c.failed {
			t.Errorf("%v: %v requests, %d failed", c.tags, n, f)
		}
	}
	if n := total("checks", "check", "created", "group", "::upload").Passes; n != 1 {
		t.Errorf("%d checks passed in the group", n)
	}
	if n := total("group_duration", "group", "::upload").Count; n != 1 {
		t.Errorf("%d durations of the group", n)
	}
	if n := total("http_req_lateness").Count + total("http_req_service").Count; n != 0 {
		t.Error("a closed model has a lateness")
	}
}

// What goes to one of several hosts has the same name whichever it is, and tells the host by a tag.
func TestRequestsToOneOfSeveralHosts(t *testing.T) {
	a := &answers{status: 200}
	v, total := user(t, a)
	other, err := client.NewHost(t.Context(), "http://127.0.0.1:3001")
	if err != nil {
		t.Fatal(err)
	}
	r := v.Do(&vu.Call{Method: "GET", Host: client.Spread([]*client.Host{other, host(t)}, 0), Path: "/media"})
	of := []*client.Host{other, host(t)}[(v.ID-1)%2].URL
	if r.URL != of+"/media" {
		t.Errorf("user %d asked for %s, want it of %s", v.ID, r.URL, of)
	}
	if n := total("http_reqs", "name", "http://127.0.0.1:3001/media", "host", of).Sum; n != 1 {
		t.Errorf("%v requests under the name of the first host and the tag host %s", n, of)
	}
	v.Do(&vu.Call{Method: "GET", Host: host(t), Path: "/alone"})
	if n := total("http_reqs", "name", "http://127.0.0.1:3000/alone").Count - total("http_reqs", "name", "http://127.0.0.1:3000/alone", "host", "http://127.0.0.1:3000").Count; n != 1 {
		t.Error("a request to the only host is tagged with it")
	}
}

func TestAnIterationThatIsCutOffCountsNoMore(t *testing.T) {
	a := &answers{status: 200}
	v, total := user(t, a)
	own, err := a.registry.New("error_rate", metrics.Rate, metrics.Default)
	if err != nil {
		t.Fatal(err)
	}
	h := host(t)
	get := func() vu.Response { return v.Do(&vu.Call{Method: "GET", Host: h, Path: "/", Name: "home"}) }
	get()
	a.err = &client.Error{Kind: client.Canceled, Doing: "wait", Err: context.Canceled}
	if r := get(); r.Err == nil || r.Status != 0 {
		t.Errorf("%+v", r)
	}
	a.err = nil
	get()
	v.Check("fine", false)
	v.AddRate(own, true)
	v.Group("g", func() {})
	if v.End(time.Second) {
		t.Error("the iteration counts as completed")
	}
	for name, want := range map[string]uint64{"http_reqs": 1, "checks": 0, "group_duration": 0, "iterations": 0, "iteration_duration": 0, "error_rate": 0, "http_req_failed": 1} {
		if n := total(name).Count; n != want {
			t.Errorf("%s has %d values, want %d", name, n, want)
		}
	}
	// The next one counts again.
	v.Begin(t.Context(), a.registry.Tags())
	if v.Iteration != 1 {
		t.Errorf("iteration %d", v.Iteration)
	}
}

func TestAPauseThatIsCutOffEndsTheIteration(t *testing.T) {
	a := &answers{status: 200}
	v, total := user(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v.Begin(ctx, a.registry.Tags())
	v.Sleep(time.Hour)
	v.Check("fine", false)
	if a.released != 1 || total("checks").Count != 0 || v.End(0) {
		t.Errorf("released %d times, %d checks", a.released, total("checks").Count)
	}
}

func TestBetween(t *testing.T) {
	v, _ := user(t, new(answers))
	seen := make(map[int]int)
	for range 4000 {
		seen[v.Between(3, 6)]++
	}
	for n := 3; n <= 6; n++ {
		if seen[n] < 850 || seen[n] > 1150 || len(seen) != 4 {
			t.Errorf("%v", seen)
		}
	}
}
