package client

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// rawConn is a connection to one host.
type rawConn struct {
	host  *Host
	conn  *net.Conn  // nil while there is none; a pointer for Raw.active
	ready *readiness // nil where the connection can't tell when there is something to read
}

func (rc *rawConn) close() {
	if rc.conn != nil {
		_ = (*rc.conn).Close()
		rc.conn, rc.ready = nil, nil
	}
}

func (c *Raw) connTo(h *Host) *rawConn {
	for _, rc := range c.conns {
		if rc.host == h {
			return rc
		}
	}
	rc := &rawConn{host: h}
	c.conns = append(c.conns, rc)
	return rc
}

// watch makes the end of the context interrupt what the client waits for.
func (c *Raw) watch(ctx context.Context) {
	if ctx == c.watched {
		return
	}
	c.unwatch()
	if c.watched = ctx; ctx.Done() == nil {
		return
	}
	c.stop = context.AfterFunc(ctx, func() {
		if conn := c.active.Load(); conn != nil {
			_ = (*conn).SetDeadline(time.Unix(1, 0))
		}
	})
}

func (c *Raw) unwatch() {
	if c.stop != nil {
		c.stop()
	}
	c.watched, c.stop = nil, nil
}

func (c *Raw) connect(ctx context.Context, rc *rawConn, resp *Response, deadline time.Time) *Error {
	begin := time.Now()
	resp.Timings.Blocked = begin.Sub(resp.Timings.Start)
	c.dialer.Deadline = deadline
	conn, err := c.dialer.DialContext(ctx, "tcp", rc.host.address())
	connected := time.Now()
	resp.Timings.Connecting = connected.Sub(begin)
	if err != nil {
		return newError(ctx, "connect", err)
	}
	if rc.host.https {
		secured := tls.Client(conn, &tls.Config{ServerName: rc.host.name, InsecureSkipVerify: c.options.Insecure, NextProtos: []string{"http/1.1"}})
		shake, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		err := secured.HandshakeContext(shake)
		resp.Timings.TLSHandshaking = time.Since(connected)
		if err != nil {
			_ = conn.Close()
			return newError(ctx, "tls handshake", err)
		}
		conn = secured
	}
	rc.conn, rc.ready = &conn, newReadiness(conn)
	return nil
}
