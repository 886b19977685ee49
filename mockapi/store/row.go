package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// row reads one row in PostgreSQL's binary format, column after column from the left. The first column that
// is not what was asked for fails the whole row; finish tells.
//
// pgx's Scan would do, at several times the cost (BenchmarkScan): it finds a plan for each column and target by
// type, and gives every string an allocation of its own.
type row struct {
	columns [][]byte
	next    int
	err     error
	texts   strings.Builder // of this row and those before it: strings come from here without one allocation each
}

// reset goes on to another row.
func (r *row) reset(columns [][]byte) { r.columns, r.next, r.err = columns, 0, nil }

// Sizes in bytes of what texts are copied to: the first for a look-up of one row, the others for lists.
const (
	firstTexts = 256
	moreTexts  = 4096
)

// string copies b. A Builder does not move what it has given out as a string, as long as there is room.
func (r *row) string(b []byte) string {
	if len(b) > firstTexts {
		return string(b)
	}
	if r.texts.Cap()-r.texts.Len() < len(b) {
		size := firstTexts
		if r.texts.Cap() > 0 {
			size = moreTexts
		}
		r.texts.Reset()
		r.texts.Grow(size)
	}
	start := r.texts.Len()
	r.texts.Write(b)
	return r.texts.String()[start:]
}

// postgresEpoch is 2000-01-01 in microseconds since 1970, from where PostgreSQL counts.
const postgresEpoch = 946_684_800_000_000

func (r *row) column(kind string, size int, nullable bool) []byte {
	if r.err != nil {
		return nil
	}
	if r.next >= len(r.columns) {
		r.err = fmt.Errorf("row has %d columns, %s wanted from one more", len(r.columns), kind)
		return nil
	}
	b := r.columns[r.next]
	r.next++
	switch {
	case b == nil && !nullable:
		r.err = fmt.Errorf("column %d is null, %s wanted", r.next, kind)
	case b != nil && size >= 0 && len(b) != size:
		r.err = fmt.Errorf("column %d has %d bytes, not the %d of %s", r.next, len(b), size, kind)
		return nil
	}
	return b
}

// finish tells whether every column was read and was what it was read as.
func (r *row) finish() error {
	if r.err == nil && r.next != len(r.columns) {
		return fmt.Errorf("row has %d columns, %d were read", len(r.columns), r.next)
	}
	return r.err
}

func (r *row) int64() int64 {
	if b := r.column("bigint", 8, false); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *row) int32() int32 {
	if b := r.column("integer", 4, false); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *row) nullInt32() *int32 {
	if b := r.column("integer", 4, true); b != nil {
		return new(int32(binary.BigEndian.Uint32(b)))
	}
	return nil
}

func (r *row) bool() bool {
	b := r.column("boolean", 1, false)
	return b != nil && b[0] != 0
}

func (r *row) text() string { return r.string(r.column("text", -1, false)) }

func (r *row) nullText() *string {
	if b := r.column("text", -1, true); b != nil {
		return new(r.string(b))
	}
	return nil
}

// textLike is text, but where the column says what last says, last is returned and nothing allocated.
func (r *row) textLike(last string) string {
	if b := r.column("text", -1, false); string(b) != last {
		return r.string(b)
	}
	return last
}

func (r *row) nullBytes() []byte {
	if b := r.column("bytea", -1, true); b != nil {
		return append([]byte{}, b...)
	}
	return nil
}

// json reads a jsonb column, which starts with a version byte.
func (r *row) json() json.RawMessage {
	b := r.column("jsonb", -1, false)
	if r.err == nil && (len(b) == 0 || b[0] != 1) {
		r.err = errors.New("jsonb column of an unknown version")
	}
	if r.err != nil {
		return nil
	}
	return append(json.RawMessage{}, b[1:]...)
}

func instant(b []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(b)) + postgresEpoch).UTC()
}

func (r *row) time() time.Time {
	if b := r.column("timestamptz", 8, false); b != nil {
		return instant(b)
	}
	return time.Time{}
}

func (r *row) nullTime() *time.Time {
	if b := r.column("timestamptz", 8, true); b != nil {
		return new(instant(b))
	}
	return nil
}
