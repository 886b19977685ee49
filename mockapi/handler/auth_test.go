package handler_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/handler"
)

func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

func TestRegister(t *testing.T) {
	w := newWorld(t)
	const path = v1 + "/auth/register"
	a := w.post(path, map[string]string{"email": "  Carol@MediaNest.TEST ", "password": password, "name": "Carol", "role": "admin"}).
		ok(http.StatusCreated).field("carol@medianest.test", "data", "email").field("Carol", "data", "name").
		field("user", "data", "role").field(true, "data", "isActive")
	if strings.Contains(string(a.raw), "assword") {
		t.Errorf("the answer speaks of passwords: %s", a.raw)
	}
	w.post(path, credentials("CAROL@medianest.test", password)).fails(mockapi.CodeDuplicate)
	w.post(v1+"/auth/login", credentials("CAROL@medianest.test", password)).ok(http.StatusOK)

	for field, in := range map[string]map[string]string{
		"email":    {"password": password},
		"password": {"email": "d@medianest.test"},
	} {
		w.post(path, in).fails(mockapi.CodeValidation).complains(field)
	}
	for _, email := range []string{"plain", "@b.c", "a@", "a@b@c", "a b@c.d", "a@.b", "a@b.", "a..b@c.d", "ä@b.c", "<a@b.c>", strings.Repeat("a", 251) + "@b.c"} {
		w.post(path, credentials(email, password)).fails(mockapi.CodeValidation).complains("email")
	}
	for _, pw := range []string{"short", "1234567", strings.Repeat("x", 73), strings.Repeat(" ", 10)} {
		w.post(path, credentials("d@medianest.test", pw)).fails(mockapi.CodeValidation).complains("password")
	}
	// Several problems are told at once.
	w.post(path, map[string]string{"email": "x", "password": "y", "name": strings.Repeat("n", 201)}).
		fails(mockapi.CodeValidation).complains("email").complains("password").complains("name")
	w.post(path, credentials(strings.Repeat("a", 250)+"@b.c", password)).ok(http.StatusCreated)
	// 72 bytes, which is what bcrypt takes.
	longest := strings.Repeat("é", 36)
	w.post(path, credentials("e@medianest.test", longest)).ok(http.StatusCreated)
	w.post(v1+"/auth/login", credentials("e@medianest.test", longest)).ok(http.StatusOK)
	w.post(v1+"/auth/login", credentials("e@medianest.test", longest+"x")).fails(mockapi.CodeInvalidCredentials)
}

func TestLoginTellsNothingAboutAddresses(t *testing.T) {
	w := newWorld(t)
	const path = v1 + "/auth/login"
	wrong := w.post(path, credentials("alice@medianest.test", "wrong")).fails(mockapi.CodeInvalidCredentials)
	unknown := w.post(path, credentials("nobody@medianest.test", "wrong")).fails(mockapi.CodeInvalidCredentials)
	if wrong.at("error", "message") != unknown.at("error", "message") {
		t.Errorf("%s\n%s", wrong.raw, unknown.raw)
	}
	w.exec("UPDATE users SET is_active = false WHERE email = 'bob@medianest.test'")
	inactive := w.post(path, credentials("bob@medianest.test", "wrong")).fails(mockapi.CodeInvalidCredentials)
	if inactive.at("error", "message") != wrong.at("error", "message") {
		t.Errorf("%s\n%s", wrong.raw, inactive.raw)
	}
	w.post(path, credentials("bob@medianest.test", password)).fails(mockapi.CodeAccessDenied)
	// SQL in what comes in is text.
	w.post(path, credentials("' OR 1=1 --", "x")).fails(mockapi.CodeInvalidCredentials)
}

func TestAChangedPasswordIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.login("alice@medianest.test")
	w.login("alice@medianest.test")
	w.exec("UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = 'bob@medianest.test') WHERE email = 'alice@medianest.test'")
	w.login("alice@medianest.test") // the same password, another hash
	w.exec("UPDATE users SET password_hash = $1 WHERE email = 'alice@medianest.test'", "$2a$04$"+strings.Repeat("x", 53))
	w.post(v1+"/auth/login", credentials("alice@medianest.test", password)).fails(mockapi.CodeInvalidCredentials)
}

