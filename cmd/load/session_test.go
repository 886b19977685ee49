package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/observe"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite/librarytest"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

// An answer that was wrong before a run was killed is wrong in the result of the run that goes on.
func TestWrongAnswersOutliveAnInterruption(t *testing.T) {
	v := verify.New(librarytest.New(t).Data, nil)
	for _, request := range []string{"a", "b"} {
		v.Media(&verify.Answer{Request: request, Body: []byte("{}")}, 1)
	}
	before := report.Verification{Checked: 500, Wrong: verify.KeptMismatches - 1, Mismatches: make([]verify.Mismatch, verify.KeptMismatches-1)}
	s := &session{plan: &plan{verifier: v}, past: &report.Result{Verified: &before}}
	got := s.verified()
	if got.Checked != 502 || got.Wrong != verify.KeptMismatches+1 || len(got.Mismatches) != verify.KeptMismatches {
		t.Errorf("%d checked, %d wrong, %d kept", got.Checked, got.Wrong, len(got.Mismatches))
	}
	if last := got.Mismatches[len(got.Mismatches)-1].Request; last != "a" {
		t.Errorf("the last one that is kept is %q, want the first of those that came after", last)
	}
	if s.past = nil; s.verified().Checked != 2 {
		t.Errorf("%+v without a past", s.verified())
	}
}

// sessionOf is a session of load run against a server of its own, and what it needs.
func sessionOf(t *testing.T, args ...string) (*runCmd, *session, *scenario.Options) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(new(story).answer))
	t.Cleanup(server.Close)
	c, err := readRun(append([]string{"run", "--target", server.URL, "--quiet"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Run.options()
	if err != nil {
		t.Fatal(err)
	}
	i := onInterrupt(func(string) {}, func(int) {})
	t.Cleanup(i.close)
	s := &session{
		app: &app{cli: c, ctx: t.Context(), stdout: io.Discard, stderr: io.Discard}, out: &c.Run.outputFlags, log: slog.New(slog.DiscardHandler),
		interrupts: i, streams: new(streams), address: c.Run.Address,
		observe: func(context.Context, *plan) (*observe.Observer, error) { return nil, nil },
	}
	return &c.Run, s, o
}

// A search that is interrupted while a step is set up tells what the steps before have found.
func TestSearchKeepsWhatWasFound(t *testing.T) {
	c, s, o := sessionOf(t, "testdata/every/search.yaml")
	steps := 0
	s.observe = func(context.Context, *plan) (*observe.Observer, error) {
		if steps++; steps == 3 {
			return nil, errInterrupted
		}
		return nil, nil
	}
	r, f, err := c.search(t.Context(), s, o)
	if err != nil || r == nil || !f.Interrupted {
		t.Fatalf("result %v, findings %+v, error %v", r, f, err)
	}
	if r.Knee.Rate != 20 || len(r.Knee.Steps) != 2 {
		t.Errorf("%+v", r.Knee)
	}
}

// What was served for a run that could not begin is served no more.
func TestWhatDoesNotBeginServesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	c, s, o := sessionOf(t, "testdata/every/quick.yaml", "--address", address, "--out", "prometheus=127.0.0.1:0", "--out", "prometheus="+taken.Addr().String())
	if s.plan, err = c.plan(t.Context(), o, s.log); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.run(t.Context()); err == nil {
		t.Fatal("it ran, although an address is taken")
	}
	for _, a := range []string{address, s.exporters[0].Addr().String()} {
		l, err := net.Listen("tcp", a)
		if err != nil {
			t.Errorf("it is still served: %v", err)
			continue
		}
		l.Close()
	}
}

// A page that a browser shows must not reach the API by a name of its own that leads to this machine.
func TestTheAPIIsForThisMachine(t *testing.T) {
	handler := forThisMachine(http.NotFoundHandler())
	for host, want := range map[string]int{"localhost:6565": 404, "127.0.0.1:6565": 404, "[::1]:6565": 404, "[::1]": 404, "localhost": 404, "elsewhere.example:6565": 403, "elsewhere.example": 403} {
		r, w := httptest.NewRequest(http.MethodPatch, "/v1/status", nil), httptest.NewRecorder()
		r.Host = host
		if handler.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d, want %d", host, w.Code, want)
		}
	}
}
