package contract_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/medianest/testbed/mockapi/auth"
)

// class is a way to break a request. It returns false where the request has nothing to break so.
type class struct {
	name   string
	weight int
	change func(g *generator, r *request) bool
}

// classes are the ways, by how often they are tried. The first changes nothing.
var classes = []class{
	{"valid", 30, func(*generator, *request) bool { return true }},
	{"wrong type", 10, (*generator).wrongType},
	{"out of bounds", 10, (*generator).outOfBounds},
	{"missing", 6, (*generator).leaveOut},
	{"unknown names", 4, (*generator).addUnknown},
	{"huge", 3, (*generator).huge},
	{"NUL", 5, (*generator).nul},
	{"bad UTF-8", 5, (*generator).badUTF8},
	{"content type", 4, (*generator).contentType},
	{"broken body", 6, (*generator).brokenBody},
	{"token", 6, (*generator).badToken},
	{"path", 6, (*generator).junkPath},
	{"query", 6, (*generator).junkQuery},
	{"headers", 4, (*generator).junkHeaders},
	{"method", 4, (*generator).otherMethod},
}

// member picks a place in a JSON body, and returns what reads and sets it.
func (g *generator) member(body any) (get func() any, set func(any), remove func()) {
	for {
		var last bool
		switch b := body.(type) {
		case map[string]any:
			if len(b) == 0 {
				return nil, nil, nil
			}
			key := pick(g, node(b).keys()...)
			last = !nested(b[key]) || g.chance(0.3)
			if last {
				return func() any { return b[key] }, func(v any) { b[key] = v }, func() { delete(b, key) }
			}
			body = b[key]
		case []any:
			if len(b) == 0 {
				return nil, nil, nil
			}
			i := g.IntN(len(b))
			last = !nested(b[i]) || g.chance(0.3)
			if last {
				return func() any { return b[i] }, func(v any) { b[i] = v }, func() { b[i] = nil }
			}
			body = b[i]
		default:
			return nil, nil, nil
		}
	}
}

func nested(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return false
}

// changeBody lets change work on the decoded body; false where there is no JSON body.
func (g *generator) changeBody(r *request, change func(body any) bool) bool {
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	var body any
	if len(r.body) == 0 || d.Decode(&body) != nil || !change(body) {
		return false
	}
	r.body = asJSON(body)
	return true
}

// changeParameter replaces the value of one parameter of the query or the path.
func (g *generator) changeParameter(r *request, value string) bool {
	if len(g.params) == 0 {
		return false
	}
	p := pick(g, g.params...)
	switch name := p.text("name"); p.text("in") {
	case "query":
		q, err := url.ParseQuery(r.query)
		if err != nil {
			return false
		}
		q.Set(name, value)
		r.query = q.Encode()
		return true
	case "path":
		escaped := url.PathEscape(value)
		if escaped == "" || escaped == "." || escaped == ".." {
			return false
		}
		segments, template := strings.Split(r.path, "/"), strings.Split(g.op.Path, "/")
		for i := range template {
			if template[i] == "{"+name+"}" && i < len(segments) {
				segments[i] = escaped
			}
		}
		r.path = strings.Join(segments, "/")
		return true
	}
	return false
}

func (g *generator) wrongType(r *request) bool {
	wrong := pick[any](g, nil, true, false, 7, -1.5, json.Number("1e400"), "text", "", []any{}, []any{1}, map[string]any{}, map[string]any{"a": []any{nil}})
	if g.chance(0.4) && g.changeParameter(r, pick(g, "text", "1.5", "1e3", "0x10", "true", "[]", "{}", "null", "NaN", " 1", "+1", "١")) {
		return true
	}
	return g.changeBody(r, func(body any) bool {
		_, set, _ := g.member(body)
		if set != nil {
			set(wrong)
		}
		return set != nil
	})
}

