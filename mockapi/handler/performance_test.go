package handler_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/contract/contracttest"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/monitor"
)

// watched is a mock of two routes with its monitor, in a bubble.
type watched struct {
	t       *testing.T
	monitor *monitor.Monitor
	routes  http.Handler // what is watched
	own     http.Handler // what tells of it
	http    *contracttest.Validator
	stop    context.CancelFunc // ends the monitor
}

func newWatched(t *testing.T, v *contracttest.Validator) *watched {
	t.Helper()
	m := monitor.New(monitor.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go m.Run(ctx)
	api := handler.NewAPI(nil, auth.New(auth.Options{}), handler.Options{})
	return &watched{t: t, monitor: m, own: api.Handler(api.Performance(m)), http: v, stop: cancel,
		routes: m.Wrap("api", []monitor.Route{{Method: "GET", Path: "/quick"}, {Method: "GET", Path: "/slow/:ms"}},
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if ms, slow := strings.CutPrefix(r.URL.Path, "/slow/"); slow {
					d, err := time.ParseDuration(ms + "ms")
					if err != nil {
						w.WriteHeader(http.StatusInternalServerError)
					}
					time.Sleep(d) // in a bubble
				}
			})),
	}
}

// visit sends requests to the watched routes, one after another.
func (w *watched) visit(n int, path string) {
	for range n {
		w.routes.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
}

// ask sends a request to the monitor's routes, and holds it and the answer against the document.
func (w *watched) ask(method, path, body string, header ...string) *answer {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.own.ServeHTTP(rec, r)
	x := &contracttest.Exchange{
		Service: "api", Method: method, Path: r.URL.Path, Query: r.URL.RawQuery, RequestHeader: r.Header, RequestBody: []byte(body),
		Status: rec.Code, Header: rec.Result().Header, Body: rec.Body.Bytes(),
	}
	if err := w.http.Check(x); err != nil {
		w.t.Error(err)
	}
	a := &answer{t: w.t, what: method + " " + path, status: rec.Code, header: x.Header, raw: x.Body}
	if err := json.Unmarshal(a.raw, &a.body); err != nil {
		w.t.Fatalf("%s is no JSON: %s", x, x.Body)
	}
	return a
}

func validator(t *testing.T) *contracttest.Validator {
	t.Helper()
	v, err := contracttest.New()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPerformanceMetrics(t *testing.T) {
	v := validator(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, v)
		empty := w.ask("GET", "/api/v1/performance/metrics", "")
		for field, want := range map[string]any{
			"totalRequests": 0.0, "averageResponseTime": nil, "p95ResponseTime": nil, "p99ResponseTime": nil, "errorRate": nil, "throughput": 0.0,
		} {
			if got, there := empty.body[field]; !there || got != want {
				t.Errorf("before any request, %s is %v, want %v", field, got, want)
			}
		}

		w.visit(10, "/slow/2000") // long before the window below
		time.Sleep(10 * time.Minute)
		w.visit(19, "/quick")
		w.visit(20, "/slow/50")
		w.visit(1, "/slow/oops")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		a := w.ask("GET", "/api/v1/performance/metrics?timeWindow=60000", "")
		for field, want := range map[string]any{
			"timeWindow": 60000.0, "totalRequests": 40.0, "failedRequests": 1.0, "averageResponseTime": 25.0, "errorRate": 2.5, "throughput": 40.0 / 60,
		} {
			if a.body[field] != want {
				t.Errorf("%s is %v, want %v", field, a.body[field], want)
			}
		}
		for _, field := range []string{"p95ResponseTime", "p99ResponseTime"} {
			if got, _ := a.body[field].(float64); got < 50*63/64. || got > 50 {
				t.Errorf("%s is %v, want 50", field, a.body[field])
			}
		}
		top, _ := a.body["topSlowOperations"].([]any)
		if len(top) != 2 {
			t.Fatalf("the slow operations are %v", top)
		}
		slowest, _ := top[0].(map[string]any)
		if slowest["operation"] != "GET /slow/:ms" || slowest["service"] != "api" || slowest["duration"] != 50.0 || slowest["requests"] != 21.0 || slowest["failed"] != 1.0 {
			t.Errorf("the slowest operation is %v", slowest)
		}
		if alerts, _ := a.body["performanceAlerts"].([]any); len(alerts) != 0 {
			t.Errorf("there are alerts of before the window: %v", alerts)
		}
		hour := w.ask("GET", "/api/v1/performance/metrics?timeWindow=3600000", "")
		if alerts, _ := hour.body["performanceAlerts"].([]any); hour.body["totalRequests"] != 50.0 || len(alerts) != 1 {
			t.Errorf("an hour has %v requests and the alerts %v, want 50 and one of the response time", hour.body["totalRequests"], hour.body["performanceAlerts"])
		}
		for _, window := range []string{"999", "21600001", "-1", "five", "1e5"} {
			w.ask("GET", "/api/v1/performance/metrics?timeWindow="+window, "").fails(mockapi.CodeValidation)
		}
	})
}

