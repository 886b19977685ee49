package contracttest_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/medianest/testbed/mockapi/contract/contracttest"
	"github.com/medianest/testbed/mockapi/fault"
)

// compiled is the document, compiled once for all tests.
var compiled = sync.OnceValues(contracttest.New)

func validator(t testing.TB) *contracttest.Validator {
	t.Helper()
	v, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const (
	meta     = `"meta":{"timestamp":"2026-01-31T12:00:00.000Z","requestId":"r-1"}`
	tags     = `{"success":true,"data":[{"id":1,"name":"photo"}],` + meta + `}`
	notFound = `{"success":false,"error":{"code":"NOT_FOUND","message":"no such media file","correlationId":"c-1"}}`
)

func headers(more ...string) http.Header {
	h := http.Header{
		"X-Request-Id": {"r-1"}, "X-Correlation-Id": {"c-1"}, "Server-Timing": {"total;dur=1, db;dur=0.5, pool;dur=0"}, "X-Content-Type-Options": {"nosniff"},
		"X-Frame-Options": {"DENY"}, "Referrer-Policy": {"no-referrer"}, "Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Content-Type": {"application/json; charset=utf-8"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] == "" {
			h.Del(more[i])
		} else {
			h.Set(more[i], more[i+1])
		}
	}
	return h
}

// tagsOf is a good exchange, to be spoiled.
func tagsOf(change func(*contracttest.Exchange)) *contracttest.Exchange {
	x := &contracttest.Exchange{
		Service: "api", Method: "GET", Path: "/api/v1/media/1/tags", RequestHeader: http.Header{}, Status: 200, Header: headers(), Body: []byte(tags),
	}
	change(x)
	return x
}

func TestResponses(t *testing.T) {
	v := validator(t)
	type x = *contracttest.Exchange
	for name, c := range map[string]struct {
		change func(x)
		wrong  string // part of what is reported; "" where all is well
	}{
		"good":              {func(x x) {}, ""},
		"no such file":      {func(x x) { x.Status, x.Body = 404, []byte(notFound) }, ""},
		"HEAD":              {func(x x) { x.Method, x.Body = "HEAD", nil }, ""},
		"status":            {func(x x) { x.Status = 409 }, "no status 409"},
		"status of another": {func(x x) { x.Status = 404 }, "outside its schema"},
		"member missing":    {func(x x) { x.Body = []byte(`{"success":true,` + meta + `}`) }, "missing property 'data'"},
		"member too many":   {func(x x) { x.Body = bytes.Replace(x.Body, []byte(`"name"`), []byte(`"extra":1,"name"`), 1) }, "'extra'"},
		"type":              {func(x x) { x.Body = bytes.Replace(x.Body, []byte(`"id":1`), []byte(`"id":"1"`), 1) }, "got string, want integer"},
		"bound":             {func(x x) { x.Body = bytes.Replace(x.Body, []byte(`"id":1`), []byte(`"id":0`), 1) }, "minimum"},
		"format":            {func(x x) { x.Body = bytes.Replace(x.Body, []byte("T12:00"), []byte(" 12:00"), 1) }, "date-time"},
		"no JSON":           {func(x x) { x.Body = x.Body[:20] }, "not JSON"},
		"content type":      {func(x x) { x.Header = headers("Content-Type", "text/html") }, "text/html is not in the document"},
		"header missing":    {func(x x) { x.Header = headers("Server-Timing", "") }, "Server-Timing is missing"},
		"header wrong":      {func(x x) { x.Header = headers("Server-Timing", "total") }, "Server-Timing is \"total\""},
		"header too many":   {func(x x) { x.Header = headers("X-Powered-By", "gin") }, "X-Powered-By is not in the document"},
		"code of another": {func(x x) {
			x.Status, x.Body = 404, bytes.Replace([]byte(notFound), []byte("NOT_FOUND"), []byte("ACCESS_DENIED"), 1)
		}, "value must be 'NOT_FOUND'"},
		"path":            {func(x x) { x.Path = "/nowhere" }, "want status 404"},
		"path, refused":   {func(x x) { x.Path, x.Status, x.Body = "/nowhere", 404, []byte(notFound) }, ""},
		"another service": {func(x x) { x.Service = "auth" }, "want status 404"},
		"method":          {func(x x) { x.Method = "PUT" }, "want status 405"},
		"method without Allow": {func(x x) {
			x.Method, x.Status, x.Body = "PUT", 405, bytes.Replace([]byte(notFound), []byte("NOT_FOUND"), []byte("METHOD_NOT_ALLOWED"), 1)
		}, "Allow is missing"},
		"parameter":             {func(x x) { x.Path = "/api/v1/media/one/tags" }, "the request was taken"},
		"a fault was asked for": {func(x x) { x.Status, x.Header = 418, headers(fault.Header, "rule-1") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			reports(t, v.Check(tagsOf(c.change)), c.wrong)
		})
	}
}

func reports(t *testing.T, err error, wrong string) {
	t.Helper()
	switch {
	case wrong == "" && err != nil:
		t.Errorf("reports %v", err)
	case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
		t.Errorf("reports %v, want %q", err, wrong)
	}
}

func TestRequests(t *testing.T) {
	v := validator(t)
	const json = "application/json"
	for _, c := range []struct{ method, target, contentType, body, wrong string }{
		{"GET", "/api/v1/media?page=2&limit=100&isPublic=1&createdAfter=2026-01-31", "", "", ""},
		{"GET", "/api/v1/media?page=&unknown=1&limit=20&pageSize=x", "", "", ""},
		{"GET", "/api/v1/media?page=0", "", "", "page in query"},
		{"GET", "/api/v1/media?limit=101", "", "", "limit in query"},
		{"GET", "/api/v1/media?pageSize=x", "", "", "pageSize in query"},
		{"GET", "/api/v1/media?isPublic=maybe", "", "", "neither true nor false"},
		{"GET", "/api/v1/media?createdAfter=yesterday", "", "", "createdAfter in query"},
		{"GET", "/api/v1/media?tag=%ff", "", "", "not UTF-8"},
		{"GET", "/api/v1/media?%zz", "", "", "query is malformed"},
		{"GET", "/api/v1/media/9223372036854775807", "", "", ""},
		{"GET", "/api/v1/media/9223372036854775808", "", "", "id in path"},
		{"GET", "/api/v1/search", "", "", "q in query: is missing"},
		{"POST", "/api/v1/auth/login", json, `{"email":"a@b","password":"x","more":1}`, ""},
		{"POST", "/api/v1/auth/login", "", `{"email":"a@b","password":"x"}`, ""},
		{"POST", "/api/v1/auth/login", "application/problem+json", `{"email":"a@b","password":"x"}`, ""},
		{"POST", "/api/v1/auth/login", "text/plain", `{"email":"a@b","password":"x"}`, "text/plain is not in the document"},
		{"POST", "/api/v1/auth/login", ";", `{"email":"a@b","password":"x"}`, "Content-Type"},
		{"POST", "/api/v1/auth/login", json, `{"email":"a@b"}`, "missing property 'password'"},
		{"POST", "/api/v1/auth/login", json, `{"email":"a@b","password":null}`, "password"},
		{"POST", "/api/v1/auth/login", json, "{\"email\":\"a@b\",\"password\":\"\xff\"}", "not UTF-8"},
		{"POST", "/api/v1/auth/login", json, ``, "the body"},
		{"POST", "/api/v1/auth/login", json, `{"email":"` + strings.Repeat("x", 1<<20) + `"}`, "more than"},
		{"POST", "/api/v1/media/upload", json, `{"filename":"a.jpg","size":1,"title":null}`, ""},
		{"POST", "/api/v1/media/upload", json, `{"filename":"a/b.jpg","size":1}`, "filename"},
		{"POST", "/api/v1/media/upload", json, `{"filename":"a.jpg","size":1,"width":2}`, "height"},
		{"POST", "/api/v1/transactions/execute", json, `{"operations":[{"table":"users","action":"delete","where":{"id":1}}]}`, "table"},
		{"POST", "/api/v1/transactions/execute", json, `{"operations":[{"table":"media_files","action":"delete"}]}`, "where"},
		{"POST", "/api/v1/transactions/execute", json, `{"operations":[{"table":"media_files","action":"update","where":{"id":1},"data":{"description":null}}]}`, ""},
		{"DELETE", "/nowhere", "", "", "is not in the document"},
	} {
		path, query, _ := strings.Cut(c.target, "?")
		x := &contracttest.Exchange{Service: "api", Method: c.method, Path: path, Query: query, RequestHeader: http.Header{}, RequestBody: []byte(c.body)}
		if c.contentType != "" {
			x.RequestHeader.Set("Content-Type", c.contentType)
		}
		t.Run(fmt.Sprintf("%s %.60s %.60s", c.method, c.target, c.body), func(t *testing.T) { reports(t, v.Request(x), c.wrong) })
	}
}

// What is written out comes before a parameter, wherever it stands in the document.
func TestFind(t *testing.T) {
	v := validator(t)
	for _, c := range []struct{ service, method, path, want string }{
		{"api", "GET", "/api/v1/media/7/tags", "getMediaTags"}, {"api", "HEAD", "/api/v1/media/7", "getMedia"},
		{"api", "POST", "/api/v1/media/upload", "uploadMedia"}, {"api", "GET", "/api/v1/search/advanced", "searchAdvanced"},
		{"media", "GET", "/api/media/user/content", "mediaServiceListMediaOfUser"}, {"media", "GET", "/api/media/7/content", "mediaServiceGetMediaContent"},
		{"user", "GET", "/api/users/profile/7", "userServiceGetUser"}, {"auth", "GET", "/api/users/profile/7", ""},
		{"api", "GET", "/api/v1/media/", ""}, {"api", "GET", "/api/v1/%6dedia", ""}, {"api", "GET", "/admin/%73tate", "getState"}, {"api", "GET", "/dashboard", "getDashboard"},
	} {
		got := ""
		if op, _ := v.Find(c.service, c.method, c.path); op != nil {
			got = op.ID
		}
		if got != c.want {
			t.Errorf("%s %s %s is %q, want %q", c.service, c.method, c.path, got, c.want)
		}
	}
}

func TestForms(t *testing.T) {
	v := validator(t)
	form := func(files int, fields ...string) (string, []byte) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for range files {
			f, _ := w.CreateFormFile("file", "a.jpg")
			_, _ = io.WriteString(f, "bytes")
		}
		for i := 0; i+1 < len(fields); i += 2 {
			_ = w.WriteField(fields[i], fields[i+1])
		}
		_ = w.Close()
		return w.FormDataContentType(), b.Bytes()
	}
	check := func(name, wrong, contentType string, body []byte) {
		t.Helper()
		x := &contracttest.Exchange{
			Service: "api", Method: "POST", Path: "/api/v1/media/upload", RequestHeader: http.Header{"Content-Type": {contentType}}, RequestBody: body,
		}
		t.Run(name, func(t *testing.T) { reports(t, v.Request(x), wrong) })
	}
	contentType, body := form(1, "title", "Hi", "isPublic", "true")
	check("good", "", contentType, body)
	check("cut", "the body", contentType, body[:len(body)-10])
	check("no boundary", "no boundary", "multipart/form-data", body)
	contentType, body = form(0, "title", "Hi")
	check("no file", "missing property 'file'", contentType, body)
	contentType, body = form(2)
	check("two files", "more than one file", contentType, body)
	contentType, body = form(1, "isPublic", "perhaps")
	check("field", "isPublic", contentType, body)
	contentType, body = form(1, "title", "\xff")
	check("UTF-8", "not UTF-8", contentType, body)
}

