package handler_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestMediaBelongsToSomebody(t *testing.T) {
	w := newWorld(t)
	public, private := w.alice.upload("public.jpg", true), w.alice.upload("private.jpg", false)
	for _, tc := range []struct {
		who     *client
		id      int64
		get     mockapi.Code // "" is success
		change  mockapi.Code
		comment mockapi.Code
	}{
		{w.client, public, "", mockapi.CodeUnauthorized, mockapi.CodeUnauthorized},
		{w.client, private, mockapi.CodeAccessDenied, mockapi.CodeUnauthorized, mockapi.CodeUnauthorized},
		{w.bob, public, "", mockapi.CodeAccessDenied, ""},
		{w.bob, private, mockapi.CodeAccessDenied, mockapi.CodeAccessDenied, mockapi.CodeAccessDenied},
		{w.bob, 999999, mockapi.CodeNotFound, mockapi.CodeNotFound, mockapi.CodeNotFound},
		{w.alice, private, "", "", ""},
		{w.admin, private, "", "", ""},
	} {
		check := func(a *answer, want mockapi.Code, status int) {
			t.Helper()
			if want == "" {
				a.ok(status)
			} else {
				a.fails(want)
			}
		}
		path := media(tc.id)
		check(tc.who.get(path), tc.get, http.StatusOK)
		check(tc.who.get(path+"/tags"), tc.get, http.StatusOK)
		check(tc.who.get(path+"/comments"), tc.get, http.StatusOK)
		check(tc.who.do(http.MethodPatch, path, map[string]string{"title": "New"}), tc.change, http.StatusOK)
		check(tc.who.post(path+"/tags", map[string]any{"tags": []string{"lake"}}), tc.change, http.StatusOK)
		check(tc.who.post(path+"/comments", map[string]string{"body": "Nice."}), tc.comment, http.StatusCreated)
	}
	w.bob.do(http.MethodDelete, media(private), nil).fails(mockapi.CodeAccessDenied)
	w.alice.do(http.MethodDelete, media(private), nil).ok(http.StatusOK)
	w.alice.get(media(private)).fails(mockapi.CodeNotFound)
	w.alice.do(http.MethodDelete, media(private), nil).fails(mockapi.CodeNotFound)
	w.admin.do(http.MethodDelete, media(public), nil).ok(http.StatusOK)
}

func TestUpdateMedia(t *testing.T) {
	w := newWorld(t)
	id := w.alice.upload("a.jpg", false, "title", "Before", "description", "Kept")
	patch := func(body any) *answer { t.Helper(); return w.alice.do(http.MethodPatch, media(id), body) }
	patch(map[string]any{"title": "After", "isPublic": true, "size": 5}).ok(http.StatusOK).
		field("After", "data", "title").field("Kept", "data", "description").field(true, "data", "isPublic").field(1000.0, "data", "size")
	patch(map[string]any{"filename": "b.jpg", "description": ""}).ok(http.StatusOK).
		field("b.jpg", "data", "filename").field("a.jpg", "data", "originalName").field("", "data", "description")
	for field, body := range map[string]any{
		"":            map[string]any{"size": 5},
		"title":       map[string]any{"title": ""},
		"filename":    map[string]any{"filename": "../x"},
		"description": map[string]any{"description": strings.Repeat("d", 5001)},
		"isPublic":    map[string]any{"isPublic": "yes"},
	} {
		patch(body).fails(mockapi.CodeValidation).complains(field)
	}
}

