package verify_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/suite/librarytest"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/seed/gen"
)

// world is a library, and what a user knows of it.
type world struct {
	t *testing.T
	*librarytest.Library
	verifier *verify.Verifier
	reported []verify.Mismatch

	public, tagged, commented, small int64 // files: public; with two tags or more; with comments; of less than 1 MB
	listed                           int64 // a public collection with items
	owner                            int64 // a user with some public and some private files
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, Library: librarytest.New(t), public: -1, tagged: -1, commented: -1, small: -1, listed: -1, owner: -1}
	w.verifier = verify.New(w.Data, func(m verify.Mismatch) { w.reported = append(w.reported, m) })
	rows := w.Data.Profile().Rows
	var m gen.MediaFile
	for i := range rows.MediaFiles {
		if w.Data.MediaFile(i, &m); !m.Public {
			continue
		}
		if w.public < 0 && len(m.Description) > 0 {
			w.public = i
		}
		if w.tagged < 0 && w.Data.TagCount(i) >= 2 {
			w.tagged = i
		}
		if w.commented < 0 && w.Data.CommentCount(i) >= 2 {
			w.commented = i
		}
		if w.small < 0 && m.Size < 1<<20 {
			w.small = i
		}
	}
	var c gen.Collection
	for i := range rows.Collections {
		if w.Data.Collection(i, &c); w.listed < 0 && c.Public && w.Data.ItemCount(i) >= 3 {
			w.listed = i
		}
	}
	for u := range rows.Users {
		var public, private int
		for n := range w.Data.MediaCount(u) {
			if w.Data.MediaFile(w.Data.MediaOf(u, n), &m); m.Public {
				public++
			} else {
				private++
			}
		}
		if public >= 3 && private >= 2 && public+private < 15 && w.role(u) == "user" {
			w.owner = u
		}
	}
	if min(w.owner, w.public, w.tagged, w.commented, w.small, w.listed) < 0 {
		t.Fatalf("the dataset lacks what the tests need: %+v", *w)
	}
	return w
}

func (w *world) role(user int64) string {
	var u gen.User
	w.Data.User(user, &u)
	return u.Role
}

// id is the id of row i: every table of the dataset starts at 1.
func id(i int64) int64 { return i + 1 }

// ask sends a request as a user, Anonymous being nobody, and returns the answer.
func (w *world) ask(as int64, method, path, body string, header ...string) *verify.Answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if as >= 0 {
		r.Header.Set("Authorization", fmt.Sprintf("Bearer user-%d", as))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	sent := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: status %d", method, path, resp.StatusCode)
	}
	return &verify.Answer{VU: 1, Sent: sent, Received: time.Now(), Request: method + " " + path, Status: resp.StatusCode, Body: b, Header: resp.Header.Get, Viewer: as}
}