func TestRealUserMonitoring(t *testing.T) {
	v := validator(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, v)
		const rum = "/api/v1/performance/rum"
		for _, c := range []struct{ contentType, body string }{
			{"text/plain;charset=UTF-8", `{"name":"LCP","value":1000,"rating":"poor","delta":1000,"id":"v5-1","navigationType":"navigate","entries":[],"page":"/media/7"}`},
			{"application/json", `[{"name":"LCP","value":5000,"page":"/media/8?from=search"},{"name":"CLS","value":0.05}]`},
			{"", `{"name":"LCP","value":1000,"page":"/media/9","id":null}`},
		} {
			header := []string{"Content-Type", c.contentType}
			if c.contentType == "" {
				header = nil
			}
			if a := w.ask("POST", rum, c.body, header...); a.status != http.StatusAccepted {
				t.Errorf("%s %s answered %d: %s", c.contentType, c.body, a.status, a.raw)
			}
		}
		a := w.ask("POST", rum, `[{"name":"FID","value":-1,"rating":"fine"},{"name":"LCP"},null]`)
		a.fails(mockapi.CodeValidation)
		for _, problem := range []string{`is \"FID\"`, "is -1", `is \"fine\"`, "is missing"} {
			if !strings.Contains(string(a.raw), problem) {
				t.Errorf("the answer does not tell that one %s: %s", problem, a.raw)
			}
		}
		w.ask("POST", rum, `[]`).fails(mockapi.CodeValidation)
		w.ask("POST", rum, `"LCP"`).fails(mockapi.CodeValidation)
		w.ask("POST", rum, ``).fails(mockapi.CodeValidation)
		w.ask("POST", rum, `{"name":"LCP","value":1}`, "Content-Type", "application/x-www-form-urlencoded").fails(mockapi.CodeUnsupportedMedia)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		var shown struct{ RealUserMonitoring []monitor.VitalSummary }
		if err := json.Unmarshal(w.ask("GET", "/api/v1/performance/metrics", "").raw, &shown); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range shown.RealUserMonitoring {
			got += fmt.Sprintf("%s at %s: %d, good %.2f, poor %.2f\n", s.Name, s.Page, s.Count, s.Good, s.Poor)
		}
		if want := "LCP at *: 3, good 0.67, poor 0.33\nLCP at /media/:id: 3, good 0.67, poor 0.33\nCLS at *: 1, good 1.00, poor 0.00\nCLS at other: 1, good 1.00, poor 0.00\n"; got != want {
			t.Errorf("it shows\n%swant\n%s", got, want)
		}
	})
}

// pipes is a network inside a bubble: connections without buffers, whose deadlines are of the bubble's clock.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "bubble"} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p <- server
	return client, nil
}

// serve serves the monitor's routes with timeouts that are shorter than a stream.
func (w *watched) serve() (*http.Server, *http.Client) {
	network := make(pipes)
	srv := &http.Server{Handler: w.own, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, ReadHeaderTimeout: 5 * time.Second}
	var served sync.WaitGroup
	served.Go(func() { _ = srv.Serve(network) })
	w.t.Cleanup(func() { _ = srv.Close(); served.Wait() })
	transport := &http.Transport{DialContext: network.dial, DisableKeepAlives: true}
	return srv, &http.Client{Transport: transport}
}

// event is one event of a stream.
type event struct{ id, kind, data string }

// readEvent reads the next event; io.EOF at the end of the stream.
func readEvent(stream *bufio.Reader) (e event, err error) {
	for {
		line, err := stream.ReadString('\n')
		if err != nil {
			return e, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			return e, nil
		}
	}
}

