package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// Header names the rules that a response met, so that a tester can tell made faults from real ones. A reset
// or empty answer can't carry it.
const Header = "X-MediaNest-Fault"

// MaxRules is how many rules may live at once.
const MaxRules = 100

// Options are what an Engine needs of the server that it disturbs.
type Options struct {
	// WriteError answers with an error in the API's own form.
	WriteError func(http.ResponseWriter, *http.Request, *mockapi.Error)
	// DropPool closes every database connection.
	DropPool func()
}

// Engine holds the living rules and applies them to requests. It is safe for concurrent use.
type Engine struct {
	options Options
	current atomic.Pointer[[]*living] // nil while there are no rules

	mu    sync.Mutex // serialises changes
	added int        // rules so far, for their ids
}

// living is a rule with its state.
type living struct {
	Rule
	since       time.Time
	seen, fired atomic.Uint64 // requests that matched, and those of them that were hit
	latency     *sampler
	dbLatency   *sampler
	quota       *quota
	lockouts    *Lockouts
	stale       *staleAnswers
	leak        *leak
	expiry      *time.Timer
}

// State is a living rule as the control API shows it.
type State struct {
	Rule
	Since   time.Time  `json:"since"`
	Expires *time.Time `json:"expires"`          // null for a rule without a time to live
	On      bool       `json:"on"`               // false outside its schedule
	Seen    uint64     `json:"seen"`             // requests that matched
	Fired   uint64     `json:"fired"`            // those of them that were hit
	Leaked  int64      `json:"leaked,omitempty"` // bytes held now
}

// New returns an Engine without rules.
func New(o Options) *Engine { return &Engine{options: o} }

