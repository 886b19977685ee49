package handler_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/handler"
)

// These tests are about HTTP alone: a store that answers anything would do.

func serveStub(t *testing.T, o handler.Options, media func(context.Context) (mockapi.Media, error)) *client {
	t.Helper()
	if media == nil {
		media = func(context.Context) (mockapi.Media, error) { return mockapi.Media{ID: 1}, nil }
	}
	return serve(t, handler.New(handler.StubStore(media), auth.New(auth.Options{HashCost: 4}), o))
}

func TestWhatNoRouteAnswers(t *testing.T) {
	c := serveStub(t, handler.Options{}, nil)
	for _, path := range []string{"/", "/api/v1", "/api/v1/", "/api/v2/media", "/api/v1/media/", "/api/v1/media/1/nothing", "/%00", "/api/v1/media/a/b/c"} {
		c.get(path).fails(mockapi.CodeNotFound)
	}
	for _, tc := range []struct{ method, path, allow string }{
		{http.MethodPost, "/api/v1/media", "GET, HEAD"},
		{http.MethodPut, "/api/v1/media/1", "GET, HEAD, PATCH, DELETE"},
		{http.MethodOptions, "/api/v1/auth/login", "POST"},
		{"BREW", "/health", "GET, HEAD"},
	} {
		a := c.do(tc.method, tc.path, nil).fails(mockapi.CodeMethodNotAllowed)
		for _, m := range strings.Split(tc.allow, ", ") {
			if !strings.Contains(a.header.Get("Allow"), m) {
				t.Errorf("%s: Allow is %q, want %s", a.what, a.header.Get("Allow"), tc.allow)
			}
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	c := serveStub(t, handler.Options{}, nil)
	get, head := c.get("/api/v1/media/1").ok(http.StatusOK), c.do(http.MethodHead, "/api/v1/media/1", nil)
	if head.status != http.StatusOK || len(head.raw) != 0 || head.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: status %d, %d bytes, Content-Length %q", head.status, len(head.raw), head.header.Get("Content-Length"))
	}
	if len(get.raw) == 0 {
		t.Error("GET has no body")
	}
}

func TestIDsAreEchoedOrMade(t *testing.T) {
	c := serveStub(t, handler.Options{}, nil)
	const path = "/api/v1/media/1"
	a := c.do(http.MethodGet, path, nil, "X-Correlation-ID", "chain-1.2:3", "X-Request-ID", "request_1")
	a.ok(http.StatusOK)
	if a.header.Get("X-Correlation-ID") != "chain-1.2:3" || a.header.Get("X-Request-ID") != "request_1" {
		t.Errorf("ids %q and %q", a.header.Get("X-Correlation-ID"), a.header.Get("X-Request-ID"))
	}
	made := map[string]bool{}
	for _, bad := range []string{"", strings.Repeat("a", 129), "a b", "<script>", "ä", `"`, "a,b"} {
		a := c.do(http.MethodGet, path, nil, "X-Correlation-ID", bad).ok(http.StatusOK)
		id := a.header.Get("X-Correlation-ID")
		if id == bad || id == "" || id != a.header.Get("X-Request-ID") || made[id] {
			t.Errorf("for %q came %q", bad, id)
		}
		made[id] = true
	}
}

func TestStoreErrorsBecomeCodedAnswers(t *testing.T) {
	var fail error
	c := serveStub(t, handler.Options{}, func(context.Context) (mockapi.Media, error) { return mockapi.Media{}, fail })
	for _, tc := range []struct {
		err  error
		want mockapi.Code
	}{
		{mockapi.Errorf(mockapi.CodeNotFound, "no such media file"), mockapi.CodeNotFound},
		{mockapi.Errorf(mockapi.CodeAccessDenied, "private"), mockapi.CodeAccessDenied},
		{context.DeadlineExceeded, mockapi.CodeUnavailable},
		{errors.New("table media_files is gone"), mockapi.CodeInternal},
	} {
		fail = tc.err
		a := c.get("/api/v1/media/1").fails(tc.want)
		if strings.Contains(string(a.raw), "media_files") {
			t.Errorf("the cause is shown to clients: %s", a.raw)
		}
	}
	fail = &mockapi.Error{Code: mockapi.CodeUnavailable, Message: "away", RetryAfter: 1500 * time.Millisecond}
	a := c.get("/api/v1/media/1").fails(mockapi.CodeUnavailable).field(2.0, "error", "retryAfter")
	if a.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After is %q, want 2", a.header.Get("Retry-After"))
	}
}

