package monitor

import (
	"net/http"
	"strings"
	"sync"

	"github.com/medianest/testbed/mockapi/answer"
)

// Route is what a service answers: its method, and its path in gin's notation, /media/:id.
type Route struct{ Method, Path string }

// NoRoute is the name of the operation that is all requests which no route answers.
const NoRoute = "no route"

// Wrap returns next with its requests timed as operations called "METHOD path" with the tag service, whose path is the
// route's. HEAD counts as the GET that answers it. An operation ends with the answer: it is what a client met, and
// whatever next does to disturb it counts.
//
// The route is found here, since requests may never come to the router: a fault rule may answer in its place.
func (m *Monitor) Wrap(service string, routes []Route, next http.Handler) http.Handler {
	tags := Tags{"service": service}
	root, unknown := new(node), m.Operation(NoRoute, tags)
	for _, r := range routes {
		root.add(r, m.Operation(r.Method+" "+r.Path, tags))
	}
	recorders := sync.Pool{New: func() any { return new(answer.Recorder) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := root.find(r)
		if op == nil {
			op = unknown
		}
		rec := recorders.Get().(*answer.Recorder)
		*rec = answer.Recorder{ResponseWriter: w}
		span := op.Start()
		finished := false
		defer func() { // also when the handler aborts the connection, in which case the answer is not a whole one
			if finished {
				rec.End(r)
			} else {
				rec.Status = 0
			}
			span.End(rec.Status)
			if finished && !rec.Hijacked {
				*rec = answer.Recorder{}
				recorders.Put(rec)
			}
		}()
		next.ServeHTTP(rec, r)
		finished = true
	})
}

// node is a segment of the paths of routes. It has few words and methods, and comparing takes less than hashing.
type node struct {
	words     []word
	parameter *node
	methods   []method
}

type word struct {
	text string
	next *node
}

type method struct {
	name string
	op   *Operation
}

func (n *node) add(r Route, op *Operation) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(r.Path, "/"), "/") {
		next := n.word(segment)
		if strings.HasPrefix(segment, ":") {
			if n.parameter == nil {
				n.parameter = new(node)
			}
			next = n.parameter
		} else if next == nil {
			next = new(node)
			n.words = append(n.words, word{segment, next})
		}
		n = next
	}
	n.methods = append(n.methods, method{r.Method, op})
}

// word returns the node of a segment that is written out; nil where there is none.
func (n *node) word(segment string) *node {
	for i := range n.words {
		if n.words[i].text == segment {
			return n.words[i].next
		}
	}
	return nil
}

// find returns the operation of a request; nil where there is none.
func (n *node) find(r *http.Request) *Operation {
	path, method := r.URL.Path, r.Method
	if r.URL.RawPath != "" {
		path = r.URL.RawPath // an escaped slash belongs to its segment
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if !strings.HasPrefix(path, "/") {
		return nil
	}
	return n.match(path[1:], method)
}

// match finds the rest of a path, by its own words rather than by parameters.
func (n *node) match(path, method string) *Operation {
	segment, rest, more := path, "", false
	if i := strings.IndexByte(path, '/'); i >= 0 {
		segment, rest, more = path[:i], path[i+1:], true
	}
	if op := n.word(segment).end(rest, method, more); op != nil || segment == "" {
		return op
	}
	return n.parameter.end(rest, method, more)
}

// end returns the operation of a node that is the last, or goes on.
func (n *node) end(rest, method string, more bool) *Operation {
	switch {
	case n == nil:
		return nil
	case more:
		return n.match(rest, method)
	}
	for i := range n.methods {
		if n.methods[i].name == method {
			return n.methods[i].op
		}
	}
	return nil
}
