// Package journal remembers the last requests that a server was sent, so that a test can look at them, count
// them and verify that they were as many as it expected. Its memory is bounded by its capacity.
package journal

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/medianest/testbed/mockapi/answer"
	"github.com/medianest/testbed/mockapi/fault"
)

// Entry is one request and what became of it. Bodies and the values of headers are not kept.
type Entry struct {
	Sequence      uint64    `json:"sequence"` // from 1, over all requests since the start or the last Clear
	Time          time.Time `json:"time"`     // when it came
	Service       string    `json:"service"`
	Method        string    `json:"method"`
	Path          string    `json:"path"`
	Query         string    `json:"query,omitempty"`
	Status        int       `json:"status"`       // 0 where the connection was closed without an answer
	Duration      float64   `json:"duration"`     // milliseconds from the request's headers to the end of the handler
	RequestBytes  int64     `json:"requestBytes"` // declared length of the body, -1 where it is not known
	ResponseBytes int64     `json:"responseBytes"`
	CorrelationID string    `json:"correlationId,omitempty"`
	Faults        []string  `json:"faults,omitempty"` // fault rules that it met
}

// maxText bounds what an entry keeps of the path and the query, in bytes.
const maxText = 1024

// Journal is a ring of the last entries. It is safe for concurrent use.
type Journal struct {
	faultHeader       string
	correlationHeader string

	mu    sync.Mutex
	ring  []Entry
	total uint64 // entries so far; the newest is ring[(total-1) % len(ring)]
}

// New returns a Journal of the last capacity requests, capacity > 0. It learns correlation ids and fault
// rules from the response headers with the given names.
func New(capacity int, correlationHeader, faultHeader string) *Journal {
	return &Journal{ring: make([]Entry, capacity), correlationHeader: correlationHeader, faultHeader: faultHeader}
}

// Wrap returns next with its requests written down under the service's name.
func (j *Journal) Wrap(service string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := Entry{Time: time.Now(), Service: service, RequestBytes: r.ContentLength}
		e.Method, e.Path, e.Query = target(r)
		rec := &answer.Recorder{ResponseWriter: w}
		defer func() { // also when the handler aborts the connection
			e.Duration = float64(time.Since(e.Time)) / float64(time.Millisecond)
			e.Status, e.ResponseBytes = rec.Status, rec.Bytes
			e.CorrelationID = w.Header().Get(j.correlationHeader)
			e.Faults = w.Header().Values(j.faultHeader)
			j.add(e)
		}()
		next.ServeHTTP(rec, r)
		rec.End(r)
	})
}

// target returns what an entry keeps of the request's line. All three are parts of one text that net/http has read, and
// keep all of it in memory unless they are copied.
func target(r *http.Request) (method, path, query string) {
	method, path, query = r.Method, r.URL.Path, r.URL.RawQuery
	if len(method)+max(len(r.RequestURI), len(path)+len(query)) <= maxText {
		return method, path, query
	}
	clip := func(s string) string { return strings.Clone(s[:min(len(s), maxText)]) }
	return clip(method), clip(path), clip(query)
}

func (j *Journal) add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.total++
	e.Sequence = j.total
	j.ring[(j.total-1)%uint64(len(j.ring))] = e
}

// Clear forgets every entry.
func (j *Journal) Clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	clear(j.ring)
	j.total = 0
}

// Filter says which entries are meant; empty fields mean all.
type Filter struct {
	Service       string    `json:"service,omitempty"`
	Method        string    `json:"method,omitempty"`
	Path          string    `json:"path,omitempty"`   // pattern as of fault rules
	Status        int       `json:"status,omitempty"` // a status, or 2 to 5 for its hundred
	CorrelationID string    `json:"correlationId,omitempty"`
	Fault         string    `json:"fault,omitempty"` // met by the request; "*" is any
	Since         time.Time `json:"since,omitzero"`
}

// Validate reports a filter that could never match by mistake.
func (f Filter) Validate() error {
	if err := fault.CheckPath(f.Path); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if f.Status != 0 && (f.Status < 2 || f.Status > 5) && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("status: %d is neither a status nor one of 2 to 5", f.Status)
	}
	return nil
}

func (f *Filter) matches(e *Entry) bool {
	if f.Service != "" && f.Service != e.Service || f.Method != "" && f.Method != e.Method ||
		f.CorrelationID != "" && f.CorrelationID != e.CorrelationID || e.Time.Before(f.Since) {
		return false
	}
	if f.Status != 0 && f.Status != e.Status && f.Status != e.Status/100 {
		return false
	}
	if f.Path != "" && !fault.MatchPath(f.Path, e.Path) {
		return false
	}
	if f.Fault == "" || f.Fault == "*" && len(e.Faults) > 0 {
		return true
	}
	return slices.Contains(e.Faults, f.Fault)
}

// each calls f with the kept entries, newest first, until it returns false.
func (j *Journal) each(f func(*Entry) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := uint64(len(j.ring))
	for i := j.total; i > 0 && j.total-i < n; i-- {
		if !f(&j.ring[(i-1)%n]) {
			return
		}
	}
}

// Entries returns at most limit of the kept entries that match, newest first.
func (j *Journal) Entries(f Filter, limit int) []Entry {
	entries := []Entry{}
	j.each(func(e *Entry) bool {
		if f.matches(e) {
			entries = append(entries, *e)
		}
		return len(entries) < limit
	})
	return entries
}

// Count tells how many of the kept entries match, and whether older ones have been forgotten, in which case
// there may have been more.
func (j *Journal) Count(f Filter) (n int, complete bool) {
	j.each(func(e *Entry) bool {
		if f.matches(e) {
			n++
		}
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	return n, j.total <= uint64(len(j.ring))
}

// Expectation is how many requests a test expects; nil bounds do not bound.
type Expectation struct {
	Filter
	AtLeast *int `json:"atLeast,omitempty"`
	AtMost  *int `json:"atMost,omitempty"`
	Exactly *int `json:"exactly,omitempty"`
}

// Verdict is what Verify found.
type Verdict struct {
	Passed   bool   `json:"passed"`
	Count    int    `json:"count"`
	Complete bool   `json:"complete"` // false: the journal has forgotten older requests
	Reason   string `json:"reason,omitempty"`
}

// Verify holds the journal against an expectation. A bound from above does not pass once the journal has
// forgotten requests: it could not know.
func (j *Journal) Verify(x Expectation) (Verdict, error) {
	if x.AtLeast == nil && x.AtMost == nil && x.Exactly == nil {
		return Verdict{}, errors.New("an expectation needs atLeast, atMost or exactly")
	}
	if err := x.Validate(); err != nil {
		return Verdict{}, err
	}
	n, complete := j.Count(x.Filter)
	v := Verdict{Count: n, Complete: complete}
	switch {
	case x.AtLeast != nil && n < *x.AtLeast:
		v.Reason = fmt.Sprintf("%d requests match, want at least %d", n, *x.AtLeast)
	case x.AtMost != nil && n > *x.AtMost:
		v.Reason = fmt.Sprintf("%d requests match, want at most %d", n, *x.AtMost)
	case x.Exactly != nil && n != *x.Exactly:
		v.Reason = fmt.Sprintf("%d requests match, want exactly %d", n, *x.Exactly)
	case (x.AtMost != nil || x.Exactly != nil) && !complete:
		v.Reason = fmt.Sprintf("%d requests match, but older ones have been forgotten: clear the journal before the test, or give it more room", n)
	default:
		v.Passed = true
	}
	return v, nil
}
