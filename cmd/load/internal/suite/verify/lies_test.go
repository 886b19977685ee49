package verify_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

// list returns the elements of a list.
func list(body map[string]any, key string) []any { return body[key].([]any) }

// item returns an element of a list.
func item(body map[string]any, key string, i int) map[string]any {
	return list(body, key)[i].(map[string]any)
}

const later = "2026-11-20T10:00:00.000Z" // than the dataset

// TestLiesAreCaught plants one lie each, and wants it found, with both sides shown, and nothing else.
func TestLiesAreCaught(t *testing.T) {
	var swapped map[string]any // the body of another row
	for _, lie := range []struct {
		name, check string
		lie         func(w *world, body map[string]any)
		path        string // of the only difference, "" for several
		want, got   string // parts of both sides, where it is one
	}{
		{"wrong owner", "media", func(_ *world, b map[string]any) { data(b)["userId"] = 999 }, "data.userId", "", "999"},
		{"stale title", "media", func(_ *world, b map[string]any) { data(b)["title"] = "as it was" }, "data.title", "", `"as it was"`},
		{"description lost", "media", func(_ *world, b map[string]any) { data(b)["description"] = nil }, "data.description", "", "null"},
		{"field missing", "media", func(_ *world, b map[string]any) { delete(data(b), "size") }, "data.size", "", "missing"},
		{"number as text", "media", func(_ *world, b map[string]any) { data(b)["size"] = "7" }, "data.size", "", `"7"`},
		{"views lost", "media", func(_ *world, b map[string]any) { data(b)["viewCount"] = -1 }, "data.viewCount", "at least", "-1"},
		{"older than seeded", "media", func(_ *world, b map[string]any) { data(b)["updatedAt"] = "2001-01-01T00:00:00.000Z" }, "data.updatedAt", "20", "2001"},
		{"swapped body", "media", func(w *world, b map[string]any) { b["data"] = swapped }, "", "", ""},
		{"swapped body with the id asked for", "media", func(w *world, b map[string]any) {
			swapped["id"] = data(b)["id"]
			b["data"] = swapped
		}, "", "", ""},
		{"owner changed by a change of the title", "media", func(_ *world, b map[string]any) {
			data(b)["updatedAt"], data(b)["userId"] = later, 999
		}, "data.userId", "", "999"},

		{"stale title in a list", "list", func(_ *world, b map[string]any) { item(b, "data", 3)["title"] = "x" }, "data.3.title", "", `"x"`},
		{"truncated list", "list", func(_ *world, b map[string]any) { b["data"] = list(b, "data")[:13] }, "data", "20 to 20", "13 elements"},
		{"truncated list with a total to match", "list", func(_ *world, b map[string]any) {
			b["data"] = list(b, "data")[:13]
			b["meta"] = map[string]any{"pagination": map[string]any{"total": 13, "hasNext": false}}
		}, "data", "20 to 20", "13 elements"},
		{"empty list", "list", func(_ *world, b map[string]any) {
			b["data"], b["meta"] = []any{}, map[string]any{"pagination": map[string]any{"total": 0, "hasNext": false}}
		}, "data", "20 to 20", "0 elements"},
		{"file twice", "list", func(_ *world, b map[string]any) { list(b, "data")[5] = list(b, "data")[4] }, "data.5.id", "not in the list yet", ""},
		{"wrong order", "list", func(_ *world, b map[string]any) {
			l := list(b, "data")
			l[0], l[9] = l[9], l[0]
		}, "", "", ""},
		{"private file of somebody else", "list", func(w *world, b map[string]any) { item(b, "data", 0)["isPublic"] = false }, "data.0.isPublic", "true", "false"},
		{"no list", "list", func(_ *world, b map[string]any) { b["data"] = map[string]any{} }, "data", "a list", "{}"},
		{"truncated page", "list by size", func(_ *world, b map[string]any) {
			b["data"] = list(b, "data")[:50]
			b["meta"].(map[string]any)["pagination"].(map[string]any)["hasNext"] = true
		}, "data", "100 to 100", "50 elements"},
		{"wrong order of sizes", "list by size", func(_ *world, b map[string]any) {
			l := list(b, "data")
			l[10], l[60] = l[60], l[10]
		}, "", "", ""},
		{"somebody else's file", "list of user", func(w *world, b map[string]any) { item(b, "data", 1)["userId"] = 2 }, "", "", ""},
		{"file left out", "list of user", func(_ *world, b map[string]any) {
			l := list(b, "data")
			b["data"] = append(l[:1:1], l[2:]...)
			b["meta"] = map[string]any{"pagination": map[string]any{"hasNext": false}}
		}, "data", "seeded files", ""},
		{"last file left out", "own list", func(_ *world, b map[string]any) {
			l := list(b, "data")
			b["data"], b["meta"] = l[:len(l)-1], map[string]any{"pagination": map[string]any{"hasNext": false}}
		}, "data", "in it", "without it"},
		{"truncated search", "search", func(_ *world, b map[string]any) { b["results"] = list(b, "results")[:3] }, "results", "20 to 20", "3 elements"},

		{"somebody else's login", "login", func(_ *world, b map[string]any) { data(b)["id"] = 2 }, "data.id", "1", "2"},
		{"somebody else's profile", "profile", func(_ *world, b map[string]any) { data(b)["email"] = "a@b.c" }, "data.email", "perf.user1", "a@b.c"},
		{"preferences lost", "profile", func(_ *world, b map[string]any) { data(b)["preferences"] = map[string]any{} }, "data.preferences", "theme", "{}"},
		{"change not done", "profile change", func(_ *world, b map[string]any) {
			data(b)["preferences"] = map[string]any{"theme": "light", "notifications": true}
		}, "data.preferences.theme", `"dark"`, `"light"`},
		{"change of somebody else", "profile change", func(_ *world, b map[string]any) { data(b)["id"] = 5 }, "data.id", "1", "5"},
		{"wrong name", "public profile", func(_ *world, b map[string]any) { data(b)["name"] = "Nobody" }, "data.name", "", "Nobody"},
		{"upload under a seeded id", "upload", func(_ *world, b map[string]any) { b["id"], data(b)["id"] = 7, 7 }, "id", "a new file", "7"},
		{"upload of another size", "upload", func(_ *world, b map[string]any) { data(b)["size"] = 8 }, "data.size", "7", "8"},

		{"items lost", "collections", func(_ *world, b map[string]any) { item(b, "data", 0)["itemCount"] = 0 }, "data.0.itemCount", "", "0"},
		{"collection renamed", "collections", func(_ *world, b map[string]any) { item(b, "data", 1)["name"] = "x" }, "data.1.name", "", `"x"`},
		{"another collection", "collection", func(_ *world, b map[string]any) { data(b)["id"] = 1_000_001 }, "data.id", "", "1000001"},
		{"items in another order", "collection", func(_ *world, b map[string]any) {
			l := data(b)["items"].([]any)
			first, second := l[0].(map[string]any), l[1].(map[string]any)
			first["media"], second["media"] = second["media"], first["media"]
		}, "", "", ""},
		{"stale title of an item", "collection", func(_ *world, b map[string]any) {
			data(b)["items"].([]any)[0].(map[string]any)["media"].(map[string]any)["title"] = "x"
		}, "data.items.0.media.title", "", `"x"`},
		{"new collection of another name", "new collection", func(_ *world, b map[string]any) { data(b)["name"] = "x" }, "data.name", "Test Collection abc", `"x"`},

		{"tag lost", "tags", func(_ *world, b map[string]any) { b["data"] = list(b, "data")[1:] }, "data", "in it", ""},
		{"tags not sorted", "tags", func(_ *world, b map[string]any) {
			l := list(b, "data")
			l[0], l[1] = l[1], l[0]
		}, "data", "sorted", ""},
		{"comment lost", "comments", func(_ *world, b map[string]any) {
			b["data"] = list(b, "data")[1:]
			b["meta"] = map[string]any{"pagination": map[string]any{"hasNext": false}}
		}, "", "", ""},
		{"comment of somebody else", "comments", func(_ *world, b map[string]any) { item(b, "data", 0)["userId"] = 1_000 }, "data.0.userId", "", "1000"},
		{"comment changed", "comments", func(_ *world, b map[string]any) { item(b, "data", 0)["body"] = "x" }, "data.0.body", "", `"x"`},
		{"author swapped", "comments", func(_ *world, b map[string]any) { item(b, "data", 0)["authorName"] = "x" }, "data.0.authorName", "", `"x"`},
	} {
		t.Run(lie.name, func(t *testing.T) {
			w := newWorld(t)
			w.Lie = func(_ string, body map[string]any) { swapped = data(body) }
			w.ask(0, "GET", "/api/v1/media/1", "")
			w.Lie = func(_ string, body map[string]any) { lie.lie(w, body) }
			if checks()[lie.check](w) {
				t.Fatal("it passed")
			}
			if len(w.reported) != 1 {
				t.Fatalf("%d mismatches were reported, want 1", len(w.reported))
			}
			m := w.reported[0]
			if m.Request == "" || m.VU != 1 || m.Body == "" || time.Since(m.Time) > time.Hour {
				t.Errorf("the mismatch does not say where and when: %+v", m)
			}
			if lie.path == "" {
				return
			}
			if len(m.Differences) != 1 || m.Differences[0].Path != lie.path {
				t.Fatalf("want one difference, at %s: %s", lie.path, m)
			}
			if d := m.Differences[0]; !strings.Contains(d.Want, lie.want) || !strings.Contains(d.Got, lie.got) {
				t.Errorf("want %q and %q in %+v", lie.want, lie.got, d)
			}
		})
	}
}

