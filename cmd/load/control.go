package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/loopback"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// control is the API by which a run is watched and changed while it goes on: GET and PATCH of /v1/status, as
// k6's, so that k6 status, pause, resume and scale work with it; stopped ends the run.
type control struct {
	engine *engine.Engine
	server *http.Server
	done   chan struct{}
}

// status is the body of requests and answers, of the JSON:API form that k6 has.
type status struct {
	Data statusData `json:"data"`
}

type statusData struct {
	Type       string           `json:"type"`
	ID         string           `json:"id"`
	Attributes statusAttributes `json:"attributes"`
}

type statusAttributes struct {
	Status  int   `json:"status"`
	Paused  *bool `json:"paused"`
	VUs     *int  `json:"vus"`
	MaxVUs  *int  `json:"vus-max"`
	Stopped bool  `json:"stopped"`
	Running bool  `json:"running"`
	Tainted bool  `json:"tainted"`
}

// statusRunning is k6's number for a test that runs.
const statusRunning = 7

// checkListens tells why an address is none to listen at.
func checkListens(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT or :PORT", address)
	}
	return nil
}

// checkLoopback refuses addresses that other machines can reach: nobody is asked who he is.
func checkLoopback(address string) error {
	if err := checkListens(address); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(address)
	if host != "" && !loopback.Is(host) {
		return fmt.Errorf("%q is not an address of this machine alone, such as 127.0.0.1:6565", address)
	}
	return nil
}

// serveControl serves the API at an address; of port 0 it takes a free one.
func serveControl(address string, e *engine.Engine) (*control, net.Addr, error) {
	l, err := loopback.Listen(address)
	if err != nil {
		return nil, nil, fmt.Errorf("serve the API: %w", err)
	}
	c := &control{engine: e, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { c.answer(w) })
	mux.HandleFunc("PATCH /v1/status", c.patch)
	c.server = &http.Server{Handler: forThisMachine(mux), ReadTimeout: 5 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() {
		defer close(c.done)
		_ = c.server.Serve(l) // ends with close
	}()
	return c, l.Addr(), nil
}

// forThisMachine refuses names that lead here from elsewhere: a page of another site must not reach the API by having
// its own name resolved to this machine.
func forThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if checkLoopback(r.Host) != nil && checkLoopback(r.Host+":80") != nil {
			refuse(w, http.StatusForbidden, fmt.Errorf("the API is for this machine, not for %q", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// close ends the API; an answer that is under way, such as to who has stopped the run, gets a second.
func (c *control) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = c.server.Close()
	}
	<-c.done
	return err
}

func (c *control) answer(w http.ResponseWriter) {
	p := c.engine.Progress()
	a := statusAttributes{Status: statusRunning, Running: true, VUs: new(int), MaxVUs: &p.VUsMax, Paused: new(bool)}
	for _, s := range p.Scenarios {
		*a.Paused = *a.Paused || s.Paused
		if s.Executor == executor.TypeExternallyControlled {
			*a.VUs += s.Wanted // those who are told to work may not have begun
		} else {
			*a.VUs += s.VUs
		}
	}
	for _, t := range p.Thresholds {
		a.Tainted = a.Tainted || t.State == threshold.Failed
	}
	writeJSON(w, http.StatusOK, status{statusData{"status", "default", a}})
}

// maxStatus bounds a request's body.
const maxStatus = 64 << 10

func (c *control) patch(w http.ResponseWriter, r *http.Request) {
	var s status
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxStatus)).Decode(&s); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("read the status: %w", err))
		return
	}
	a := s.Data.Attributes
	if a.Stopped {
		c.engine.Stop()
	} else if err := c.engine.Control("", engine.Control{Paused: a.Paused, VUs: a.VUs, MaxVUs: a.MaxVUs}); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	c.answer(w)
}

func refuse(w http.ResponseWriter, code int, err error) {
	type apiError struct {
		Status string `json:"status"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	writeJSON(w, code, map[string][]apiError{"errors": {{fmt.Sprint(code), cmp.Or(http.StatusText(code), "error"), err.Error()}}})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // nobody to tell
}
