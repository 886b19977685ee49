package store

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// cursor is the place of a row in an order: the value it is sorted by and its id. The next page begins after
// it, whatever was inserted or deleted meanwhile.
type cursor struct {
	order byte   // which order it is a place in, so that it is not taken for a place in another
	num   int64  // the value of a numeric or time column, times in microseconds since 1970
	text  string // the value of a text column
	id    int64
}

// The orders of lists that cannot be sorted otherwise; those of media files are in mediaOrders.
const (
	orderNewest   byte = 'n' // created_at, id, both falling
	orderOldest   byte = 'o' // created_at, id, both rising
	orderID       byte = 'i'
	orderName     byte = 't'
	orderPosition byte = 'p'
)

func newestCursor(at time.Time, id int64) cursor {
	return cursor{order: orderNewest, num: at.UnixMicro(), id: id}
}

func (c cursor) time() time.Time { return time.UnixMicro(c.num) }

// encode writes the order, the two numbers and the text, in URL-safe characters.
func (c cursor) encode() string {
	b := make([]byte, 0, 17+len(c.text))
	b = append(b, c.order)
	b = binary.BigEndian.AppendUint64(b, uint64(c.num))
	b = binary.BigEndian.AppendUint64(b, uint64(c.id))
	b = append(b, c.text...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// maxCursor bounds the text that is decoded: the longest name that is sorted by, and then some.
const maxCursor = 4096

func decodeCursor(s string, order byte) (cursor, error) {
	var b []byte
	var err error
	if len(s) <= maxCursor && !strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		b, err = base64.RawURLEncoding.Strict().DecodeString(s)
	}
	var c cursor
	if err == nil && len(b) >= 17 {
		c = cursor{
			order: b[0],
			num:   int64(binary.BigEndian.Uint64(b[1:])),
			id:    int64(binary.BigEndian.Uint64(b[9:])),
			text:  string(b[17:]),
		}
	}
	if c.order != order || !c.possible() {
		return cursor{}, invalid("cursor", "is not a nextCursor of this list in this order: start again without one")
	}
	return c, nil
}

// possible tells whether PostgreSQL has such a value: whoever makes a cursor up must not be answered with its
// error.
func (c cursor) possible() bool {
	switch c.order {
	case orderNewest, orderOldest:
		year := c.time().UTC().Year()
		return year >= 1 && year <= 9999
	case orderPosition:
		return c.num >= 1 && c.num <= math.MaxInt32
	default:
		return true
	}
}

// invalid is a VALIDATION_ERROR about one field.
func invalid(field, message string) error {
	return &mockapi.Error{
		Code: mockapi.CodeValidation, Message: field + " " + message,
		Details: []mockapi.FieldError{{Field: field, Message: message}},
	}
}