func TestTokensAreWhereClientsLook(t *testing.T) {
	w := newWorld(t)
	const path = v1 + "/auth/me"
	token := w.login("alice@medianest.test")
	w.do(http.MethodGet, path, nil, "Authorization", "Bearer "+token).ok(http.StatusOK).field("alice@medianest.test", "data", "email")
	w.do(http.MethodGet, path, nil, "Authorization", "bearer "+token).ok(http.StatusOK)
	w.do(http.MethodGet, path, nil, "Cookie", "auth-token="+token).ok(http.StatusOK)
	// The header comes first.
	w.do(http.MethodGet, path, nil, "Authorization", "Bearer nonsense", "Cookie", "auth-token="+token).fails(mockapi.CodeInvalidToken)
	w.do(http.MethodGet, path, nil, "Authorization", "Bearer "+token, "Cookie", "auth-token=nonsense").ok(http.StatusOK)

	none := w.get(path).fails(mockapi.CodeUnauthorized)
	if none.header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("WWW-Authenticate is %q", none.header.Get("WWW-Authenticate"))
	}
	for _, h := range []string{"Bearer", "Bearer ", "Basic YTpi", token, "  "} {
		w.do(http.MethodGet, path, nil, "Authorization", h).fails(mockapi.CodeUnauthorized)
	}
	// A token that is there must be good, even where none is needed.
	w.do(http.MethodGet, v1+"/media", nil, "Authorization", "Bearer nonsense").fails(mockapi.CodeInvalidToken)
	w.do(http.MethodGet, v1+"/media", nil, "Cookie", "auth-token=nonsense").fails(mockapi.CodeInvalidToken)
}

func TestLoginSetsACookieThatScriptsCannotRead(t *testing.T) {
	w := newWorld(t)
	a := w.post(v1+"/auth/login", credentials("alice@medianest.test", password)).ok(http.StatusOK)
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"auth-token=" + a.at("token").(string) + ";", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=86400"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %q", cookie, want)
		}
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", a.header.Get("Cache-Control"))
	}
}

func TestRefreshTokensWorkOnce(t *testing.T) {
	w := newWorld(t)
	const path = v1 + "/auth/refresh"
	refresh := func(a *answer) map[string]any { return map[string]any{"refreshToken": a.at("refreshToken")} }
	first := w.post(v1+"/auth/login", credentials("alice@medianest.test", password)).ok(http.StatusOK)
	second := w.post(path, refresh(first)).ok(http.StatusOK).field("alice@medianest.test", "data", "email").field(86400.0, "expiresIn")
	w.post(path, refresh(first)).fails(mockapi.CodeInvalidToken)
	third := w.post(path, refresh(second)).ok(http.StatusOK)
	w.as(third.at("token").(string)).get(v1 + "/auth/me").ok(http.StatusOK)

	w.post(path, map[string]any{}).fails(mockapi.CodeValidation).complains("refreshToken")
	w.post(path, map[string]any{"refreshToken": third.at("token")}).fails(mockapi.CodeInvalidToken)
	w.as(third.at("refreshToken").(string)).get(v1 + "/auth/me").fails(mockapi.CodeInvalidToken)

	w.exec("UPDATE users SET is_active = false WHERE email = 'alice@medianest.test'")
	w.post(path, refresh(third)).fails(mockapi.CodeAccessDenied)
}

func TestLogoutEndsTheSession(t *testing.T) {
	w := newWorld(t)
	a := w.post(v1+"/auth/login", credentials("alice@medianest.test", password)).ok(http.StatusOK)
	other := w.as(w.login("alice@medianest.test"))
	c := w.as(a.at("token").(string))
	out := c.post(v1+"/auth/logout", nil).ok(http.StatusOK)
	if !strings.Contains(out.header.Get("Set-Cookie"), "auth-token=;") {
		t.Errorf("cookie %q is not cleared", out.header.Get("Set-Cookie"))
	}
	c.get(v1 + "/auth/me").fails(mockapi.CodeInvalidToken)
	c.post(v1+"/auth/logout", nil).fails(mockapi.CodeInvalidToken)
	w.post(v1+"/auth/refresh", map[string]any{"refreshToken": a.at("refreshToken")}).fails(mockapi.CodeInvalidToken)
	other.get(v1 + "/auth/me").ok(http.StatusOK)
	w.alice.get(v1 + "/auth/me").ok(http.StatusOK)
}

func TestTokensExpire(t *testing.T) {
	var ahead atomic.Int64 // how far the server's clock is ahead
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w := newWorldWith(t, auth.Options{Now: now}, handler.Options{})
	a := w.post(v1+"/auth/login", credentials("alice@medianest.test", password)).ok(http.StatusOK)
	c := w.as(a.at("token").(string))
	c.get(v1 + "/auth/me").ok(http.StatusOK)
	ahead.Store(int64(25 * time.Hour))
	c.get(v1 + "/auth/me").fails(mockapi.CodeTokenExpired)
	renewed := w.post(v1+"/auth/refresh", map[string]any{"refreshToken": a.at("refreshToken")}).ok(http.StatusOK)
	w.as(renewed.at("token").(string)).get(v1 + "/auth/me").ok(http.StatusOK)
	ahead.Store(int64(25*time.Hour + 8*24*time.Hour))
	w.post(v1+"/auth/refresh", map[string]any{"refreshToken": renewed.at("refreshToken")}).fails(mockapi.CodeTokenExpired)
}

