package pgcopy

import (
	"encoding/hex"
	"strconv"
	"time"
)

// CSV encodes rows in COPY's CSV format with its default settings (comma, double quote, NULL as an empty
// unquoted field, no header line) by appending to a buffer. The zero value is ready for use.
//
// A text with a line that reads `\.` and nothing else survives COPY but not psql's \copy before version
// 18, which takes that line for the end of the data wherever it stands.
type CSV struct {
	buf   []byte
	inRow bool
}

var _ Encoder = (*CSV)(nil)

// Swap returns what has been encoded since the last Swap and goes on at the end of next, whose bytes so far
// are kept.
func (c *CSV) Swap(next []byte) []byte {
	full := c.buf
	c.buf = next
	return full
}

// Len returns the number of bytes in the buffer.
func (c *CSV) Len() int { return len(c.buf) }

// BeginRow starts a row.
func (c *CSV) BeginRow(int) { c.inRow = false }

func (c *CSV) separate() {
	if c.inRow {
		c.buf = append(c.buf, ',')
	}
	c.inRow = true
}

// Int64 appends a bigint.
func (c *CSV) Int64(v int64) {
	c.separate()
	c.buf = strconv.AppendInt(c.buf, v, 10)
}

// Int32 appends an integer.
func (c *CSV) Int32(v int32) { c.Int64(int64(v)) }

// Bool appends a boolean.
func (c *CSV) Bool(v bool) {
	c.separate()
	if v {
		c.buf = append(c.buf, 't')
	} else {
		c.buf = append(c.buf, 'f')
	}
}

// Text appends a text.
func (c *CSV) Text(v []byte) { appendField(c, v) }

// String appends a text.
func (c *CSV) String(v string) { appendField(c, v) }

// JSON appends a jsonb.
func (c *CSV) JSON(v []byte) { appendField(c, v) }

// Bytes appends a bytea in hexadecimal.
func (c *CSV) Bytes(v []byte) {
	c.separate()
	c.buf = append(c.buf, '\\', 'x')
	c.buf = hex.AppendEncode(c.buf, v)
}

// Time appends a timestamptz given in microseconds since the Unix epoch, in UTC with its offset.
func (c *CSV) Time(unixMicro int64) {
	c.separate()
	c.buf = appendTimestamp(c.buf, unixMicro)
}

// Null appends NULL.
func (c *CSV) Null() { c.separate() }

// EndRow ends the row.
func (c *CSV) EndRow() { c.buf = append(c.buf, '\n') }

func appendField[T string | []byte](c *CSV, v T) {
	c.separate()
	if !needsQuotes(v) {
		c.buf = append(c.buf, v...)
		return
	}
	c.buf = append(c.buf, '"')
	from := 0
	for i := range len(v) {
		if v[i] == '"' {
			c.buf = append(c.buf, v[from:i+1]...)
			c.buf = append(c.buf, '"')
			from = i + 1
		}
	}
	c.buf = append(c.buf, v[from:]...)
	c.buf = append(c.buf, '"')
}

// needsQuotes tells whether a field reads back as something else without quotes: the empty text would be
// NULL, and a lone `\.` the end of the data.
func needsQuotes[T string | []byte](v T) bool {
	if len(v) == 0 || (len(v) == 2 && v[0] == '\\' && v[1] == '.') {
		return true
	}
	for i := range len(v) {
		switch v[i] {
		case '"', ',', '\n', '\r':
			return true
		}
	}
	return false
}

const microPerDay = 24 * 60 * 60 * 1_000_000

// appendTimestamp appends 2006-01-02 15:04:05.999999+00. It goes around time.Time's
// Format, which would be most of what a CSV row costs.
func appendTimestamp(buf []byte, unixMicro int64) []byte {
	day, micro := unixMicro/microPerDay, unixMicro%microPerDay
	if micro < 0 {
		day, micro = day-1, micro+microPerDay
	}
	year, month, dom := time.Unix(day*24*60*60, 0).UTC().Date()
	buf = appendTwo(appendTwo(buf, int64(year/100)), int64(year%100))
	buf = append(appendTwo(append(buf, '-'), int64(month)), '-')
	buf = append(appendTwo(buf, int64(dom)), ' ')
	second := micro / 1_000_000
	buf = append(appendTwo(buf, second/3600), ':')
	buf = append(appendTwo(buf, second/60%60), ':')
	buf = appendTwo(buf, second%60)
	if frac := micro % 1_000_000; frac != 0 {
		buf = append(buf, '.')
		for unit := int64(100_000); unit > 0; unit /= 10 {
			buf = append(buf, byte('0'+frac/unit%10))
		}
	}
	return append(buf, "+00"...)
}

func appendTwo(buf []byte, n int64) []byte { return append(buf, byte('0'+n/10), byte('0'+n%10)) }
