package handler

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/medianest/testbed/mockapi"
)

// problems collects what is wrong with a request, so that a client is told everything at once.
type problems []mockapi.FieldError

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, mockapi.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// err returns the VALIDATION_ERROR of the problems, nil where there are none.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	message := p[0].Message
	if p[0].Field != "" {
		message = p[0].Field + " " + message
	}
	if len(p) > 1 {
		message += fmt.Sprintf(" (and %d more, see details)", len(p)-1)
	}
	return &mockapi.Error{Code: mockapi.CodeValidation, Message: message, Details: []mockapi.FieldError(p)}
}

// text checks a text that came from a client: at least lo and at most hi characters, none of them NUL, and
// valid UTF-8, for that is what PostgreSQL stores.
func (p *problems) text(field, s string, lo, hi int) {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s):
		p.add(field, "is not valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		p.add(field, "holds a NUL character")
	case lo > 0 && strings.TrimSpace(s) == "":
		p.add(field, "is empty")
	case n < lo || n > hi:
		p.add(field, "has %d characters, want %d to %d", n, lo, hi)
	}
}

func (p *problems) optionalText(field string, s *string, lo, hi int) {
	if s != nil {
		p.text(field, *s, lo, hi)
	}
}

// pathID reads an id from the path.
func (c *Call) pathID(name string) (int64, error) {
	id, ok := parseID(c.gin.Param(name))
	if !ok {
		var p problems
		p.add(name, "is not an id: want a whole number from 1")
		return 0, p.err()
	}
	return id, nil
}

func parseID(s string) (int64, bool) {
	if s == "" || s[0] == '+' {
		return 0, false
	}
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil && id > 0
}

// params reads the query string and collects what is wrong with it. The first of repeated parameters counts,
// and unknown ones are left alone.
type params struct {
	values url.Values
	problems
}

func (c *Call) params() *params {
	p := new(params)
	if c.gin.Request.URL.RawQuery == "" {
		return p
	}
	values, err := url.ParseQuery(c.gin.Request.URL.RawQuery)
	if err != nil {
		p.add("", "the query string is malformed: %v", err)
	}
	p.values = values
	return p
}

func (p *params) get(name string) (string, bool) {
	v := p.values[name]
	if len(v) == 0 || v[0] == "" {
		return "", false
	}
	return v[0], true
}

// text reads a text of at most hi characters; "" where it is absent.
func (p *params) text(name string, hi int) string {
	s, ok := p.get(name)
	if ok {
		p.problems.text(name, s, 0, hi)
	}
	return s
}

func (p *params) int(name string, lo, hi, absent int64) int64 {
	s, ok := p.get(name)
	if !ok {
		return absent
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < lo || v > hi {
		p.add(name, "is %.40q, want a whole number from %d to %d", s, lo, hi)
		return absent
	}
	return v
}

func (p *params) id(name string) int64 {
	s, ok := p.get(name)
	if !ok {
		return 0
	}
	id, good := parseID(s)
	if !good {
		p.add(name, "is %.40q, want an id", s)
	}
	return id
}

func (p *params) bool(name string) *bool {
	s, ok := p.get(name)
	if !ok {
		return nil
	}
	v := s == "true" || s == "1"
	if !v && s != "false" && s != "0" {
		p.add(name, "is %.40q, want true or false", s)
	}
	return &v
}

// time reads an instant in RFC 3339, or a day, which begins at midnight UTC.
func (p *params) time(name string) time.Time {
	s, ok := p.get(name)
	if !ok {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		// PostgreSQL has no year 0.
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() > 0 {
			return t
		}
	}
	p.add(name, "is %.40q, want a time like 2026-01-31T12:00:00Z or a day like 2026-01-31", s)
	return time.Time{}
}

// page reads page, limit (or pageSize) and cursor.
func (p *params) page() mockapi.PageRequest {
	size := "limit"
	if _, ok := p.get(size); !ok {
		size = "pageSize"
	}
	r := mockapi.PageRequest{
		Page:   int(p.int("page", 1, 1<<31-1, 1)),
		Limit:  int(p.int(size, 1, mockapi.MaxLimit, mockapi.DefaultLimit)),
		Cursor: p.text("cursor", 512),
	}
	if r.Cursor == "" && (r.Page-1)*r.Limit > mockapi.MaxOffset {
		p.add("page", "is too deep: read on with cursor=, from meta.pagination.nextCursor, beyond row %d", mockapi.MaxOffset)
	}
	return r
}
