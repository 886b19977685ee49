// Package vu is the virtual user: what an iteration of a suite may do, and how that is measured, named and
// tagged, in k6's words.
package vu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// Suite is a test's traffic: what its set-up does once, and what every iteration of a user does.
type Suite interface {
	// Setup runs once before the scenarios. Its requests are not measured.
	Setup(v *VU) error
	// Iterate runs one iteration. An error ends the whole run: it is for what makes going on pointless. Failed
	// requests are no errors; they are counted.
	Iterate(v *VU) error
}

// Teardown is a Suite that does something once after the scenarios, whatever became of them. Its requests are
// not measured.
type Teardown interface {
	Teardown(v *VU) error
}

// Config is what a VU is made of.
type Config struct {
	ID       int // from 1, unique in the run
	Seed     uint64
	Registry *metrics.Registry
	Recorder *metrics.Recorder // nil measures nothing, as in set-up
	Client   client.Client
	// Recent keeps the last requests of the run, nil keeps none.
	Recent *Recent
	// Sleep pauses for think time, scaled as the run wants it, and returns early when the context ends.
	Sleep func(context.Context, time.Duration)
}

// VU is one virtual user. One goroutine at a time uses it.
type VU struct {
	ID int
	// Rand is a function of the run's seed and the ID, so that a user does the same in every run.
	Rand *rand.Rand
	// State is the suite's own, kept between iterations: tokens, cookies, what it prepared.
	State any
	// Iteration counts the user's iterations, from 0; those that were cut off too.
	Iteration int64

	ctx      context.Context
	registry *metrics.Registry
	recorder *metrics.Recorder
	client   client.Client
	recent   *Recent
	sleep    func(context.Context, time.Duration)
	scenario *metrics.TagSet // the scenario's tags
	tags     *metrics.TagSet // those and the group
	open     bool            // an open model
	first    bool            // the iteration has sent no request yet
	lateness time.Duration   // of an open model's iteration
	waited   time.Duration   // the part of it that no user was free
	cut      bool            // the iteration was cut off: what it does now counts no more
	resp     client.Response
}

// New returns a VU.
func New(c Config) *VU {
	v := &VU{
		ID: c.ID, Rand: rand.New(rand.NewPCG(c.Seed, uint64(c.ID))),
		registry: c.Registry, recorder: c.Recorder, client: c.Client, recent: c.Recent, sleep: c.Sleep, ctx: context.Background(),
	}
	v.scenario = c.Registry.Tags("group", "")
	v.tags = v.scenario
	return v
}

// Begin prepares the VU for one iteration of a scenario: its tags, and the context that ends it.
func (v *VU) Begin(ctx context.Context, scenario *metrics.TagSet) {
	v.begin(ctx, scenario, false, 0, 0)
}

// BeginOpen is Begin for an iteration of an open model that begins late, of which it waited so long for a user
// to be free, and which is timed from there; the rest is the generator's own slowness, and not counted as the target's.
func (v *VU) BeginOpen(ctx context.Context, scenario *metrics.TagSet, lateness, waited time.Duration) {
	v.begin(ctx, scenario, true, lateness, waited)
}

func (v *VU) begin(ctx context.Context, scenario *metrics.TagSet, open bool, lateness, waited time.Duration) {
	v.ctx, v.scenario = ctx, scenario.With("group", "")
	v.tags = v.scenario
	v.open, v.first, v.lateness, v.waited, v.cut = open, open, lateness, waited, false
}

// End ends the iteration that Begin began and that took so long, and counts it unless it was cut off. It tells
// whether it was not.
func (v *VU) End(took time.Duration) (completed bool) {
	v.Iteration++
	v.client.Release()
	if v.cut = v.cut || v.ctx.Err() != nil; v.cut {
		return false
	}
	if v.recorder != nil {
		b := &v.registry.Builtin
		v.recorder.Add(b.Iterations, v.scenario, 1)
		v.recorder.Add(b.IterationDuration, v.scenario, milliseconds(took+v.waited)) // from when it was due, too
	}
	return true
}

// counts tells whether what the user does is measured.
func (v *VU) counts() bool { return v.recorder != nil && !v.cut }

// Context ends when the iteration has to: at the end of gracefulStop, or when the run is aborted.
func (v *VU) Context() context.Context { return v.ctx }

// Call is one request of an iteration and how it is counted.
type Call struct {
	Method string
	// Host is where it goes; of several, to that of the user, whose base URL is then the tag host.
	Host *client.Host
	Path string // with the query, escaped
	// Name is the tag name and names the endpoint in reports; "" is the URL, which must then be without ids.
	Name string
	// Tags are further tags, names and values in turns.
	Tags []string
	// Header is names and values in turns.
	Header []string
	Body   []byte
	// Expected tells whether a status is a success; nil is 200 to 399.
	Expected func(status int) bool
}