func TestRequestsHaveADeadline(t *testing.T) {
	c := serveStub(t, handler.Options{RequestTimeout: 10 * time.Millisecond}, func(ctx context.Context) (mockapi.Media, error) {
		<-ctx.Done() // a database that never answers
		return mockapi.Media{}, ctx.Err()
	})
	a := c.get("/api/v1/media/1").fails(mockapi.CodeUnavailable)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	var log syncBuffer
	c := serveStub(t, handler.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(context.Context) (mockapi.Media, error) {
		panic("out of cheese")
	})
	for range 2 { // the second call reuses what the first left behind
		a := c.get("/api/v1/media/1").fails(mockapi.CodeInternal)
		if strings.Contains(string(a.raw), "cheese") {
			t.Errorf("the cause is shown to clients: %s", a.raw)
		}
		if !strings.Contains(log.String(), "out of cheese") || !strings.Contains(log.String(), a.header.Get("X-Request-ID")) ||
			!strings.Contains(log.String(), "http_test.go") {
			t.Errorf("log without cause, request or stack:\n%s", log.String())
		}
	}
}

func TestMiddlewareWrapsARoute(t *testing.T) {
	var order []string
	note := func(name string) handler.Middleware {
		return func(rt handler.Route, next handler.HandlerFunc) handler.HandlerFunc {
			if rt.Path != "/api/v1/media/:id" || rt.Method != http.MethodGet {
				return next
			}
			return func(c *handler.Call) error {
				order = append(order, name)
				if c.Gin().Query("refuse") == name {
					return mockapi.Errorf(mockapi.CodeRateLimited, "slow down")
				}
				return next(c)
			}
		}
	}
	c := serveStub(t, handler.Options{Middleware: []handler.Middleware{note("outer"), note("inner")}}, nil)
	c.get("/api/v1/media/1").ok(http.StatusOK)
	c.get("/api/v1/media/1?refuse=outer").fails(mockapi.CodeRateLimited)
	c.get("/api/v1/nothing").fails(mockapi.CodeNotFound)
	if got := strings.Join(order, " "); got != "outer inner outer" {
		t.Errorf("order %q", got)
	}
}

func TestAbortDropsTheConnection(t *testing.T) {
	abort := func(rt handler.Route, _ handler.HandlerFunc) handler.HandlerFunc {
		return func(*handler.Call) error { panic(http.ErrAbortHandler) }
	}
	c := serveStub(t, handler.Options{Middleware: []handler.Middleware{abort}}, nil)
	resp, err := c.http.Get(c.base + "/health")
	if err == nil {
		resp.Body.Close()
		t.Fatalf("status %d, want no answer", resp.StatusCode)
	}
}

func TestWriteErrorAnswersInTheAPIsForm(t *testing.T) {
	api := handler.NewAPI(handler.StubStore(nil), auth.New(auth.Options{HashCost: 4}), handler.Options{})
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.WriteError(w, r, &mockapi.Error{Code: mockapi.CodeUnavailable, Status: http.StatusBadGateway, Message: "made", RetryAfter: time.Second})
	}))
	a := c.do(http.MethodGet, "/", nil, "X-Correlation-ID", "chain").hasHeaders()
	a.field("SERVICE_UNAVAILABLE", "error", "code").field("chain", "error", "correlationId")
	if a.status != http.StatusBadGateway || a.header.Get("Retry-After") != "1" {
		t.Errorf("status %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
}

func TestCrossOrigin(t *testing.T) {
	const page = "http://localhost:5173"
	preflight := func(c *client, origin string) *answer {
		return c.do(http.MethodOptions, "/api/v1/media/1", nil, "Origin", origin, "Access-Control-Request-Method", "PATCH")
	}
	closed := serveStub(t, handler.Options{}, nil)
	if a := closed.do(http.MethodGet, "/api/v1/media/1", nil, "Origin", page); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("other origins are let in by default")
	}
	preflight(closed, page).fails(mockapi.CodeMethodNotAllowed)

	open := serveStub(t, handler.Options{CORSOrigins: []string{page}}, nil)
	a := open.do(http.MethodGet, "/api/v1/media/1", nil, "Origin", page).ok(http.StatusOK)
	if a.header.Get("Access-Control-Allow-Origin") != page || a.header.Get("Vary") != "Origin" {
		t.Errorf("headers %v", a.header)
	}
	if a := preflight(open, page); a.status != http.StatusNoContent || !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "PATCH") ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: status %d, headers %v", a.status, a.header)
	}
	preflight(open, "http://elsewhere").fails(mockapi.CodeMethodNotAllowed)

	// What a fault rule refuses is answered before the routes, and to be read by the page all the same.
	api := handler.NewAPI(nil, nil, handler.Options{CORSOrigins: []string{page}})
	refused, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1/media/1", nil)
	r.Header.Set("Origin", page)
	api.WriteError(refused, r, mockapi.Errorf(mockapi.CodeUnavailable, "by a rule"))
	if h := refused.Header(); h.Get("Access-Control-Allow-Origin") != page || h.Get("Vary") != "Origin" ||
		!strings.Contains(h.Get("Access-Control-Expose-Headers"), "X-MediaNest-Fault") {
		t.Errorf("an error before the routes has the headers %v", h)
	}

	all := serveStub(t, handler.Options{CORSOrigins: []string{"*"}}, nil)
	if a := preflight(all, "http://elsewhere"); a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers %v", a.header)
	}
}

