package handler_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/contract/contracttest"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
)

const v1 = "/api/v1"

// world is a MediaNest of a few people on a database of its own.
type world struct {
	*client // nobody in particular
	dsn     string
	alice   *client
	bob     *client
	admin   *client
	aliceID int64
	bobID   int64
}

const password = "correct horse"

func newWorld(t *testing.T) *world { return newWorldWith(t, auth.Options{}, handler.Options{}) }

func newWorldWith(t *testing.T, a auth.Options, o handler.Options) *world {
	t.Helper()
	t.Parallel()
	w := &world{dsn: schematest.New(t)}
	w.client = serve(t, newHandler(t, w.dsn, a, o))
	contracttest.Watch(t, "api", w.http)
	w.alice, w.aliceID = w.join("alice@medianest.test")
	w.bob, w.bobID = w.join("bob@medianest.test")
	w.join("admin@medianest.test")
	w.exec("UPDATE users SET role = 'admin' WHERE email = 'admin@medianest.test'")
	w.admin = w.as(w.login("admin@medianest.test"))
	return w
}

func newHandler(t testing.TB, dsn string, a auth.Options, o handler.Options) http.Handler {
	t.Helper()
	silent := slog.New(slog.DiscardHandler)
	if o.RequestTimeout == 0 {
		o.RequestTimeout = time.Minute // the machine may be busy with other tests
	}
	st, err := store.Open(t.Context(), dsn, store.Options{PoolSize: 3, Timeout: o.RequestTimeout, HeavyTimeout: time.Minute, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	a.HashCost = 4
	return handler.New(st, auth.New(a), o)
}

// join registers an account and returns its client.
func (w *world) join(email string) (*client, int64) {
	w.t.Helper()
	a := w.post(v1+"/auth/register", map[string]string{"email": email, "password": password}).ok(http.StatusCreated)
	return w.as(a.at("token").(string)), int64(a.at("id").(float64))
}

func (w *world) login(email string) string {
	w.t.Helper()
	a := w.post(v1+"/auth/login", map[string]string{"email": email, "password": password}).ok(http.StatusOK)
	return a.at("token").(string)
}

// exec changes the database behind the API's back.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	if _, err := conn.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

// upload adds a file by its metadata and returns its id.
func (c *client) upload(name string, public bool, more ...any) int64 {
	c.t.Helper()
	body := map[string]any{"filename": name, "size": 1000, "mimeType": "image/jpeg", "isPublic": public}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return c.post(v1+"/media/upload", body).ok(http.StatusCreated).id()
}

func (a *answer) id() int64 {
	a.t.Helper()
	id, ok := a.at("id").(float64)
	if !ok || id < 1 {
		a.t.Fatalf("%s: id is %v", a.what, a.at("id"))
	}
	return int64(id)
}

// ids returns the ids of a list, in order.
func (a *answer) ids(key string) []int64 {
	a.t.Helper()
	ids := []int64{}
	for _, item := range a.list(key) {
		ids = append(ids, int64(item["id"].(float64)))
	}
	return ids
}

func media(id int64) string { return fmt.Sprintf("%s/media/%d", v1, id) }

func collection(id int64) string { return fmt.Sprintf("%s/collections/%d", v1, id) }