func TestADeletedAccountIsNobody(t *testing.T) {
	w := newWorld(t)
	a := w.post(v1+"/auth/login", credentials("alice@medianest.test", password)).ok(http.StatusOK)
	w.exec("DELETE FROM users WHERE email = 'alice@medianest.test'")
	w.alice.get(v1 + "/auth/me").fails(mockapi.CodeInvalidToken)
	w.alice.do(http.MethodPatch, v1+"/user/profile", map[string]string{"name": "A"}).fails(mockapi.CodeInvalidToken)
	w.alice.post(v1+"/media/upload", map[string]any{"filename": "a.jpg", "size": 1}).fails(mockapi.CodeUnauthorized)
	w.post(v1+"/auth/refresh", map[string]any{"refreshToken": a.at("refreshToken")}).fails(mockapi.CodeInvalidToken)
}

func TestUsers(t *testing.T) {
	w := newWorld(t)
	aliceID, bobID := itoa(w.aliceID), itoa(w.bobID)
	w.alice.get(v1+"/users/"+aliceID).ok(http.StatusOK).field("alice@medianest.test", "data", "email")
	w.alice.get(v1 + "/users/" + bobID).fails(mockapi.CodeAccessDenied)
	w.alice.get(v1 + "/users/999999").fails(mockapi.CodeAccessDenied) // does not tell who exists
	w.alice.get(v1 + "/users").fails(mockapi.CodeAccessDenied)
	w.get(v1 + "/users").fails(mockapi.CodeUnauthorized)

	w.admin.get(v1+"/users/"+bobID).ok(http.StatusOK).field("bob@medianest.test", "data", "email")
	w.admin.get(v1 + "/users/999999").fails(mockapi.CodeNotFound)
	page := w.admin.get(v1+"/users?limit=2").ok(http.StatusOK).field(true, "meta", "pagination", "hasNext")
	if got := page.ids("data"); len(got) != 2 || got[0] != w.aliceID {
		t.Errorf("users %v", got)
	}
	next := w.admin.get(v1+"/users?limit=2&cursor="+page.at("meta", "pagination", "nextCursor").(string)).ok(http.StatusOK).
		field(nil, "meta", "pagination", "page").field(true, "meta", "pagination", "hasPrev")
	if got := next.ids("data"); len(got) != 1 {
		t.Errorf("users %v", got)
	}
}

func TestProfile(t *testing.T) {
	w := newWorld(t)
	const path = v1 + "/user/profile"
	put := func(body any) *answer { t.Helper(); return w.alice.do(http.MethodPut, path, body) }
	put(map[string]any{"preferences": map[string]any{"theme": "dark", "volume": 7}}).ok(http.StatusOK)
	// Preferences are merged key by key; what the client invents beside them is left alone.
	put(map[string]any{"preferences": map[string]any{"theme": "light"}, "role": "admin"}).ok(http.StatusOK).
		field("light", "data", "preferences", "theme").field(7.0, "data", "preferences", "volume").field("user", "data", "role")
	w.alice.do(http.MethodPatch, path, map[string]any{"name": "Alice A."}).ok(http.StatusOK).field("Alice A.", "data", "name").
		field("light", "data", "preferences", "theme")

	put(map[string]any{}).fails(mockapi.CodeValidation)
	put(map[string]any{"nam": "typo"}).fails(mockapi.CodeValidation)
	put(map[string]any{"name": " "}).fails(mockapi.CodeValidation).complains("name")
	put(map[string]any{"preferences": "dark"}).fails(mockapi.CodeValidation).complains("preferences")
	put(map[string]any{"preferences": []int{1}}).fails(mockapi.CodeValidation).complains("preferences")
	put(map[string]any{"preferences": map[string]string{"x": strings.Repeat("y", 17<<10)}}).fails(mockapi.CodeValidation).complains("preferences")
	put(`{"preferences":{"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}}`).fails(mockapi.CodeValidation).complains("preferences")
	put(`{"preferences":{"x":1e999}}`).fails(mockapi.CodeValidation)
	put(`{"preferences":{"x":"\u0000"}}`).fails(mockapi.CodeValidation)
	put(`{"preferences":{"x":"\ud800","y":"\\u0000"}}`).ok(http.StatusOK).field(`\u0000`, "data", "preferences", "y")
	w.do(http.MethodPut, path, `{"name":"x"}`).fails(mockapi.CodeUnauthorized)
}
