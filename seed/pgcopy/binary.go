package pgcopy

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// postgresEpochMicro is 2000-01-01 00:00:00 UTC, from which PostgreSQL counts, in microseconds of Unix time.
const postgresEpochMicro = 946_684_800_000_000

// binaryHeader opens a binary COPY: the signature, no flags, no header extension.
const binaryHeader = "PGCOPY\n\377\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// AppendBinaryHeader appends what comes before the first row of COPY's binary format.
func AppendBinaryHeader(buf []byte) []byte { return append(buf, binaryHeader...) }

// AppendBinaryTrailer appends what comes after the last row of COPY's binary format.
func AppendBinaryTrailer(buf []byte) []byte { return append(buf, 0xff, 0xff) }

// Binary encodes rows in COPY's binary format by appending to a buffer, and sums up their checksum. Header
// and trailer are the caller's. The zero value is ready for use.
type Binary struct {
	buf  []byte
	row  int
	rows int64
	sum  uint64
}

var _ Encoder = (*Binary)(nil)

// Swap returns what has been encoded since the last Swap and goes on at the end of next, whose bytes so far
// are kept.
func (b *Binary) Swap(next []byte) []byte {
	full := b.buf
	b.buf = next
	return full
}

// Len returns the number of bytes in the buffer.
func (b *Binary) Len() int { return len(b.buf) }

// Rows returns the number of rows ended since the last Restart.
func (b *Binary) Rows() int64 { return b.rows }

// Checksum returns the sum, modulo 2^64, of the xxHash64 of each row ended since the last Restart, where a
// row's bytes are its field count and its fields. Being a sum it is the same in whatever order, and cut into
// whatever pieces, the rows are encoded.
func (b *Binary) Checksum() uint64 { return b.sum }

// Restart sets the count of rows and the checksum to zero.
func (b *Binary) Restart() { b.rows, b.sum = 0, 0 }

// BeginRow starts a row of n columns.
func (b *Binary) BeginRow(n int) {
	b.row = len(b.buf)
	b.buf = append(b.buf, byte(n>>8), byte(n))
}

// Int64 appends a bigint.
func (b *Binary) Int64(v int64) {
	b.buf = append(b.buf, 0, 0, 0, 8,
		byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// Int32 appends an integer.
func (b *Binary) Int32(v int32) {
	b.buf = append(b.buf, 0, 0, 0, 4, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// Bool appends a boolean.
func (b *Binary) Bool(v bool) {
	var one byte
	if v {
		one = 1
	}
	b.buf = append(b.buf, 0, 0, 0, 1, one)
}

// Text appends a text.
func (b *Binary) Text(v []byte) {
	b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(len(v)))
	b.buf = append(b.buf, v...)
}

// String appends a text.
func (b *Binary) String(v string) {
	b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(len(v)))
	b.buf = append(b.buf, v...)
}

// JSON appends a jsonb, which on the wire is a version number, 1, and the text.
func (b *Binary) JSON(v []byte) {
	b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(len(v)+1))
	b.buf = append(b.buf, 1)
	b.buf = append(b.buf, v...)
}

// Bytes appends a bytea.
func (b *Binary) Bytes(v []byte) { b.Text(v) }

// Time appends a timestamptz given in microseconds since the Unix epoch.
func (b *Binary) Time(unixMicro int64) { b.Int64(unixMicro - postgresEpochMicro) }

// Null appends NULL.
func (b *Binary) Null() { b.buf = append(b.buf, 0xff, 0xff, 0xff, 0xff) }

// EndRow ends the row.
func (b *Binary) EndRow() {
	b.rows++
	b.sum += xxhash.Sum64(b.buf[b.row:])
}
