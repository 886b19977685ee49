package client

import (
	"io"
	"net"
	"os"
	"syscall"
)

// readiness reads from a connection into a buffer that it takes only when there is something to read.
type readiness struct {
	conn syscall.RawConn
	try  func(fd uintptr) (done bool) // tryRead, made once
	in   *[]byte
	err  error
}

// newReadiness returns nil for a connection that is not a socket of its own, such as one with TLS.
func newReadiness(conn net.Conn) *readiness {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	r := &readiness{conn: raw}
	r.try = r.tryRead
	return r
}

// read waits for bytes and returns a buffer that holds the first of them; it is the caller's.
func (r *readiness) read() (*[]byte, error) {
	r.in, r.err = nil, nil
	if err := r.conn.Read(r.try); err != nil {
		return nil, err
	}
	in := r.in
	r.in = nil
	return in, r.err
}

// tryRead reads what is there; false asks to be called again when there is something.
func (r *readiness) tryRead(fd uintptr) (done bool) {
	in := buffers.Get().(*[]byte)
	for {
		n, err := syscall.Read(int(fd), (*in)[:cap(*in)])
		switch {
		case err == syscall.EINTR:
			continue
		case err == nil && n > 0:
			*in = (*in)[:n]
			r.in = in
			return true
		}
		buffers.Put(in)
		if err == syscall.EAGAIN {
			return false
		}
		if r.err = io.EOF; err != nil {
			r.err = os.NewSyscallError("read", err)
		}
		return true
	}
}