func TestListMedia(t *testing.T) {
	w := newWorld(t)
	var ids []int64
	for i := range 25 {
		ids = append(ids, w.alice.upload(fmt.Sprintf("file-%02d.jpg", i), i%2 == 0, "size", 100*(i+1)))
	}
	slices.Reverse(ids) // newest first
	list := func(c *client, query string) *answer {
		t.Helper()
		return c.get(v1 + "/media?" + query).ok(http.StatusOK)
	}

	first := list(w.alice, "")
	if got := first.ids("data"); !slices.Equal(got, ids[:20]) {
		t.Errorf("first page %v, want %v", got, ids[:20])
	}
	first.field(25.0, "meta", "pagination", "total").field(2.0, "meta", "pagination", "totalPages").field(true, "meta", "pagination", "hasNext")
	if got := list(w.alice, "page=2").field(true, "meta", "pagination", "hasPrev").field(2.0, "meta", "pagination", "page").ids("data"); !slices.Equal(got, ids[20:]) {
		t.Errorf("second page %v", got)
	}
	if got := list(w.alice, "page=2&pageSize=5").ids("data"); !slices.Equal(got, ids[5:10]) {
		t.Errorf("second page of five %v", got)
	}
	if got := list(w.alice, "page=9").field(false, "meta", "pagination", "hasNext").ids("data"); len(got) != 0 {
		t.Errorf("beyond the end %v", got)
	}

	// The cursor visits each file once, whatever is added meanwhile.
	var walked []int64
	for a := list(w.alice, "limit=10"); ; {
		walked = append(walked, a.ids("data")...)
		cursor, more := a.at("meta", "pagination", "nextCursor").(string)
		if !more {
			break
		}
		w.alice.upload("meanwhile.jpg", false)
		a = list(w.alice, "limit=10&cursor="+url.QueryEscape(cursor))
	}
	if !slices.Equal(walked, ids) {
		t.Errorf("walked %v, want %v", walked, ids)
	}

	if got := list(w.bob, "").field(13.0, "meta", "pagination", "total").list("data"); len(got) != 13 {
		t.Errorf("others see %d files, want the 13 public ones", len(got))
	}
	if got := list(w.alice, "sort=size&limit=2").ids("data"); !slices.Equal(got, []int64{ids[24], ids[23]}) {
		t.Errorf("smallest %v", got)
	}
	if got := list(w.alice, "minSize=2400&maxSize=2500").list("data"); len(got) != 2 {
		t.Errorf("%d files of 2400 to 2500 bytes, want 2", len(got))
	}
	if got := list(w.alice, "userId="+itoa(w.bobID)).list("data"); len(got) != 0 {
		t.Errorf("bob has %d files", len(got))
	}
	if got := list(w.alice, "isPublic=true&type=image").list("data"); len(got) != 13 {
		t.Errorf("%d public images, want 13", len(got))
	}
	if got := list(w.alice, "type=video").list("data"); len(got) != 0 {
		t.Errorf("%d videos, want none", len(got))
	}
	if got := list(w.alice, "createdAfter=2200-01-01").list("data"); len(got) != 0 {
		t.Errorf("%d files from the future", len(got))
	}
	if got := list(w.admin, "all=true&limit=100").list("data"); len(got) != 27 {
		t.Errorf("an admin sees %d files, want all 27", len(got))
	}
	w.alice.get(v1 + "/media?all=true").fails(mockapi.CodeAccessDenied)
}