// Succeeds tells whether a status is a success.
func (c *Call) Succeeds(status int) bool {
	if c.Expected != nil {
		return c.Expected(status)
	}
	return status >= 200 && status < 400
}

// Response is the answer to a Call; it is valid until the VU's next call or pause.
type Response struct {
	*client.Response
	// URL is what was asked for.
	URL string
	// Err is why there is no answer; Status is 0 then.
	Err error
	// Milliseconds is what the target took: http_req_duration, without the wait for a user of an open model.
	Milliseconds float64
}

// Do sends a request and counts it.
func (v *VU) Do(c *Call) Response {
	host := c.Host.Of(v.ID)
	req := client.Request{Method: c.Method, Host: host, Path: c.Path, Header: c.Header, Body: c.Body}
	err := v.client.Do(v.ctx, &req, &v.resp)
	t := &v.resp.Timings
	r := Response{Response: &v.resp, URL: host.URL + c.Path, Err: err, Milliseconds: milliseconds(t.Duration())}
	if client.KindOf(err) == client.Canceled { // as k6, which does not count what its own end cut off
		v.cut = true
	}
	if !v.counts() {
		return r
	}
	expected := err == nil && c.Succeeds(v.resp.Status)
	name := c.Name
	if name == "" {
		name = c.Host.URL + c.Path
	}
	if v.recent != nil && expected {
		v.recent.take(c, host, name)
	}
	tags := v.tags.With("method", c.Method).With("name", name)
	if c.Host.Several() {
		tags = tags.With("host", host.URL)
	}
	for i := 0; i+1 < len(c.Tags); i += 2 {
		tags = tags.With(c.Tags[i], c.Tags[i+1])
	}
	tags = tags.With("expected_response", strconv.FormatBool(expected)).With("status", statusText(v.resp.Status))
	if err != nil {
		tags = tags.With("error", string(client.KindOf(err)))
	} else {
		tags = tags.With("proto", v.resp.Proto)
	}
	q := metrics.HTTPRequest{
		Tags: tags, End: time.Now(), Duration: r.Milliseconds, URL: r.URL,
		Blocked: milliseconds(t.Blocked), Connecting: milliseconds(t.Connecting), TLSHandshaking: milliseconds(t.TLSHandshaking),
		Sending: milliseconds(t.Sending), Waiting: milliseconds(t.Waiting), Receiving: milliseconds(t.Receiving),
		BytesSent: v.resp.BytesSent, BytesReceived: v.resp.BytesReceived, Failed: !expected,
	}
	if v.open {
		q.Open = true
		if v.first {
			q.First, q.Lateness, q.Waited = true, milliseconds(v.lateness), milliseconds(v.waited)
			v.first = false
		}
	}
	v.recorder.HTTP(&q)
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// statusTexts spares the common statuses an allocation.
var statusTexts = func() (t [600]string) {
	for i := range t {
		t[i] = strconv.Itoa(i)
	}
	return t
}()

func statusText(status int) string {
	if status >= 0 && status < len(statusTexts) {
		return statusTexts[status]
	}
	return strconv.Itoa(status)
}

// Check counts whether something is as it should be under the check's name, and returns ok.
func (v *VU) Check(name string, ok bool) bool {
	if v.counts() {
		value := 0.0
		if ok {
			value = 1
		}
		v.recorder.Add(v.registry.Builtin.Checks, v.tags.With("check", name), value)
	}
	return ok
}

// Add counts a value of a metric of the suite's.
func (v *VU) Add(m *metrics.Metric, value float64) {
	if v.counts() {
		v.recorder.Add(m, v.tags, value)
	}
}

// AddRate counts a yes or no of a Rate of the suite's.
func (v *VU) AddRate(m *metrics.Metric, yes bool) {
	value := 0.0
	if yes {
		value = 1
	}
	v.Add(m, value)
}

// Group runs f with its requests and checks tagged as a group, and counts how long it took.
func (v *VU) Group(name string, f func()) {
	outer := v.tags
	v.tags = outer.With("group", outer.Get("group")+"::"+name)
	start := time.Now()
	f()
	if v.counts() {
		v.recorder.Add(v.registry.Builtin.GroupDuration, v.tags, milliseconds(time.Since(start)))
	}
	v.tags = outer
}

// Sleep pauses for think time, and gives back memory meanwhile.
func (v *VU) Sleep(d time.Duration) {
	v.client.Release()
	v.sleep(v.ctx, d)
	if v.ctx.Err() != nil {
		v.cut = true
	}
}

// Close closes the VU's connections.
func (v *VU) Close() { v.client.Close() }

// Between returns a whole number from lo to hi, each as likely.
func (v *VU) Between(lo, hi int) int { return lo + v.Rand.IntN(hi-lo+1) }

// Errorf is for suites that can't go on.
func (v *VU) Errorf(format string, args ...any) error {
	return fmt.Errorf("virtual user %d: "+format, append([]any{v.ID}, args...)...)
}
