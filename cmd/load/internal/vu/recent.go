package vu

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/medianest/testbed/cmd/load/internal/client"
)

// What bounds a Recent.
const (
	maxRecent     = 100     // endpoints
	maxRecentBody = 1 << 18 // bytes of one request
)

// Recent keeps a recent request of every endpoint that was answered as expected, so that it can be sent again. It
// holds tokens: nothing of it belongs into a file or a log. It is safe for concurrent use, and costs a request that it
// does not keep one look into a map.
type Recent struct {
	mu   sync.Mutex // for writing
	kept atomic.Pointer[map[endpoint]*recent]
}

type endpoint struct{ method, name string }

type recent struct {
	due  atomic.Bool // the next request takes the place of this one
	call atomic.Pointer[Call]
}

// NewRecent returns a Recent that has none.
func NewRecent() *Recent {
	r := new(Recent)
	r.kept.Store(new(map[endpoint]*recent))
	return r
}

// Refresh lets the next request of each endpoint take the place of the one that is kept. Without it the first ones
// are kept.
func (r *Recent) Refresh() {
	for _, x := range *r.kept.Load() {
		x.due.Store(true)
	}
}

// take keeps a copy of a request to a host if it is time.
func (r *Recent) take(c *Call, host *client.Host, name string) {
	e := endpoint{c.Method, name}
	x := (*r.kept.Load())[e]
	if x == nil {
		x = r.add(e)
	}
	if x == nil || len(c.Body) > maxRecentBody || !x.due.CompareAndSwap(true, false) {
		return
	}
	own := &Call{Method: c.Method, Host: host, Path: strings.Clone(c.Path), Name: name, Body: bytes.Clone(c.Body), Expected: c.Expected}
	for _, h := range c.Header {
		own.Header = append(own.Header, strings.Clone(h))
	}
	x.call.Store(own)
}

// add makes room for an endpoint; nil where there are too many.
func (r *Recent) add(e endpoint) *recent {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := *r.kept.Load()
	if x := old[e]; x != nil || len(old) >= maxRecent {
		return x
	}
	x := new(recent)
	x.due.Store(true)
	e.name = strings.Clone(e.name)
	now := maps.Clone(old)
	if now == nil {
		now = make(map[endpoint]*recent)
	}
	now[e] = x
	r.kept.Store(&now)
	return x
}

// Calls returns the requests that are kept, by method and name, which is always set.
func (r *Recent) Calls() []*Call {
	var calls []*Call
	for _, x := range *r.kept.Load() {
		if c := x.call.Load(); c != nil {
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b *Call) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Method, b.Method)) })
	return calls
}