// A watched client sees what it would see otherwise, and its test is told what is wrong.
func TestTransport(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, values := range headers() {
			w.Header()[name] = values
		}
		_, _ = w.Write(append([]byte(`{"success":true,"echo":`), body...))
		_, _ = io.WriteString(w, "}")
	}))
	defer srv.Close()
	var reported []string
	client := &http.Client{Transport: validator(t).Transport("api", nil, func(err error) { reported = append(reported, err.Error()) })}
	resp, err := client.Post(srv.URL+"/api/v1/auth/login", "application/json", strings.NewReader(`{"email":"a@b"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != `{"success":true,"echo":{"email":"a@b"}}` {
		t.Errorf("the body came as %q, %v", body, err)
	}
	if len(reported) != 1 || !strings.Contains(reported[0], "'echo'") || !strings.Contains(reported[0], "missing property 'password'") {
		t.Errorf("reported %q", reported)
	}
}

// A body that breaks off does so for the watched client too, and nothing is said of it.
func TestTransportPassesBrokenBodies(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"success":`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	client := &http.Client{Transport: validator(t).Transport("api", nil, func(err error) { t.Errorf("reported %v", err) })}
	resp, err := client.Get(srv.URL + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil || string(body) != `{"success":` {
		t.Errorf("the body came as %q, %v", body, err)
	}
}
