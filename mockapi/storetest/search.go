package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

func testSearch(t *testing.T, f *fixture) {
	ctx := t.Context()
	v, other, admin := f.user(t), f.user(t), f.staff(t, mockapi.RoleAdmin)
	want := func(viewer mockapi.Viewer, text string, found ...mockapi.Media) {
		t.Helper()
		p, err := f.SearchMedia(ctx, viewer, text, mockapi.PageRequest{})
		if err != nil {
			t.Errorf("search %q: %v", text, err)
			return
		}
		if got, want := ids(p.Items), newestFirst(found...); !slices.Equal(got, want) {
			t.Errorf("search %q: files %v, want %v", text, got, want)
		}
		checkTotal(t, "search "+text, p.Total, p.TotalKind, int64(len(found)))
	}
	lake := f.titled(t, v, "Sunset at the Lake")
	hut := f.titled(t, v, "Hut by the lake")
	named := f.file(t, v, true, func(m *mockapi.NewMedia) { m.Filename, m.Title = "lakeside.PNG", "Untitled" })
	percent := f.titled(t, v, `100%_done\ok`)
	tagged := f.titled(t, v, "Picture of nothing")
	must(f.AddMediaTags(ctx, v, tagged.ID, []string{"lake", "tv"}))(t)
	both := f.titled(t, v, "Sunset over a hill")
	must(f.AddMediaTags(ctx, v, both.ID, []string{"lake", "hill"}))(t)
	must(f.AddMediaTags(ctx, v, lake.ID, []string{"two words"}))(t)
	hidden := f.file(t, other, false, func(m *mockapi.NewMedia) { m.Title = "Secret lake" })

	want(v, "lake", lake, hut, named, tagged, both)
	want(v, "LAKE", lake, hut, named, tagged, both)
	want(v, "lake lake", lake, hut, named)
	want(other, "lake", lake, hut, named, tagged, both, hidden)
	want(admin, "lake", lake, hut, named, tagged, both, hidden)
	want(anonymous, "secret")
	want(v, "sunset lake", lake)
	want(v, "  lake   hut ", hut)
	want(v, "hill sunset", both)
	want(v, "lakeside", named)
	want(v, ".png", named)
	want(v, "png untitled", named)
	want(v, "unset", lake, both)
	want(v, "nowhere")
	want(v, "lake nowhere")

	// The wildcards of LIKE are letters like others, and quotes stay quotes.
	want(v, "100%", percent)
	want(v, "%", percent)
	want(v, "la_e")
	want(v, `done\ok`, percent)
	want(v, `\`, percent)
	want(v, `'; DROP TABLE media_files; --`)

	// Words that are too short for the index, alone and with others.
	want(v, "at", lake)
	want(v, "tv", tagged)
	want(v, "by hut", hut)
	want(v, "zz")
	want(v, " TV ", tagged)
	want(v, "two words", lake)

	for what, text := range map[string]string{
		"empty": "", "spaces": "  \t", "long": strings.Repeat("word", 100), "many words": "a b c d e f g h i j k",
	} {
		_, err := f.SearchMedia(ctx, v, text, mockapi.PageRequest{})
		wantValidation(t, what, err, "q")
	}

	t.Run("pages", func(t *testing.T) {
		var wanted []mockapi.Media
		for i := range 400 { // more than a first look at the newest files shows
			title := fmt.Sprintf("Filler %d", i)
			if i%9 == 0 {
				title = fmt.Sprintf("Needle %d", i)
			}
			if m := f.titled(t, v, title); i%9 == 0 {
				wanted = append(wanted, m)
			}
		}
		for _, text := range []string{"needle", "filler", "needle picture", "ee"} {
			list := func(p mockapi.PageRequest) (mockapi.Page[mockapi.Media], error) {
				return f.SearchMedia(ctx, v, text, p)
			}
			got := ids(walk(t, 70, list))
			if text == "needle" && !slices.Equal(got, newestFirst(wanted...)) {
				t.Errorf("search by cursor: %v, want %v", got, newestFirst(wanted...))
			}
			var byNumber []int64
			for page := 1; page == 1 || len(byNumber) == 7*(page-1); page++ {
				p := must(list(mockapi.PageRequest{Page: page, Limit: 7}))(t)
				byNumber = append(byNumber, ids(p.Items)...)
				checkTotal(t, text, p.Total, p.TotalKind, int64(len(got)))
			}
			if !slices.Equal(byNumber, got) {
				t.Errorf("search %q by number: %v, by cursor %v", text, byNumber, got)
			}
		}
		_, err := f.SearchMedia(ctx, v, "needle", mockapi.PageRequest{Cursor: "junk"})
		wantValidation(t, "bad cursor", err, "cursor")
	})
}
