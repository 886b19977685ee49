package contract_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/query"
)

func fetch(h http.Handler, method string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The page shows everything, and asks for nothing from anywhere.
func TestPage(t *testing.T) {
	doc := load(t)
	w := fetch(doc.PageHandler(), http.MethodGet)
	page := w.Body.String()
	for _, op := range doc.Operations() {
		if !strings.Contains(page, `id="`+op.ID+`"`) || !strings.Contains(page, html.EscapeString(op.Summary)) || !strings.Contains(page, "<code>"+op.Path+"</code>") {
			t.Errorf("%s is not on the page", op.ID)
		}
	}
	for _, name := range doc.Root().Object("components").Object("schemas").Keys() {
		if !strings.Contains(page, `id="schema-`+name+`"`) {
			t.Errorf("the schema %s is not on the page", name)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(query.Grammar), "\n") {
		if !strings.Contains(html.UnescapeString(page), line) {
			t.Errorf("a line of the search language is not on the page: %s", line)
		}
	}
	for _, refused := range []string{"<script", "<img", "<link", "src=", "@import", "url(", "style=\"", "onclick"} {
		if strings.Contains(page, refused) {
			t.Errorf("the page holds %s", refused)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("the page has no style")
	}
	digest := sha256.Sum256([]byte(style[1]))
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'") {
		t.Errorf("the policy does not allow the page's style: %s", policy)
	}
}

// Every link within the page leads somewhere, and no two places have one name.
func TestPageLinks(t *testing.T) {
	page := fetch(load(t).PageHandler(), http.MethodGet).Body.String()
	places := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if places[m[1]] {
			t.Errorf("the id %s comes twice", m[1])
		}
		places[m[1]] = true
	}
	links := regexp.MustCompile(`(?:href="#|aria-labelledby=")([^"]*)"`).FindAllStringSubmatch(page, -1)
	for _, m := range links {
		if !places[m[1]] {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
	if len(links) < 300 {
		t.Errorf("only %d links were found", len(links))
	}
	for _, m := range regexp.MustCompile(`href="([^#"][^"]*)"`).FindAllStringSubmatch(page, -1) {
		if m[1] != "openapi.json" {
			t.Errorf("a link leads out to %s", m[1])
		}
	}
}

// Whatever stands in the document stands on the page as text.
func TestPageEscapes(t *testing.T) {
	doc, err := contract.Serve(map[string]string{"api": `http://x/'><script>alert("1")</script>`})
	if err != nil {
		t.Fatal(err)
	}
	if page := fetch(doc.PageHandler(), http.MethodGet).Body.String(); strings.Contains(page, "<script") {
		t.Error("a URL got onto the page as it is")
	}
}

func TestHandlers(t *testing.T) {
	doc := load(t)
	for name, h := range map[string]http.Handler{"application/json; charset=utf-8": doc.JSONHandler(), "text/html; charset=utf-8": doc.PageHandler()} {
		w := fetch(h, http.MethodGet)
		etag := w.Header().Get("ETag")
		if w.Code != 200 || w.Header().Get("Content-Type") != name || len(etag) < 10 || w.Body.Len() < 10_000 {
			t.Errorf("%s: status %d, headers %v, %d bytes", name, w.Code, w.Header(), w.Body.Len())
		}
		for header, want := range map[string]int{etag: 304, `"other", W/` + etag: 304, "*": 304, `"other"`: 200} {
			w := fetch(h, http.MethodGet, "If-None-Match", header)
			if w.Code != want || (w.Body.Len() == 0) != (want == 304) {
				t.Errorf("%s: If-None-Match %s is answered %d with %d bytes, want %d", name, header, w.Code, w.Body.Len(), want)
			}
		}
	}
	var parsed map[string]any
	if err := json.Unmarshal(fetch(doc.JSONHandler(), http.MethodGet).Body.Bytes(), &parsed); err != nil || parsed["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v, %v", parsed["openapi"], err)
	}
}

// The JSON keeps the order in which the document was written.
func TestOrderIsKept(t *testing.T) {
	text := string(load(t).JSON())
	last := -1
	for _, part := range []string{`"openapi":`, `"info":`, `"servers":`, `"tags":`, `"paths":`, `"/health":`, `"/api/v1/auth/register":`, `"/api/v1/media":`, `"/admin/state":`, `"components":`} {
		at := strings.Index(text, part)
		if at <= last {
			t.Errorf("%s is at %d, after %d", part, at, last)
		}
		last = at
	}
}
