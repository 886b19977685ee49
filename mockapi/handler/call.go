package handler

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/fault"
)

// Call is one request being answered. It is gone when its handler returns.
type Call struct {
	api       *API
	gin       *gin.Context
	route     *Route
	start     time.Time
	requestID string
	// correlationID belongs to the whole chain of requests that this one is part of.
	correlationID string
	identity      auth.Identity // zero for an anonymous caller

	base   context.Context // without the deadline
	ctx    context.Context
	cancel context.CancelFunc
	since  time.Time // when ctx was made
	timing *mockapi.Timing

	buf []byte // the body of the answer
	err error  // what was answered with a 5xx
}

// keepBuffer is the largest answer whose buffer is kept for the next.
const keepBuffer = 256 << 10

func (c *Call) reset() {
	if c.cancel != nil {
		c.cancel()
	}
	buf := c.buf[:0]
	if cap(buf) > keepBuffer {
		buf = nil
	}
	*c = Call{api: c.api, buf: buf}
}

// Gin returns gin's context of the call, whose Writer a Middleware may replace.
func (c *Call) Gin() *gin.Context { return c.gin }

func (c *Call) viewer() mockapi.Viewer { return c.identity.Viewer() }

func (c *Call) method() string { return c.gin.Request.Method }

// Context returns the context for questions to the store. Its deadline starts with the first call of this
// method. It does not end when the client hangs up: a query given up costs PostgreSQL a connection, and the
// answers are short.
func (c *Call) Context() context.Context {
	if c.ctx != nil {
		return c.ctx
	}
	if c.base == nil {
		c.base, c.timing = mockapi.WithTiming(context.WithoutCancel(c.gin.Request.Context()))
	}
	timeout := c.route.Timeout
	if timeout == 0 {
		timeout = c.api.opts.RequestTimeout
	}
	c.since = time.Now()
	c.ctx, c.cancel = context.WithTimeout(c.base, timeout)
	return c.ctx
}

// waited starts the deadline anew after the client took its time to send a body: that was not the store's.
func (c *Call) waited() {
	if c.ctx != nil && time.Since(c.since) > 10*time.Millisecond {
		c.cancel()
		c.ctx = nil
	}
}

// idsOf takes the client's ids or makes one for both.
func (a *API) idsOf(r *http.Request) (requestID, correlationID string) {
	requestID = validID(r.Header["X-Request-Id"])
	correlationID = validID(r.Header["X-Correlation-Id"])
	if requestID == "" {
		requestID = a.nextID()
	}
	if correlationID == "" {
		correlationID = requestID
	}
	return requestID, correlationID
}

// validID returns the first id where it is short and made of characters that are safe in logs and headers.
func validID(ids []string) string {
	if len(ids) == 0 || len(ids[0]) > 128 {
		return ""
	}
	for _, r := range ids[0] {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("-_.:/+=", r) {
			return ""
		}
	}
	return ids[0]
}

// nextID returns an id that is unique across processes by its random start and within one by counting.
func (a *API) nextID() string {
	b := make([]byte, 0, 32)
	b = append(b, a.idStart...)
	b = strconv.AppendUint(b, a.idCount.Add(1), 36)
	return string(b)
}

func newIDStart() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:]) + "-"
}

// authenticate returns the route's handler behind the check of the caller's token.
func (a *API) authenticate(rt Route) HandlerFunc {
	if rt.Access == Open {
		return rt.Handle
	}
	return func(c *Call) error {
		token := tokenOf(c.gin.Request)
		if token == "" {
			if rt.Access == Optional {
				return rt.Handle(c)
			}
			return mockapi.Errorf(mockapi.CodeUnauthorized, "log in and send the token as Authorization: Bearer")
		}
		id, err := a.auth.Access(token)
		if err != nil {
			return err
		}
		if life := fault.AuthFrom(c.gin.Request.Context()).TokenLife; life > 0 && c.start.Sub(id.IssuedAt) > life {
			return mockapi.Errorf(mockapi.CodeTokenExpired, "the token has expired: log in again")
		}
		revoked, err := a.store.SessionRevoked(c.Context(), id.SessionID)
		if err != nil {
			return err
		}
		if revoked {
			return mockapi.Errorf(mockapi.CodeInvalidToken, "the session has been logged out")
		}
		c.identity = id
		if rt.Access == Admin && !c.viewer().IsAdmin() {
			return mockapi.Errorf(mockapi.CodeAccessDenied, "this is for admins")
		}
		return rt.Handle(c)
	}
}

// tokenCookie carries the access token of clients that cannot set headers.
const tokenCookie = "auth-token"

// tokenOf returns the bearer token, else the cookie's, else "".
func tokenOf(r *http.Request) string {
	const scheme = "Bearer "
	if h := r.Header["Authorization"]; len(h) > 0 && len(h[0]) > len(scheme) && strings.EqualFold(h[0][:len(scheme)], scheme) {
		return strings.TrimSpace(h[0][len(scheme):])
	}
	if len(r.Header["Cookie"]) == 0 {
		return ""
	}
	if cookie, err := r.Cookie(tokenCookie); err == nil {
		return cookie.Value
	}
	return ""
}
