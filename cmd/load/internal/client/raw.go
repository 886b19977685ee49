package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Raw is a Client that speaks HTTP/1.1 with kept connections, one to each host. Redirects are not followed.
type Raw struct {
	options Options
	conns   []*rawConn
	out     []byte  // the request; kept between requests while small
	in      *[]byte // the response; nil while the user pauses, or waits for one
	dialer  net.Dialer

	// The context of the last request is watched until another one comes, so that the requests of a long
	// context do not register with it one by one.
	watched context.Context
	stop    func() bool              // watching
	active  atomic.Pointer[net.Conn] // what the end of the context interrupts
}

// buffers holds the memory of responses. A user who pauses has none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

const (
	keepOut   = 4 << 10  // the largest request buffer that a user keeps
	keepIn    = 64 << 10 // the largest response buffer that goes back to the pool
	maxHeader = 64 << 10
)

// NewRaw returns a Raw without connections.
func NewRaw(o Options) *Raw {
	o.setDefaults()
	return &Raw{options: o}
}

// Release implements Client.
func (c *Raw) Release() {
	c.releaseIn()
	if cap(c.out) > keepOut {
		c.out = nil
	}
}

func (c *Raw) releaseIn() {
	if c.in != nil && cap(*c.in) <= keepIn {
		*c.in = (*c.in)[:0]
		buffers.Put(c.in)
	}
	c.in = nil
}

// Close implements Client.
func (c *Raw) Close() {
	for _, rc := range c.conns {
		rc.close()
	}
	c.unwatch()
	c.Release()
}

// Do implements Client. A request that meets a kept connection which the server has closed meanwhile is sent
// again on a new one, as every HTTP client does, where that is safe: nothing came back and the method is
// idempotent.
func (c *Raw) Do(ctx context.Context, req *Request, resp *Response) error {
	start := time.Now()
	*resp = Response{Timings: Timings{Start: start}}
	if err := ctx.Err(); err != nil {
		return newError(ctx, "connect", err)
	}
	deadline := start.Add(c.options.Timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	rc := c.connTo(req.Host)
	c.out = appendRequest(c.out[:0], req, c.options.UserAgent)
	kept := rc.conn != nil
	err := c.exchange(ctx, rc, req, resp, deadline)
	if err != nil {
		rc.close()
		if kept && resp.BytesReceived == 0 && idempotent(req.Method) && (err.Kind == Closed || err.Kind == Reset) {
			if err = c.exchange(ctx, rc, req, resp, deadline); err == nil {
				return nil
			}
			rc.close()
		}
		resp.Status = 0
		return err
	}
	return nil
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "PUT", "DELETE", "OPTIONS":
		return true
	}
	return false
}

// exchange sends c.out and reads the response.
func (c *Raw) exchange(ctx context.Context, rc *rawConn, req *Request, resp *Response, deadline time.Time) *Error {
	if rc.conn == nil {
		if err := c.connect(ctx, rc, resp, deadline); err != nil {
			return err
		}
	}
	conn := *rc.conn
	c.watch(ctx)
	c.active.Store(rc.conn)
	if err := conn.SetDeadline(deadline); err != nil {
		return newError(ctx, "send", err)
	}
	if err := ctx.Err(); err != nil { // its interruption may have come before the deadline, which undid it
		return newError(ctx, "send", err)
	}
	sending := time.Now()
	n, err := conn.Write(c.out)
	resp.BytesSent += int64(n)
	sent := time.Now()
	resp.Timings.Sending = sent.Sub(sending)
	if err != nil {
		return newError(ctx, "send", err)
	}
	reuse, e := c.receive(ctx, rc, req, resp, sent)
	if e != nil {
		return e
	}
	if !reuse {
		rc.close()
	}
	return nil
}

func appendRequest(b []byte, req *Request, userAgent string) []byte {
	b = append(b, req.Method...)
	b = append(b, ' ')
	b = append(b, req.Host.prefix...)
	b = append(b, req.Path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, req.Host.authority...)
	b = append(b, "\r\nUser-Agent: "...)
	b = append(b, userAgent...)
	for i := 0; i+1 < len(req.Header); i += 2 {
		b = append(b, "\r\n"...)
		b = append(b, req.Header[i]...)
		b = append(b, ": "...)
		b = append(b, req.Header[i+1]...)
	}
	if len(req.Body) > 0 || req.Method == "POST" || req.Method == "PUT" || req.Method == "PATCH" {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(req.Body)), 10)
	}
	b = append(b, "\r\n\r\n"...)
	return append(b, req.Body...)
}

// await waits for the first bytes of a response. A thousand users who wait for a target that stalls need no
// buffers, where the connection can tell when there is something to read.
func (c *Raw) await(rc *rawConn, r *reader) error {
	c.releaseIn()
	if rc.ready == nil {
		c.in = buffers.Get().(*[]byte)
		r.buf = (*c.in)[:0]
		return nil
	}
	var err error
	if c.in, err = rc.ready.read(); c.in != nil {
		r.first = time.Now()
		r.buf = *c.in
		r.total = int64(len(r.buf))
	}
	return err
}

// receive reads a response, and tells whether the connection may be used again.
func (c *Raw) receive(ctx context.Context, rc *rawConn, req *Request, resp *Response, sent time.Time) (reuse bool, e *Error) {
	r := reader{conn: *rc.conn}
	if err := c.await(rc, &r); err != nil {
		resp.Timings.Waiting = time.Since(sent)
		return false, newError(ctx, "wait", err)
	}
	defer func() {
		*c.in = r.buf
		resp.BytesReceived = r.total
		now := time.Now()
		if r.total == 0 {
			resp.Timings.Waiting = now.Sub(sent)
			return
		}
		resp.Timings.Waiting = r.first.Sub(sent)
		resp.Timings.Receiving = now.Sub(r.first)
	}()
	doing := "wait"
	failed := func(err error) (bool, *Error) {
		if r.total > 0 {
			doing = "receive"
		}
		return false, newError(ctx, doing, err)
	}
	var head head
	for {
		if err := head.read(&r); err != nil {
			return failed(err)
		}
		if head.status >= 200 || head.status == 101 { // 1xx come before the answer
			break
		}
	}
	bodyAt := r.next
	bodyEnd := bodyAt
	switch {
	case req.Method == "HEAD" || head.status == 204 || head.status == 304:
	case head.chunked:
		end, err := c.readChunks(&r)
		if err != nil {
			return failed(err)
		}
		bodyEnd = end
	case head.length >= 0:
		if head.length > c.options.MaxBody {
			return false, &Error{Kind: TooLarge, Doing: "receive", Err: fmt.Errorf("%d bytes declared, %d allowed", head.length, c.options.MaxBody)}
		}
		if err := r.need(int(head.length)); err != nil {
			return failed(err)
		}
		bodyEnd = bodyAt + int(head.length)
		r.next = bodyEnd
	default: // the body ends with the connection
		head.close = true
		for {
			err := r.fill()
			if int64(len(r.buf)-bodyAt) > c.options.MaxBody {
				return false, &Error{Kind: TooLarge, Doing: "receive", Err: fmt.Errorf("more than %d bytes", c.options.MaxBody)}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return failed(err)
			}
		}
		bodyEnd = len(r.buf)
		r.next = bodyEnd
	}
	if r.next != len(r.buf) {
		return false, errMalformed("%d bytes follow the response", len(r.buf)-r.next)
	}
	resp.Status, resp.Proto, resp.Body = head.status, "HTTP/1.1", r.buf[bodyAt:bodyEnd]
	resp.header = r.buf[head.from:head.to]
	return !head.close, nil
}
