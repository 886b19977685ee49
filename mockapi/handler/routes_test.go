package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/handler"
)

// TestEveryRouteKeepsItsAccess walks the table: who may not call is told so, with the right code, before
// anything else is looked at.
func TestEveryRouteKeepsItsAccess(t *testing.T) {
	w := newWorld(t)
	api := handler.NewAPI(nil, auth.New(auth.Options{}), handler.Options{})
	seen := map[string]bool{}
	for _, rt := range api.Service(handler.ServiceAPI) {
		name := rt.Method + " " + rt.Path
		if seen[name] {
			t.Errorf("%s is in the table twice", name)
		}
		seen[name] = true
		path := strings.NewReplacer(":id", "1", ":mediaId", "1", ":commentId", "1", ":name", "x").Replace(rt.Path)
		t.Run(name, func(t *testing.T) {
			anonymous := w.do(rt.Method, path, nil)
			garbage := w.as("garbage").do(rt.Method, path, nil)
			member := w.alice.do(rt.Method, path, nil)
			switch rt.Access {
			case handler.Open:
				mustNotBe(t, anonymous, mockapi.CodeUnauthorized)
				mustNotBe(t, garbage, mockapi.CodeInvalidToken)
			case handler.Optional:
				mustNotBe(t, anonymous, mockapi.CodeUnauthorized)
				garbage.fails(mockapi.CodeInvalidToken)
			case handler.Member:
				anonymous.fails(mockapi.CodeUnauthorized)
				garbage.fails(mockapi.CodeInvalidToken)
				mustNotBe(t, member, mockapi.CodeUnauthorized)
			case handler.Admin:
				anonymous.fails(mockapi.CodeUnauthorized)
				garbage.fails(mockapi.CodeInvalidToken)
				member.fails(mockapi.CodeAccessDenied)
			}
			for _, a := range []*answer{anonymous, garbage, member} {
				if a.status >= 500 {
					t.Errorf("%s: status %d", a.what, a.status)
				}
			}
			// The end of logout is that of the session.
			if rt.Path == v1+"/auth/logout" {
				w.alice = w.as(w.login("alice@medianest.test"))
			}
		})
	}
}

func mustNotBe(t *testing.T, a *answer, code mockapi.Code) {
	t.Helper()
	if a.at("error", "code") == string(code) {
		t.Errorf("%s: %s", a.what, a.raw)
	}
}

// TestEveryBodyIsChecked sends what is not a body to every route that reads one.
func TestEveryBodyIsChecked(t *testing.T) {
	w := newWorld(t)
	id := w.alice.upload("a.jpg", true)
	collectionID := w.alice.post(v1+"/collections", map[string]string{"name": "c"}).ok(http.StatusCreated).id()
	for _, rt := range []struct{ method, path string }{
		{http.MethodPost, v1 + "/auth/register"}, {http.MethodPost, v1 + "/auth/login"}, {http.MethodPost, v1 + "/auth/refresh"},
		{http.MethodPost, v1 + "/media/upload"}, {http.MethodPatch, media(id)}, {http.MethodPost, media(id) + "/tags"},
		{http.MethodPost, media(id) + "/comments"}, {http.MethodPost, v1 + "/collections"}, {http.MethodPatch, collection(collectionID)},
		{http.MethodPost, collection(collectionID) + "/items"}, {http.MethodPut, v1 + "/user/profile"}, {http.MethodPatch, v1 + "/user/profile"},
	} {
		for _, body := range []string{"", "{", "[]", "null", `{"a":1}}`, "{\"a\":\"\xff\"}", `{"a":"\u0000"}`, strings.Repeat("{\"a\":", 11000)} {
			w.alice.do(rt.method, rt.path, body).fails(mockapi.CodeValidation)
		}
		w.alice.do(rt.method, rt.path, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`).fails(mockapi.CodePayloadTooLarge)
		w.alice.do(rt.method, rt.path, `{}`, "Content-Type", "text/plain").fails(mockapi.CodeUnsupportedMedia)
	}
}