func (g *generator) outOfBounds(r *request) bool {
	long := strings.Repeat(pick(g, "x", "é", "日"), pick(g, 51, 128, 201, 256, 501, 2001, 5001))
	if g.chance(0.4) && g.changeParameter(r, pick(g, "0", "-1", "101", "2147483648", "9223372036854775807", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999999", "0001-01-01", "9999-12-31T23:59:59Z", "2026-02-30", long)) {
		return true
	}
	return g.changeBody(r, func(body any) bool {
		get, set, _ := g.member(body)
		if get == nil {
			return false
		}
		switch v := get().(type) {
		case string:
			set(pick(g, "", " ", "\t\n", long))
		case []any:
			list := []any{}
			for range pick(g, 0, 51, 101, 1001) {
				if len(v) > 0 {
					list = append(list, v[0])
				}
			}
			set(list)
		default:
			set(pick[any](g, json.Number("-9223372036854775808"), json.Number("9223372036854775807"), json.Number("9223372036854775808"), json.Number("1e18"),
				json.Number("1.0"), 0, -1, int64(math.MaxInt32)+1, int64(1)<<53))
		}
		return true
	})
}

func (g *generator) leaveOut(r *request) bool {
	switch {
	case r.body != nil && g.chance(0.2):
		r.body = []byte{}
		return true
	case r.query != "" && g.chance(0.5):
		q, err := url.ParseQuery(r.query)
		if err != nil {
			return false
		}
		q.Del(pick(g, node(anyValues(q)).keys()...))
		r.query = q.Encode()
		return true
	}
	return g.changeBody(r, func(body any) bool {
		_, _, remove := g.member(body)
		if remove != nil {
			remove()
		}
		return remove != nil
	})
}

func anyValues(q url.Values) map[string]any {
	m := map[string]any{}
	for k := range q {
		m[k] = nil
	}
	return m
}

// strangeNames are no names of anything here; in any case of letters.
var strangeNames = []string{"", "__proto__", "constructor", "unknown", "$where", "a.b", "id[]", "日本", strings.Repeat("n", 300), "x\u0000y"}

func (g *generator) addUnknown(r *request) bool {
	name := pick(g, strangeNames...)
	if g.chance(0.3) {
		r.query += "&" + url.QueryEscape(name) + "=1"
		r.query = strings.TrimPrefix(r.query, "&")
		return true
	}
	return g.changeBody(r, func(body any) bool {
		o, ok := body.(map[string]any)
		if ok {
			o[name] = pick[any](g, 1, "text", nil, map[string]any{"deep": []any{1}})
		}
		return ok
	})
}

func (g *generator) huge(r *request) bool {
	deep := strings.Repeat("[", 20000)
	switch {
	case r.body != nil && g.chance(0.7):
		r.body = pick(g,
			[]byte(`{"x":"`+strings.Repeat("x", 1<<20)+`"}`),
			[]byte(`{"x":`+deep),
			[]byte(`{"preferences":{"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}}`),
			[]byte(`{"operations":[{"table":"user_activity","action":"insert","data":{"action":"x","details":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}}]}`),
			[]byte(`{"operations":[`+strings.Repeat(`{},`, 100000)+`{}]}`),
			[]byte(strings.Repeat(" ", 1<<20)+`{}`),
			[]byte(`{"x":1`+strings.Repeat("0", 100000)+`}`),
		)
	case g.chance(0.5):
		r.query = strings.TrimPrefix(r.query+"&q="+strings.Repeat("x", 40000), "&")
	case g.chance(0.5):
		return g.changeParameter(r, strings.Repeat("9", 30000))
	default:
		r.header.Set("X-Correlation-ID", strings.Repeat("c", 30000))
	}
	return true
}

func (g *generator) nul(r *request) bool {
	if g.chance(0.5) && g.changeParameter(r, pick(g, "\x00", "1\x00", "photo\x00", "\x00\x00")) {
		return true
	}
	return g.changeBody(r, func(body any) bool {
		get, set, _ := g.member(body)
		if get == nil {
			return false
		}
		s, _ := get().(string)
		set(pick(g, s+"\x00", "\x00"+s, "\x00"))
		return true
	})
}

func (g *generator) badUTF8(r *request) bool {
	bad := pick(g, "\xff", "\xc3", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\xaf")
	if g.chance(0.5) && g.changeParameter(r, pick(g, bad, "photo"+bad)) {
		return true
	}
	i := bytes.LastIndexByte(r.body, '"')
	if i < 0 {
		return false
	}
	// Into the last text or name of the body; a lone surrogate is bad only once it is decoded.
	r.body = bytes.Join([][]byte{r.body[:i], r.body[i:]}, []byte(pick(g, bad, `\ud800`, `\udc00x`)))
	return true
}

func (g *generator) contentType(r *request) bool {
	if r.body == nil {
		r.body = pick(g, []byte("not expected"), []byte(`{"a":1}`), bytes.Repeat([]byte("x"), 300000))
	}
	r.header.Set("Content-Type", pick(g, "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data",
		"multipart/form-data; boundary=", "multipart/form-data; boundary=none", "multipart/mixed; boundary=b", "application/json; charset=", "/", ";",
		"application", "application/jsonx", "text/json", "\xff"))
	return true
}

func (g *generator) brokenBody(r *request) bool {
	if len(r.body) == 0 {
		return false
	}
	switch i := g.IntN(len(r.body)); g.IntN(4) {
	case 0: // cut off
		r.body = r.body[:i]
	case 1: // one byte changed
		r.body = bytes.Clone(r.body)
		if b := byte(g.IntN(256)); b|' ' != r.body[i]|' ' { // encoding/json reads names in any case
			r.body[i] = b
		}
	case 2: // something between
		r.body = bytes.Join([][]byte{r.body[:i], r.body[i:]}, []byte(pick(g, "}", "]", `"`, ",", "//", "\r\n--", "NaN", "\ufeff")))
	default:
		r.body = []byte(pick(g, "null", "[]", `"text"`, "7", "{}", "[{}]", "{}{}", "{", `{"a":}`, `{"a":1,}`, "{'a':1}", "\ufeff{}", "true", " "))
	}
	return true
}

func (g *generator) badToken(r *request) bool {
	good := g.tokens["member"]
	token := pick(g, "", "x", "a.b.c", good[:len(good)-2], good+"x", strings.ToUpper(good), expiredToken(g.t), strings.Repeat("t", 20000), "\xff\xfe", adminToken+"x",
		signed(g.t, claims{secret: []byte("another secret")}), signed(g.t, claims{method: jwt.SigningMethodNone}), signed(g.t, claims{audience: auth.RefreshAudience}),
		signed(g.t, claims{issuer: "somebody"}), signed(g.t, claims{user: -1}), signed(g.t, claims{user: 123456789}), signed(g.t, claims{session: "no uuid"}))
	r.header.Del("Authorization")
	r.header.Del("Cookie")
	r.header.Del("X-Admin-Token")
	switch g.IntN(4) {
	case 0:
		r.header.Set("Cookie", "auth-token="+token)
	case 1:
		r.header.Set("Authorization", pick(g, "Basic ", "bearer ", "Bearer  ", "", "Bearer\t")+token)
	case 2:
		r.header.Set("X-Admin-Token", token)
	default:
		r.header.Set("Authorization", "Bearer "+token)
	}
	return true
}

// claims are what a token says, where it is not what a good one would.
type claims struct {
	secret                          []byte
	method                          jwt.SigningMethod
	issuer, audience, session, kind string
	user                            int64
}

// signed returns a token.
func signed(t testing.TB, c claims) string {
	t.Helper()
	or := func(s, absent string) string {
		if s == "" {
			return absent
		}
		return s
	}
	if c.user == 0 {
		c.user = 1
	}
	now := time.Now().Unix()
	var method jwt.SigningMethod = jwt.SigningMethodHS256
	var key any = secret
	if c.secret != nil {
		key = c.secret
	}
	if c.method != nil {
		method, key = c.method, jwt.UnsafeAllowNoneSignatureType
	}
	token, err := jwt.NewWithClaims(method, jwt.MapClaims{
		"typ": c.kind, "gen": 0, "userId": c.user, "email": "perf.user1@medianest.test", "role": "user", "sid": or(c.session, "8833a406-9bf0-4fb3-9bd6-9f006d7dd682"),
		"auth_time": now, "iss": or(c.issuer, auth.Issuer), "aud": or(c.audience, auth.AccessAudience), "iat": now, "exp": now + 3600,
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (g *generator) junkPath(r *request) bool {
	i := g.IntN(len(r.path)) + 1
	r.path = pick(g, r.path+"/", "/"+r.path, r.path[:i], r.path[:i]+"/"+r.path[i:], r.path+"/..", "/."+r.path, r.path[:i]+"%2F"+r.path[i:], r.path[:i]+"%00"+r.path[i:],
		r.path[:i]+"%ff"+r.path[i:], strings.ToUpper(r.path), r.path+";a=b", r.path+".json", r.path+"%20", r.path+"/"+strings.Repeat("a/", 200), "/", "/favicon.ico",
		"/api/v1/media/1/../2", "/.git/config", r.path[:i]+"%zz"+r.path[i:], r.path[:i]+"\xff"+r.path[i:], "/admin", "/admin/", "/api/v1", "/"+strings.Repeat("x", 5000))
	return true
}

func (g *generator) junkQuery(r *request) bool {
	cursor := make([]byte, 17+g.IntN(20))
	for i := range cursor {
		cursor[i] = byte(g.IntN(256))
	}
	cursor[0] = "nitpslv"[g.IntN(7)]
	r.query = pick(g, "%", "%zz", "a=%", "q=%ff%fe", ";", "a;b", "&&&", "=", "==", "page", "page=1&page=x", "limit=1&limit=1000", "page[]=1", "page=1%00", "q=%22%27%3B--",
		r.query+"&"+r.query, "limit=&page=&q=", "pageSize=100&limit=", "page=101&limit=100", "page=2147483647", "cursor=x", "cursor=%2B%2F", "sort=size&sort=-size",
		"cursor="+base64.RawURLEncoding.EncodeToString(cursor), "q=photo&cursor="+base64.RawURLEncoding.EncodeToString(cursor),
		"q="+url.QueryEscape(pick(g, "a AND (b", "size:>", "created_at:[now TO", "user.role:", "NOT", `"`, "a:b:c", "tags:(", "((((((((((((((((((((((a", "filename:"+strings.Repeat("*a", 20),
			strings.Repeat("a OR ", 60)+"a", "size:>99999999999999999999PB", "created_at:>now+99999999999y", "\\", "id:"+strings.Repeat("9", 50), "user.email:*@example.com")))
	return true
}

func (g *generator) junkHeaders(r *request) bool {
	for range 1 + g.IntN(3) {
		name := pick(g, "Range", "If-Range", "If-Match", "If-None-Match", "Accept", "Accept-Encoding", "Accept-Language", "Origin", "X-Request-ID", "X-Correlation-ID",
			"X-Forwarded-For", "X-HTTP-Method-Override", "Cookie", "If-Modified-Since", "Content-Encoding", "Referer", "User-Agent")
		r.header.Set(name, pick(g, "", "x", "*", "bytes=0-", "bytes=-", "bytes=5-1", "bytes="+strings.Repeat("0-0,", 2000)+"0-0", "text/html", "application/xml", "gzip", "identity;q=0",
			"\xff\xfe", `"`, `W/"`, "null", "http://evil.test", "DELETE", "auth-token=; auth-token=x", "Thu, 01 Jan 1970 00:00:00 GMT", "a, b, c", strings.Repeat("h", 3000),
			fmt.Sprint("bytes=", math.MaxInt64, "-")))
	}
	return true
}

func (g *generator) otherMethod(r *request) bool {
	r.method = pick(g, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW", "get")
	if r.method == http.MethodHead || r.method == http.MethodGet {
		r.body = nil
	}
	return true
}