// The checks, as the suites make them.
func checks() map[string]func(w *world) bool {
	const user = 0
	byID := func(format string, i int64) string { return fmt.Sprintf(format, id(i)) }
	return map[string]func(w *world) bool{
		"login": func(w *world) bool {
			email, password := w.Data.Login(user)
			a := w.ask(verify.Anonymous, "POST", "/api/v1/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password))
			a.Viewer = user
			return w.verifier.Login(a)
		},
		"profile": func(w *world) bool { return w.verifier.Profile(w.ask(user, "GET", "/api/v1/user/profile", "")) },
		"profile change": func(w *world) bool {
			return w.verifier.ProfileUpdated(w.ask(user, "PUT", "/api/v1/user/profile", `{"preferences":{"theme":"dark","notifications":true}}`), "dark", true)
		},
		"public profile": func(w *world) bool {
			return w.verifier.PublicProfile(w.ask(verify.Anonymous, "GET", "/api/users/profile/1", ""), 1)
		},
		"media": func(w *world) bool {
			return w.verifier.Media(w.ask(user, "GET", byID("/api/v1/media/%d", w.public), ""), id(w.public))
		},
		"list": func(w *world) bool {
			return w.verifier.MediaList(w.ask(user, "GET", "/api/v1/media", ""), verify.List{Key: "data", First: true, Plain: true, Owner: -1})
		},
		"list by size": func(w *world) bool {
			return w.verifier.MediaList(w.ask(user, "GET", "/api/v1/media?limit=100&sort=size&cursor=20", ""), verify.List{Key: "data", Limit: 100, Sort: "size", Owner: -1})
		},
		"list of user": func(w *world) bool {
			return w.verifier.MediaList(w.ask(verify.Anonymous, "GET", byID("/api/media/user/%d", w.owner), ""), verify.List{Key: "data", First: true, Owner: w.owner})
		},
		"own list": func(w *world) bool {
			return w.verifier.MediaList(w.ask(w.owner, "GET", byID("/api/media/user/%d", w.owner), ""), verify.List{Key: "data", First: true, Owner: w.owner})
		},
		"search": func(w *world) bool {
			return w.verifier.MediaList(w.ask(user, "GET", "/api/v1/search?q=photo", ""), verify.List{Key: "results", First: true, Owner: -1})
		},
		"upload": func(w *world) bool {
			a := w.ask(user, "POST", "/api/v1/media/upload", `{"filename":"a.jpg","mimeType":"image/jpeg","size":7}`)
			return w.verifier.Uploaded(a, verify.Upload{Filename: "a.jpg", MIMEType: "image/jpeg", Size: 7})
		},
		"collections": func(w *world) bool {
			return w.verifier.CollectionList(w.ask(user, "GET", "/api/v1/collections", ""), verify.List{Key: "data", First: true})
		},
		"collection": func(w *world) bool {
			return w.verifier.Collection(w.ask(user, "GET", byID("/api/v1/collections/%d", w.listed), ""), id(w.listed))
		},
		"new collection": func(w *world) bool {
			return w.verifier.CollectionMade(w.ask(user, "POST", "/api/v1/collections", `{"name":"Test Collection abc"}`), "Test Collection abc")
		},
		"tags": func(w *world) bool {
			return w.verifier.Tags(w.ask(user, "GET", byID("/api/v1/media/%d/tags", w.tagged), ""), id(w.tagged))
		},
		"comments": func(w *world) bool {
			return w.verifier.Comments(w.ask(user, "GET", byID("/api/v1/media/%d/comments", w.commented), ""), id(w.commented))
		},
		"content": func(w *world) bool {
			return w.verifier.Content(w.ask(user, "GET", byID("/api/v1/media/%d/content", w.small), ""), id(w.small), verify.Range{})
		},
		"content range": func(w *world) bool {
			a := w.ask(user, "GET", byID("/api/v1/media/%d/content", w.small), "", "Range", "bytes=100-1123")
			return w.verifier.Content(a, id(w.small), verify.Range{From: 100, Length: 1024})
		},
	}
}

func TestHonestAnswersPass(t *testing.T) {
	w := newWorld(t)
	for name, check := range checks() {
		if !check(w) {
			t.Errorf("%s: %v", name, w.verifier.Mismatches())
		}
	}
	checked, wrong := w.verifier.Counts()
	if int(checked) != len(checks()) || wrong != 0 || len(w.reported) != 0 {
		t.Errorf("%d checked, %d wrong, %d reported; want %d, 0, 0", checked, wrong, len(w.reported), len(checks()))
	}
}

// Every row of the dataset passes, as every kind of viewer who may see it.
func TestEveryFilePasses(t *testing.T) {
	w := newWorld(t)
	var m gen.MediaFile
	for i := range w.Data.Profile().Rows.MediaFiles {
		w.Data.MediaFile(i, &m)
		if !w.verifier.Media(w.ask(m.UserID-1, "GET", fmt.Sprintf("/api/v1/media/%d", m.ID), ""), m.ID) {
			t.Fatalf("file %d: %v", m.ID, w.verifier.Mismatches())
		}
	}
	for i := range w.Data.Profile().Rows.Users {
		a := w.ask(i, "GET", fmt.Sprintf("/api/media/user/%d", id(i)), "")
		if !w.verifier.MediaList(a, verify.List{Key: "data", First: true, Owner: i}) {
			t.Fatalf("files of user %d: %v", id(i), w.verifier.Mismatches())
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	w := newWorld(t)
	w.Lie = func(_ string, body map[string]any) { data(body)["title"] = strings.Repeat("lie", 10_000) }
	for range verify.KeptMismatches + 50 {
		checks()["media"](w)
	}
	if checked, wrong := w.verifier.Counts(); checked != verify.KeptMismatches+50 || wrong != checked {
		t.Errorf("%d checked, %d wrong, want all %d", checked, wrong, verify.KeptMismatches+50)
	}
	kept := w.verifier.Mismatches()
	if len(kept) != verify.KeptMismatches || len(w.reported) != verify.KeptMismatches {
		t.Errorf("%d kept, %d reported, want %d", len(kept), len(w.reported), verify.KeptMismatches)
	}
	if n := len(kept[0].Body) + len(kept[0].String()); n > 4<<10 {
		t.Errorf("a mismatch keeps %d bytes", n)
	}
}

func data(body map[string]any) map[string]any { return body["data"].(map[string]any) }
