// Package fault makes a server misbehave on demand: slow, broken, overloaded or leaking, by rules that can
// be added and removed while it runs. Without rules it costs one atomic load a request.
//
// A rule says which requests it is for (Match), how long it lives (TTL, Schedule) and what it does (the
// remaining fields; several may be set, and their latencies add up). Chance is seeded: the n-th request that
// matches a rule meets the same fate in every run, so that a run can be repeated.
package fault

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"path"
	"strings"
	"time"
)

// Duration is a time.Duration that JSON and YAML write as "250ms".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 250ms or 1m30s", b)
	}
	*d = Duration(v)
	return nil
}

// Rule is one way to misbehave.
type Rule struct {
	ID   string `json:"id,omitempty"`   // given by the Engine
	Name string `json:"name,omitempty"` // for people; preset rules carry the preset's name
	Match
	// Seed decides which of the matching requests are hit and how hard; rules with equal seeds draw alike.
	Seed uint64 `json:"seed,omitempty"`
	// TTL is how long the rule lives after it was added; 0 is until it is removed.
	TTL      Duration  `json:"ttl,omitempty"`
	Schedule *Schedule `json:"schedule,omitempty"`

	Latency   *Latency  `json:"latency,omitempty"`   // time added before the request is handled
	DBLatency *Latency  `json:"dbLatency,omitempty"` // time added to each database call, while it holds its connection
	RowLock   *RowLock  `json:"rowLock,omitempty"`   // each database call first queues for one row, the same for all
	NPlusOne  bool      `json:"nPlusOne,omitempty"`  // lists look up the owner of each row by a statement of its own
	SlowDown  *SlowDown `json:"slowDown,omitempty"`  // latency that grows while the rule lives
	Stretch   *Stretch  `json:"stretch,omitempty"`   // an answer takes so many times as long
	Status    *Status   `json:"status,omitempty"`    // an answer instead of the real one
	Quota     *Quota    `json:"quota,omitempty"`     // 429 with Retry-After beyond a rate
	Reset     bool      `json:"reset,omitempty"`     // TCP reset instead of an answer
	Empty     bool      `json:"empty,omitempty"`     // connection closed without an answer
	Malformed bool      `json:"malformed,omitempty"` // body that is not JSON any more
	Truncate  *Truncate `json:"truncate,omitempty"`  // connection closed in the middle of the body
	Trickle   *Trickle  `json:"trickle,omitempty"`   // body sent slowly
	Stale     *Stale    `json:"stale,omitempty"`     // an older answer to the same request
	DropPool  bool      `json:"dropPool,omitempty"`  // every database connection closed before the request is handled
	Lockout   *Lockout  `json:"lockout,omitempty"`   // accounts lock after failed logins
	TokenLife Duration  `json:"tokenLife,omitempty"` // access tokens older than this count as expired
	Leak      *Leak     `json:"leak,omitempty"`      // memory that the process takes and keeps; needs no request
}

// Match says which requests a rule is for; empty fields match all.
type Match struct {
	Method  string            `json:"method,omitempty"`
	Path    string            `json:"path,omitempty"`    // path.Match pattern; a trailing /** matches any depth
	Service string            `json:"service,omitempty"` // "api", "auth", "media", "user" or "notification"
	Headers map[string]string `json:"headers,omitempty"` // every header must have the value
	Share   *float64          `json:"share,omitempty"`   // of the matching requests, 0 to 1; nil is all
}

// Schedule switches a rule on and off by time since it was added.
type Schedule struct {
	After Duration `json:"after,omitempty"` // the first start
	For   Duration `json:"for"`             // how long it is on
	Every Duration `json:"every,omitempty"` // from start to start; 0 is once
}

// Status is an answer instead of the real one.
type Status struct {
	Code       int      `json:"code"`
	Body       string   `json:"body,omitempty"` // sent as it is; "" is the API's own error of that status
	RetryAfter Duration `json:"retryAfter,omitempty"`
}

// Quota refuses what exceeds Limit requests in a fixed window for each client: the Authorization header, or
// the address where there is none.
type Quota struct {
	Limit  int      `json:"limit"`
	Window Duration `json:"window"`
}

