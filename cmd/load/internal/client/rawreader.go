package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// reader reads a response into one growing buffer.
type reader struct {
	conn  net.Conn
	buf   []byte
	next  int // first byte not yet used
	first time.Time
	total int64
}

// fill reads more bytes behind what is there.
func (r *reader) fill() error {
	if len(r.buf) == cap(r.buf) {
		r.buf = append(r.buf, 0)[:len(r.buf)]
	}
	n, err := r.conn.Read(r.buf[len(r.buf):cap(r.buf)])
	if n > 0 {
		if r.total == 0 {
			r.first = time.Now()
		}
		r.total += int64(n)
		r.buf = r.buf[:len(r.buf)+n]
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// line returns the next line without its end.
func (r *reader) line() ([]byte, error) {
	from := r.next
	for {
		if i := bytes.IndexByte(r.buf[from:], '\n'); i >= 0 {
			l := r.buf[r.next : from+i]
			r.next = from + i + 1
			return bytes.TrimSuffix(l, []byte{'\r'}), nil
		}
		if from = len(r.buf); from-r.next > maxHeader {
			return nil, errMalformed("a line is longer than %d bytes", maxHeader)
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// need reads until n unused bytes are there.
func (r *reader) need(n int) error {
	if free := cap(r.buf) - r.next; free < n {
		grown := make([]byte, len(r.buf), r.next+n)
		copy(grown, r.buf)
		r.buf = grown
	}
	for len(r.buf)-r.next < n {
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

func errMalformed(format string, args ...any) *Error {
	return &Error{Kind: Malformed, Doing: "receive", Err: fmt.Errorf(format, args...)}
}

// head is what the client must know of a response's head.
type head struct {
	status   int
	length   int64 // -1 where it is not declared
	chunked  bool
	close    bool
	from, to int // of the header lines in the buffer
}

func (h *head) read(r *reader) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	*h = head{length: -1}
	version, rest, _ := bytes.Cut(line, []byte{' '})
	code, _, _ := bytes.Cut(rest, []byte{' '})
	if len(code) == 3 {
		h.status, err = strconv.Atoi(string(code))
	}
	if err != nil || h.status < 100 || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
		return errMalformed("%.60q is no status line", line)
	}
	h.close = bytes.HasSuffix(version, []byte("0"))
	h.from = r.next
	for {
		h.to = r.next
		if line, err = r.line(); err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		if h.to-h.from > maxHeader {
			return errMalformed("the header is longer than %d bytes", maxHeader)
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			return errMalformed("%.60q is no header", line)
		}
		value = bytes.TrimSpace(value)
		switch {
		case equalFold(name, "content-length"):
			if h.length, err = strconv.ParseInt(string(value), 10, 63); err != nil || h.length < 0 {
				return errMalformed("Content-Length is %.40q", value)
			}
		case equalFold(name, "transfer-encoding"):
			if !bytes.EqualFold(value, []byte("chunked")) {
				return errMalformed("Transfer-Encoding is %.40q", value)
			}
			h.chunked = true
		case equalFold(name, "connection"):
			h.close = h.close || bytes.EqualFold(value, []byte("close"))
		}
	}
}

// equalFold compares a header's name with one in lower case.
func equalFold(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, b := range name {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != lower[i] {
			return false
		}
	}
	return true
}

// readChunks moves the chunks of a body together, and returns where it ends in the buffer.
func (c *Raw) readChunks(r *reader) (end int, err error) {
	at := r.next // where the next chunk's bytes go
	begin := at
	for {
		line, err := r.line()
		if err != nil {
			return 0, unexpected(err)
		}
		text, _, _ := bytes.Cut(line, []byte{';'})
		size, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 16, 32)
		if err != nil || size < 0 {
			return 0, errMalformed("%.40q is no chunk size", line)
		}
		if int64(at-begin)+size > c.options.MaxBody {
			return 0, &Error{Kind: TooLarge, Doing: "receive", Err: fmt.Errorf("more than %d bytes", c.options.MaxBody)}
		}
		if size == 0 {
			for { // trailers, up to an empty line
				line, err := r.line()
				if err != nil {
					return 0, unexpected(err)
				}
				if len(line) == 0 {
					return at, nil
				}
			}
		}
		if err := r.need(int(size)); err != nil {
			return 0, err
		}
		at += copy(r.buf[at:], r.buf[r.next:r.next+int(size)])
		r.next += int(size)
		if line, err = r.line(); err != nil || len(line) != 0 {
			if err == nil {
				err = errMalformed("a chunk is longer than it says")
			}
			return 0, unexpected(err)
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