func TestBadParameters(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ query, field string }{
		{"page=0", "page"}, {"page=-1", "page"}, {"page=x", "page"}, {"page=1.5", "page"}, {"page=99999999999999999999", "page"},
		{"limit=0", "limit"}, {"limit=101", "limit"}, {"limit=-5", "limit"}, {"limit=ten", "limit"}, {"pageSize=101", "pageSize"},
		{"page=1000&limit=100", "page"}, {"cursor=%00", "cursor"}, {"cursor=%ff", "cursor"}, {"cursor=" + strings.Repeat("a", 513), "cursor"},
	} {
		for _, path := range []string{"/media", "/collections", "/tags", "/search?q=x"} {
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			w.get(v1 + path + separator + tc.query).fails(mockapi.CodeValidation).complains(tc.field)
		}
	}
	for _, tc := range []struct{ query, field string }{
		{"sort=name", "sort"}, {"sort=%2BcreatedAt", "sort"}, {"userId=0", "userId"}, {"userId=x", "userId"}, {"collectionId=-1", "collectionId"},
		{"isPublic=maybe", "isPublic"}, {"minSize=-1", "minSize"}, {"maxSize=big", "maxSize"}, {"createdAfter=yesterday", "createdAfter"},
		{"createdBefore=0000-01-01", "createdBefore"}, {"tag=%00", "tag"}, {"type=%ff", "type"}, {"tag=" + strings.Repeat("t", 51), "tag"},
		{"minSize=99999999999999999999", "minSize"}, {"%zz", ""}, {"a;b", ""},
	} {
		w.get(v1 + "/media?" + tc.query).fails(mockapi.CodeValidation).complains(tc.field)
	}
	w.get(v1 + "/media?cursor=bm90IGEgY3Vyc29y").fails(mockapi.CodeValidation)
	w.get(v1 + "/media?page=x&limit=y&sort=z").fails(mockapi.CodeValidation).complains("page").complains("limit").complains("sort")
	w.get(v1 + "/media?unknown=1&_=123").ok(http.StatusOK)
	w.get(v1 + "/media?page=&limit=").ok(http.StatusOK)

	for _, q := range []string{"", "q=", "q=%20%20", "q=%00", "q=%ff", "q=" + strings.Repeat("q", 201)} {
		w.get(v1 + "/search?" + q).fails(mockapi.CodeValidation).complains("q")
	}
	for _, q := range []string{"'; DROP TABLE users; --", "%", "_", `\`, `"`, "100%", "日本", "a & b | !c", "(((", strings.Repeat("x ", 100)} {
		w.get(v1 + "/search?q=" + url.QueryEscape(q)).ok(http.StatusOK).list("results")
	}
}

func TestBadIDs(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"0", "-1", "+1", "x", "1.0", "1e3", "9223372036854775808", "%00", "%20", "%ff", "null", "1%2F2"} {
		for _, path := range []string{"/media/" + id, "/collections/" + id, "/media/" + id + "/comments", "/media/" + id + "/tags", "/collections/" + id + "/items"} {
			w.get(v1 + path).fails(mockapi.CodeValidation).complains("id")
		}
	}
	w.get(media(1 << 62)).fails(mockapi.CodeNotFound)
	w.get(v1 + "/media/%31").fails(mockapi.CodeNotFound) // an escaped 1
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	id := w.alice.upload("a.jpg", true)
	path := media(id) + "/tags"
	names := func(a *answer) string {
		var all []string
		for _, tag := range a.list("data") {
			all = append(all, tag["name"].(string))
		}
		return strings.Join(all, " ")
	}
	add := func(tags ...string) *answer { t.Helper(); return w.alice.post(path, map[string]any{"tags": tags}) }
	if got := names(add("  Photo ", "lake", "photo").ok(http.StatusOK)); got != "lake photo" {
		t.Errorf("tags %q", got)
	}
	if got := names(add("a/b", "photo").ok(http.StatusOK)); got != "a/b lake photo" {
		t.Errorf("tags %q", got)
	}
	if got := names(w.get(path).ok(http.StatusOK)); got != "a/b lake photo" {
		t.Errorf("tags %q", got)
	}
	w.alice.do(http.MethodDelete, path+"/a%2Fb", nil).ok(http.StatusOK)
	w.alice.do(http.MethodDelete, path+"/LAKE", nil).ok(http.StatusOK)
	w.alice.do(http.MethodDelete, path+"/lake", nil).fails(mockapi.CodeNotFound)
	w.bob.do(http.MethodDelete, path+"/photo", nil).fails(mockapi.CodeAccessDenied)
	w.alice.do(http.MethodDelete, path+"/%00", nil).fails(mockapi.CodeValidation).complains("name")

	add().fails(mockapi.CodeValidation).complains("tags")
	add(slices.Repeat([]string{"x"}, 51)...).fails(mockapi.CodeValidation).complains("tags")
	add("fine", " ").fails(mockapi.CodeValidation).complains("tags[1]")
	add(strings.Repeat("t", 51)).fails(mockapi.CodeValidation).complains("tags[0]")
	w.alice.post(path, map[string]any{"tags": "photo"}).fails(mockapi.CodeValidation).complains("tags")
	w.alice.post(path, `{"tags":["photo",7]}`).fails(mockapi.CodeValidation)

	if got := names(w.get(v1 + "/tags?prefix=PH").ok(http.StatusOK)); got != "photo" {
		t.Errorf("tags that start with ph: %q", got)
	}
	if got := w.get(v1 + "/media?tag=Photo").ok(http.StatusOK).ids("data"); !slices.Equal(got, []int64{id}) {
		t.Errorf("files with the tag: %v", got)
	}
	if got := w.get(v1 + "/search?q=photo").ok(http.StatusOK).ids("results"); !slices.Equal(got, []int64{id}) {
		t.Errorf("found by tag: %v", got)
	}
}

func TestComments(t *testing.T) {
	w := newWorld(t)
	id := w.alice.upload("a.jpg", true)
	path := media(id) + "/comments"
	first := w.alice.post(path, map[string]string{"body": "First 😀"}).ok(http.StatusCreated).
		field("First 😀", "data", "body").field("alice", "data", "authorName").field(float64(id), "data", "mediaId").id()
	second := w.bob.post(path, map[string]string{"body": "Second"}).ok(http.StatusCreated).id()
	if got := w.get(path).ok(http.StatusOK).field(2.0, "meta", "pagination", "total").ids("data"); !slices.Equal(got, []int64{second, first}) {
		t.Errorf("comments %v, want %v", got, []int64{second, first})
	}
	for _, body := range []any{map[string]string{}, map[string]string{"body": " "}, map[string]string{"body": strings.Repeat("c", 5001)}, map[string]any{"body": 5}} {
		w.alice.post(path, body).fails(mockapi.CodeValidation).complains("body")
	}
	del := func(c *client, comment string) *answer {
		t.Helper()
		return c.do(http.MethodDelete, path+"/"+comment, nil)
	}
	del(w.alice, itoa(second)).fails(mockapi.CodeAccessDenied)
	del(w.alice, "x").fails(mockapi.CodeValidation).complains("commentId")
	del(w.alice, "999999").fails(mockapi.CodeNotFound)
	del(w.bob, itoa(second)).ok(http.StatusOK)
	del(w.admin, itoa(first)).ok(http.StatusOK)
	w.get(path).ok(http.StatusOK).field(0.0, "meta", "pagination", "total")
}
