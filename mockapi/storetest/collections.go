package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

func testCollections(t *testing.T, f *fixture) {
	ctx := t.Context()
	ann, bob, admin := f.user(t), f.user(t), f.staff(t, mockapi.RoleAdmin)
	text := "Of the summer"
	made := must(f.CreateCollection(ctx, ann, mockapi.NewCollection{Name: "Holiday", Description: &text, IsPublic: true}))(t)
	if made.ID <= 0 || made.UserID != ann.UserID || made.Name != "Holiday" || *made.Description != text || !made.IsPublic || made.ItemCount != 0 {
		t.Errorf("CreateCollection: %+v", made)
	}
	if got := must(f.Collection(ctx, anonymous, made.ID))(t); !reflect.DeepEqual(got, made) {
		t.Errorf("Collection: %+v, want %+v", got, made)
	}
	private := f.collection(t, ann, "Holiday", false)
	bobs := f.collection(t, bob, "Work", true)

	wantNames := func(what string, v mockapi.Viewer, q mockapi.CollectionQuery, want ...mockapi.Collection) {
		t.Helper()
		p, err := f.ListCollections(ctx, v, q)
		var got, wanted []int64
		for _, c := range p.Items {
			got = append(got, c.ID)
		}
		for _, c := range want {
			wanted = append(wanted, c.ID)
		}
		if err != nil || !slices.Equal(got, wanted) || p.Items == nil {
			t.Errorf("%s: %v, %v, want %v", what, got, err, wanted)
		}
		checkTotal(t, what, p.Total, p.TotalKind, int64(len(want)))
	}
	wantNames("Ann", ann, mockapi.CollectionQuery{}, bobs, private, made)
	wantNames("Bob", bob, mockapi.CollectionQuery{}, bobs, made)
	wantNames("anonymous", anonymous, mockapi.CollectionQuery{}, bobs, made)
	wantNames("of Ann", bob, mockapi.CollectionQuery{OwnerID: ann.UserID}, made)
	wantNames("by name", ann, mockapi.CollectionQuery{Name: "Holiday"}, private, made)
	wantNames("by part of a name", ann, mockapi.CollectionQuery{Name: "Holi"})

	_, err := f.Collection(ctx, bob, private.ID)
	wantCode(t, "somebody else's private", err, mockapi.CodeAccessDenied)
	_, err = f.Collection(ctx, admin, private.ID)
	wantCode(t, "private, for an admin", err, "")
	_, err = f.Collection(ctx, ann, 1<<40)
	wantCode(t, "no such collection", err, mockapi.CodeNotFound)
	_, err = f.CreateCollection(ctx, anonymous, mockapi.NewCollection{Name: "x"})
	wantCode(t, "make one without an account", err, mockapi.CodeUnauthorized)
	_, err = f.CreateCollection(ctx, mockapi.Viewer{UserID: 1 << 40}, mockapi.NewCollection{Name: "x"})
	wantCode(t, "make one for an account that is gone", err, mockapi.CodeUnauthorized)

	name, hide := "Winter", false
	changed, err := f.UpdateCollection(ctx, ann, made.ID, mockapi.CollectionUpdate{Name: &name, IsPublic: &hide})
	if err != nil || changed.Name != name || changed.IsPublic || *changed.Description != text || !changed.UpdatedAt.After(made.UpdatedAt) {
		t.Errorf("UpdateCollection: %+v, %v", changed, err)
	}
	wantNames("after it was hidden", bob, mockapi.CollectionQuery{}, bobs)
	_, err = f.UpdateCollection(ctx, bob, made.ID, mockapi.CollectionUpdate{Name: &name})
	wantCode(t, "change somebody else's", err, mockapi.CodeAccessDenied)
	_, err = f.UpdateCollection(ctx, admin, made.ID, mockapi.CollectionUpdate{Name: &name})
	wantCode(t, "change it as an admin", err, "")
	_, err = f.UpdateCollection(ctx, ann, 1<<40, mockapi.CollectionUpdate{Name: &name})
	wantCode(t, "change none", err, mockapi.CodeNotFound)

	wantCode(t, "delete somebody else's", f.DeleteCollection(ctx, bob, made.ID), mockapi.CodeAccessDenied)
	m := f.file(t, ann, true, nil)
	wantCode(t, "AddCollectionItems", f.AddCollectionItems(ctx, ann, made.ID, idsOf(m)), "")
	wantCode(t, "delete", f.DeleteCollection(ctx, ann, made.ID), "")
	wantCode(t, "delete again", f.DeleteCollection(ctx, ann, made.ID), mockapi.CodeNotFound)
	_, err = f.Media(ctx, ann, m.ID)
	wantCode(t, "the file of a deleted collection", err, "")

	for i := range 20 {
		f.collection(t, ann, fmt.Sprint("C", i), true)
	}
	for what, q := range map[string]mockapi.CollectionQuery{"all": {}, "of Ann": {OwnerID: ann.UserID}} {
		all := walk(t, 10, func(p mockapi.PageRequest) (mockapi.Page[mockapi.Collection], error) {
			q.PageRequest = p
			return f.ListCollections(ctx, ann, q)
		})
		if all[0].Name != "C19" || all[19].Name != "C0" {
			t.Errorf("%s: %d collections by cursor, first %q", what, len(all), all[0].Name)
		}
		third := must(f.ListCollections(ctx, ann, mockapi.CollectionQuery{PageRequest: mockapi.PageRequest{Page: 3, Limit: 5}, OwnerID: q.OwnerID}))(t)
		if !reflect.DeepEqual(third.Items, all[10:15]) {
			t.Errorf("%s: page 3 is %v", what, third.Items)
		}
	}
}

