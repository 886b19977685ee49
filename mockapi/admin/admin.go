// Package admin is the control API of a running mock, under /admin: fault rules, the journal of requests, the
// state of the process, and the way back to the seeded data. It has a token of its own and, unless told
// otherwise, answers callers on the same machine only.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/journal"
)

// maxBody bounds what the control API reads, in bytes.
const maxBody = 1 << 20

// How many entries of the journal are shown, and may be.
const (
	defaultEntries = 100
	maxEntries     = 10_000
)

// Options are what the control API controls.
type Options struct {
	// Token must come as Authorization: Bearer, or as X-Admin-Token; "" refuses everybody.
	Token string
	// Remote lets callers from other machines in.
	Remote bool
	// Version is what /admin/state tells.
	Version string
	Faults  *fault.Engine
	Journal *journal.Journal
	// Dataset tells what is being served, NOT_FOUND for a database that was never seeded.
	Dataset func(context.Context) (mockapi.Dataset, error)
	// Pool tells about the database connections.
	Pool func() mockapi.PoolStats
	// Reset brings the data back to the seeded state.
	Reset func(context.Context) error
	// WriteError answers with an error in the API's form.
	WriteError func(http.ResponseWriter, *http.Request, *mockapi.Error)
}

// Handler returns the control API, all of which takes the token. The page for people is mockapi/dashboard.
func Handler(o Options) http.Handler {
	a := &api{Options: o, started: time.Now()}
	a.digest = sha256.Sum256([]byte(o.Token))
	mux := http.NewServeMux()
	for pattern, handle := range a.routes() {
		mux.Handle(pattern, a.guarded(handle))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.WriteError(w, r, mockapi.Errorf(mockapi.CodeNotFound, "the control API has no %s %s", r.Method, r.URL.Path))
	})
	return a.local(mux)
}

// routes are what takes the token, by the patterns of http.ServeMux.
func (a *api) routes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /admin/state":             a.state,
		"GET /admin/faults":            a.listFaults,
		"POST /admin/faults":           a.addFaults,
		"DELETE /admin/faults":         a.clearFaults,
		"DELETE /admin/faults/{id}":    a.removeFault,
		"GET /admin/presets":           a.listPresets,
		"PUT /admin/presets/{name}":    a.startPreset,
		"DELETE /admin/presets/{name}": a.stopPreset,
		"GET /admin/journal":           a.entries,
		"GET /admin/journal/count":     a.count,
		"POST /admin/journal/verify":   a.verify,
		"DELETE /admin/journal":        a.clearJournal,
		"POST /admin/reset":            a.reset,
	}
}

// Patterns lists the routes of the control API as http.ServeMux writes them.
func Patterns() []string { return slices.Sorted(maps.Keys(new(api).routes())) }

type api struct {
	Options
	digest  [sha256.Size]byte
	started time.Time
}