// TestPrivateFilesAreSeenByTheirOwners shows one to somebody else, truthfully marked.
func TestPrivateFilesAreSeenByTheirOwners(t *testing.T) {
	w := newWorld(t)
	var private map[string]any
	w.Lie = func(_ string, body map[string]any) {
		for i := range list(body, "data") {
			if m := item(body, "data", i); m["isPublic"] == false {
				private = m
			}
		}
	}
	w.ask(w.owner, "GET", fmt.Sprintf("/api/media/user/%d", id(w.owner)), "")
	if private == nil {
		t.Fatalf("user %d has no private file", id(w.owner))
	}
	w.Lie = func(_ string, body map[string]any) { body["data"] = private }
	for viewer, may := range map[int64]bool{
		w.owner: true, w.verifier.User("perf.user@medianest.test"): true, 1: false, verify.Anonymous: false, verify.Unknown: true,
	} {
		a := w.ask(0, "GET", "/api/v1/media/1", "")
		a.Viewer = viewer
		if got := w.verifier.Media(a, private["id"].(int64)); got != may {
			t.Errorf("shown to viewer %d: passed %v, want %v", viewer, got, may)
		}
	}
}

// TestWhatServersMayChange changes what load tests and others change, and wants no complaint.
func TestWhatServersMayChange(t *testing.T) {
	for _, change := range []struct {
		name, check string
		change      func(w *world, body map[string]any)
	}{
		{"viewed", "media", func(_ *world, b map[string]any) { data(b)["viewCount"], data(b)["lastAccessed"] = 1_000_000, later }},
		{"patched", "media", func(_ *world, b map[string]any) {
			data(b)["title"], data(b)["description"], data(b)["filename"], data(b)["updatedAt"] = "new", "new", "new.jpg", later
		}},
		{"uploads before the seeded ones", "list", func(_ *world, b map[string]any) {
			upload := map[string]any{"id": 5_000, "createdAt": later, "updatedAt": later, "title": "whatever"}
			b["data"] = append([]any{upload}, list(b, "data")[:19]...)
		}},
		{"uploads of the user", "list of user", func(w *world, b map[string]any) {
			upload := map[string]any{"id": 5_000, "userId": id(w.owner), "createdAt": later, "updatedAt": later}
			b["data"] = append([]any{upload}, list(b, "data")...)
		}},
		{"preferences changed", "profile", func(_ *world, b map[string]any) {
			data(b)["preferences"], data(b)["updatedAt"] = map[string]any{"theme": "dark"}, later
		}},
		{"collection grown", "collections", func(_ *world, b map[string]any) {
			item(b, "data", 0)["itemCount"], item(b, "data", 0)["updatedAt"] = 500, later
		}},
		{"comment added", "comments", func(_ *world, b map[string]any) {
			comment := map[string]any{"id": 9_000, "mediaId": item(b, "data", 0)["mediaId"], "userId": 3, "body": "x", "createdAt": later, "updatedAt": later}
			b["data"] = append([]any{comment}, list(b, "data")...)
		}},
		{"tag added", "tags", func(_ *world, b map[string]any) {
			b["data"] = append(list(b, "data"), map[string]any{"id": 9_000, "name": "zzz"})
		}},
		{"times to the microsecond", "media", func(_ *world, b map[string]any) {
			data(b)["createdAt"] = strings.Replace(data(b)["createdAt"].(string), "Z", "999Z", 1)
		}},
	} {
		t.Run(change.name, func(t *testing.T) {
			w := newWorld(t)
			w.Lie = func(_ string, body map[string]any) { change.change(w, body) }
			if !checks()[change.check](w) {
				t.Errorf("complained: %v", w.reported)
			}
		})
	}
}

