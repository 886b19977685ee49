package storetest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
)

func testUsers(t *testing.T, f *fixture) {
	ctx := t.Context()
	made, err := f.CreateUser(ctx, mockapi.NewUser{Email: "ann@medianest.test", Name: "Ann", PasswordHash: "$hash"})
	if err != nil {
		t.Fatal(err)
	}
	if made.ID <= 0 || made.Email != "ann@medianest.test" || made.Name != "Ann" || made.Role != mockapi.RoleUser || !made.IsActive ||
		string(made.Preferences) != "{}" || made.LastLoginAt != nil || made.UpdatedAt.Before(made.CreatedAt) {
		t.Errorf("CreateUser: %+v", made)
	}
	if age := time.Since(made.CreatedAt); age.Abs() > time.Minute {
		t.Errorf("created %v ago", age)
	}

	t.Run("look-ups", func(t *testing.T) {
		got, err := f.User(ctx, made.ID)
		if err != nil || !reflect.DeepEqual(got, made) {
			t.Errorf("User: %+v, %v, want %+v", got, err, made)
		}
		login, err := f.CredentialsByEmail(ctx, "ann@medianest.test")
		if err != nil || !reflect.DeepEqual(login.User, made) || login.PasswordHash != "$hash" {
			t.Errorf("CredentialsByEmail: %+v, %v", login, err)
		}
		_, err = f.User(ctx, made.ID+1000)
		wantCode(t, "User that is not there", err, mockapi.CodeNotFound)
		_, err = f.CredentialsByEmail(ctx, "bob@medianest.test")
		wantCode(t, "CredentialsByEmail of nobody", err, mockapi.CodeNotFound)
	})
	t.Run("bad values", func(t *testing.T) {
		_, err := f.CreateUser(ctx, mockapi.NewUser{Email: "ann@medianest.test", Name: "Other", PasswordHash: "x"})
		wantCode(t, "taken e-mail address", err, mockapi.CodeDuplicate)
		_, err = f.CreateUser(ctx, mockapi.NewUser{Email: "Ann@MediaNest.test", Name: "Ann", PasswordHash: "x"})
		wantCode(t, "upper-case e-mail address", err, mockapi.CodeValidation)
		_, err = f.CreateUser(ctx, mockapi.NewUser{Email: "nul@medianest.test", Name: "N\x00l", PasswordHash: "x"})
		wantCode(t, "NUL byte", err, mockapi.CodeValidation)
	})
	t.Run("update", func(t *testing.T) {
		name := "Ann Smith"
		got, err := f.UpdateUser(ctx, made.ID, mockapi.UserUpdate{Name: &name})
		if err != nil || got.Name != name || string(got.Preferences) != "{}" || !got.UpdatedAt.After(made.UpdatedAt) {
			t.Errorf("UpdateUser name: %+v, %v", got, err)
		}
		_, err = f.UpdateUser(ctx, made.ID, mockapi.UserUpdate{Preferences: json.RawMessage(`{"theme":"dark","pageSize":20}`)})
		wantCode(t, "preferences", err, "")
		got, err = f.UpdateUser(ctx, made.ID, mockapi.UserUpdate{Preferences: json.RawMessage(`{"theme":"light"}`)})
		wantCode(t, "preferences again", err, "")
		var merged map[string]any
		if err := json.Unmarshal(got.Preferences, &merged); err != nil || merged["theme"] != "light" || merged["pageSize"] != 20.0 || got.Name != name {
			t.Errorf("preferences are not merged by key: %s, name %q, %v", got.Preferences, got.Name, err)
		}
		_, err = f.UpdateUser(ctx, made.ID, mockapi.UserUpdate{Preferences: json.RawMessage(`{"theme":`)})
		wantCode(t, "broken JSON", err, mockapi.CodeValidation)
		_, err = f.UpdateUser(ctx, made.ID+1000, mockapi.UserUpdate{Name: &name})
		wantCode(t, "update of nobody", err, mockapi.CodeNotFound)
	})
	t.Run("list", func(t *testing.T) {
		for range 20 {
			f.user(t)
		}
		all := walk(t, 10, func(p mockapi.PageRequest) (mockapi.Page[mockapi.User], error) { return f.Users(ctx, p) })
		if len(all) != 21 {
			t.Errorf("%d users listed, want 21", len(all))
		}
		for i := 1; i < len(all); i++ {
			if all[i].ID <= all[i-1].ID {
				t.Errorf("user %d after %d", all[i].ID, all[i-1].ID)
			}
		}
		byNumber, err := f.Users(ctx, mockapi.PageRequest{Page: 3, Limit: 7})
		if err != nil || !reflect.DeepEqual(byNumber.Items, all[14:21]) {
			t.Errorf("page 3: %v, %v", byNumber.Items, err)
		}
	})
}

