package contract

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// JSONHandler answers with the document as JSON, for GET and HEAD.
func (d *Document) JSONHandler() http.Handler {
	return fixed(d.json, "application/json; charset=utf-8", "default-src 'none'; frame-ancestors 'none'")
}

// PageHandler answers with the document as a page, for GET and HEAD. The page needs nothing else, neither from
// here nor from elsewhere, and runs no scripts.
func (d *Document) PageHandler() http.Handler {
	digest := sha256.Sum256([]byte(style))
	return fixed(d.page, "text/html; charset=utf-8", "default-src 'none'; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(digest[:])+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

// fixed answers with a body that stays the same for the life of the process.
func fixed(body []byte, contentType, policy string) http.Handler {
	etag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))[:17] + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		if match := r.Header.Get("If-None-Match"); strings.Contains(match, etag) || match == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // a client that has gone needs no answer
	})
}

// Own is what belongs to the mock itself rather than to the API.
type Own struct {
	Control     http.Handler            // the control API, all below /admin/
	Performance http.Handler            // what the monitor tells, all below /api/v1/performance/
	Pages       map[string]http.Handler // by path, for GET and HEAD
}

// Beside returns api with what belongs to the mock itself beside it, and with this document as /openapi.json and /docs.
func (d *Document) Beside(api http.Handler, own Own) http.Handler {
	pages := maps.Clone(own.Pages)
	pages["/docs"], pages["/openapi.json"] = d.PageHandler(), d.JSONHandler()
	// Where the switches were, and where people look for them who know of the control API.
	pages["/admin"] = http.RedirectHandler("/dashboard#control", http.StatusMovedPermanently)
	pages["/admin/"] = pages["/admin"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := pages[r.URL.Path]
		switch {
		case page != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			page.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/admin/"):
			own.Control.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/v1/performance/"):
			own.Performance.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}
