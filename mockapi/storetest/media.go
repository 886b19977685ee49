package storetest

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

func testMedia(t *testing.T, f *fixture) {
	ctx := t.Context()
	v := f.user(t)
	description, width, height, duration := "By the lake.", int32(1920), int32(1080), int32(12)
	sum := bytes.Repeat([]byte{7}, 32)
	want := mockapi.NewMedia{
		Filename: "VID_1.mp4", OriginalName: "holiday.mp4", Title: "Holiday", Description: &description, MimeType: "video/mp4",
		Size: 5 << 30, Width: &width, Height: &height, Duration: &duration, IsPublic: true, SHA256: sum,
	}
	made, err := f.CreateMedia(ctx, v, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Media(ctx, v, made.ID)
	if err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("Media gives\n%+v, %v, CreateMedia gave\n%+v", got, err, made)
	}
	if got.UserID != v.UserID || got.Filename != want.Filename || got.OriginalName != want.OriginalName || got.Title != want.Title ||
		*got.Description != description || got.MimeType != want.MimeType || got.Size != want.Size || *got.Width != width ||
		*got.Height != height || *got.Duration != duration || got.ViewCount != 0 || !got.IsPublic || !bytes.Equal(got.SHA256, sum) ||
		got.LastAccessed != nil || got.UpdatedAt.Before(got.CreatedAt) {
		t.Errorf("Media: %+v", got)
	}
	again, err := f.Media(ctx, v, made.ID)
	if err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("looking at a file has changed it: %+v, %v", again, err)
	}

	bare := f.file(t, v, false, nil)
	if got := must(f.Media(ctx, v, bare.ID))(t); got.Description != nil || got.Width != nil || got.Height != nil || got.Duration != nil || got.SHA256 != nil {
		t.Errorf("absent values: %+v", got)
	}

	t.Run("update", func(t *testing.T) {
		title, private := "Summer holiday", false
		got, err := f.UpdateMedia(ctx, v, made.ID, mockapi.MediaUpdate{Title: &title, IsPublic: &private})
		if err != nil || got.Title != title || got.IsPublic || got.Filename != made.Filename || *got.Description != description || !got.UpdatedAt.After(made.UpdatedAt) {
			t.Errorf("UpdateMedia: %+v, %v", got, err)
		}
		name, text := "VID_2.mp4", ""
		got, err = f.UpdateMedia(ctx, v, made.ID, mockapi.MediaUpdate{Filename: &name, Description: &text})
		if err != nil || got.Filename != name || *got.Description != "" || got.Title != title {
			t.Errorf("UpdateMedia: %+v, %v", got, err)
		}
		if read := must(f.Media(ctx, v, made.ID))(t); !reflect.DeepEqual(read, got) {
			t.Errorf("Media after UpdateMedia: %+v, want %+v", read, got)
		}
	})
	t.Run("bad values", func(t *testing.T) {
		_, err := f.CreateMedia(ctx, v, mockapi.NewMedia{Filename: "x", MimeType: "image/png", Size: -1})
		wantCode(t, "negative size", err, mockapi.CodeValidation)
		_, err = f.CreateMedia(ctx, v, mockapi.NewMedia{Filename: "x", MimeType: "image/png", Width: &width})
		wantCode(t, "width without height", err, mockapi.CodeValidation)
		_, err = f.CreateMedia(ctx, mockapi.Viewer{UserID: 1 << 40}, mockapi.NewMedia{Filename: "x", MimeType: "image/png"})
		wantCode(t, "owner that is gone", err, mockapi.CodeUnauthorized)
	})
	t.Run("delete", func(t *testing.T) {
		m := f.file(t, v, true, nil)
		c := f.collection(t, v, "With the file", true)
		wantCode(t, "AddCollectionItems", f.AddCollectionItems(ctx, v, c.ID, idsOf(m)), "")
		_, err := f.AddMediaTags(ctx, v, m.ID, []string{"gone"})
		wantCode(t, "AddMediaTags", err, "")
		_, err = f.AddComment(ctx, v, m.ID, "Nice.")
		wantCode(t, "AddComment", err, "")
		wantCode(t, "DeleteMedia", f.DeleteMedia(ctx, v, m.ID), "")
		_, err = f.Media(ctx, v, m.ID)
		wantCode(t, "Media afterwards", err, mockapi.CodeNotFound)
		wantCode(t, "DeleteMedia again", f.DeleteMedia(ctx, v, m.ID), mockapi.CodeNotFound)
		if left := must(f.Collection(ctx, v, c.ID))(t); left.ItemCount != 0 {
			t.Errorf("the collection still has %d items", left.ItemCount)
		}
		_, err = f.UpdateMedia(ctx, v, m.ID, mockapi.MediaUpdate{})
		wantCode(t, "UpdateMedia afterwards", err, mockapi.CodeNotFound)
	})
}

