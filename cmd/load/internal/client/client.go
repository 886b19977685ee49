// Package client is the HTTP client of one virtual user: it keeps that user's own connections, and measures
// every phase of a request.
//
// Raw speaks HTTP/1.1 itself over a net.Conn: a request is one write of one buffer and a response is read into
// another, with no goroutine and hardly an allocation, which is what lets one process play ten thousand users
// (BenchmarkClients compares it with net/http and fasthttp). Std is net/http, for HTTP/2.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Request is one request. A client keeps nothing of it after Do.
type Request struct {
	Method string
	Host   *Host
	// Path is the path and the query, escaped; it comes after the path of the host's base URL.
	Path string
	// Header is names and values in turns, beside Host, User-Agent and Content-Length, which the client sets.
	Header []string
	Body   []byte
}

// Timings are the phases of a request.
type Timings struct {
	Start          time.Time     // the call of Do
	Blocked        time.Duration // before there was a connection, connecting left aside
	Connecting     time.Duration // TCP connect; 0 on a kept connection
	TLSHandshaking time.Duration // 0 without TLS and on a kept connection
	Sending        time.Duration
	Waiting        time.Duration // from the last byte sent to the first received
	Receiving      time.Duration // from the first byte received to the last
}

// Duration is sending, waiting and receiving, which is what k6 calls http_req_duration.
func (t *Timings) Duration() time.Duration { return t.Sending + t.Waiting + t.Receiving }

// Response is the answer to a request. Body and header values are valid until the client's next Do or Release.
type Response struct {
	Status        int // 0 where there was no answer: see Do's error
	Proto         string
	Body          []byte
	Timings       Timings
	BytesSent     int64 // on the wire, without TLS
	BytesReceived int64
	header        []byte      // lines, of Raw
	std           http.Header // of Std
}

// Header returns the first value of a header, "" where there is none.
func (r *Response) Header(name string) string {
	if r.std != nil {
		return r.std.Get(name)
	}
	header := r.header
	for len(header) > 0 {
		var line []byte
		line, header, _ = bytes.Cut(header, []byte{'\n'})
		if k, v, ok := bytes.Cut(line, []byte{':'}); ok && len(k) == len(name) && strings.EqualFold(string(k), name) {
			return string(bytes.TrimSpace(v))
		}
	}
	return ""
}

// Client is what a virtual user needs of an HTTP client. One goroutine at a time uses it.
type Client interface {
	// Do sends the request and reads the whole response into resp. Its error is an *Error; resp.Timings is
	// filled in as far as the request came. A status of 400 and above is no error.
	Do(ctx context.Context, req *Request, resp *Response) error
	// Release gives back the memory of the last response, for a user who pauses.
	Release()
	// Close closes the connections. A client that is used again connects again.
	Close()
}

// Options adjust a client; zero fields mean the defaults.
type Options struct {
	// Timeout bounds a whole request, connecting included.
	Timeout time.Duration
	// MaxBody bounds a response's body in bytes.
	MaxBody int64
	// UserAgent is sent with every request.
	UserAgent string
	// Insecure takes any certificate of the target's.
	Insecure bool
}

// Defaults of Options. The timeout is k6's.
const (
	DefaultTimeout   = time.Minute
	DefaultMaxBody   = 256 << 20
	DefaultUserAgent = "medianest-load"
)

func (o *Options) setDefaults() {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
}

// Host is where requests go: a base URL whose name was resolved once.
type Host struct {
	// URL is the base URL without a slash at its end.
	URL       string
	https     bool
	name      string // for TLS
	authority string // for the Host header
	prefix    string // path of the base URL
	addresses []string
	next      atomic.Uint32
	members   []*Host // those that it stands for, see Spread
	lead      int
}

// BaseURL reads a base URL such as http://localhost:3000. Of two that are the same, the strings are.
func BaseURL(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not a URL such as http://localhost:3000", base)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q has more than scheme, host and path", u.Redacted())
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

// NewHost resolves the host of a base URL.
func NewHost(ctx context.Context, base string) (*Host, error) {
	u, err := BaseURL(base)
	if err != nil {
		return nil, fmt.Errorf("target %w", err)
	}
	h := &Host{https: u.Scheme == "https", name: u.Hostname(), authority: u.Host, prefix: u.EscapedPath()}
	h.URL = u.String()
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[h.https]
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", h.name)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", base, err)
	}
	for _, ip := range ips {
		h.addresses = append(h.addresses, net.JoinHostPort(ip.Unmap().String(), port))
	}
	return h, nil
}

// address returns the next address to connect to; several are taken in turns.
func (h *Host) address() string {
	return h.addresses[int(h.next.Add(1)-1)%len(h.addresses)]
}

// Kind says what kept a request from being answered.
type Kind string

// The kinds of errors. Generator is of this machine's own making, and says nothing about the target.
const (
	Timeout   Kind = "timeout"
	Refused   Kind = "connection refused"
	Reset     Kind = "connection reset"
	Closed    Kind = "connection closed"
	TLS       Kind = "tls"
	Malformed Kind = "malformed response"
	TooLarge  Kind = "response too large"
	Generator Kind = "generator out of resources"
	Canceled  Kind = "canceled"
	Other     Kind = "other"
)

// Error is why a request was not answered.
type Error struct {
	Kind  Kind
	Doing string // connect, send, wait, receive
	Err   error
}

// Error implements error.
func (e *Error) Error() string {
	// The operating system's words for these are the kind's, once more.
	if op, ok := errors.AsType[*net.OpError](e.Err); ok && op.Addr != nil && (e.Kind == Refused || e.Kind == Reset) {
		return fmt.Sprintf("%s: %s by %v", e.Doing, e.Kind, op.Addr)
	}
	return fmt.Sprintf("%s: %s: %s", e.Doing, e.Kind, strings.TrimPrefix(e.Err.Error(), "tls: "))
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error of Do; "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}
