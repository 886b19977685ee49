package handler

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/medianest/testbed/mockapi"
)

// Bounds of the preferences of one call.
const (
	maxPreferences = 16 << 10 // bytes of JSON
	maxNesting     = 16
)

// profile shows the caller's own account.
func (a *API) profile(c *Call) error {
	u, err := a.store.User(c.Context(), c.identity.UserID)
	if err != nil {
		return ownAccount(err)
	}
	return replyOne(c, &u, appendUser)
}

// ownAccount words the error for a caller whose account has been deleted since the login.
func ownAccount(err error) error {
	if mockapi.CodeOf(err) == mockapi.CodeNotFound {
		return mockapi.Errorf(mockapi.CodeInvalidToken, "the account of this token is gone")
	}
	return err
}

// updateProfile changes what is given; PUT and PATCH do the same, because MediaNest's clients PUT parts.
func (a *API) updateProfile(c *Call) error {
	var in struct {
		Name        *string        `json:"name"`
		Preferences map[string]any `json:"preferences"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	var p problems
	p.optionalText("name", in.Name, 1, mockapi.MaxName)
	up := mockapi.UserUpdate{Name: in.Name}
	if in.Preferences != nil {
		var err error
		if up.Preferences, err = canonicalPreferences(in.Preferences); err != nil {
			p.add("preferences", "%v", err)
		}
	}
	if up.Name == nil && in.Preferences == nil {
		p.add("", "nothing to change: give name or preferences")
	}
	if err := p.err(); err != nil {
		return err
	}
	u, err := a.store.UpdateUser(c.Context(), c.identity.UserID, up)
	if err != nil {
		return ownAccount(err)
	}
	return replyOne(c, &u, appendUser)
}

// canonicalPreferences writes preferences anew from what was decoded: so lone surrogates, numbers beyond
// float64 and deep nesting, all of which JSON allows, never come to jsonb, which does not.
func canonicalPreferences(v map[string]any) (json.RawMessage, error) {
	if nesting(v) > maxNesting {
		return nil, errors.New("are nested more than " + strconv.Itoa(maxNesting) + " deep")
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) > maxPreferences {
		return nil, errors.New("are larger than " + strconv.Itoa(maxPreferences) + " bytes")
	}
	return b, nil
}

func nesting(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			deepest = max(deepest, nesting(e))
		}
	case []any:
		for _, e := range v {
			deepest = max(deepest, nesting(e))
		}
	default:
		return 0
	}
	return deepest + 1
}

// listUsers lists the accounts, for admins.
func (a *API) listUsers(c *Call) error {
	p := c.params()
	asked := p.page()
	if err := p.err(); err != nil {
		return err
	}
	page, err := a.store.Users(c.Context(), asked)
	if err != nil {
		return err
	}
	return replyPage(c, "data", page, asked, appendUser)
}

// getUser shows an account to itself and to admins.
func (a *API) getUser(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	if id != c.identity.UserID && !c.viewer().IsAdmin() {
		return mockapi.Errorf(mockapi.CodeAccessDenied, "other accounts are for admins")
	}
	u, err := a.store.User(c.Context(), id)
	if err != nil {
		return err
	}
	return replyOne(c, &u, appendUser)
}

func appendUser(b []byte, u *mockapi.User) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, u.ID, 10)
	b = append(b, `,"email":`...)
	b = appendString(b, u.Email)
	b = append(b, `,"name":`...)
	b = appendString(b, u.Name)
	b = append(b, `,"role":`...)
	b = appendString(b, string(u.Role))
	b = append(b, `,"preferences":`...)
	if len(u.Preferences) == 0 {
		b = append(b, "{}"...)
	} else {
		b = append(b, u.Preferences...)
	}
	b = append(b, `,"isActive":`...)
	b = strconv.AppendBool(b, u.IsActive)
	b = append(b, `,"createdAt":`...)
	b = appendTime(b, u.CreatedAt)
	b = append(b, `,"updatedAt":`...)
	b = appendTime(b, u.UpdatedAt)
	b = append(b, `,"lastLoginAt":`...)
	b = appendOptionalTime(b, u.LastLoginAt)
	return append(b, '}')
}
