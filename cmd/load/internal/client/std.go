package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// Std is a Client on net/http, with HTTP/2 where the target offers it over TLS. It costs some twenty times the
// memory of Raw.
type Std struct {
	options   Options
	transport *http.Transport
	body      bytes.Buffer
}

// NewStd returns a Std without connections.
func NewStd(o Options) *Std {
	o.setDefaults()
	return &Std{options: o, transport: &http.Transport{
		ForceAttemptHTTP2: true, DisableCompression: true, MaxIdleConnsPerHost: 1,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: o.Insecure},
	}}
}

// Release implements Client.
func (c *Std) Release() {
	if c.body.Cap() > keepIn {
		c.body = bytes.Buffer{}
	}
}

// Close implements Client.
func (c *Std) Close() { c.transport.CloseIdleConnections() }

// Do implements Client.
func (c *Std) Do(ctx context.Context, req *Request, resp *Response) error {
	start := time.Now()
	*resp = Response{Timings: Timings{Start: start}}
	bounded, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	doing := "connect"
	var p phases
	traced := httptrace.WithClientTrace(bounded, &httptrace.ClientTrace{
		ConnectStart:         func(string, string) { p.mark(&p.connecting) },
		ConnectDone:          func(string, string, error) { p.mark(&p.connected) },
		TLSHandshakeStart:    func() { p.mark(&p.shaking) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { p.mark(&p.shaken) },
		GotConn:              func(httptrace.GotConnInfo) { p.mark(&p.got) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.mark(&p.wrote) },
		GotFirstResponseByte: func() { p.mark(&p.first) },
	})
	r, err := http.NewRequestWithContext(traced, req.Method, req.Host.URL+req.Path, bytes.NewReader(req.Body))
	if err != nil {
		return newError(ctx, "send", err)
	}
	r.Header.Set("User-Agent", c.options.UserAgent)
	for i := 0; i+1 < len(req.Header); i += 2 {
		r.Header.Set(req.Header[i], req.Header[i+1])
	}
	answer, err := c.transport.RoundTrip(r) // not http.Client: redirects are answers here
	if err == nil {
		doing = "receive"
		defer answer.Body.Close()
		c.body.Reset()
		_, err = c.body.ReadFrom(io.LimitReader(answer.Body, c.options.MaxBody+1))
		if err == nil && int64(c.body.Len()) > c.options.MaxBody {
			err = &Error{Kind: TooLarge, Doing: doing, Err: fmt.Errorf("more than %d bytes", c.options.MaxBody)}
		}
	}
	end := time.Now()
	written := p.fill(&resp.Timings, end)
	if err != nil {
		if doing == "connect" && written {
			doing = "wait"
		}
		return newError(ctx, doing, err)
	}
	resp.Status, resp.Proto, resp.Body, resp.std = answer.StatusCode, answer.Proto, c.body.Bytes(), answer.Header
	resp.BytesSent, resp.BytesReceived = int64(len(req.Body)), int64(len(resp.Body)) // without the headers, which net/http does not tell
	return nil
}

// phases are the instants of a request. The transport tells them from goroutines of its own, some of which
// outlive the request.
type phases struct {
	mu                                                        sync.Mutex
	connecting, connected, shaking, shaken, got, wrote, first time.Time
}

func (p *phases) mark(at *time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*at = time.Now()
}

// fill works out the timings of a request that has ended, and tells whether it was sent.
func (p *phases) fill(t *Timings, end time.Time) (written bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Connecting, t.TLSHandshaking = span(p.connecting, p.connected), span(p.shaking, p.shaken)
	if !p.got.IsZero() {
		t.Blocked = max(p.got.Sub(t.Start)-t.Connecting-t.TLSHandshaking, 0)
	}
	t.Sending, t.Waiting, t.Receiving = span(p.got, p.wrote), span(p.wrote, p.first), span(p.first, end)
	if p.first.IsZero() {
		t.Waiting = span(p.wrote, end)
	}
	return !p.wrote.IsZero()
}

// span is the time between two instants, 0 where one of them never came.
func span(from, to time.Time) time.Duration {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return max(to.Sub(from), 0)
}
