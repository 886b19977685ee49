package handler_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

func TestCollections(t *testing.T) {
	w := newWorld(t)
	create := func(c *client, name string, public bool) int64 {
		t.Helper()
		return c.post(v1+"/collections", map[string]any{"name": name, "isPublic": public}).ok(http.StatusCreated).id()
	}
	public, private := create(w.alice, "Lakes", true), create(w.alice, "Secrets", false)
	if got := w.get(v1 + "/collections").ok(http.StatusOK).ids("data"); !slices.Equal(got, []int64{public}) {
		t.Errorf("nobody in particular sees %v", got)
	}
	if got := w.alice.get(v1 + "/collections?userId=" + itoa(w.aliceID)).ok(http.StatusOK).ids("data"); !slices.Equal(got, []int64{private, public}) {
		t.Errorf("alice sees %v", got)
	}
	if got := w.alice.get(v1 + "/collections?name=Lakes").ok(http.StatusOK).ids("data"); !slices.Equal(got, []int64{public}) {
		t.Errorf("named Lakes: %v", got)
	}
	w.bob.get(collection(private)).fails(mockapi.CodeAccessDenied)
	w.bob.get(collection(private) + "/items").fails(mockapi.CodeAccessDenied)
	w.bob.get(collection(999999)).fails(mockapi.CodeNotFound)
	w.alice.get(collection(private)).ok(http.StatusOK).field("Secrets", "data", "name").field(0.0, "data", "itemCount")

	w.alice.do(http.MethodPatch, collection(public), map[string]any{"description": "Of the north"}).ok(http.StatusOK).
		field("Lakes", "data", "name").field("Of the north", "data", "description")
	w.bob.do(http.MethodPatch, collection(public), map[string]any{"name": "Mine"}).fails(mockapi.CodeAccessDenied)
	w.alice.do(http.MethodPatch, collection(public), map[string]any{}).fails(mockapi.CodeValidation)
	w.alice.do(http.MethodPatch, collection(public), map[string]any{"name": ""}).fails(mockapi.CodeValidation).complains("name")
	for field, body := range map[string]any{
		"name":        map[string]any{"description": "no name"},
		"description": map[string]any{"name": "n", "description": strings.Repeat("d", 5001)},
		"isPublic":    map[string]any{"name": "n", "isPublic": 1},
	} {
		w.alice.post(v1+"/collections", body).fails(mockapi.CodeValidation).complains(field)
	}

	w.bob.do(http.MethodDelete, collection(public), nil).fails(mockapi.CodeAccessDenied)
	w.alice.do(http.MethodDelete, collection(public), nil).ok(http.StatusOK)
	w.alice.get(collection(public)).fails(mockapi.CodeNotFound)
}

func TestCollectionItems(t *testing.T) {
	w := newWorld(t)
	id := w.alice.post(v1+"/collections", map[string]any{"name": "All", "isPublic": true}).ok(http.StatusCreated).id()
	var files []int64
	for i := range 5 {
		files = append(files, w.alice.upload(fmt.Sprintf("%d.jpg", i), i != 4))
	}
	foreign := w.bob.upload("foreign.jpg", false)
	path := collection(id) + "/items"
	add := func(c *client, ids ...int64) *answer {
		t.Helper()
		return c.post(path, map[string]any{"mediaIds": ids})
	}
	shown := func(a *answer) []int64 {
		var ids []int64
		for i, item := range a.list("data") {
			if item["position"].(float64) < 1 || item["addedAt"] == nil {
				t.Errorf("item %d: %v", i, item)
			}
			ids = append(ids, int64(item["media"].(map[string]any)["id"].(float64)))
		}
		return ids
	}
	add(w.alice, files[2], files[0]).ok(http.StatusOK).field(2.0, "data", "itemCount")
	add(w.alice, files...).ok(http.StatusOK).field(5.0, "data", "itemCount")
	want := []int64{files[2], files[0], files[1], files[3], files[4]}
	if got := shown(w.alice.get(path).ok(http.StatusOK)); !slices.Equal(got, want) {
		t.Errorf("items %v, want %v", got, want)
	}
	if got := shown(w.bob.get(path).ok(http.StatusOK)); !slices.Equal(got, want[:4]) {
		t.Errorf("bob sees %v, want no private ones", got)
	}
	page := w.alice.get(path + "?limit=2&page=2").ok(http.StatusOK)
	if got := shown(page); !slices.Equal(got, want[2:4]) {
		t.Errorf("second page %v", got)
	}
	whole := w.alice.get(collection(id)+"?limit=3").ok(http.StatusOK).field("All", "data", "name").field(5.0, "data", "itemCount").
		field(true, "meta", "pagination", "hasNext")
	if items, _ := whole.at("data", "items").([]any); len(items) != 3 {
		t.Errorf("%d items, want 3: %s", len(items), whole.raw)
	}

	add(w.bob, files[0]).fails(mockapi.CodeAccessDenied)
	if a := add(w.alice, foreign); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
		t.Errorf("a private file of another: status %d", a.status)
	}
	add(w.alice, 999999).fails(mockapi.CodeNotFound)
	add(w.alice).fails(mockapi.CodeValidation).complains("mediaIds")
	add(w.alice, 1, 0).fails(mockapi.CodeValidation).complains("mediaIds[1]")
	add(w.alice, slices.Repeat([]int64{1}, 1001)...).fails(mockapi.CodeValidation).complains("mediaIds")
	w.alice.post(path, map[string]any{"mediaIds": "1"}).fails(mockapi.CodeValidation).complains("mediaIds")

	w.bob.do(http.MethodDelete, path+"/"+itoa(files[2]), nil).fails(mockapi.CodeAccessDenied)
	w.alice.do(http.MethodDelete, path+"/"+itoa(files[2]), nil).ok(http.StatusOK)
	w.alice.do(http.MethodDelete, path+"/"+itoa(files[2]), nil).fails(mockapi.CodeNotFound)
	w.alice.do(http.MethodDelete, path+"/x", nil).fails(mockapi.CodeValidation).complains("mediaId")
	if got := w.get(v1 + "/media?collectionId=" + itoa(id) + "&sort=createdAt").ok(http.StatusOK).ids("data"); !slices.Equal(got, []int64{files[0], files[1], files[3]}) {
		t.Errorf("files of the collection: %v", got)
	}
}
