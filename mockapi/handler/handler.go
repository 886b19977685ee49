// Package handler speaks HTTP for the MediaNest API: it routes, proves who calls, reads and checks what comes
// in, asks a mockapi.Store, and writes answers and coded errors as JSON.
//
// [API.Core] and its like are tables of routes and [API.Handler] turns tables into an http.Handler; [New] does both. What
// happens to every call, and in which order, is the body of [API.Handler] and of serve below it.
package handler

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
)

// Defaults of Options.
const (
	// DefaultRequestTimeout leaves a stalled database so long that the answer 503 still comes within a second.
	DefaultRequestTimeout = 900 * time.Millisecond
	DefaultMaxJSON        = 1 << 20 // bytes
	DefaultMaxUpload      = 1 << 30 // bytes
	// DefaultSampleEvery is one request in how many a sampled access log tells of.
	DefaultSampleEvery = 100
)

// Middleware wraps the handler of a route between the bookkeeping of the call (ids, headers, log, recovery
// from panics) and the check of its token. It is called once a route when the server is built, so that it may
// prepare what the route needs, and return next itself for routes that do not concern it.
type Middleware func(rt Route, next HandlerFunc) HandlerFunc

// Options configures an API; the zero value is usable.
type Options struct {
	// Version is what /health tells.
	Version string
	// RequestTimeout bounds the waiting for the store, from the first question to it.
	RequestTimeout time.Duration
	// MaxJSON bounds a JSON body, MaxUpload a multipart one; in bytes.
	MaxJSON, MaxUpload int64
	// CORSOrigins are the origins whose pages may call with a bearer token; "*" is any. None by default.
	CORSOrigins []string
	// Logger takes the access log and the causes of internal errors; nothing is logged where nil.
	Logger *slog.Logger
	// AccessLog says which requests are logged.
	AccessLog AccessLog
	// SampleEvery is one request in how many a sampled access log tells of.
	SampleEvery int
	// Middleware wraps every route, the first one outermost.
	Middleware []Middleware
}

// API answers for one store.
type API struct {
	store   mockapi.Store
	auth    *auth.Auth
	opts    Options
	log     *slog.Logger
	started time.Time
	idStart string
	idCount atomic.Uint64
	calls   sync.Pool // of *Call
	bodies  sync.Pool // of *bytes.Buffer, for JSON
	blocks  sync.Pool // of *[]byte, uploadBlock long
	served  atomic.Uint64
	dataset datasetCache
	content contentSource
	headers fixedHeaders
	pool    poolGauge
}

// NewAPI returns an API that has no routes yet.
func NewAPI(store mockapi.Store, a *auth.Auth, o Options) *API {
	if o.RequestTimeout == 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.MaxJSON == 0 {
		o.MaxJSON = DefaultMaxJSON
	}
	if o.MaxUpload == 0 {
		o.MaxUpload = DefaultMaxUpload
	}
	if o.SampleEvery == 0 {
		o.SampleEvery = DefaultSampleEvery
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	api := &API{
		store: store, auth: a, opts: o, log: o.Logger, started: time.Now(),
		idStart: newIDStart(), headers: newFixedHeaders(),
		dataset: datasetCache{turn: make(chan struct{}, 1)},
	}
	api.pool.reporter, _ = store.(mockapi.PoolReporter)
	return api
}

// Handler returns a handler for the routes. GET routes answer HEAD too.
func (a *API) Handler(routes ...[]Route) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false // a redirect is no JSON, and makes clients repeat a POST
	engine.HandleMethodNotAllowed = true
	engine.UseRawPath = true // an escaped slash belongs to its segment
	for _, rt := range slices.Concat(routes...) {
		serve := a.serve(rt)
		engine.Handle(rt.Method, rt.Path, serve)
		if rt.Method == http.MethodGet {
			engine.Handle(http.MethodHead, rt.Path, serve)
		}
	}
	engine.NoRoute(a.serve(Route{Handle: func(c *Call) error {
		return mockapi.Errorf(mockapi.CodeNotFound, "there is nothing at this path")
	}}))
	engine.NoMethod(a.serve(Route{Handle: func(c *Call) error {
		return mockapi.Errorf(mockapi.CodeMethodNotAllowed, "this path does not answer %s, see the Allow header", c.method())
	}}))
	return engine
}

// serve is everything that happens to a call: bookkeeping, the Middleware of Options, the check of its
// token, the route's own handler. No route pays for a step that it does not need.
func (a *API) serve(rt Route) gin.HandlerFunc {
	next := a.authenticate(rt)
	for _, wrap := range slices.Backward(a.opts.Middleware) {
		next = wrap(rt, next)
	}
	return func(g *gin.Context) {
		c := a.begin(g, &rt)
		defer a.end(c)
		if a.crossOrigin(c) {
			return
		}
		if err := next(c); err != nil {
			c.Fail(err)
		}
	}
}

// begin makes the Call and sets the headers that all answers have.
func (a *API) begin(g *gin.Context, rt *Route) *Call {
	c, ok := a.calls.Get().(*Call)
	if !ok {
		c = &Call{api: a, buf: make([]byte, 0, 16<<10)}
	}
	c.gin, c.route, c.start = g, rt, time.Now()
	c.requestID, c.correlationID = a.idsOf(g.Request)
	a.headers.set(g.Writer.Header(), c.requestID, c.correlationID)
	return c
}

// end recovers from a panic, logs, and takes the Call back.
func (a *API) end(c *Call) {
	fault := recover()
	drop := fault == http.ErrAbortHandler
	if fault != nil && !drop {
		drop = !c.failPanic(fault)
	}
	a.logAccess(c)
	c.reset()
	a.calls.Put(c)
	if drop {
		panic(http.ErrAbortHandler) // net/http's own way to drop a connection
	}
}

// poolGauge tells how busy the store's connections are. Asking takes the pool's lock, which is worth it a
// hundred times a second and not at every request.
type poolGauge struct {
	reporter mockapi.PoolReporter // nil for a store that cannot tell
	asked    atomic.Int64         // unix nanoseconds
	last     atomic.Int64
}

const poolGaugeAge = 10 * time.Millisecond

// percent returns how many percent of its connections the fullest pool has in use: what requests wait for is that one.
func (g *poolGauge) percent(now time.Time) (int64, bool) {
	if g.reporter == nil {
		return 0, false
	}
	asked, at := g.asked.Load(), now.UnixNano()
	if at-asked >= int64(poolGaugeAge) && g.asked.CompareAndSwap(asked, at) {
		s := g.reporter.PoolStats()
		g.last.Store(int64(100 * s.Use))
	}
	return g.last.Load(), true
}

// fixedHeaders are shared by all answers, so that setting them allocates nothing. Nobody may change them.
type fixedHeaders struct {
	nosniff, deny, noReferrer, policy, json []string
}

func newFixedHeaders() fixedHeaders {
	return fixedHeaders{
		nosniff:    []string{"nosniff"},
		deny:       []string{"DENY"},
		noReferrer: []string{"no-referrer"},
		policy:     []string{"default-src 'none'; frame-ancestors 'none'"},
		json:       []string{"application/json; charset=utf-8"},
	}
}

// set sets the headers that all answers have.
func (f *fixedHeaders) set(h http.Header, requestID, correlationID string) {
	h["X-Request-Id"] = []string{requestID}
	h["X-Correlation-Id"] = []string{correlationID}
	h["X-Content-Type-Options"] = f.nosniff
	h["X-Frame-Options"] = f.deny
	h["Referrer-Policy"] = f.noReferrer
	h["Content-Security-Policy"] = f.policy
}
