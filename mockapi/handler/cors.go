package handler

import (
	"net/http"
	"slices"
)

// crossOrigin lets the pages of the configured origins read answers, and answers their preflights, for which
// it returns true.
func (a *API) crossOrigin(c *Call) (answered bool) {
	h := c.gin.Writer.Header()
	if !a.allowOrigin(h, c.gin.Request) || c.method() != http.MethodOptions || c.gin.GetHeader("Access-Control-Request-Method") == "" {
		return false
	}
	h.Del("Access-Control-Expose-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Correlation-ID, X-Request-ID")
	h.Set("Access-Control-Max-Age", "600") // seconds
	h.Del("Allow")
	c.gin.Writer.WriteHeader(http.StatusNoContent)
	c.gin.Writer.WriteHeaderNow()
	return true
}

// allowOrigin sets the headers that let the page of a request read the answer, where its origin is configured. Cookies
// are not allowed across origins: such pages send a bearer token.
func (a *API) allowOrigin(h http.Header, r *http.Request) (allowed bool) {
	if len(a.opts.CORSOrigins) == 0 {
		return false
	}
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	switch {
	case origin == "":
		return false
	case slices.Contains(a.opts.CORSOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.Contains(a.opts.CORSOrigins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
	default:
		return false
	}
	h.Set("Access-Control-Expose-Headers", "X-Request-ID, X-Correlation-ID, Retry-After, Server-Timing, X-MediaNest-Fault")
	return true
}
