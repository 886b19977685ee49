package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/medianest/testbed/mockapi"
)

var testSecret = []byte("a secret of at least thirty-two bytes")

var tester = mockapi.User{ID: 7, Email: "perf.user7@medianest.test", Role: mockapi.RoleModerator}

// clock is a clock that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func withClock() (*Auth, *clock) {
	c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)}
	return New(Options{Secret: testSecret, Now: c.Now}), c
}

func start(t testing.TB, a *Auth) Pair {
	t.Helper()
	p, err := a.Start(tester)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAccessTokenSaysWhoItsBearerIs(t *testing.T) {
	a, c := withClock()
	p := start(t, a)
	for range 2 { // read, then remembered
		id, err := a.Access(p.Access)
		if err != nil {
			t.Fatal(err)
		}
		if id.UserID != tester.ID || id.Email != tester.Email || id.Role != tester.Role || id.SessionID != p.Session.ID {
			t.Errorf("identity %+v of session %x", id, p.Session.ID)
		}
		if got := id.ExpiresAt.Sub(c.now.Truncate(time.Second)); got != DefaultAccessTTL {
			t.Errorf("expires after %v, want %v", got, DefaultAccessTTL)
		}
		if s := a.SessionOf(id); s.ID != p.Session.ID || !s.CreatedAt.Equal(p.Session.CreatedAt) || !s.ExpiresAt.Equal(p.Session.ExpiresAt) {
			t.Errorf("session %+v, want %+v", s, p.Session)
		}
	}
}

func TestClaimsAreThoseOfMediaNest(t *testing.T) {
	a, _ := withClock()
	var claims jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(start(t, a).Access, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["userId"] != 7.0 || claims["email"] != tester.Email || claims["role"] != "moderator" || claims["iss"] != "medianest" {
		t.Errorf("claims %v", claims)
	}
	if aud, _ := claims.GetAudience(); len(aud) != 1 || aud[0] != "medianest-users" {
		t.Errorf("audience %v", aud)
	}
}

func TestAccessTokenExpires(t *testing.T) {
	a, c := withClock()
	p := start(t, a)
	c.now = c.now.Add(DefaultAccessTTL - time.Second)
	if _, err := a.Access(p.Access); err != nil {
		t.Fatalf("a second before its end: %v", err)
	}
	c.now = c.now.Add(time.Second)
	_, err := a.Access(p.Access) // remembered
	wantCode(t, err, mockapi.CodeTokenExpired)
	fresh := New(Options{Secret: testSecret, Now: c.Now})
	_, err = fresh.Access(p.Access) // read anew
	wantCode(t, err, mockapi.CodeTokenExpired)
}

func TestRefreshSlidesUntilTheSessionEnds(t *testing.T) {
	a, c := withClock()
	begin := c.now
	p := start(t, a)
	for gen := int32(0); ; gen++ {
		s, err := a.Refresh(p.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		if s.Generation != gen || s.ID != p.Session.ID || s.UserID != tester.ID || !s.ExpiresAt.Equal(p.Session.ExpiresAt) {
			t.Fatalf("generation %d: session %+v", gen, s)
		}
		if p, err = a.Continue(tester, s); err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(DefaultRefreshTTL - time.Minute)
		if c.now.Sub(begin) > DefaultSessionTTL {
			break
		}
	}
	_, err := a.Refresh(p.Refresh)
	wantCode(t, err, mockapi.CodeTokenExpired)
}

func TestForgedTokens(t *testing.T) {
	a, c := withClock()
	good := start(t, a)
	sign := func(m jwt.SigningMethod, key any, change func(*accessClaims)) string {
		claims := accessClaims{
			UserID: 7, Email: tester.Email, Role: mockapi.RoleAdmin, Session: "11111111-2222-4333-8444-555555555555",
			registered: registered{Issuer: Issuer, Audience: AccessAudience, ExpiresAt: c.now.Add(time.Hour).Unix()},
		}
		if change != nil {
			change(&claims)
		}
		s, err := jwt.NewWithClaims(m, &claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	hs := func(change func(*accessClaims)) string { return sign(jwt.SigningMethodHS256, testSecret, change) }
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Access(hs(nil)); err != nil {
		t.Fatalf("the table's own starting point is refused: %v", err)
	}
	parts := strings.Split(good.Access, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	promoted := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "moderator", "admin", 1)))

	for name, tc := range map[string]struct {
		token string
		want  mockapi.Code
	}{
		"empty":               {"", mockapi.CodeInvalidToken},
		"garbage":             {"not.a.token", mockapi.CodeInvalidToken},
		"two parts":           {parts[0] + "." + parts[1], mockapi.CodeInvalidToken},
		"algorithm none":      {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), mockapi.CodeInvalidToken},
		"another HMAC":        {sign(jwt.SigningMethodHS512, testSecret, nil), mockapi.CodeInvalidToken},
		"RSA":                 {sign(jwt.SigningMethodRS256, rsaKey, nil), mockapi.CodeInvalidToken},
		"another secret":      {sign(jwt.SigningMethodHS256, []byte("another secret"), nil), mockapi.CodeInvalidToken},
		"promoted":            {parts[0] + "." + promoted + "." + parts[2], mockapi.CodeInvalidToken},
		"signature cut":       {good.Access[:len(good.Access)-2], mockapi.CodeInvalidToken},
		"refresh as access":   {good.Refresh, mockapi.CodeInvalidToken},
		"another issuer":      {hs(func(c *accessClaims) { c.Issuer = "elsewhere" }), mockapi.CodeInvalidToken},
		"another audience":    {hs(func(c *accessClaims) { c.Audience = "elsewhere" }), mockapi.CodeInvalidToken},
		"no expiry":           {hs(func(c *accessClaims) { c.ExpiresAt = 0 }), mockapi.CodeInvalidToken},
		"no user":             {hs(func(c *accessClaims) { c.UserID = 0 }), mockapi.CodeInvalidToken},
		"no session":          {hs(func(c *accessClaims) { c.Session = "" }), mockapi.CodeInvalidToken},
		"unknown role":        {hs(func(c *accessClaims) { c.Role = "root" }), mockapi.CodeInvalidToken},
		"not before tomorrow": {hs(func(cl *accessClaims) { cl.NotBefore = c.now.Add(time.Hour).Unix() }), mockapi.CodeInvalidToken},
		"expired": {
			hs(func(cl *accessClaims) { cl.ExpiresAt = c.now.Add(-time.Hour).Unix() }), mockapi.CodeTokenExpired,
		},
		"expired and of another issuer": {
			hs(func(cl *accessClaims) {
				cl.Issuer, cl.ExpiresAt = "elsewhere", c.now.Add(-time.Hour).Unix()
			}), mockapi.CodeInvalidToken,
		},
		"expired under another secret": {
			sign(jwt.SigningMethodHS256, []byte("another secret"), func(cl *accessClaims) {
				cl.ExpiresAt = c.now.Add(-time.Hour).Unix()
			}), mockapi.CodeInvalidToken,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.Access(tc.token)
			wantCode(t, err, tc.want)
		})
	}
	t.Run("access as refresh", func(t *testing.T) {
		_, err := a.Refresh(good.Access)
		wantCode(t, err, mockapi.CodeInvalidToken)
	})
}

func TestWithoutASecretTokensEndWithTheProcess(t *testing.T) {
	first, second := New(Options{}), New(Options{})
	p := start(t, first)
	if _, err := first.Access(p.Access); err != nil {
		t.Fatal(err)
	}
	_, err := second.Access(p.Access)
	wantCode(t, err, mockapi.CodeInvalidToken)
}

func BenchmarkAccess(b *testing.B) {
	a := New(Options{Secret: testSecret})
	p, err := a.Start(tester)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Access(p.Access); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a.known.young = nil
			a.known.young = map[digest]Identity{}
			if _, err := a.Access(p.Access); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStart(b *testing.B) {
	a := New(Options{Secret: testSecret})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Start(tester); err != nil {
			b.Fatal(err)
		}
	}
}
