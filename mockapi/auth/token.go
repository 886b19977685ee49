package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/medianest/testbed/mockapi"
)

// What tokens say of themselves. The two audiences keep one kind from being used as the other.
const (
	Issuer          = "medianest"
	AccessAudience  = "medianest-users"
	RefreshAudience = "medianest-refresh"
)

// Identity is what an access token says of its bearer.
type Identity struct {
	UserID    int64
	Email     string
	Role      mockapi.Role
	SessionID [16]byte
	StartedAt time.Time // when the session logged in
	IssuedAt  time.Time // of the token
	ExpiresAt time.Time // of the token
}

// Viewer returns the bearer as stores want to know him.
func (i Identity) Viewer() mockapi.Viewer { return mockapi.Viewer{UserID: i.UserID, Role: i.Role} }

// Pair is what a login returns.
type Pair struct {
	Access    string
	Refresh   string
	ExpiresIn time.Duration // of the access token
	Session   mockapi.Session
}

// registered are the claims that both kinds of tokens have. Unlike jwt.RegisteredClaims its fields marshal
// without methods of their own, which halves the cost of a token.
type registered struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	IssuedAt  int64  `json:"iat"` // seconds since 1970, as the following
	ExpiresAt int64  `json:"exp"`
	NotBefore int64  `json:"nbf,omitempty"`
}

// GetExpirationTime implements jwt.Claims, as the following do.
func (r *registered) GetExpirationTime() (*jwt.NumericDate, error) { return date(r.ExpiresAt), nil }

// GetIssuedAt implements jwt.Claims.
func (r *registered) GetIssuedAt() (*jwt.NumericDate, error) { return date(r.IssuedAt), nil }

// GetNotBefore implements jwt.Claims.
func (r *registered) GetNotBefore() (*jwt.NumericDate, error) { return date(r.NotBefore), nil }

// GetIssuer implements jwt.Claims.
func (r *registered) GetIssuer() (string, error) { return r.Issuer, nil }

// GetSubject implements jwt.Claims.
func (r *registered) GetSubject() (string, error) { return "", nil }

// GetAudience implements jwt.Claims.
func (r *registered) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{r.Audience}, nil
}

func date(seconds int64) *jwt.NumericDate {
	if seconds == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0))
}

type accessClaims struct {
	UserID  int64        `json:"userId"`
	Email   string       `json:"email"`
	Role    mockapi.Role `json:"role"`
	Session string       `json:"sid"`
	Started int64        `json:"auth_time"` // when the session logged in
	registered
}

type refreshClaims struct {
	UserID     int64  `json:"userId"`
	Type       string `json:"typ"`
	Session    string `json:"sid"`
	Generation int32  `json:"gen"`
	Started    int64  `json:"auth_time"`
	registered
}

// refreshType is the typ claim of refresh tokens, beside their audience.
const refreshType = "refresh"

type tokens struct {
	secret                            []byte
	accessTTL, refreshTTL, sessionTTL time.Duration
	now                               func() time.Time
	access, refresh                   *jwt.Parser
	known                             *recent[Identity]
}

func newTokens(o Options) tokens {
	parser := func(audience string) *jwt.Parser {
		return jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithIssuer(Issuer), jwt.WithAudience(audience),
			jwt.WithExpirationRequired(), jwt.WithTimeFunc(o.Now), jwt.WithStrictDecoding(),
		)
	}
	return tokens{
		secret:    o.Secret,
		accessTTL: o.AccessTTL, refreshTTL: o.RefreshTTL, sessionTTL: o.SessionTTL,
		now:    o.Now,
		access: parser(AccessAudience), refresh: parser(RefreshAudience),
		known: newRecent[Identity](o.CacheSize),
	}
}

// Start issues the tokens of a new session.
func (t *tokens) Start(u mockapi.User) (Pair, error) {
	s := mockapi.Session{ID: uuid.New(), UserID: u.ID, CreatedAt: t.now().Truncate(time.Second)}
	s.ExpiresAt = s.CreatedAt.Add(t.sessionTTL)
	return t.issue(u, s)
}

// Continue issues the tokens of the session's next generation, for a refresh that the store has accepted.
func (t *tokens) Continue(u mockapi.User, s mockapi.Session) (Pair, error) {
	s.Generation++
	return t.issue(u, s)
}

