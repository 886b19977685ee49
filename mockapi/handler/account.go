package handler

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/fault"
)

// Bounds of what an account holds, in characters unless said otherwise.
const (
	minPassword = 8
	maxEmail    = 254
)

// register makes an account and logs it in. A name that is not given is the local part of the address.
func (a *API) register(c *Call) error {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Name     string `json:"name"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	in.Email, in.Name = normalEmail(in.Email), strings.TrimSpace(in.Name)
	if in.Name == "" && validEmail(in.Email) {
		in.Name, _, _ = strings.Cut(in.Email, "@")
		in.Name = in.Name[:min(len(in.Name), mockapi.MaxName)]
	}
	var p problems
	if !validEmail(in.Email) {
		p.add("email", "is not an e-mail address in ASCII of at most %d characters", maxEmail)
	}
	p.text("name", in.Name, 0, mockapi.MaxName)
	switch {
	case len(in.Password) > auth.MaxPassword:
		p.add("password", "has %d bytes, want at most %d", len(in.Password), auth.MaxPassword)
	default:
		p.text("password", in.Password, minPassword, auth.MaxPassword)
	}
	if err := p.err(); err != nil {
		return err
	}
	hash, err := a.auth.Hash(c.Context(), in.Password)
	if err != nil {
		return err
	}
	u, err := a.store.CreateUser(c.Context(), mockapi.NewUser{Email: in.Email, Name: in.Name, PasswordHash: hash})
	if err != nil {
		return err
	}
	pair, err := a.auth.Start(u)
	if err != nil {
		return err
	}
	return replyTokens(c, http.StatusCreated, &pair, &u)
}

// login answers an address without an account as it answers a wrong password. That an account is inactive is
// told only to who knows its password, as 403 ACCESS_DENIED.
func (a *API) login(c *Call) error {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	in.Email = normalEmail(in.Email)
	var p problems
	if in.Email == "" {
		p.add("email", "is missing")
	}
	if in.Password == "" {
		p.add("password", "is missing")
	}
	if err := p.err(); err != nil {
		return err
	}
	account, err := a.verifyLogin(c, in.Email, in.Password)
	if err != nil {
		return err
	}
	pair, err := a.auth.Start(account.User)
	if err != nil {
		return err
	}
	return replyTokens(c, http.StatusOK, &pair, &account.User)
}

// verifyLogin returns the account that an address and a password open. Accounts lock after failures only
// where a fault rule says so.
func (a *API) verifyLogin(c *Call, email, password string) (mockapi.Credentials, error) {
	lockouts := fault.AuthFrom(c.gin.Request.Context()).Lockouts
	if lockouts != nil {
		if left := lockouts.Locked(email); left > 0 {
			return mockapi.Credentials{}, &mockapi.Error{
				Code: mockapi.CodeAccountLocked, Message: "too many failed logins: the account is locked", RetryAfter: left,
			}
		}
	}
	account, err := a.store.CredentialsByEmail(c.Context(), email)
	switch {
	case mockapi.CodeOf(err) == mockapi.CodeNotFound:
		err = a.auth.VerifyNobody(c.Context(), password)
	case err == nil:
		err = a.auth.Verify(c.Context(), account.ID, account.PasswordHash, password)
	}
	if lockouts != nil && mockapi.CodeOf(err) == mockapi.CodeInvalidCredentials {
		lockouts.Failed(email)
	}
	if err == nil && !account.IsActive {
		err = inactive()
	}
	if lockouts != nil && err == nil {
		lockouts.Succeeded(email)
	}
	return account, err
}

func inactive() error {
	return mockapi.Errorf(mockapi.CodeAccessDenied, "this account is not active")
}

// refresh trades a refresh token for new tokens, once.
func (a *API) refresh(c *Call) error {
	var in struct {
		RefreshToken string `json:"refreshToken"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	if in.RefreshToken == "" {
		var p problems
		p.add("refreshToken", "is missing")
		return p.err()
	}
	session, err := a.auth.Refresh(in.RefreshToken)
	if err != nil {
		return err
	}
	u, err := a.store.User(c.Context(), session.UserID)
	if mockapi.CodeOf(err) == mockapi.CodeNotFound {
		return mockapi.Errorf(mockapi.CodeInvalidToken, "the account of this token is gone")
	}
	if err != nil {
		return err
	}
	if !u.IsActive {
		return inactive()
	}
	if err := a.store.RefreshSession(c.Context(), session); err != nil {
		return err
	}
	pair, err := a.auth.Continue(u, session)
	if err != nil {
		return err
	}
	return replyTokens(c, http.StatusOK, &pair, &u)
}

// logout ends the session: its access and refresh tokens are worth nothing from now on.
func (a *API) logout(c *Call) error {
	if err := a.store.RevokeSession(c.Context(), a.auth.SessionOf(c.identity)); err != nil {
		return err
	}
	http.SetCookie(c.gin.Writer, &http.Cookie{
		Name: tokenCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return replyDone(c)
}

// replyTokens answers with the tokens at the top level, where MediaNest's clients look for them, and the
// account as data. Browsers are given the access token as a cookie too.
func replyTokens(c *Call, status int, p *auth.Pair, u *mockapi.User) error {
	h := c.gin.Writer.Header()
	h["Cache-Control"] = []string{"no-store"}
	seconds := strconv.FormatInt(int64(p.ExpiresIn.Seconds()), 10)
	h["Set-Cookie"] = []string{tokenCookie + "=" + p.Access + "; Path=/; Max-Age=" + seconds + "; HttpOnly; SameSite=Strict"}
	b := append(c.buf[:0], `{"success":true,"token":`...)
	b = appendString(b, p.Access)
	b = append(b, `,"refreshToken":`...)
	b = appendString(b, p.Refresh)
	b = append(b, `,"tokenType":"Bearer","expiresIn":`...) // seconds
	b = append(b, seconds...)
	if status == http.StatusCreated {
		b = append(b, `,"id":`...)
		b = strconv.AppendInt(b, u.ID, 10)
	}
	b = append(b, `,"data":`...)
	c.finish(status, appendUser(b, u))
	return nil
}

func normalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// validEmail is loose, as only a message could tell whether an address exists: one @ with something on both
// sides, printable ASCII. Beyond ASCII, PostgreSQL and Go may differ on what lower case is.
func validEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || len(s) > maxEmail || strings.Contains(domain, "@") {
		return false
	}
	if strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]`, r) {
			return false
		}
	}
	return true
}