func testCollectionItems(t *testing.T, f *fixture) {
	ctx := t.Context()
	ann, bob, admin := f.user(t), f.user(t), f.staff(t, mockapi.RoleAdmin)
	c := f.collection(t, ann, "Best", true)
	var files []mockapi.Media
	for range 20 {
		files = append(files, f.file(t, ann, true, nil))
	}
	bobsPublic, bobsPrivate := f.file(t, bob, true, nil), f.file(t, bob, false, nil)
	annsPrivate := f.file(t, ann, false, nil)

	list := func(v mockapi.Viewer) (media []int64, positions []int32) {
		t.Helper()
		for _, i := range walk(t, 10, func(p mockapi.PageRequest) (mockapi.Page[mockapi.CollectionItem], error) {
			return f.CollectionItems(ctx, v, c.ID, p)
		}) {
			media, positions = append(media, i.Media.ID), append(positions, i.Position)
		}
		return media, positions
	}
	add := func(v mockapi.Viewer, media ...mockapi.Media) error {
		return f.AddCollectionItems(ctx, v, c.ID, ids(media))
	}

	wantCode(t, "add", add(ann, files[2], files[0], files[2], files[1]), "")
	if media, at := list(ann); !slices.Equal(media, idsOf(files[2], files[0], files[1])) || !slices.Equal(at, []int32{1, 2, 3}) {
		t.Errorf("items %v at %v", media, at)
	}
	wantCode(t, "add old and new", add(ann, files[0], bobsPublic, annsPrivate), "")
	want := idsOf(files[2], files[0], files[1], bobsPublic, annsPrivate)
	if media, at := list(ann); !slices.Equal(media, want) || !slices.Equal(at, []int32{1, 2, 3, 4, 5}) {
		t.Errorf("items %v at %v, want %v", media, at, want)
	}
	if media, _ := list(bob); !slices.Equal(media, want[:4]) {
		t.Errorf("another viewer sees %v, want %v", media, want[:4])
	}
	if got := must(f.Collection(ctx, bob, c.ID))(t); got.ItemCount != 5 {
		t.Errorf("item count %d, want 5", got.ItemCount)
	}

	wantCode(t, "add what is not visible", add(ann, files[5], bobsPrivate), mockapi.CodeAccessDenied)
	wantCode(t, "add what is not there", f.AddCollectionItems(ctx, ann, c.ID, []int64{files[5].ID, 1 << 40}), mockapi.CodeNotFound)
	wantCode(t, "add to somebody else's", add(bob, bobsPublic), mockapi.CodeAccessDenied)
	wantCode(t, "add to none", f.AddCollectionItems(ctx, ann, 1<<40, idsOf(files[0])), mockapi.CodeNotFound)
	wantValidation(t, "add nothing", add(ann), "mediaIds")
	if media, _ := list(ann); !slices.Equal(media, want) {
		t.Errorf("refused additions left %v, want %v", media, want)
	}
	wantCode(t, "an admin adds", add(admin, files[4]), "")

	wantCode(t, "remove from somebody else's", f.RemoveCollectionItem(ctx, bob, c.ID, files[0].ID), mockapi.CodeAccessDenied)
	wantCode(t, "remove", f.RemoveCollectionItem(ctx, ann, c.ID, files[0].ID), "")
	wantCode(t, "remove again", f.RemoveCollectionItem(ctx, ann, c.ID, files[0].ID), mockapi.CodeNotFound)
	wantCode(t, "remove from none", f.RemoveCollectionItem(ctx, ann, 1<<40, files[0].ID), mockapi.CodeNotFound)
	wantCode(t, "add it at the end", add(ann, files[0]), "")
	if media, at := list(ann); media[0] != files[2].ID || media[len(media)-1] != files[0].ID || !slices.IsSorted(at) {
		t.Errorf("items %v at %v", media, at)
	}

	secret := f.collection(t, ann, "Secret", false)
	_, err := f.CollectionItems(ctx, bob, secret.ID, mockapi.PageRequest{})
	wantCode(t, "items of somebody else's private collection", err, mockapi.CodeAccessDenied)
	_, err = f.CollectionItems(ctx, bob, 1<<40, mockapi.PageRequest{})
	wantCode(t, "items of none", err, mockapi.CodeNotFound)

	t.Run("at once", func(t *testing.T) {
		c = f.collection(t, ann, "Together", true)
		for i, err := range together(8, func(i int) error { return add(ann, files[i], files[8+i]) }) {
			wantCode(t, fmt.Sprint("adder ", i), err, "")
		}
		media, at := list(ann)
		for i, p := range at {
			if p != int32(i+1) {
				t.Errorf("positions %v of %v are not 1 to 16", at, media)
				break
			}
		}
		if len(media) != 16 {
			t.Errorf("%d items, want 16", len(media))
		}
	})
}

