package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/contract/contracttest"
)

// generator makes requests out of what the document says of an operation. It draws from its own source only, so
// that request n of a seed is the same in every run.
type generator struct {
	*rand.Rand
	t         testing.TB
	root      node
	validator *contracttest.Validator
	tokens    map[string]string
	pairs     map[string][][2]string
	op        *contract.Operation
	service   string
	node      node // the operation
	params    []node
}

func (g *generator) chance(p float64) bool { return g.Float64() < p }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// maxTries bounds the search for a request that the document allows.
const maxTries = 50

// valid makes a request that the document allows.
func (g *generator) valid() request {
	g.t.Helper()
	for range maxTries {
		r := g.naive()
		x := &contracttest.Exchange{
			Service: g.service, Method: r.method, Path: r.path, Query: r.query, RequestHeader: r.header, RequestBody: r.body,
		}
		if g.validator.Request(x) == nil {
			return r
		}
	}
	g.t.Fatalf("%s: %d requests in a row were not valid", g.op.ID, maxTries)
	return request{}
}

// naive makes a request that is mostly valid.
func (g *generator) naive() request {
	r := request{method: g.op.Method, path: g.op.Path, header: http.Header{}}
	if r.method == http.MethodGet && g.chance(0.1) {
		r.method = http.MethodHead
	}
	if pairs := g.pairs[g.op.ID]; len(pairs) > 0 && g.chance(0.7) {
		pair := pick(g, pairs...)
		second := url.PathEscape(pair[1])
		r.path = strings.NewReplacer("{id}", pair[0], "{commentId}", second, "{mediaId}", second, "{name}", second).Replace(r.path)
	}
	query := url.Values{}
	for _, p := range g.params {
		name := p.text("name")
		switch p.text("in") {
		case "path":
			r.path = strings.ReplaceAll(r.path, "{"+name+"}", url.PathEscape(g.parameter(p)))
		case "query":
			if p["required"] == true || g.chance(0.25) {
				query.Set(name, g.parameter(p))
			}
		case "header":
			if g.chance(0.4) {
				r.header.Set(name, g.header(name))
			}
		}
	}
	r.query = query.Encode()
	g.authorize(&r)
	g.addBody(&r)
	return r
}

// parameter draws a value of a parameter.
func (g *generator) parameter(p node) string {
	if p.text("in") == "path" && p.node("schema").text("$ref") == "#/components/schemas/Id" {
		return fmt.Sprint(g.id())
	}
	switch p.text("name") {
	case "page": // together with the largest limit, no deeper than pages by number go
		return fmt.Sprint(pick(g, 1, 1, 1, 2, 3, 100))
	case "cursor": // only a server can make one
		return ""
	}
	if p["example"] != nil && g.chance(0.5) {
		return plainText(p["example"])
	}
	return plainText(g.value(p.node("schema"), 0))
}

func plainText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// id draws the id of a row that is likely there: what is deleted is drawn from rows of its own.
func (g *generator) id() int64 {
	rows := 150
	if strings.Contains(g.op.Path, "/collections/") {
		rows = 15
	}
	switch {
	case g.chance(0.05):
		return pick[int64](g, 0, 1000, nowhere, math.MaxInt64)
	case g.op.Method == http.MethodDelete:
		return int64(rows + 1 + g.IntN(rows/3))
	case g.chance(0.2):
		return 1
	default:
		return int64(1 + g.IntN(rows))
	}
}

// header draws a condition.
func (g *generator) header(name string) string {
	switch name {
	case "Last-Event-ID":
		return pick(g, "0", "1", "7", "18446744073709551615", "18446744073709551616", "-1", "x")
	case "Range":
		return pick(g, "bytes=0-99", "bytes=-5", "bytes=5-", "bytes=0-0,5-9", "bytes=999999999-", "bytes=3-1", "lines=1-2", "bytes=")
	}
	return pick(g, `"e37036a8-62f26"`, "*", `W/"x"`, `"a", "b"`, "unquoted")
}

// authorize sends the tokens that the operation wants.
func (g *generator) authorize(r *request) {
	switch g.op.Access {
	case contract.Control:
		if g.chance(0.5) {
			r.header.Set("X-Admin-Token", adminToken)
		} else {
			r.header.Set("Authorization", "Bearer "+adminToken)
		}
	case contract.Member, contract.Optional:
		if g.op.Access == contract.Optional && g.chance(0.3) {
			return
		}
		token := g.tokens[pick(g, "member", "member", "admin")]
		if strings.HasSuffix(strings.ToLower(g.op.ID), "logout") { // ends the session, which must not be the others'
			token = signed(g.t, claims{session: g.session()})
		}
		if g.chance(0.8) {
			r.header.Set("Authorization", "Bearer "+token)
		} else {
			r.header.Set("Cookie", "auth-token="+token)
		}
	}
}

// session draws the id of a session that nobody else has.
func (g *generator) session() string {
	return fmt.Sprintf("%08x-9bf0-4fb3-9bd6-9f006d7dd682", g.Uint32())
}