// TestAnswersFromBefore serves answers again that were right once, whatever the clocks say.
func TestAnswersFromBefore(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"clocks agree": 0, "target an hour ahead": time.Hour, "target a day behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			now := time.Now()
			ask := func(made time.Duration) bool { // so long after the request was sent, by the target's clock
				now = now.Add(10 * time.Second)
				w.Lie = func(_ string, body map[string]any) {
					body["meta"] = map[string]any{"timestamp": now.Add(ahead + made).UTC().Format("2006-01-02T15:04:05.000Z")}
				}
				a := w.ask(0, "GET", fmt.Sprintf("/api/v1/media/%d", id(w.public)), "")
				a.Sent, a.Received = now, now.Add(300*time.Millisecond)
				return w.verifier.Media(a, id(w.public))
			}
			for _, made := range []time.Duration{100 * time.Millisecond, 0, 250 * time.Millisecond, 300 * time.Millisecond, -500 * time.Millisecond} {
				if !ask(made) {
					t.Errorf("made %s after the request: %v", made, w.reported)
				}
			}
			for _, made := range []time.Duration{-2 * time.Second, -time.Minute} {
				if ask(made) {
					t.Errorf("made %s before the request, and it passed", -made)
				}
			}
		})
	}
}

func TestLiesAboutContentAreCaught(t *testing.T) {
	for _, lie := range []struct {
		name, check string
		lie         func(h http.Header, b []byte) []byte
	}{
		{"a byte changed", "content", func(_ http.Header, b []byte) []byte { b[len(b)/2] ^= 1; return b }},
		{"the end cut off", "content", func(_ http.Header, b []byte) []byte { return b[:len(b)-1] }},
		{"another checksum", "content", func(h http.Header, b []byte) []byte {
			h.Set("ETag", `"00000000`+h.Get("ETag")[9:])
			return b
		}},
		{"another size", "content", func(h http.Header, b []byte) []byte { h.Set("ETag", h.Get("ETag")[:10]+`7"`); return b }},
		{"another digest", "content", func(h http.Header, b []byte) []byte { h.Set("Repr-Digest", "crc32c=:AAAAAA==:"); return b }},
		{"no checksum", "content", func(h http.Header, b []byte) []byte { h.Del("ETag"); return b }},
		{"another type", "content", func(h http.Header, b []byte) []byte { h.Set("Content-Type", "text/html"); return b }},
		{"another range", "content range", func(h http.Header, b []byte) []byte { h.Set("Content-Range", "bytes 0-1023/5"); return b }},
		{"a shorter range", "content range", func(_ http.Header, b []byte) []byte { return b[:100] }},
	} {
		t.Run(lie.name, func(t *testing.T) {
			w := newWorld(t)
			w.LieAboutHeaders = lie.lie
			if checks()[lie.check](w) {
				t.Error("it passed")
			}
		})
	}
}