func testSessions(t *testing.T, f *fixture) {
	ctx := t.Context()
	v := f.user(t)
	session := func(n byte) mockapi.Session {
		now := time.Now()
		return mockapi.Session{ID: [16]byte{n, 1, 2, 15: 9}, UserID: v.UserID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	}
	wantRevoked := func(what string, s mockapi.Session, want bool) {
		t.Helper()
		if got, err := f.SessionRevoked(ctx, s.ID); err != nil || got != want {
			t.Errorf("%s: revoked %v, %v, want %v", what, got, err, want)
		}
	}

	s := session(1)
	wantRevoked("fresh session", s, false)
	wantCode(t, "first refresh", f.RefreshSession(ctx, s), "")
	wantCode(t, "the same refresh token again", f.RefreshSession(ctx, s), mockapi.CodeInvalidToken)
	s.Generation = 1
	wantCode(t, "second refresh", f.RefreshSession(ctx, s), "")
	wantCode(t, "its token again", f.RefreshSession(ctx, s), mockapi.CodeInvalidToken)
	s.Generation = 3
	wantCode(t, "a generation that is to come", f.RefreshSession(ctx, s), mockapi.CodeInvalidToken)
	wantRevoked("refreshed session", s, false)

	s.Generation = 2
	wantCode(t, "revoke", f.RevokeSession(ctx, s), "")
	wantRevoked("revoked session", s, true)
	wantCode(t, "revoke again", f.RevokeSession(ctx, s), "")
	wantCode(t, "refresh after that", f.RefreshSession(ctx, s), mockapi.CodeInvalidToken)

	fresh := session(2)
	wantCode(t, "revoke what was never refreshed", f.RevokeSession(ctx, fresh), "")
	wantRevoked("session revoked at once", fresh, true)
	wantCode(t, "refresh it", f.RefreshSession(ctx, fresh), mockapi.CodeInvalidToken)

	unknown := session(3)
	unknown.Generation = 5
	wantCode(t, "a later generation of a session without a row", f.RefreshSession(ctx, unknown), mockapi.CodeInvalidToken)

	other := session(4)
	wantCode(t, "refresh another", f.RefreshSession(ctx, other), "")
	other.UserID, other.Generation = f.user(t).UserID, 1
	wantCode(t, "refresh it as somebody else", f.RefreshSession(ctx, other), mockapi.CodeInvalidToken)
	wantRevoked("others", session(5), false)

	t.Run("one refresh wins", func(t *testing.T) {
		for generation := range int32(2) {
			s := session(6)
			s.Generation = generation
			results := together(8, func(int) error { return f.RefreshSession(ctx, s) })
			won := 0
			for _, err := range results {
				if err == nil {
					won++
				} else {
					wantCode(t, "refresh that lost", err, mockapi.CodeInvalidToken)
				}
			}
			if won != 1 {
				t.Errorf("generation %d: %d of 8 refreshes with one token succeeded", generation, won)
			}
		}
	})
	t.Run("account that is gone", func(t *testing.T) {
		s := session(7)
		s.UserID = 1 << 40
		err := f.RefreshSession(ctx, s)
		if code := mockapi.CodeOf(err); code.Status() != 401 {
			t.Errorf("refresh for nobody: %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "INTERNAL") {
			t.Error(err)
		}
	})
}