func (t *tokens) issue(u mockapi.User, s mockapi.Session) (Pair, error) {
	now := t.now()
	sid := uuid.UUID(s.ID).String()
	access, err := t.sign(&accessClaims{
		UserID: u.ID, Email: u.Email, Role: u.Role, Session: sid, Started: s.CreatedAt.Unix(),
		registered: registered{Issuer: Issuer, Audience: AccessAudience, IssuedAt: now.Unix(), ExpiresAt: now.Add(t.accessTTL).Unix()},
	})
	if err != nil {
		return Pair{}, fmt.Errorf("sign access token: %w", err)
	}
	expires := now.Add(t.refreshTTL)
	if expires.After(s.ExpiresAt) {
		expires = s.ExpiresAt
	}
	refresh, err := t.sign(&refreshClaims{
		UserID: u.ID, Type: refreshType, Session: sid, Generation: s.Generation, Started: s.CreatedAt.Unix(),
		registered: registered{Issuer: Issuer, Audience: RefreshAudience, IssuedAt: now.Unix(), ExpiresAt: expires.Unix()},
	})
	if err != nil {
		return Pair{}, fmt.Errorf("sign refresh token: %w", err)
	}
	return Pair{Access: access, Refresh: refresh, ExpiresIn: t.accessTTL, Session: s}, nil
}

// header is the first part of all tokens: {"alg":"HS256","typ":"JWT"}.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// sign does what jwt.Token.SignedString does, without encoding the same header each time.
func (t *tokens) sign(claims jwt.Claims) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	b := make([]byte, 0, len(header)+base64.RawURLEncoding.EncodedLen(len(payload))+1+base64.RawURLEncoding.EncodedLen(sha256.Size))
	b = append(b, header...)
	b = base64.RawURLEncoding.AppendEncode(b, payload)
	signature, err := jwt.SigningMethodHS256.Sign(string(b), t.secret)
	if err != nil {
		return "", err
	}
	b = append(b, '.')
	return string(base64.RawURLEncoding.AppendEncode(b, signature)), nil
}

// Access reads an access token: TOKEN_EXPIRED for one that was good, INVALID_TOKEN for everything else that is
// not. Tokens read before are known by their SHA-256, which costs a twentieth of reading them again.
func (t *tokens) Access(token string) (Identity, error) {
	k := digest(sha256.Sum256([]byte(token)))
	if id, ok := t.known.get(k); ok {
		if t.now().Before(id.ExpiresAt) {
			return id, nil
		}
		return Identity{}, expired(nil)
	}
	var c accessClaims
	if _, err := t.access.ParseWithClaims(token, &c, t.key); err != nil {
		return Identity{}, refuse(err)
	}
	sid, err := uuid.Parse(c.Session)
	if err != nil || c.UserID <= 0 || !knownRole(c.Role) {
		return Identity{}, invalid(errors.New("claims are incomplete"))
	}
	id := Identity{
		UserID: c.UserID, Email: c.Email, Role: c.Role, SessionID: sid,
		StartedAt: time.Unix(c.Started, 0), IssuedAt: time.Unix(c.IssuedAt, 0), ExpiresAt: time.Unix(c.ExpiresAt, 0),
	}
	t.known.put(k, id)
	return id, nil
}

// SessionOf returns the session of an access token's bearer, as RevokeSession wants to know it.
func (t *tokens) SessionOf(id Identity) mockapi.Session {
	return mockapi.Session{
		ID: id.SessionID, UserID: id.UserID, CreatedAt: id.StartedAt, ExpiresAt: id.StartedAt.Add(t.sessionTTL),
	}
}

// Refresh reads a refresh token and returns its session, whose Generation is the token's own.
func (t *tokens) Refresh(token string) (mockapi.Session, error) {
	var c refreshClaims
	if _, err := t.refresh.ParseWithClaims(token, &c, t.key); err != nil {
		return mockapi.Session{}, refuse(err)
	}
	sid, err := uuid.Parse(c.Session)
	if err != nil || c.UserID <= 0 || c.Type != refreshType || c.Generation < 0 {
		return mockapi.Session{}, invalid(errors.New("claims are incomplete"))
	}
	started := time.Unix(c.Started, 0)
	return mockapi.Session{
		ID: sid, UserID: c.UserID, Generation: c.Generation,
		CreatedAt: started, ExpiresAt: started.Add(t.sessionTTL),
	}, nil
}

func (t *tokens) key(*jwt.Token) (any, error) { return t.secret, nil }

// refuse gives the parser's error its code. A token that is both expired and something else is not one of
// ours, so expiry has to be its only fault.
func refuse(err error) error {
	if errors.Is(err, jwt.ErrTokenExpired) &&
		!errors.Is(err, jwt.ErrTokenInvalidAudience) && !errors.Is(err, jwt.ErrTokenInvalidIssuer) {
		return expired(err)
	}
	return invalid(err)
}

func expired(err error) error {
	return &mockapi.Error{Code: mockapi.CodeTokenExpired, Message: "token has expired, refresh it or log in again", Err: err}
}

func invalid(err error) error {
	return &mockapi.Error{Code: mockapi.CodeInvalidToken, Message: "token is not valid", Err: err}
}

func knownRole(r mockapi.Role) bool {
	return r == mockapi.RoleUser || r == mockapi.RoleModerator || r == mockapi.RoleAdmin
}
