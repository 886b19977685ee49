package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/medianest/testbed/mockapi"
)

// readJSON decodes the body, which must be one JSON object of at most Options.MaxJSON bytes. Unknown fields
// are left alone, as MediaNest's clients may be newer than their server; wrong types are refused by name.
func (c *Call) readJSON(into any) error {
	if ct := c.gin.Request.Header.Get("Content-Type"); ct != "" && !isJSON(ct) {
		return mockapi.Errorf(mockapi.CodeUnsupportedMedia, "the body is %.100q, send Content-Type: application/json", ct)
	}
	return c.readBody(func(body []byte) error { return decodeObject(body, into) })
}

// readBody calls decode with the body, which has at most Options.MaxJSON bytes and is gone when decode returns.
func (c *Call) readBody(decode func(body []byte) error) error {
	r, limit := c.gin.Request, c.api.opts.MaxJSON
	if r.ContentLength > limit {
		return c.tooLarge(limit)
	}
	buf, ok := c.api.bodies.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer func() { // decoding has copied all that it keeps
		if buf.Cap() <= keepBuffer {
			buf.Reset()
			c.api.bodies.Put(buf)
		}
	}()
	_, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return &mockapi.Error{Code: mockapi.CodeValidation, Message: "the body ended early or took too long", Err: err}
	}
	if int64(buf.Len()) > limit {
		return c.tooLarge(limit)
	}
	c.waited()
	return decode(buf.Bytes())
}

// isJSON tells whether a Content-Type is JSON: mostly it is just that, which needs no parsing.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json"))
}

// hangUp closes the connection with the answer, which ends the sending of the rest of a body.
func (c *Call) hangUp() { c.gin.Writer.Header().Set("Connection", "close") }

// tooLarge refuses a body.
func (c *Call) tooLarge(limit int64) error {
	c.hangUp()
	return mockapi.Errorf(mockapi.CodePayloadTooLarge, "the body is larger than %d bytes", limit)
}

func decodeObject(body []byte, into any) error {
	switch startOf(body) {
	case 0:
		return mockapi.Errorf(mockapi.CodeValidation, "the body is empty, want a JSON object")
	case '{':
		return decodeJSON(body, into)
	default:
		return mockapi.Errorf(mockapi.CodeValidation, "the body is not a JSON object")
	}
}

// startOf returns the first byte that is no white space; 0 where there is none.
func startOf(body []byte) byte {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 {
		return trimmed[0]
	}
	return 0
}

func decodeJSON(body []byte, into any) error {
	invalid := func(format string, args ...any) error {
		return mockapi.Errorf(mockapi.CodeValidation, format, args...)
	}
	switch {
	case !utf8.Valid(body):
		return invalid("the body is not valid UTF-8")
	case hasEscapedNUL(body):
		return invalid(`the body holds the character \u0000, which PostgreSQL cannot store`)
	}
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		var p problems
		p.add(e.Field, "is a JSON %s, want %s", e.Value, typeInWords(e.Type))
		return p.err()
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return invalid("the body is not JSON at byte %d: %v", e.Offset, e)
	}
	return invalid("the body is not JSON: %v", err)
}

// hasEscapedNUL tells whether a JSON text holds \u0000, as opposed to \\u0000, which is an escaped backslash.
func hasEscapedNUL(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return false
		}
		if bytes.HasPrefix(b[i+1:], []byte("u0000")) {
			return true
		}
		b = b[i+2:]
	}
}

func typeInWords(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int32:
		return "a whole number below 2147483648"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	default:
		return "another type"
	}
}
