package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

func tagNames(tags []mockapi.Tag) []string {
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	return names
}

func testTags(t *testing.T, f *fixture) {
	ctx := t.Context()
	v := f.user(t)
	m, m2 := f.file(t, v, true, nil), f.file(t, v, true, nil)
	wantTags := func(what string, got []mockapi.Tag, want ...string) {
		t.Helper()
		if names := tagNames(got); !slices.Equal(names, want) || got == nil {
			t.Errorf("%s: tags %q, want %q", what, names, want)
		}
	}
	wantTags("no tags", must(f.MediaTags(ctx, v, m.ID))(t))
	got := must(f.AddMediaTags(ctx, v, m.ID, []string{"Sunset", " lake ", "lake"}))(t)
	wantTags("added", got, "lake", "sunset")
	wantTags("more", must(f.AddMediaTags(ctx, v, m.ID, []string{"lake", "alps"}))(t), "alps", "lake", "sunset")
	wantTags("read", must(f.MediaTags(ctx, anonymous, m.ID))(t), "alps", "lake", "sunset")
	if same := must(f.AddMediaTags(ctx, v, m2.ID, []string{"lake"}))(t); len(same) != 1 || same[0] != got[0] {
		t.Errorf("the tag of a second file is %v, of the first %v", same, got[0])
	}
	wantCode(t, "RemoveMediaTag", f.RemoveMediaTag(ctx, v, m.ID, "Lake"), "")
	wantTags("removed", must(f.MediaTags(ctx, v, m.ID))(t), "alps", "sunset")
	wantTags("of the other file", must(f.MediaTags(ctx, v, m2.ID))(t), "lake")
	wantCode(t, "RemoveMediaTag again", f.RemoveMediaTag(ctx, v, m.ID, "lake"), mockapi.CodeNotFound)
	wantCode(t, "RemoveMediaTag of no file", f.RemoveMediaTag(ctx, v, 1<<40, "lake"), mockapi.CodeNotFound)

	for what, names := range map[string][]string{
		"none": {}, "empty": {"x", " "}, "long": {strings.Repeat("x", 65)}, "many": make([]string, 51),
	} {
		_, err := f.AddMediaTags(ctx, v, m.ID, names)
		wantValidation(t, what, err, "tags")
	}
	_, err := f.AddMediaTags(ctx, v, 1<<40, []string{"x"})
	wantCode(t, "AddMediaTags of no file", err, mockapi.CodeNotFound)
	_, err = f.MediaTags(ctx, v, 1<<40)
	wantCode(t, "MediaTags of no file", err, mockapi.CodeNotFound)

	t.Run("list", func(t *testing.T) {
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("forest %02d", i))
		}
		must(f.AddMediaTags(ctx, v, m.ID, names))(t)
		list := func(prefix string) []mockapi.Tag {
			return walk(t, 10, func(p mockapi.PageRequest) (mockapi.Page[mockapi.Tag], error) { return f.Tags(ctx, prefix, p) })
		}
		wantTags("prefix", list("Forest"), names...)
		all := tagNames(list(""))
		if len(all) != 23 || !slices.Contains(all, "alps") || !slices.IsSorted(all) {
			t.Errorf("all tags: %q", all)
		}
		if none := must(f.Tags(ctx, "%", mockapi.PageRequest{}))(t); len(none.Items) != 0 || none.Items == nil {
			t.Errorf("tags that start with a percent sign: %v", none.Items)
		}
		p := must(f.Tags(ctx, "forest", mockapi.PageRequest{Limit: 3}))(t)
		checkTotal(t, "tags", p.Total, p.TotalKind, 20)
	})
	t.Run("made by many at once", func(t *testing.T) {
		var files []mockapi.Media
		for range 8 {
			files = append(files, f.file(t, v, true, nil))
		}
		names := []string{"one", "two", "three", "four"}
		for i, err := range together(8, func(i int) error {
			mine := slices.Clone(names)
			if i%2 == 0 {
				slices.Reverse(mine)
			}
			tags, err := f.AddMediaTags(ctx, v, files[i].ID, mine)
			if err == nil && len(tags) != 4 {
				err = fmt.Errorf("got tags %v", tags)
			}
			return err
		}) {
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		}
	})
}

func testComments(t *testing.T, f *fixture) {
	ctx := t.Context()
	owner, ann, moderator := f.user(t), f.user(t), f.staff(t, mockapi.RoleModerator)
	m, private := f.file(t, owner, true, nil), f.file(t, owner, false, nil)

	c := must(f.AddComment(ctx, ann, m.ID, "Where was this?"))(t)
	if c.ID <= 0 || c.MediaID != m.ID || c.UserID != ann.UserID || c.AuthorName == "" || c.Body != "Where was this?" || c.UpdatedAt.Before(c.CreatedAt) {
		t.Errorf("AddComment: %+v", c)
	}
	reply := must(f.AddComment(ctx, owner, m.ID, "By the lake."))(t)
	p := must(f.Comments(ctx, anonymous, m.ID, mockapi.PageRequest{}))(t)
	if len(p.Items) != 2 || p.Items[0] != reply || p.Items[1] != c || p.Total != 2 {
		t.Errorf("Comments: %+v, want the reply first", p)
	}
	_, err := f.AddComment(ctx, ann, private.ID, "Peek")
	wantCode(t, "comment on what is not visible", err, mockapi.CodeAccessDenied)
	_, err = f.AddComment(ctx, ann, 1<<40, "Hello?")
	wantCode(t, "comment on nothing", err, mockapi.CodeNotFound)
	_, err = f.AddComment(ctx, anonymous, m.ID, "Spam")
	wantCode(t, "comment without an account", err, mockapi.CodeUnauthorized)
	_, err = f.Comments(ctx, ann, 1<<40, mockapi.PageRequest{})
	wantCode(t, "comments of nothing", err, mockapi.CodeNotFound)

	wantCode(t, "delete somebody else's", f.DeleteComment(ctx, ann, m.ID, reply.ID), mockapi.CodeAccessDenied)
	wantCode(t, "delete it as the owner of the file", f.DeleteComment(ctx, owner, m.ID, c.ID), mockapi.CodeAccessDenied)
	wantCode(t, "delete without an account", f.DeleteComment(ctx, anonymous, m.ID, c.ID), mockapi.CodeUnauthorized)
	wantCode(t, "delete by the wrong file", f.DeleteComment(ctx, ann, private.ID, c.ID), mockapi.CodeNotFound)
	wantCode(t, "delete one's own", f.DeleteComment(ctx, ann, m.ID, c.ID), "")
	wantCode(t, "delete it again", f.DeleteComment(ctx, ann, m.ID, c.ID), mockapi.CodeNotFound)
	wantCode(t, "delete as a moderator", f.DeleteComment(ctx, moderator, m.ID, reply.ID), "")
	last := must(f.AddComment(ctx, ann, m.ID, "Still here"))(t)
	wantCode(t, "delete as an admin", f.DeleteComment(ctx, f.staff(t, mockapi.RoleAdmin), m.ID, last.ID), "")

	for i := range 20 {
		must(f.AddComment(ctx, ann, m.ID, fmt.Sprint("Comment ", i)))(t)
	}
	all := walk(t, 10, func(p mockapi.PageRequest) (mockapi.Page[mockapi.Comment], error) {
		return f.Comments(ctx, ann, m.ID, p)
	})
	if len(all) != 20 || all[0].Body != "Comment 19" || all[19].Body != "Comment 0" {
		t.Errorf("%d comments, first %q", len(all), all[0].Body)
	}
}
