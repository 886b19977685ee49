package handler_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

// client speaks to a server under test.
type client struct {
	t    testing.TB
	base string
	http *http.Client
	// token is sent as Authorization: Bearer where it is not empty.
	token string
}

// answer is what came back, its body decoded.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func serve(t testing.TB, h http.Handler) *client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &client{t: t, base: srv.URL, http: srv.Client()}
}

func (c *client) as(token string) *client {
	other := *c
	other.token = token
	return &other
}

// do sends a request; body may be nil, a string, or anything that becomes JSON. Headers are name, value pairs.
func (c *client) do(method, path string, body any, headers ...string) *answer {
	c.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case io.Reader:
		r = b
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := &answer{t: c.t, what: method + " " + path, status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		c.t.Fatal(err)
	}
	if len(a.raw) > 0 {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			c.t.Fatalf("%s answered %d with what is not JSON: %v\n%s", a.what, a.status, err, a.raw)
		}
	}
	return a
}

func (c *client) get(path string) *answer { c.t.Helper(); return c.do(http.MethodGet, path, nil) }

func (c *client) post(path string, body any) *answer {
	c.t.Helper()
	return c.do(http.MethodPost, path, body)
}

// ok fails the test unless the answer is a success in the API's form.
func (a *answer) ok(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.what, a.status, status, a.raw)
	}
	if a.body["success"] != true {
		a.t.Errorf("%s: success is %v", a.what, a.body["success"])
	}
	meta, _ := a.body["meta"].(map[string]any)
	if meta["requestId"] != a.header.Get("X-Request-ID") || meta["requestId"] == "" || meta["timestamp"] == nil {
		a.t.Errorf("%s: meta %v", a.what, meta)
	}
	return a.hasHeaders()
}

// fails fails the test unless the answer is the coded error.
func (a *answer) fails(code mockapi.Code) *answer {
	a.t.Helper()
	e, _ := a.body["error"].(map[string]any)
	if a.status != code.Status() || e["code"] != string(code) {
		a.t.Fatalf("%s: status %d %v, want %s\n%s", a.what, a.status, e["code"], code, a.raw)
	}
	if a.body["success"] != false || e["message"] == "" || e["correlationId"] != a.header.Get("X-Correlation-ID") {
		a.t.Errorf("%s: %s", a.what, a.raw)
	}
	return a.hasHeaders()
}

func (a *answer) hasHeaders() *answer {
	a.t.Helper()
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := a.header.Get(name); got != want {
			a.t.Errorf("%s: %s is %q, want %q", a.what, name, got, want)
		}
	}
	return a
}

// at returns what is in the body at a path of field names.
func (a *answer) at(path ...string) any {
	var v any = a.body
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// list returns the list under a field.
func (a *answer) list(key string) []map[string]any {
	a.t.Helper()
	raw, ok := a.body[key].([]any)
	if !ok {
		a.t.Fatalf("%s: %s is no list\n%.500s", a.what, key, a.raw)
	}
	items := make([]map[string]any, len(raw))
	for i := range raw {
		items[i], _ = raw[i].(map[string]any)
	}
	return items
}

// field fails the test unless the body has the value at the path.
func (a *answer) field(want any, path ...string) *answer {
	a.t.Helper()
	if got := a.at(path...); got != want {
		a.t.Errorf("%s: %s is %v, want %v", a.what, strings.Join(path, "."), got, want)
	}
	return a
}

// complains fails the test unless the error's details name the field.
func (a *answer) complains(field string) *answer {
	a.t.Helper()
	details, _ := a.at("error", "details").([]any)
	for _, d := range details {
		if m, ok := d.(map[string]any); ok && m["field"] == field && m["message"] != "" {
			return a
		}
	}
	a.t.Errorf("%s: no complaint about %q in %s", a.what, field, a.raw)
	return a
}