func TestGarbageIsCaught(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{"", "null", "[]", "{", `{"data":{}}`, `{"data":null}`, `<html></html>`} {
		a := &verify.Answer{Request: "GET /", Status: 200, Body: []byte(body), Header: http.Header{}.Get, Viewer: 0}
		for name, check := range map[string]func() bool{
			"media": func() bool { return w.verifier.Media(a, 1) },
			"list": func() bool {
				return w.verifier.MediaList(a, verify.List{Key: "data", First: true, Plain: true, Owner: -1})
			},
			"profile": func() bool { return w.verifier.Profile(a) },
			"tags":    func() bool { return w.verifier.Tags(a, 1) },
		} {
			if check() {
				t.Errorf("%s: %q passed", name, body)
			}
		}
	}
}

// A search that finds little among the files that tests have made may stop with a short page, if it says where it goes on;
// a page from which files are missing is told from that, and other lists do not stop.
func TestSearchesMayPause(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]bool{
		`{"results":[],"meta":{"pagination":{"total":0,"hasNext":true,"nextCursor":"x"}}}`:  true,
		`{"results":[],"meta":{"pagination":{"total":0,"hasNext":true}}}`:                   false,
		`{"results":[],"meta":{"pagination":{"total":21,"hasNext":true,"nextCursor":"x"}}}`: false,
		`{"results":[],"meta":{"pagination":{"total":4,"hasNext":false}}}`:                  false,
	} {
		for mayPause, want := range map[bool]bool{true: want, false: false} {
			a := &verify.Answer{Request: "GET /", Status: 200, Body: []byte(body), Header: http.Header{}.Get, Viewer: 0}
			if got := w.verifier.MediaList(a, verify.List{Key: "results", First: true, MayPause: mayPause, Owner: -1}); got != want {
				t.Errorf("%s, MayPause %v: passed %v, want %v", body, mayPause, got, want)
			}
		}
	}
}

// Hosts have clocks of their own: that one is an hour ahead makes no answer of another a stale one.
func TestEveryHostHasAClock(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	ask := func(host string, ahead time.Duration) bool {
		now = now.Add(10 * time.Second)
		w.Lie = func(_ string, body map[string]any) {
			body["meta"] = map[string]any{"timestamp": now.Add(ahead).UTC().Format("2006-01-02T15:04:05.000Z")}
		}
		a := w.ask(0, "GET", fmt.Sprintf("/api/v1/media/%d", id(w.public)), "")
		a.Host, a.Sent, a.Received = host, now, now.Add(300*time.Millisecond)
		return w.verifier.Media(a, id(w.public))
	}
	for range 2 {
		if !ask("http://ahead", time.Hour) || !ask("http://right", 0) {
			t.Errorf("a fresh answer is stale: %v", w.reported)
		}
	}
	if ask("http://ahead", time.Hour-time.Minute) {
		t.Error("an answer of a minute before passed")
	}
}
