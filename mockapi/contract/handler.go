package contract

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
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

// Beside returns api with what belongs to the mock itself beside it: /metrics, what its monitor tells below
// /api/v1/performance/, the control API below /admin/, and this document as /openapi.json and /docs.
func (d *Document) Beside(api, metrics, performance, control http.Handler) http.Handler {
	page, asJSON := d.PageHandler(), d.JSONHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case strings.HasPrefix(r.URL.Path, "/admin/"):
			control.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/v1/performance/"):
			performance.ServeHTTP(w, r)
		case reads && r.URL.Path == "/admin":
			http.Redirect(w, r, "/admin/", http.StatusMovedPermanently)
		case reads && r.URL.Path == "/metrics":
			metrics.ServeHTTP(w, r)
		case reads && r.URL.Path == "/docs":
			page.ServeHTTP(w, r)
		case reads && r.URL.Path == "/openapi.json":
			asJSON.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}
