package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// suite is a vu.Suite made of functions; nil ones do nothing.
type suite struct {
	setup, iterate, teardown func(v *vu.VU) error
}

func call(f func(*vu.VU) error, v *vu.VU) error {
	if f == nil {
		return nil
	}
	return f(v)
}

func (s *suite) Setup(v *vu.VU) error    { return call(s.setup, v) }
func (s *suite) Iterate(v *vu.VU) error  { return call(s.iterate, v) }
func (s *suite) Teardown(v *vu.VU) error { return call(s.teardown, v) }

// pausing is a suite whose iterations take so long.
func pausing(d time.Duration) *suite {
	return &suite{iterate: func(v *vu.VU) error {
		v.Sleep(d)
		return nil
	}}
}

// target answers requests in fake time.
type target struct {
	mu       sync.Mutex
	requests int
	closed   int
	// takes tells how long the answer to a request that comes now takes.
	takes func(now time.Time) time.Duration
}

func (t *target) client() client.Client { return &fake{target: t} }

type fake struct{ target *target }

func (f *fake) Release() {}

func (f *fake) Close() {
	f.target.mu.Lock()
	f.target.closed++
	f.target.mu.Unlock()
}

func (f *fake) Do(ctx context.Context, _ *client.Request, resp *client.Response) error {
	start := time.Now()
	f.target.mu.Lock()
	f.target.requests++
	f.target.mu.Unlock()
	var d time.Duration
	if f.target.takes != nil {
		d = f.target.takes(start)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return &client.Error{Kind: client.Canceled, Doing: "wait", Err: ctx.Err()}
	}
	*resp = client.Response{Status: 200, Proto: "HTTP/1.1", Timings: client.Timings{Start: start, Waiting: time.Since(start)}}
	return nil
}

// run is a finished run, and what tests ask of it.
type run struct {
	t      *testing.T
	engine *engine.Engine
	result *engine.Result
	err    error
}

func (r *run) total(name string, tags ...string) *metrics.Sink {
	r.t.Helper()
	sel := metrics.Selector{Metric: name, Tags: map[string]string{}}
	for i := 0; i+1 < len(tags); i += 2 {
		sel.Tags[tags[i]] = tags[i+1]
	}
	sink := r.engine.Store().Total(sel)
	if sink == nil {
		r.t.Fatalf("there is no metric %s", name)
	}
	return sink
}

// options completes the options of a run in a synctest bubble.
func options(o engine.Options) engine.Options {
	o.PlainTimers = true
	if o.Registry == nil {
		o.Registry = metrics.NewRegistry()
	}
	if o.NewClient == nil {
		o.NewClient = new(target).client
	}
	return o
}

// inFakeTime runs a test to its end in a synctest bubble, which also finds every goroutine that is left behind.
func inFakeTime(t *testing.T, o engine.Options, check func(*run)) {
	t.Helper()
	whileInFakeTime(t, o, nil, check)
}

// whileInFakeTime does something while the test runs.
func whileInFakeTime(t *testing.T, o engine.Options, meanwhile func(*engine.Engine), check func(*run)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, err := engine.New(options(o))
		if err != nil {
			t.Fatal(err)
		}
		if meanwhile != nil {
			go meanwhile(e)
		}
		r := &run{t: t, engine: e}
		r.result, r.err = e.Run(t.Context())
		check(r)
	})
}

// of is one scenario of a suite.
func of(c executor.Config, s vu.Suite) []engine.Scenario {
	return []engine.Scenario{{Config: c, Suite: s}}
}

// log gathers when things happened, since the first use.
type log[T any] struct {
	mu      sync.Mutex
	entries []T
}

func (l *log[T]) add(x T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, x)
}

const second = executor.Duration(time.Second)

var errBroken = errors.New("broken")