func TestAccessLog(t *testing.T) {
	for _, tc := range []struct {
		kind  handler.AccessLog
		lines int
	}{{handler.LogOff, 0}, {handler.LogSampled, 3}, {handler.LogAll, 10}} {
		var log syncBuffer
		c := serveStub(t, handler.Options{AccessLog: tc.kind, SampleEvery: 4, Logger: slog.New(slog.NewTextHandler(&log, nil))}, nil)
		for range 10 {
			c.do(http.MethodGet, "/api/v1/media/1?password=hunter2", nil, "Authorization", "Bearer s3cret").fails(mockapi.CodeInvalidToken)
		}
		c.http.CloseIdleConnections()
		text := log.String()
		if got := strings.Count(text, "msg=request"); got != tc.lines {
			t.Errorf("kind %d: %d lines, want %d\n%s", tc.kind, got, tc.lines, text)
		}
		if strings.Contains(text, "hunter2") || strings.Contains(text, "s3cret") {
			t.Errorf("secrets in the log:\n%s", text)
		}
		if tc.lines > 0 && !strings.Contains(text, "method=GET path=/api/v1/media/1 route=/api/v1/media/:id status=401") {
			t.Errorf("log:\n%s", text)
		}
	}
}

func TestASampledLogTellsOfEvery5xx(t *testing.T) {
	var log syncBuffer
	c := serveStub(t, handler.Options{AccessLog: handler.LogSampled, SampleEvery: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil))},
		func(context.Context) (mockapi.Media, error) {
			return mockapi.Media{}, &mockapi.Error{Code: mockapi.CodeUnavailable, Message: "away", Err: errors.New("connection refused")}
		})
	for range 3 {
		c.get("/api/v1/media/1").fails(mockapi.CodeUnavailable)
	}
	if got := strings.Count(log.String(), "status=503"); got != 3 || !strings.Contains(log.String(), "connection refused") {
		t.Errorf("%d lines, want 3 with the cause\n%s", got, log.String())
	}
}

func TestBodiesAreBounded(t *testing.T) {
	c := serveStub(t, handler.Options{MaxJSON: 100}, nil)
	const path = "/api/v1/auth/login"
	c.post(path, `{"email":"`+strings.Repeat("x", 100)+`"}`).fails(mockapi.CodePayloadTooLarge)
	// Of unknown length: sent in chunks.
	c.post(path, io.MultiReader(strings.NewReader(`{"email":"`), strings.NewReader(strings.Repeat("x", 100)+`"}`))).
		fails(mockapi.CodePayloadTooLarge)
	c.post(path, `{"email":"`+strings.Repeat(" ", 88)+`"}`).fails(mockapi.CodeValidation) // 100 bytes
}

func TestMalformedBodies(t *testing.T) {
	c := serveStub(t, handler.Options{}, nil)
	const path = "/api/v1/auth/login"
	for name, body := range map[string]string{
		"nothing":           "",
		"spaces":            " \n",
		"an array":          `[]`,
		"null":              `null`,
		"a string":          `"x"`,
		"cut":               `{"email":"a@b.c"`,
		"trailing":          `{"email":"a@b.c","password":"x"} {}`,
		"trailing text":     `{"email":"a@b.c","password":"x"} x`,
		"single quotes":     `{'email':'x'}`,
		"invalid UTF-8":     "{\"email\":\"\xff\",\"password\":\"x\"}",
		"NUL":               `{"email":"a@b.c","password":"x\u0000"}`,
		"NUL after a slash": `{"email":"a@b.c","password":"\\\u0000"}`,
		"deep":              `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			c.do(http.MethodPost, path, body).fails(mockapi.CodeValidation)
		})
	}
	c.post(path, `{"email":7,"password":"x"}`).fails(mockapi.CodeValidation).complains("email")
	c.post(path, `{}`).fails(mockapi.CodeValidation).complains("email").complains("password")
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "nonsense;;", "multipart/form-data"} {
		c.do(http.MethodPost, path, `{}`, "Content-Type", contentType).fails(mockapi.CodeUnsupportedMedia)
	}
	for _, contentType := range []string{"application/json; charset=utf-8", "application/merge-patch+json"} {
		c.do(http.MethodPost, path, `{}`, "Content-Type", contentType).fails(mockapi.CodeValidation)
	}
}

func TestABodyThatEndsEarly(t *testing.T) {
	h := handler.New(handler.StubStore(nil), auth.New(auth.Options{HashCost: 4}), handler.Options{})
	r := httptest.NewRequest(http.MethodPost, "/api/v1/auth/login", io.MultiReader(strings.NewReader(`{"email":`), brokenReader{}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "VALIDATION_ERROR") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// syncBuffer is a buffer that a server may write to while a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
