package pgcopy

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// pgconn reads 64 KiB less its message header at a time. Blocks are four such pieces, so that
	// most reads find their piece whole.
	pieceBytes = 65_536 - 5
	blockBytes = 4 * pieceBytes
	// rowSlack is room for the row that crosses the end of a block; a longer one makes the block grow.
	rowSlack = 16 << 10
	// blockCount lets one block be filled, one wait and one be sent. The generator and the connection then
	// go on beside each other unless one is slower for longer than a block takes, about a millisecond.
	blockCount = 3
)

// Sink sends rows to the server through COPY FROM STDIN in the binary format. It encodes in one goroutine
// into a few blocks in rotation, which are never more, while pgconn sends in another. A Sink is for one
// goroutine at a time.
type Sink struct {
	conn   *pgconn.PgConn
	enc    Binary
	blocks [blockCount]*block
}

type block struct{ data []byte }

// NewSink returns a Sink on conn, which stays the caller's.
func NewSink(conn *pgconn.PgConn) *Sink {
	s := &Sink{conn: conn}
	for i := range s.blocks {
		s.blocks[i] = &block{data: make([]byte, 0, blockBytes+rowSlack)}
	}
	return s
}

// Sent is what a Copy has sent.
type Sent struct {
	// Rows were sent in Bytes of COPY data.
	Rows, Bytes int64
	// Checksum is that of Binary.Checksum.
	Checksum uint64
}

// Copy runs the statement, a COPY ... FROM STDIN (FORMAT binary), with the n rows that row appends for
// first, first+1, and so on. It calls progress, unless nil, from another goroutine with the rows and bytes
// of each block. When ctx ends, the connection is closed, as pgconn does.
func (s *Sink) Copy(ctx context.Context, statement string, row func(e Encoder, i int64), first, n int64, progress func(rows, bytes int64)) (Sent, error) {
	p := &producer{
		enc: &s.enc, row: row, first: first, n: n, progress: progress,
		free: make(chan *block, blockCount),
		full: make(chan *block, blockCount),
		stop: make(chan struct{}),
		done: make(chan struct{}),
	}
	for _, b := range s.blocks {
		p.free <- b
	}
	go p.run(ctx)
	tag, err := s.conn.CopyFrom(ctx, p, statement)
	close(p.stop)
	<-p.done
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		// The connection is closed under whoever is writing to it, who reports just that.
		return Sent{}, fmt.Errorf("copy: %w (%w)", cause, err)
	}
	if err != nil {
		return Sent{}, fmt.Errorf("copy: %w", err)
	}
	if tag.RowsAffected() != n {
		return Sent{}, fmt.Errorf("copy: server took %d rows of %d", tag.RowsAffected(), n)
	}
	return Sent{Rows: n, Bytes: p.bytes, Checksum: s.enc.Checksum()}, nil
}

// producer is the io.Reader that pgconn reads from. Blocks circle between run, which fills them, and Read.
// Both channels hold all blocks, so a send never waits.
type producer struct {
	enc      *Binary
	row      func(e Encoder, i int64)
	first, n int64
	progress func(rows, bytes int64)
	bytes    int64

	free, full chan *block
	stop, done chan struct{}
	err        error // set before full is closed

	current *block
	rest    []byte
}

var errStopped = errors.New("stopped")

func (p *producer) run(ctx context.Context) {
	defer close(p.done)
	defer close(p.full)
	p.enc.Restart()
	i, end := p.first, p.first+p.n
	for started := false; ; started = true {
		var b *block
		select {
		case b = <-p.free:
		case <-ctx.Done():
			p.err = context.Cause(ctx)
			return
		case <-p.stop:
			p.err = errStopped
			return
		}
		b.data = b.data[:0]
		if !started {
			b.data = AppendBinaryHeader(b.data)
		}
		p.enc.Swap(b.data)
		from := i
		for i < end && p.enc.Len() < blockBytes {
			p.row(p.enc, i)
			i++
		}
		b.data = p.enc.Swap(nil)
		if i == end {
			b.data = AppendBinaryTrailer(b.data)
		}
		p.bytes += int64(len(b.data))
		if p.progress != nil {
			p.progress(i-from, int64(len(b.data)))
		}
		p.full <- b
		if i == end {
			return
		}
	}
}

// Read fills buf across blocks: every read becomes one message and one system call.
func (p *producer) Read(buf []byte) (int, error) {
	n := 0
	for n < len(buf) {
		if len(p.rest) == 0 {
			if p.current != nil {
				p.free <- p.current
				p.current = nil
			}
			b, ok := <-p.full
			if !ok {
				if p.err != nil {
					return n, p.err
				}
				return n, io.EOF
			}
			p.current, p.rest = b, b.data
		}
		c := copy(buf[n:], p.rest)
		p.rest = p.rest[c:]
		n += c
	}
	return n, nil
}