func (g *generator) addBody(r *request) {
	content := g.node.node("requestBody").resolve(g.root).node("content")
	if content == nil {
		return
	}
	if form := content.node("multipart/form-data"); form != nil && g.chance(0.4) {
		r.body = g.form(form.node("schema"), r.header)
		return
	}
	r.body = asJSON(g.value(content.node("application/json").node("schema"), 0))
	if content.node("text/plain") != nil && g.chance(0.5) {
		r.header.Set("Content-Type", pick(g, "text/plain", "text/plain;charset=UTF-8"))
		return
	}
	if g.chance(0.95) {
		r.header.Set("Content-Type", pick(g, "application/json", "application/json", "application/json; charset=utf-8", "application/problem+json"))
	}
}

func asJSON(v any) []byte {
	b, _ := json.Marshal(v) // made of what JSON has
	return b
}

// form draws a form with a file in it.
func (g *generator) form(schema node, h http.Header) []byte {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary(fmt.Sprintf("boundary%x", g.Uint64())) // the package would draw one of its own
	fields, _ := g.value(schema, 0).(map[string]any)
	for _, name := range node(fields).keys() {
		if name != "file" {
			_ = w.WriteField(name, plainText(fields[name])) // into memory
		}
	}
	part, _ := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + pick(g, "beach.jpg", "a b.PNG", "noextension", "x.tar.gz") + `"`},
		"Content-Type":        {pick(g, "image/jpeg", "application/octet-stream", "text/plain; charset=utf-8")},
	})
	_, _ = part.Write(bytes.Repeat([]byte("bytes "), g.IntN(100)))
	_ = w.Close()
	h.Set("Content-Type", w.FormDataContentType())
	return b.Bytes()
}

// value draws a value that a schema allows, mostly.
func (g *generator) value(schema node, depth int) any {
	if schema.text("$ref") == "#/components/schemas/Email" && g.chance(0.7) {
		return fmt.Sprintf("user.%x@medianest.test", g.Uint32())
	}
	schema = schema.resolve(g.root)
	if v, ok := schema["const"]; ok {
		return v
	}
	if enum := schema.list("enum"); len(enum) > 0 {
		return pick(g, enum...)
	}
	if examples := schema.list("examples"); len(examples) > 0 && g.chance(0.5) {
		return pick(g, examples...)
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if choices := schema.list(key); len(choices) > 0 {
			chosen, _ := pick(g, choices...).(map[string]any)
			rest := maps.Clone(schema)
			delete(rest, key)
			return g.value(overlay(rest, node(chosen).resolve(g.root)), depth)
		}
	}
	switch pick(g, schema.kinds()...) {
	case "object":
		return g.object(schema, depth)
	case "array":
		return g.array(schema, depth)
	case "integer":
		return g.integer(schema)
	case "number":
		return pick(g, 0, 0.5, 1)
	case "boolean":
		return g.chance(0.5)
	case "string":
		return g.string(schema)
	case "null":
		return nil
	default:
		return pick[any](g, map[string]any{"a": 1}, []any{1, "b", nil}, "text", 7, true)
	}
}

func (g *generator) object(schema node, depth int) any {
	o := map[string]any{}
	properties := schema.node("properties")
	for _, name := range properties.keys() {
		// A leak rule would take the memory of the test.
		if name == "leak" || !slices.Contains(schema.list("required"), any(name)) && (depth > 6 || !g.chance(0.4)) {
			continue
		}
		if name == "refreshToken" && g.chance(0.7) {
			o[name] = signed(g.t, claims{kind: "refresh", audience: auth.RefreshAudience, session: g.session(), user: 1 + g.Int64N(20)})
			continue
		}
		o[name] = g.value(properties.node(name), depth+1)
	}
	if properties == nil && schema["additionalProperties"] == nil {
		o["theme"], o["nested"] = g.string(schema), map[string]any{"list": []any{1, 2.5, nil}}
	}
	return o
}

func (g *generator) array(schema node, depth int) any {
	n := int(schema.number("minItems", 0)) + g.IntN(3)
	if g.chance(0.05) {
		n = min(int(schema.number("maxItems", 3)), 60)
	}
	list := make([]any, n)
	for i := range list {
		list[i] = g.value(schema.node("items"), depth+1)
	}
	return list
}

func (g *generator) integer(schema node) any {
	low, high := schema.number("minimum", -10), schema.number("maximum", 1000)
	switch {
	case g.chance(0.1) && schema["maximum"] != nil:
		return schema["maximum"]
	case g.chance(0.1):
		return low
	default:
		return low + g.Int64N(max(min(high-low, 60), 0)+1)
	}
}

// words are texts that have broken servers before.
var words = []string{
	"beach", "Sunset at the beach", "äöü ß İ ı", "日本語のファイル", "👩‍👩‍👧", "\u202eabc", "a'; DROP TABLE users; --", `"quoted" \back\`, "100%", `_%\_`,
	"<script>alert(1)</script>", "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd", "null", "0", "-1", "1e309", "NaN", "true", "a\tb", "line\nbreak", "x",
	"photo", "image/jpeg", "e\u0301", "\ufeffbom", "\U0010ffff", "a:b OR (c", "*", "[1 TO", "tags:photo", "(((((", `\`,
}

func (g *generator) string(schema node) any {
	longest := schema.number("maxLength", 300)
	s := words[g.IntN(len(words))]
	switch {
	case schema.text("format") == "password":
		s = pick(g, "Performance123!", "wrong-password", strings.Repeat("p", 72))
	case g.chance(0.1):
		s = strings.Repeat(pick(g, "x", "é"), int(min(longest, 6000)))
	}
	if r := []rune(s); int64(len(r)) > longest {
		s = string(r[:longest])
	}
	return s
}
