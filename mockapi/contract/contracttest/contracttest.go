// Package contracttest holds requests and responses of tests against the OpenAPI document.
//
// One line makes a test's client do so for all that it sends:
//
//	contracttest.Watch(t, "api", srv.Client())
//
// A response must be of a status that the document lists, with its headers and no others, and with a body within
// its schema. A request that is answered with success must be one that the document allows: what is refused may
// be as wrong as the test likes.
//
// Schemas are those of JSON Schema 2020-12, as OpenAPI 3.1 has it, compiled once from the document itself.
package contracttest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// shared is compiled once a process, which takes some tens of milliseconds.
var shared = sync.OnceValues(New)

// Watch makes the client report to the test whatever is against the document. The service is "api", "auth",
// "media", "user" or "notification".
func Watch(t testing.TB, service string, c *http.Client) {
	t.Helper()
	v, err := shared()
	if err != nil {
		t.Fatalf("contracttest: %v", err)
	}
	c.Transport = v.Transport(service, c.Transport, func(err error) { t.Errorf("%v", err) })
}

// maxChecked bounds the bodies that are read for checking, in bytes; longer ones pass unread.
const maxChecked = 4 << 20

// Transport returns a RoundTripper that holds what passes through next against the document, and reports what is
// wrong. A nil next is http.DefaultTransport.
func (v *Validator) Transport(service string, next http.RoundTripper, report func(error)) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{v, service, next, report}
}

type transport struct {
	validator *Validator
	service   string
	next      http.RoundTripper
	report    func(error)
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := &Exchange{Service: t.service, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, RequestHeader: r.Header}
	sent := &copying{limit: maxChecked}
	if r.Body != nil && r.Body != http.NoBody {
		sent.body = r.Body
		r = r.Clone(r.Context())
		r.Body = sent
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	x.RequestBody, x.RequestBodyCut = sent.get(r.ContentLength)
	x.Status, x.Header = resp.StatusCode, resp.Header
	if isText(resp.Header.Get("Content-Type")) && resp.ContentLength <= maxChecked {
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil { // a body that was cut: the test is to see what its client would
			resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
			return resp, nil
		}
		x.Body = body
	} else {
		x.BodyUnread = true
	}
	if err := t.validator.Check(x); err != nil {
		t.report(err)
	}
	return resp, nil
}

// isText tells which bodies are read: not the streams, which do not end.
func isText(contentType string) bool {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	return mediaType == "application/json" || strings.HasPrefix(mediaType, "text/") && mediaType != "text/event-stream"
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// copying keeps the start of a body that is sent. The transport may still be sending when the response comes.
type copying struct {
	body  io.ReadCloser
	limit int

	mu     sync.Mutex
	copied []byte
	cut    bool // there is, or may be, more
	ended  bool
}

func (c *copying) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	room := min(n, c.limit-len(c.copied))
	c.copied = append(c.copied, p[:room]...)
	c.cut = c.cut || room < n
	c.ended = c.ended || err == io.EOF
	return n, err
}

func (c *copying) Close() error { return c.body.Close() }

// get returns what was copied of a body that should have the length, -1 where that is not known.
func (c *copying) get(length int64) (copied []byte, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	whole := c.ended || int64(len(c.copied)) == length
	return bytes.Clone(c.copied), c.body != nil && (c.cut || !whole)
}

// Exchange is one request and its response.
type Exchange struct {
	Service        string
	Method         string
	Path           string // as it stands in the URL, escaped
	Query          string
	RequestHeader  http.Header
	RequestBody    []byte
	RequestBodyCut bool // RequestBody is not all of it

	Status     int
	Header     http.Header
	Body       []byte
	BodyUnread bool // Body is not the body
}

// String names the exchange in reports.
func (x *Exchange) String() string {
	path := x.Path
	if x.Query != "" {
		path += "?" + x.Query
	}
	return fmt.Sprintf("%s: %s %.300s answered %d", x.Service, x.Method, path, x.Status)
}
