package monitor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/fault"
)

func TestRequestsByRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := running(t, Options{})
		h := m.Wrap("media", []Route{
			{"GET", "/health"}, {"GET", "/media/:id"}, {"GET", "/media/user/:userId"}, {"POST", "/media/upload"}, {"GET", "/media/:id/tags/:name"},
		}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		for _, c := range []struct{ method, path, want string }{
			{"GET", "/health", "GET /health"},
			{"HEAD", "/health", "GET /health"},
			{"POST", "/health", NoRoute},
			{"GET", "/health/", NoRoute},
			{"GET", "/media/7", "GET /media/:id"},
			{"GET", "/media/upload", "GET /media/:id"},
			{"POST", "/media/upload", "POST /media/upload"},
			{"GET", "/media/user", "GET /media/:id"},
			{"GET", "/media/user/7", "GET /media/user/:userId"},
			{"GET", "/media/user/tags/x", "GET /media/:id/tags/:name"},
			{"GET", "/media/7/tags/a%2Fb", "GET /media/:id/tags/:name"},
			{"GET", "/media/", NoRoute},
			{"GET", "/", NoRoute},
			{"OPTIONS", "*", NoRoute},
			{"BREW", "/media//tags/x", NoRoute},
		} {
			before := requests(m, c.want)
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(c.method, c.path, nil))
			settle(time.Second)
			if requests(m, c.want) != before+1 {
				t.Errorf("%s %s does not count as %s: %+v", c.method, c.path, c.want, m.Operations(time.Minute))
			}
		}
		for _, o := range m.Operations(time.Minute) {
			if o.Tags["service"] != "media" || o.Statuses["2xx"] != o.Requests {
				t.Errorf("an operation is %+v", o)
			}
		}
	})
}

func requests(m *Monitor, name string) (n uint64) {
	for _, o := range m.Operations(time.Minute) {
		if o.Name == name {
			n = o.Requests
		}
	}
	return n
}

// What clients met counts, whatever fault rules made of it: their latency, their answers, and connections that end.
func TestFaultRulesAreSeen(t *testing.T) {
	m := New(Options{})
	faults := fault.New(fault.Options{
		WriteError: func(w http.ResponseWriter, _ *http.Request, e *mockapi.Error) { w.WriteHeader(e.HTTPStatus()) },
	})
	t.Cleanup(faults.Clear)
	if _, err := faults.Add(
		fault.Rule{Match: fault.Match{Path: "/late"}, Latency: &fault.Latency{Fixed: fault.Duration(30 * time.Millisecond)}},
		fault.Rule{Match: fault.Match{Path: "/reset"}, Reset: true},
		fault.Rule{Match: fault.Match{Path: "/empty"}, Empty: true},
		fault.Rule{Match: fault.Match{Path: "/broken"}, Status: &fault.Status{Code: 503}},
		fault.Rule{Match: fault.Match{Path: "/throttled"}, Status: &fault.Status{Code: 429}},
		fault.Rule{Match: fault.Match{Path: "/cut"}, Truncate: &fault.Truncate{AfterBytes: 3}},
	); err != nil {
		t.Fatal(err)
	}
	var routes []Route
	paths := []string{"/late", "/reset", "/empty", "/broken", "/throttled", "/cut", "/fine", "/silent"}
	for _, path := range paths {
		routes = append(routes, Route{"GET", path})
	}
	watched := m.Wrap("api", routes, faults.Wrap("api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/silent" {
			_, _ = io.WriteString(w, "a whole answer")
		}
	})))
	var handlers sync.WaitGroup // a client may have its answer before the handler ends
	handlers.Add(len(paths))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer handlers.Done()
		watched.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	plain := &http.Transport{DisableKeepAlives: true} // on a connection that was used before, a client tries again
	t.Cleanup(plain.CloseIdleConnections)
	for _, path := range paths {
		resp, err := (&http.Client{Transport: plain}).Get(srv.URL + path)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	handlers.Wait()
	m.collect()
	want := map[string]string{
		"GET /late": "2xx", "GET /reset": "none", "GET /empty": "none", "GET /broken": "5xx", "GET /throttled": "429",
		"GET /cut": "none", "GET /fine": "2xx", "GET /silent": "2xx",
	}
	for _, o := range m.Operations(time.Minute) {
		class := want[o.Name]
		failed := class != "2xx"
		if o.Statuses[class] == 0 || len(o.Statuses) != 1 || failed != (o.Failed == o.Requests) {
			t.Errorf("%s is %+v, want %s", o.Name, o, class)
		}
		if o.Name == "GET /late" && o.Latency.P50 < 30*63/64. {
			t.Errorf("the late answer took %v ms, without the rule's 30", o.Latency.P50)
		}
		delete(want, o.Name)
	}
	if len(want) > 0 {
		t.Errorf("nothing is told of %v", want)
	}
	if n := m.Timeline(time.Second)[0].InFlight; n != 0 {
		t.Errorf("%d requests are under way for ever", n)
	}
}