// Truncate closes the connection after so many bytes of a body.
type Truncate struct {
	AfterBytes int64 `json:"afterBytes"`
}

// Trickle sends a body at a rate.
type Trickle struct {
	BytesPerSecond int64 `json:"bytesPerSecond"`
}

// Stale answers a GET with what the same caller was answered before, as long as that is younger than For.
type Stale struct {
	For Duration `json:"for"`
}

// Lockout locks an account for a time once Failures logins in a row have failed.
type Lockout struct {
	Failures int      `json:"failures"`
	For      Duration `json:"for"`
}

// RowLock keeps the row locked for Hold in a transaction: all calls together get 1/Hold a second past it.
type RowLock struct {
	Hold Duration `json:"hold"`
}

// SlowDown adds PerMinute for every minute that the rule has lived, at most Max (0 is no limit).
type SlowDown struct {
	PerMinute Duration `json:"perMinute"`
	Max       Duration `json:"max,omitempty"`
}

// Stretch lets the time from a request to the first byte of its answer be Factor times as long as it is by itself.
type Stretch struct {
	Factor float64 `json:"factor"` // 1.15 is 15 % longer
}

// Leak takes memory at a rate, writes to it and keeps it until the rule ends or Max is reached.
type Leak struct {
	BytesPerSecond int64 `json:"bytesPerSecond"`
	Max            int64 `json:"max"` // bytes
}

// Bounds on what a rule may ask for: a typing error must not hang or kill the machine.
const (
	MaxDelay   = 5 * time.Minute
	MaxLeak    = 16 << 30 // bytes
	MaxStretch = 1000
)

// Validate reports everything that is wrong with the rule.
func (r *Rule) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	positive := func(name string, d Duration) {
		if d <= 0 {
			bad("%s: %v is not above zero", name, time.Duration(d))
		}
	}
	if r.Method != "" && r.Method != strings.ToUpper(r.Method) {
		bad("method: %q is not in capitals", r.Method)
	}
	if err := CheckPath(r.Path); err != nil {
		bad("path: %w", err)
	}
	switch r.Service {
	case "", "api", "auth", "media", "user", "notification":
	default:
		bad("service: %q is none of api, auth, media, user, notification", r.Service)
	}
	if r.Share != nil && !(*r.Share >= 0 && *r.Share <= 1) {
		bad("share: %v is not between 0 and 1", *r.Share)
	}
	if r.TTL < 0 {
		bad("ttl: %v is negative", time.Duration(r.TTL))
	}
	if s := r.Schedule; s != nil {
		positive("schedule.for", s.For)
		if s.After < 0 {
			bad("schedule.after: %v is negative", time.Duration(s.After))
		}
		if s.Every != 0 && s.Every < s.For {
			bad("schedule.every: %v is shorter than schedule.for, %v", time.Duration(s.Every), time.Duration(s.For))
		}
	}
	if r.Latency != nil {
		errs = append(errs, r.Latency.validate("latency"))
	}
	if r.DBLatency != nil {
		errs = append(errs, r.DBLatency.validate("dbLatency"))
	}
	if l := r.RowLock; l != nil && (l.Hold <= 0 || time.Duration(l.Hold) > MaxDelay) {
		bad("rowLock.hold: %v is not above 0 and at most %v", time.Duration(l.Hold), MaxDelay)
	}
	if s := r.SlowDown; s != nil {
		positive("slowDown.perMinute", s.PerMinute)
		if s.Max < 0 || time.Duration(s.Max) > MaxDelay {
			bad("slowDown.max: %v is not between 0 and %v", time.Duration(s.Max), MaxDelay)
		}
	}
	if s := r.Stretch; s != nil && !(s.Factor > 1 && s.Factor <= MaxStretch) {
		bad("stretch.factor: %v is not above 1 and at most %d", s.Factor, MaxStretch)
	}
	if s := r.Status; s != nil && (s.Code < 200 || s.Code > 599 || http.StatusText(s.Code) == "") {
		bad("status.code: %d is not an HTTP status from 200 to 599", s.Code)
	}
	if q := r.Quota; q != nil {
		if q.Limit < 0 {
			bad("quota.limit: %d is negative", q.Limit)
		}
		positive("quota.window", q.Window)
	}
	if t := r.Truncate; t != nil && t.AfterBytes < 0 {
		bad("truncate.afterBytes: %d is negative", t.AfterBytes)
	}
	if t := r.Trickle; t != nil && t.BytesPerSecond <= 0 {
		bad("trickle.bytesPerSecond: %d is not above zero", t.BytesPerSecond)
	}
	if s := r.Stale; s != nil {
		positive("stale.for", s.For)
	}
	if l := r.Lockout; l != nil {
		if l.Failures < 1 {
			bad("lockout.failures: %d is below 1", l.Failures)
		}
		positive("lockout.for", l.For)
	}
	if r.TokenLife < 0 {
		bad("tokenLife: %v is negative", time.Duration(r.TokenLife))
	}
	if l := r.Leak; l != nil {
		if l.BytesPerSecond <= 0 {
			bad("leak.bytesPerSecond: %d is not above zero", l.BytesPerSecond)
		}
		if l.Max <= 0 || l.Max > MaxLeak {
			bad("leak.max: %d is not between 1 and %d bytes", l.Max, int64(MaxLeak))
		}
	}
	if !r.does() {
		bad("nothing to do: name at least one of latency, dbLatency, rowLock, nPlusOne, slowDown, stretch, status, quota, reset, empty, malformed, " +
			"truncate, trickle, stale, dropPool, lockout, tokenLife, leak")
	}
	return errors.Join(errs...)
}