// Add validates all rules and, where every one is right, lets them live in the given order. It returns them
// with their ids; the error names every fault of every rule, and then nothing was added.
func (e *Engine) Add(rules ...Rule) ([]Rule, error) {
	var errs []error
	for i := range rules {
		if err := rules[i].Validate(); err != nil {
			errs = append(errs, fmt.Errorf("rule %d: %w", i+1, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	all := e.rules()
	if len(all)+len(rules) > MaxRules {
		return nil, fmt.Errorf("%d rules would live at once, at most %d may: remove some", len(all)+len(rules), MaxRules)
	}
	all, rules = slices.Clone(all), slices.Clone(rules)
	for i := range rules {
		e.added++
		rules[i].ID = "rule-" + strconv.Itoa(e.added)
		all = append(all, e.start(rules[i], now))
	}
	e.current.Store(&all)
	return rules, nil
}

func (e *Engine) start(r Rule, now time.Time) *living {
	l := &living{Rule: r, since: now, latency: newSampler(r.Latency), dbLatency: newSampler(r.DBLatency)}
	if r.Quota != nil {
		l.quota = &quota{Quota: *r.Quota}
	}
	if r.Lockout != nil {
		l.lockouts = &Lockouts{Lockout: *r.Lockout}
	}
	if r.Stale != nil {
		l.stale = &staleAnswers{Stale: *r.Stale}
	}
	if r.Leak != nil {
		l.leak = startLeak(*r.Leak, func() bool { return l.on(time.Since(now)) })
	}
	if r.TTL > 0 {
		l.expiry = time.AfterFunc(time.Duration(r.TTL), func() { e.Remove(r.ID) })
	}
	return l
}

// Remove ends the rule with the id. It returns false where there is none.
func (e *Engine) Remove(id string) bool {
	return e.remove(func(l *living) bool { return l.ID == id }) > 0
}

// RemoveNamed ends the rules with the name and returns how many they were.
func (e *Engine) RemoveNamed(name string) int {
	return e.remove(func(l *living) bool { return l.Name == name })
}

// Clear ends all rules.
func (e *Engine) Clear() { e.remove(func(*living) bool { return true }) }

func (e *Engine) remove(gone func(*living) bool) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var left []*living
	for _, l := range e.rules() {
		if !gone(l) {
			left = append(left, l)
			continue
		}
		if l.leak != nil {
			l.leak.stop()
		}
		if l.expiry != nil {
			l.expiry.Stop()
		}
	}
	n := len(e.rules()) - len(left)
	if left == nil {
		e.current.Store(nil)
	} else {
		e.current.Store(&left)
	}
	return n
}

func (e *Engine) rules() []*living {
	if p := e.current.Load(); p != nil {
		return *p
	}
	return nil
}

// List returns the living rules in the order in which they are applied.
func (e *Engine) List() []State {
	now := time.Now()
	states := []State{}
	for _, l := range e.rules() {
		s := State{Rule: l.Rule, Since: l.since, On: l.on(now.Sub(l.since)), Seen: l.seen.Load(), Fired: l.fired.Load()}
		if l.TTL > 0 {
			t := l.since.Add(time.Duration(l.TTL))
			s.Expires = &t
		}
		if l.leak != nil {
			s.Leaked = l.leak.held.Load()
		}
		states = append(states, s)
	}
	return states
}

// Wrap returns next as the rules of the service let it appear.
func (e *Engine) Wrap(service string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rules := e.current.Load()
		if rules == nil {
			next.ServeHTTP(w, r)
			return
		}
		e.serve(*rules, service, next, w, r)
	})
}

func (e *Engine) serve(rules []*living, service string, next http.Handler, w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	hits := make([]*living, 0, 8)
	var delay time.Duration
	var db mockapi.DBFaults
	overloaded := false
	for _, l := range rules {
		age := now.Sub(l.since)
		if l.leakOnly() || !l.on(age) || !l.matches(service, r) {
			continue
		}
		n := l.seen.Add(1)
		if l.Share != nil && uniform(l.Seed, n, 0) >= *l.Share {
			continue
		}
		l.fired.Add(1)
		hits = append(hits, l)
		w.Header().Add(Header, l.label())
		if l.latency != nil {
			d, ok := l.latency.draw(uniform(l.Seed, n, 1), now)
			delay += d
			overloaded = overloaded || !ok
		}
		if l.dbLatency != nil {
			d, ok := l.dbLatency.draw(uniform(l.Seed, n, 2), now)
			db.Delay += d
			overloaded = overloaded || !ok
		}
		if l.RowLock != nil {
			db.RowLock += time.Duration(l.RowLock.Hold)
		}
		db.NPlusOne = db.NPlusOne || l.NPlusOne
		if l.SlowDown != nil {
			delay += l.SlowDown.delay(age)
		}
	}
	if len(hits) == 0 {
		next.ServeHTTP(w, r)
		return
	}
	if overloaded {
		e.options.WriteError(w, r, &mockapi.Error{Code: mockapi.CodeUnavailable, Message: "The server is overloaded.", RetryAfter: time.Second})
		return
	}
	if delay > 0 {
		postpone(r.Context(), w, delay)
	}
	if !sleep(r.Context(), delay) {
		return // the client has gone
	}
	ctx := r.Context()
	if db != (mockapi.DBFaults{}) {
		ctx = mockapi.WithDBFaults(ctx, db)
	}
	body := &bodyWriter{ResponseWriter: w, ctx: ctx, cutAfter: -1}
	var auth Auth
	for _, l := range hits {
		switch {
		case l.Reset:
			closeConnection(w, true)
			return
		case l.Empty:
			closeConnection(w, false)
			return
		case l.quota != nil && !l.quota.admit(w, r, time.Now(), e.options.WriteError):
			return
		case l.Status != nil:
			e.writeStatus(w, r, l.Status)
			return
		}
		if l.DropPool {
			e.options.DropPool()
		}
		if l.stale != nil && r.Method == http.MethodGet && body.stale == nil {
			if l.stale.replay(w, r, time.Now()) {
				return
			}
			body.stale = l.stale.record(r, time.Now())
		}
		if l.Truncate != nil {
			body.cutAfter = l.Truncate.AfterBytes
		}
		if l.Trickle != nil {
			body.rate = l.Trickle.BytesPerSecond
		}
		if l.Stretch != nil {
			body.stretch = max(body.stretch, 1) * l.Stretch.Factor
		}
		body.malformed = body.malformed || l.Malformed
		if l.lockouts != nil {
			auth.Lockouts = l.lockouts
		}
		if l.TokenLife > 0 {
			auth.TokenLife = time.Duration(l.TokenLife)
		}
	}
	if auth != (Auth{}) {
		ctx = context.WithValue(ctx, authKey{}, auth)
	}
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	if !body.needed() {
		next.ServeHTTP(w, r)
		return
	}
	body.began = time.Now()
	next.ServeHTTP(body, r)
	body.finish()
}

func (l *living) label() string {
	if l.Name != "" {
		return l.Name
	}
	return l.ID
}

// leakOnly tells whether the rule has nothing to do with requests.
func (l *living) leakOnly() bool {
	if l.Leak == nil {
		return false
	}
	other := l.Rule
	other.Leak = nil
	return !other.does()
}

func (e *Engine) writeStatus(w http.ResponseWriter, r *http.Request, s *Status) {
	retry := time.Duration(s.RetryAfter)
	if s.Body == "" && s.Code >= 400 {
		e.options.WriteError(w, r, &mockapi.Error{
			Code: mockapi.CodeForStatus(s.Code), Status: s.Code, Message: http.StatusText(s.Code) + ".", RetryAfter: retry,
		})
		return
	}
	if retry > 0 {
		w.Header().Set("Retry-After", mockapi.RetryAfterSeconds(retry))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(s.Code)
	_, _ = w.Write([]byte(s.Body)) // a client that has gone needs no answer
}

// Auth is what the living rules ask of authentication.
type Auth struct {
	Lockouts  *Lockouts     // nil: accounts do not lock
	TokenLife time.Duration // 0: tokens live as long as they say
}

type authKey struct{}

// AuthFrom returns what the rules that a request met ask of authentication.
func AuthFrom(ctx context.Context) Auth {
	a, _ := ctx.Value(authKey{}).(Auth)
	return a
}

// uniform returns the draw-th number in (0, 1) for the n-th request of a rule. The mixing is SplitMix64's
// finaliser (Steele, Lea and Flood, 2014).
func uniform(seed, n, draw uint64) float64 {
	v := seed
	for _, word := range [...]uint64{n, draw} {
		v += 0x9e3779b97f4a7c15 + word
		v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
		v = (v ^ v>>27) * 0x94d049bb133111eb
		v ^= v >> 31
	}
	return (float64(v>>11) + 0.5) / (1 << 53)
}

// postpone puts the server's own timeouts off until d from now: they are for clients that are slow, and would
// cut off an answer that is late because a rule says so.
func postpone(ctx context.Context, w http.ResponseWriter, d time.Duration) {
	server, ok := ctx.Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return
	}
	// A writer that cannot do this leaves the server's timeouts in force, which is safe.
	c, from := http.NewResponseController(w), time.Now().Add(d)
	if server.ReadTimeout > 0 {
		_ = c.SetReadDeadline(from.Add(server.ReadTimeout))
	}
	if server.WriteTimeout > 0 {
		_ = c.SetWriteDeadline(from.Add(server.WriteTimeout))
	}
}

// spun is how much of a stretch is waited for with the processor at work: the timers of an idle process are up to a
// millisecond late, which is more than some answers take.
const spun = time.Millisecond

// stretch waits until what began has taken factor times as long as it has by now.
func stretch(ctx context.Context, w http.ResponseWriter, began time.Time, factor float64) {
	now := time.Now()
	d := time.Duration(min(float64(now.Sub(began))*(factor-1), float64(MaxDelay)))
	until := now.Add(d)
	if d > 2*spun {
		postpone(ctx, w, d)
		if !sleep(ctx, d-spun) {
			return // the client has gone
		}
	}
	for time.Now().Before(until) {
		runtime.Gosched()
	}
}

// sleep waits, and returns false where the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
