package handler

import (
	"net/http"
	"slices"
)

// crossOrigin lets the pages of the configured origins read answers, and answers their preflights, for which
// it returns true. Cookies are not allowed across origins: such pages send a bearer token.
func (a *API) crossOrigin(c *Call) (answered bool) {
	if len(a.opts.CORSOrigins) == 0 {
		return false
	}
	h := c.gin.Writer.Header()
	h.Add("Vary", "Origin")
	origin := c.gin.GetHeader("Origin")
	if origin == "" {
		return false
	}
	switch {
	case slices.Contains(a.opts.CORSOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.Contains(a.opts.CORSOrigins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
	default:
		return false
	}
	if c.method() != http.MethodOptions || c.gin.GetHeader("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", "X-Request-ID, X-Correlation-ID, Retry-After, Server-Timing")
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Correlation-ID, X-Request-ID")
	h.Set("Access-Control-Max-Age", "600") // seconds
	h.Del("Allow")
	c.gin.Writer.WriteHeader(http.StatusNoContent)
	c.gin.Writer.WriteHeaderNow()
	return true
}