func (r *Rule) does() bool {
	return r.Latency != nil || r.DBLatency != nil || r.RowLock != nil || r.NPlusOne || r.SlowDown != nil || r.Stretch != nil ||
		r.Status != nil || r.Quota != nil || r.Reset || r.Empty || r.Malformed || r.Truncate != nil || r.Trickle != nil || r.Stale != nil || r.DropPool ||
		r.Lockout != nil || r.TokenLife != 0 || r.Leak != nil
}

// matches tells whether the rule is for the request, chance left aside.
func (m *Match) matches(service string, r *http.Request) bool {
	if m.Service != "" && m.Service != service || m.Method != "" && m.Method != r.Method {
		return false
	}
	if m.Path != "" && !MatchPath(m.Path, r.URL.Path) {
		return false
	}
	for name, value := range m.Headers {
		if r.Header.Get(name) != value {
			return false
		}
	}
	return true
}

// CheckPath returns an error unless MatchPath understands the pattern.
func CheckPath(pattern string) error {
	if _, err := path.Match(strings.TrimSuffix(pattern, "/**"), ""); err != nil {
		return fmt.Errorf("%q is not a pattern: %w", pattern, err)
	}
	return nil
}

// MatchPath tells whether a path fits a pattern of path.Match, of which a trailing /** stands for any depth.
func MatchPath(pattern, p string) bool {
	if deep, ok := strings.CutSuffix(pattern, "/**"); ok {
		for n := strings.Count(p, "/") - strings.Count(deep, "/"); n > 0; n-- {
			p = p[:strings.LastIndexByte(p, '/')]
		}
		pattern = deep
	}
	ok, _ := path.Match(pattern, p)
	return ok
}

// on tells whether the rule is switched on so long after it was added.
func (r *Rule) on(age time.Duration) bool {
	if r.TTL > 0 && age >= time.Duration(r.TTL) {
		return false
	}
	s := r.Schedule
	if s == nil {
		return true
	}
	age -= time.Duration(s.After)
	if age < 0 {
		return false
	}
	if s.Every > 0 {
		age %= time.Duration(s.Every)
	}
	return age < time.Duration(s.For)
}

// delay is the latency of a slow-down after the rule has lived for age.
func (s *SlowDown) delay(age time.Duration) time.Duration {
	d := float64(s.PerMinute) * age.Minutes()
	limit := MaxDelay
	if s.Max > 0 {
		limit = time.Duration(s.Max)
	}
	return time.Duration(math.Min(d, float64(limit)))
}