// A stream has events of every type within their schemas, outlives the server's timeouts, goes on where a reader
// left it, and ends with the monitor, so that a server can shut down.
func TestPerformanceEvents(t *testing.T) {
	v := validator(t)
	schemas := map[string]*jsonschema.Schema{}
	for kind, name := range map[string]string{
		monitor.EventMetric: "PerformancePoint", monitor.EventWarning: "PerformanceWarning", monitor.EventAlert: "PerformanceAlert", monitor.EventRUM: "PerformanceRum",
	} {
		var err error
		if schemas[kind], err = v.Compile("/components/schemas/" + name); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, v)
		srv, client := w.serve()
		follow := func(last string) (*http.Response, *bufio.Reader) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mock/api/v1/performance/realtime", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Last-Event-ID", last)
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
				t.Fatalf("the stream is %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
			}
			return resp, bufio.NewReader(resp.Body)
		}
		begun := time.Now()
		resp, stream := follow("")
		go func() {
			w.visit(10, "/slow/1500")
			w.ask("POST", "/api/v1/performance/rum", `{"name":"INP","value":150,"page":"/"}`)
		}()
		seen := map[string]int{}
		last := ""
		for time.Since(begun) < 65*time.Second {
			e, err := readEvent(stream)
			if err != nil {
				t.Fatalf("after %v the stream ends: %v", time.Since(begun), err)
			}
			seen[e.kind]++
			if e.kind == "heartbeat" {
				continue
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(e.data))
			if err != nil {
				t.Fatalf("the data of %+v are no JSON: %v", e, err)
			}
			if schemas[e.kind] == nil {
				t.Fatalf("the event %+v is not in the document", e)
			}
			if err := schemas[e.kind].Validate(value); err != nil {
				t.Errorf("the event %+v is outside its schema: %v", e, err)
			}
			last = e.id
		}
		if seen["metric"] < 60 || seen["warning"] == 0 || seen["alert"] != 2 || seen["rum"] != 1 || seen["heartbeat"] != 5 {
			t.Errorf("a minute had %v, want 60 metrics, warnings, an alert that begins and ends, one rum and a heartbeat each 15 s and at first", seen)
		}
		_ = resp.Body.Close()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := w.monitor.Readers(); n != 0 {
			t.Fatalf("%d readers follow, though all have left", n)
		}

		resp, stream = follow(last)
		first, err := readEvent(stream)
		second, err2 := readEvent(stream)
		var lastID, secondID int
		_, _ = fmt.Sscan(last, &lastID)
		_, _ = fmt.Sscan(second.id, &secondID)
		if err != nil || err2 != nil || first.kind != "heartbeat" || secondID != lastID+1 {
			t.Errorf("after event %s the stream begins with %+v and %+v (%v, %v)", last, first, second, err, err2)
		}
		_ = resp.Body.Close()

		time.Sleep(3 * time.Minute)
		resp, stream = follow("1") // longer ago than is remembered
		if _, err := readEvent(stream); err != nil {
			t.Fatal(err)
		}
		if e, err := readEvent(stream); err != nil || e.kind != "missed" || !strings.HasPrefix(e.data, `{"count":`) || e.id != "" {
			t.Errorf("a reader that comes back late is told %+v (%v), want how many events it missed", e, err)
		}
		w.stop()
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, stream)
			ended <- err
		}()
		stopping := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil || time.Since(stopping) > time.Second {
			t.Errorf("the server shuts down after %v: %v", time.Since(stopping), err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the stream ends with %v", err)
		}
		_ = resp.Body.Close()
		w.ask("GET", "/api/v1/performance/realtime", "").fails(mockapi.CodeUnavailable)
	})
}

// A reader that takes nothing is let go.
func TestReaderThatDoesNotRead(t *testing.T) {
	v := validator(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, v)
		_, client := w.serve()
		resp, err := client.Get("http://mock/api/v1/performance/realtime")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		time.Sleep(2 * time.Minute) // the pipe takes nothing that nobody reads, but for what the client reads ahead
		synctest.Wait()
		if n := w.monitor.Readers(); n != 0 {
			t.Errorf("a reader that takes nothing follows for ever")
		}
	})
}