func testMediaAccess(t *testing.T, f *fixture) {
	ctx := t.Context()
	owner, other := f.user(t), f.user(t)
	moderator, admin := f.staff(t, mockapi.RoleModerator), f.staff(t, mockapi.RoleAdmin)
	private, public := f.file(t, owner, false, nil), f.file(t, owner, true, nil)
	const ok, denied = mockapi.Code(""), mockapi.CodeAccessDenied

	title := "Renamed"
	for _, c := range []struct {
		who                                     string
		viewer                                  mockapi.Viewer
		seePrivate, changePublic, changePrivate mockapi.Code
	}{
		{"owner", owner, ok, ok, ok},
		{"admin", admin, ok, ok, ok},
		{"moderator", moderator, denied, denied, denied},
		{"other", other, denied, denied, denied},
		{"anonymous", anonymous, denied, mockapi.CodeUnauthorized, mockapi.CodeUnauthorized},
	} {
		t.Run(c.who, func(t *testing.T) {
			_, err := f.Media(ctx, c.viewer, public.ID)
			wantCode(t, "see a public file", err, ok)
			got, err := f.Media(ctx, c.viewer, private.ID)
			wantCode(t, "see a private file", err, c.seePrivate)
			if c.seePrivate != ok && got.ID != 0 {
				t.Errorf("a refused file is returned all the same: %+v", got)
			}
			_, err = f.MediaTags(ctx, c.viewer, private.ID)
			wantCode(t, "see its tags", err, c.seePrivate)
			_, err = f.Comments(ctx, c.viewer, private.ID, mockapi.PageRequest{})
			wantCode(t, "see its comments", err, c.seePrivate)

			_, err = f.UpdateMedia(ctx, c.viewer, public.ID, mockapi.MediaUpdate{Title: &title})
			wantCode(t, "change a public file", err, c.changePublic)
			_, err = f.UpdateMedia(ctx, c.viewer, private.ID, mockapi.MediaUpdate{Title: &title})
			wantCode(t, "change a private file", err, c.changePrivate)
			_, err = f.AddMediaTags(ctx, c.viewer, public.ID, []string{"theirs"})
			wantCode(t, "tag a public file", err, c.changePublic)
			err = f.RemoveMediaTag(ctx, c.viewer, public.ID, "theirs")
			wantCode(t, "untag it", err, c.changePublic)

			victim := f.file(t, owner, false, nil)
			wantCode(t, "delete a private file", f.DeleteMedia(ctx, c.viewer, victim.ID), c.changePrivate)
			_, err = f.Media(ctx, owner, victim.ID)
			if deleted := mockapi.CodeOf(err) == mockapi.CodeNotFound; deleted != (c.changePrivate == ok) {
				t.Errorf("deleted: %v", deleted)
			}
		})
	}
	_, err := f.CreateMedia(ctx, anonymous, mockapi.NewMedia{Filename: "x", MimeType: "image/png"})
	wantCode(t, "upload without an account", err, mockapi.CodeUnauthorized)
}