// testConcurrency mixes readers and writers, for the race detector and for what should hold afterwards.
func testConcurrency(t *testing.T, f *fixture) {
	ctx := t.Context()
	v := f.user(t)
	for i, err := range together(16, func(i int) error {
		var mine []mockapi.Media
		for range 10 {
			m, err := f.CreateMedia(ctx, v, mockapi.NewMedia{Filename: fmt.Sprint("f", i), Title: "Busy", MimeType: "image/png", IsPublic: i%2 == 0})
			if err != nil {
				return err
			}
			mine = append(mine, m)
			if got, err := f.Media(ctx, v, m.ID); err != nil || !reflect.DeepEqual(got, m) {
				return fmt.Errorf("read back %+v, %w", got, err)
			}
			if _, err := f.ListMedia(ctx, v, mockapi.MediaQuery{}); err != nil {
				return err
			}
			if _, err := f.SearchMedia(ctx, v, "busy", mockapi.PageRequest{}); err != nil {
				return err
			}
			if _, err := f.SessionRevoked(ctx, [16]byte{byte(i)}); err != nil {
				return err
			}
		}
		for _, m := range mine[:5] {
			if err := f.DeleteMedia(ctx, v, m.ID); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("worker %d: %v", i, err)
		}
	}
	p := must(f.ListMedia(ctx, v, mockapi.MediaQuery{}))(t)
	checkTotal(t, "afterwards", p.Total, p.TotalKind, 80)
}