// local refuses callers from other machines, unless they are welcome.
func (a *api) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		ip := net.ParseIP(host)
		if !a.Remote && (err != nil || ip == nil || !ip.IsLoopback()) {
			a.WriteError(w, r, mockapi.Errorf(mockapi.CodeAccessDenied, "the control API answers on this machine only, see --admin-remote"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guarded checks the token, and answers errors.
func (a *api) guarded(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Admin-Token")
		if token == "" {
			token, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		}
		// Digests are of one length, so that the time of comparing tells nothing.
		given := sha256.Sum256([]byte(token))
		if a.Token == "" || subtle.ConstantTimeCompare(given[:], a.digest[:]) != 1 {
			a.WriteError(w, r, mockapi.Errorf(mockapi.CodeUnauthorized, "the control API wants its own token, as X-Admin-Token or Authorization: Bearer"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := handle(w, r); err != nil {
			a.WriteError(w, r, asError(err))
		}
	})
}

func asError(err error) *mockapi.Error {
	if e, ok := errors.AsType[*mockapi.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return mockapi.Errorf(mockapi.CodePayloadTooLarge, "the body is larger than %d bytes", maxBody)
	}
	return &mockapi.Error{Code: mockapi.CodeValidation, Message: err.Error()}
}

// reply answers with data in the API's envelope.
func reply(w http.ResponseWriter, status int, data any) error {
	body, err := json.Marshal(map[string]any{
		"success": true, "data": data, "meta": map[string]any{"timestamp": time.Now().UTC().Format(time.RFC3339Nano)},
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no answer
	return nil
}

// state is everything about the process that a test may want to know.
func (a *api) state(w http.ResponseWriter, r *http.Request) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	state := map[string]any{
		"version": a.Version,
		"uptime":  time.Since(a.started).Seconds(),
		"runtime": map[string]any{
			"go": runtime.Version(), "cpus": runtime.GOMAXPROCS(0), "goroutines": runtime.NumGoroutine(),
			"heapBytes": m.HeapAlloc, "systemBytes": m.Sys, "collections": m.NumGC,
			"pauseTotal": float64(m.PauseTotalNs) / 1e9,
		},
		"faults": a.Faults.List(),
	}
	if a.Pool != nil {
		p := a.Pool()
		state["pool"] = map[string]any{
			"max": p.Max, "open": p.Open, "busy": p.Busy, "idle": p.Idle, "acquired": p.Acquired, "waited": p.Waited,
			"waitTime": p.WaitTime.Seconds(), "canceled": p.Canceled, "opened": p.Opened, "unavailable": p.SlowOrBroken,
		}
	}
	n, complete := a.Journal.Count(journal.Filter{})
	state["journal"] = map[string]any{"entries": n, "complete": complete}
	switch ds, err := a.Dataset(ctx); {
	case err == nil:
		state["dataset"] = ds
	default:
		state["dataset"] = nil
		if mockapi.CodeOf(err) != mockapi.CodeNotFound {
			state["databaseError"] = mockapi.CodeOf(err)
		}
	}
	return reply(w, http.StatusOK, state)
}

func (a *api) listFaults(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, a.Faults.List())
}

// addFaults takes one rule, or a list of rules.
func (a *api) addFaults(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var rules []fault.Rule
	if strings.HasPrefix(strings.TrimSpace(string(body)), "[") {
		err = decode(strings.NewReader(string(body)), &rules)
	} else {
		rules = make([]fault.Rule, 1)
		err = decode(strings.NewReader(string(body)), &rules[0])
	}
	if err != nil {
		return err
	}
	if rules, err = a.Faults.Add(rules...); err != nil {
		return err
	}
	return reply(w, http.StatusCreated, rules)
}

// decode reads one JSON value and nothing else; unknown fields are mistakes here.
func decode(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body is not what it should be: %w", err)
	}
	if d.More() {
		return errors.New("the body goes on after its JSON")
	}
	return nil
}

func (a *api) clearFaults(w http.ResponseWriter, _ *http.Request) error {
	n := len(a.Faults.List())
	a.Faults.Clear()
	return reply(w, http.StatusOK, map[string]int{"removed": n})
}

func (a *api) removeFault(w http.ResponseWriter, r *http.Request) error {
	if id := r.PathValue("id"); !a.Faults.Remove(id) {
		return mockapi.Errorf(mockapi.CodeNotFound, "there is no rule %.60q", id)
	}
	return reply(w, http.StatusOK, map[string]int{"removed": 1})
}

// preset is a built-in set of rules, and whether it is on.
type preset struct {
	fault.Preset
	On bool `json:"on"`
}

func (a *api) listPresets(w http.ResponseWriter, _ *http.Request) error {
	all, err := fault.Presets()
	if err != nil {
		return err
	}
	on := make(map[string]bool)
	for _, s := range a.Faults.List() {
		on[s.Name] = true
	}
	list := make([]preset, len(all))
	for i, p := range all {
		list[i] = preset{p, on[p.Name]}
	}
	return reply(w, http.StatusOK, list)
}

// startPreset lets a preset's rules live, for the query's ttl where it has one. Starting it again starts it anew.
func (a *api) startPreset(w http.ResponseWriter, r *http.Request) error {
	p, err := fault.Find(r.PathValue("name"))
	if err != nil {
		return mockapi.Errorf(mockapi.CodeNotFound, "%v", err)
	}
	if ttl := r.URL.Query().Get("ttl"); ttl != "" {
		var d fault.Duration
		if err := d.UnmarshalText([]byte(ttl)); err != nil {
			return fmt.Errorf("ttl: %w", err)
		}
		for i := range p.Rules {
			p.Rules[i].TTL = d
			if err := p.Rules[i].Validate(); err != nil {
				return err
			}
		}
	}
	a.Faults.RemoveNamed(p.Name)
	rules, err := a.Faults.Add(p.Rules...)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, rules)
}

func (a *api) stopPreset(w http.ResponseWriter, r *http.Request) error {
	return reply(w, http.StatusOK, map[string]int{"removed": a.Faults.RemoveNamed(r.PathValue("name"))})
}

// filter reads a filter of the journal from the query.
func filter(r *http.Request) (journal.Filter, error) {
	q := r.URL.Query()
	f := journal.Filter{
		Service: q.Get("service"), Method: q.Get("method"), Path: q.Get("path"),
		CorrelationID: q.Get("correlationId"), Fault: q.Get("fault"),
	}
	var err error
	if s := q.Get("status"); s != "" {
		if f.Status, err = strconv.Atoi(s); err != nil {
			return f, fmt.Errorf("status: %.20q is not a number", s)
		}
	}
	if s := q.Get("since"); s != "" {
		if f.Since, err = time.Parse(time.RFC3339, s); err != nil {
			return f, fmt.Errorf("since: %.40q is not a time as in RFC 3339", s)
		}
	}
	return f, f.Validate()
}

func (a *api) entries(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	limit := defaultEntries
	if s := r.URL.Query().Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > maxEntries {
			return fmt.Errorf("limit: %.20q is not a number from 1 to %d", s, maxEntries)
		}
	}
	return reply(w, http.StatusOK, a.Journal.Entries(f, limit))
}

func (a *api) count(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	n, complete := a.Journal.Count(f)
	return reply(w, http.StatusOK, map[string]any{"count": n, "complete": complete})
}

func (a *api) verify(w http.ResponseWriter, r *http.Request) error {
	var x journal.Expectation
	if err := decode(r.Body, &x); err != nil {
		return err
	}
	v, err := a.Journal.Verify(x)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, v)
}

func (a *api) clearJournal(w http.ResponseWriter, _ *http.Request) error {
	a.Journal.Clear()
	return reply(w, http.StatusOK, map[string]bool{"cleared": true})
}

// reset ends all rules, forgets the journal and brings the data back. It may take as long as the caller waits.
func (a *api) reset(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	start := time.Now()
	if a.Reset == nil {
		return mockapi.Errorf(mockapi.CodeUnavailable, "this mock does not know how to reset its data")
	}
	if err := a.Reset(r.Context()); err != nil {
		if e, ok := errors.AsType[*mockapi.Error](err); ok {
			return e
		}
		return &mockapi.Error{Code: mockapi.CodeUnavailable, Message: "the data could not be reset: " + err.Error(), Err: err}
	}
	a.Faults.Clear()
	a.Journal.Clear()
	return reply(w, http.StatusOK, map[string]any{"took": time.Since(start).Seconds()})
}
