// Package librarytest is a MediaNest for tests: it answers from the generator of the dataset alone, in memory, and
// can be told to lie.
package librarytest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// Library serves the dataset of profile smoke.
type Library struct {
	URL  string
	Data *gen.Dataset
	// Lie, where it is not nil, may change the body of a successful answer to a GET or PUT before it is sent; path
	// is without the query. It is set before the first request.
	Lie func(path string, body map[string]any)
	// LieAboutHeaders is Lie for the headers and bytes of content.
	LieAboutHeaders func(h http.Header, content []byte) []byte

	mu          sync.Mutex
	made        int64            // files and collections
	preferences map[int64]string // of users who changed them
	requests    map[string]int
	owners      map[int64]int // of transactions
}

// New returns an honest Library that runs until the test ends.
func New(tb testing.TB) *Library {
	tb.Helper()
	p, err := profile.Load("smoke", nil)
	if err != nil {
		tb.Fatal(err)
	}
	d, err := gen.New(p, gen.Options{Seed: 1, AsOf: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		tb.Fatal(err)
	}
	l := &Library{Data: d, preferences: map[int64]string{}, requests: map[string]int{}, owners: map[int64]int{}}
	server := httptest.NewServer(l.routes())
	tb.Cleanup(server.Close)
	l.URL = server.URL
	return l
}

// Requests counts the requests by pattern of the route.
func (l *Library) Requests(pattern string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests[pattern]
}

// TransactionOwners counts the transactions by the user whose files they changed.
func (l *Library) TransactionOwners() map[int64]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.owners)
}

func (l *Library) transaction(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Operations []struct {
			Where struct {
				UserID int64 `json:"user_id"`
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Operations) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	l.owners[in.Operations[0].Where.UserID]++
	l.mu.Unlock()
	l.answer(w, r, http.StatusOK, map[string]any{"success": true})
}

func (l *Library) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			l.mu.Lock()
			l.requests[pattern]++
			l.mu.Unlock()
			f(w, r)
		})
	}
	handle("GET /health", l.health)
	handle("POST /api/v1/auth/register", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) })
	for _, base := range []string{"/api/v1", "/api"} {
		handle("POST "+base+"/auth/login", l.login)
		handle("GET "+base+"/media", l.listMedia)
		handle("GET "+base+"/media/{id}", l.media)
	}
	handle("GET /api/media/user/{id}", l.listMedia)
	handle("GET /api/v1/search", l.listMedia)
	handle("GET /api/v1/search/advanced", l.listMedia)
	handle("GET /api/v1/media/{id}/tags", l.tags)
	handle("GET /api/v1/media/{id}/comments", l.comments)
	handle("GET /api/v1/media/{id}/content", l.content)
	handle("POST /api/v1/media/upload", l.upload)
	handle("GET /api/v1/collections", l.listCollections)
	handle("GET /api/v1/collections/{id}", l.collection)
	handle("POST /api/v1/collections", l.makeCollection)
	handle("GET /api/v1/user/profile", l.profile)
	handle("PUT /api/v1/user/profile", l.changeProfile)
	handle("GET /api/users/profile/{id}", l.publicProfile)
	done := func(w http.ResponseWriter, r *http.Request) {
		l.answer(w, r, http.StatusOK, map[string]any{"success": true})
	}
	handle("POST /api/notifications/send", done)
	handle("POST /api/v1/bulk/operations", done)
	handle("POST /api/v1/transactions/execute", l.transaction)
	handle("GET /api/v1/analytics/media-statistics", done)
	return mux
}

func (l *Library) answer(w http.ResponseWriter, r *http.Request, status int, body map[string]any) {
	meta, ok := body["meta"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		body["meta"] = meta
	}
	meta["timestamp"] = instant(time.Now().UnixMicro())
	if l.Lie != nil {
		l.Lie(r.URL.Path, body)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone needs no answer
}

func (l *Library) health(w http.ResponseWriter, r *http.Request) {
	o := l.Data.Options()
	l.answer(w, r, http.StatusOK, map[string]any{"success": true, "status": "ok", "dataset": map[string]any{
		"fingerprint": l.Data.Fingerprint(), "profile": "smoke", "seed": o.Seed, "asOf": instant(o.AsOf.UnixMicro()), "complete": true,
	}})
}

// viewer returns the index of the user of a token, -1 for none.
func viewer(r *http.Request) int64 {
	var user int64
	header := r.Header.Get("Authorization")
	if len(header) < len("Bearer user-") {
		return -1
	}
	user, err := strconv.ParseInt(header[len("Bearer user-"):], 10, 64)
	if err != nil {
		return -1
	}
	return user
}

func (l *Library) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for i := range l.Data.Profile().Rows.Users {
		email, password := l.Data.Login(i)
		var u gen.User
		if l.Data.User(i, &u); email != in.Email || password != in.Password || !u.Active {
			continue
		}
		l.answer(w, r, http.StatusOK, map[string]any{"success": true, "token": "user-" + strconv.FormatInt(i, 10), "data": l.account(i)})
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func (l *Library) account(i int64) map[string]any {
	var u gen.User
	l.Data.User(i, &u)
	updated, preferences := u.UpdatedAt, string(u.Preferences)
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.preferences[i]; p != "" {
		updated, preferences = time.Now().UnixMicro(), p
	}
	return map[string]any{
		"id": u.ID, "email": string(u.Email), "name": string(u.Name), "role": u.Role, "preferences": json.RawMessage(preferences),
		"isActive": u.Active, "createdAt": instant(u.CreatedAt), "updatedAt": instant(updated), "lastLoginAt": optionalInstant(u.LastLoginAt),
	}
}

func (l *Library) profile(w http.ResponseWriter, r *http.Request) {
	user := viewer(r)
	if user < 0 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	l.answer(w, r, http.StatusOK, map[string]any{"success": true, "data": l.account(user)})
}

func (l *Library) changeProfile(w http.ResponseWriter, r *http.Request) {
	var in struct{ Preferences json.RawMessage }
	user := viewer(r)
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || user < 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	l.preferences[user] = string(in.Preferences)
	l.mu.Unlock()
	l.answer(w, r, http.StatusOK, map[string]any{"success": true, "data": l.account(user)})
}

func (l *Library) publicProfile(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	i := id - l.Data.FirstID(schema.Users.Name)
	if err != nil || i < 0 || i >= l.Data.Profile().Rows.Users {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	account := l.account(i)
	if viewer(r) != i {
		for _, hidden := range []string{"email", "preferences", "isActive", "updatedAt", "lastLoginAt"} {
			delete(account, hidden)
		}
	}
	l.answer(w, r, http.StatusOK, map[string]any{"success": true, "data": account})
}

// instant writes microseconds since 1970 as the API does.
func instant(micro int64) string {
	return time.UnixMicro(micro).UTC().Format("2006-01-02T15:04:05.000Z")
}

// The values that are null in the API where the generator has none.

func optionalInstant(micro int64) any {
	if micro == 0 {
		return nil
	}
	return instant(micro)
}

func optional(n int32) any {
	if n == 0 {
		return nil
	}
	return n
}

func optionalText(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return string(b)
}
