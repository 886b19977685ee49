// Package auth proves who calls the MediaNest API: bcrypt passwords, verified once and then known by a keyed
// digest, and HS256 tokens that carry the caller's id, e-mail address, role and session.
package auth

import (
	"crypto/rand"
	"runtime"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Defaults of Options.
const (
	DefaultAccessTTL  = 24 * time.Hour
	DefaultRefreshTTL = 7 * 24 * time.Hour
	DefaultSessionTTL = 30 * 24 * time.Hour
	// DefaultHashCost is bcrypt's log2 of rounds for new accounts: 16 times cheaper than bcrypt's own
	// default of 10, because these are test accounts.
	DefaultHashCost = 6
	// DefaultCacheSize bounds each of the two caches, in entries of roughly 100 bytes.
	DefaultCacheSize = 1 << 16
)

// Options configures New; the zero value is usable.
type Options struct {
	// Secret signs tokens. Without one a random secret is made, and tokens end with the process.
	Secret []byte
	// AccessTTL is how long an access token is good for.
	AccessTTL time.Duration
	// RefreshTTL is how long a refresh token is good for; each refresh starts it anew.
	RefreshTTL time.Duration
	// SessionTTL is how long after the login refreshing stops.
	SessionTTL time.Duration
	// HashCost is bcrypt's log2 of rounds for new passwords.
	HashCost int
	// RealLoginCost runs bcrypt at every login instead of remembering verified passwords.
	RealLoginCost bool
	// CacheSize bounds the verified passwords and the verified tokens that are remembered, in entries each.
	CacheSize int
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Auth hashes and verifies passwords, and issues and reads tokens. It is safe for concurrent use.
type Auth struct {
	passwords
	tokens
}

// New returns an Auth.
func New(o Options) *Auth {
	o = o.withDefaults()
	digestKey := make([]byte, 32)
	rand.Read(digestKey)
	return &Auth{
		passwords: passwords{
			cost:     o.HashCost,
			realCost: o.RealLoginCost,
			key:      digestKey,
			verified: newRecent[struct{}](o.CacheSize),
			flights:  map[digest]*flight{},
			slots:    make(chan struct{}, runtime.GOMAXPROCS(0)),
			decoys:   map[int][]byte{},
			compare:  bcrypt.CompareHashAndPassword,
		},
		tokens: newTokens(o),
	}
}

func (o Options) withDefaults() Options {
	if len(o.Secret) == 0 {
		o.Secret = make([]byte, 32)
		rand.Read(o.Secret)
	}
	if o.AccessTTL == 0 {
		o.AccessTTL = DefaultAccessTTL
	}
	if o.RefreshTTL == 0 {
		o.RefreshTTL = DefaultRefreshTTL
	}
	if o.SessionTTL == 0 {
		o.SessionTTL = DefaultSessionTTL
	}
	if o.HashCost == 0 {
		o.HashCost = DefaultHashCost
	}
	if o.CacheSize == 0 {
		o.CacheSize = DefaultCacheSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
