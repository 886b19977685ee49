package handler_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

// TestCoreWorkflow does what one user of the core load-testing suite does, with its checks.
func TestCoreWorkflow(t *testing.T) {
	w := newWorld(t)
	w.get("/health").ok(http.StatusOK).field("ok", "status").field(nil, "dataset")
	w.get("/ready").ok(http.StatusOK).field("ready", "status")

	user := map[string]string{"email": "perf.user1@medianest.test", "password": "Performance123!"}
	w.post(v1+"/auth/register", user).ok(http.StatusCreated)
	w.post(v1+"/auth/register", user).fails(mockapi.CodeDuplicate)

	login := w.post(v1+"/auth/login", user).ok(http.StatusOK)
	token, _ := login.at("token").(string)
	if token == "" {
		t.Fatalf("login returns no token: %s", login.raw)
	}
	c := w.as(token)

	if list := c.get(v1 + "/media").ok(http.StatusOK).list("data"); len(list) != 0 {
		t.Errorf("%d files before the first upload", len(list))
	}
	id := c.post(v1+"/media/upload", map[string]any{
		"filename": "test-file-abcdefgh.jpg", "size": 1234567, "mimeType": "image/jpeg",
	}).ok(http.StatusCreated).field("image/jpeg", "data", "mimeType").field(1234567.0, "data", "size").id()

	list := c.get(v1 + "/media").ok(http.StatusOK)
	if got := list.ids("data"); len(got) != 1 || got[0] != id {
		t.Fatalf("files %v, want %d", got, id)
	}
	list.field(1.0, "meta", "pagination", "page").field(20.0, "meta", "pagination", "limit").
		field(1.0, "meta", "pagination", "total").field(1.0, "meta", "pagination", "totalPages").
		field(false, "meta", "pagination", "hasNext").field(false, "meta", "pagination", "hasPrev").
		field(nil, "meta", "pagination", "nextCursor")
	c.get(media(id)).ok(http.StatusOK).field("test-file-abcdefgh.jpg", "data", "filename")

	c.get(v1 + "/collections").ok(http.StatusOK).list("data")
	c.post(v1+"/collections", map[string]string{
		"name": "Test Collection abc123", "description": "Performance test collection created at 2026-01-01T00:00:00.000Z",
	}).ok(http.StatusCreated).field("Test Collection abc123", "data", "name").id()

	for _, term := range []string{"photo", "video", "document", "image", "test"} {
		results := c.get(v1 + "/search?q=" + url.QueryEscape(term)).ok(http.StatusOK).list("results")
		if want := map[string]int{"test": 1}[term]; len(results) != want {
			t.Errorf("search for %s: %d results, want %d", term, len(results), want)
		}
	}

	c.get(v1+"/user/profile").ok(http.StatusOK).field("perf.user1@medianest.test", "data", "email").field("perf.user1", "data", "name")
	c.do(http.MethodPut, v1+"/user/profile", map[string]any{
		"preferences": map[string]any{"theme": "dark", "notifications": true},
	}).ok(http.StatusOK).field("dark", "data", "preferences", "theme").field(true, "data", "preferences", "notifications")
}

// TestWarmUp does what the set-up script does: without a token.
func TestWarmUp(t *testing.T) {
	w := newWorld(t)
	public, _ := w.alice.upload("public.jpg", true), w.alice.upload("private.jpg", false)
	if got := w.get(v1 + "/media").ok(http.StatusOK).ids("data"); len(got) != 1 || got[0] != public {
		t.Errorf("nobody in particular sees %v, want %d", got, public)
	}
	w.get(v1 + "/collections").ok(http.StatusOK).list("data")
}

func TestDatasetInHealth(t *testing.T) {
	w := newWorld(t)
	w.exec(`INSERT INTO seed_runs (fingerprint, profile, profile_digest, definition, plan, seed, as_of, generator_version, finished_at)
		VALUES ('0123456789abcdef', 'smoke', 'd', '{}', '{}', 7, '2026-01-02T03:04:05Z', 1, now())`)
	w.get("/health").ok(http.StatusOK).field("0123456789abcdef", "dataset", "fingerprint").field("smoke", "dataset", "profile").
		field(7.0, "dataset", "seed").field("2026-01-02T03:04:05.000Z", "dataset", "asOf").field(true, "dataset", "complete")
}

func TestTimingsOfTheServer(t *testing.T) {
	w := newWorld(t)
	timing := w.get(v1 + "/media").ok(http.StatusOK).header.Get("Server-Timing")
	var app, db, pool float64
	var use int
	if n, err := fmt.Sscanf(timing, "total;dur=%f, db;dur=%f, pool;dur=%f, pool-use;dur=%d", &app, &db, &pool, &use); n != 4 {
		t.Fatalf("Server-Timing %q: %v", timing, err)
	}
	if db <= 0 || app < db || pool < 0 || use < 0 || use > 100 {
		t.Errorf("Server-Timing %q is not plausible", timing)
	}
}
