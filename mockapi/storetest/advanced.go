package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/medianest/testbed/mockapi"
)

func testAdvancedSearch(t *testing.T, f *fixture) {
	ctx := t.Context()
	owner, other := f.user(t), f.user(t)
	large := f.file(t, owner, true, func(m *mockapi.NewMedia) { m.Filename, m.Size = "IMG_1.jpg", 5_000_000 })
	small := f.file(t, owner, true, func(m *mockapi.NewMedia) { m.Filename, m.Size = "IMG_2.jpg", 500 })
	clip := f.file(t, owner, true, func(m *mockapi.NewMedia) {
		m.Filename, m.MimeType, m.Size = "VID_1.mp4", "video/mp4", 9_000_000
	})
	secret := f.file(t, owner, false, func(m *mockapi.NewMedia) { m.Filename, m.Size = "IMG_3.jpg", 7_000_000 })
	must(f.AddMediaTags(ctx, owner, small.ID, []string{"photo"}))(t)
	must(f.AddMediaTags(ctx, owner, clip.ID, []string{"image", "test"}))(t)
	shelf, hidden := f.collection(t, owner, "Test Collection", true), f.collection(t, owner, "Secret Collection", false)
	for _, c := range []mockapi.Collection{shelf, hidden} {
		if err := f.AddCollectionItems(ctx, owner, c.ID, idsOf(large)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		q      string
		viewer mockapi.Viewer
		want   []int64
	}{
		{"filename:*.jpg AND size:>1000000", other, idsOf(large)},
		{"filename:*.jpg AND size:>1000000", owner, idsOf(secret, large)},
		{"created_at:>2024-01-01 AND user.role:user", other, idsOf(clip, small, large)},
		{"created_at:>2024-01-01 AND user.role:admin", other, nil},
		{"tags:photo OR tags:image", other, idsOf(clip, small)},
		{`collections.name:"Test Collection"`, other, idsOf(large)},
		{`collections.name:"Secret Collection"`, other, nil},
		{`collections.name:"Secret Collection"`, owner, idsOf(large)},
		{"NOT type:image/jpeg", anonymous, idsOf(clip)},
	} {
		page := must(f.SearchAdvanced(ctx, c.viewer, c.q, mockapi.PageRequest{Limit: 10}))(t)
		if got := ids(page.Items); !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%s for user %d: files %v, want %v", c.q, c.viewer.UserID, got, c.want)
		}
		if page.HasNext || page.TotalKind != mockapi.TotalExact || page.Total != int64(len(c.want)) {
			t.Errorf("%s: next %v, total %d %s", c.q, page.HasNext, page.Total, page.TotalKind)
		}
	}
	for range 12 { // so that there are several pages
		f.file(t, other, false, nil)
		f.file(t, owner, true, func(m *mockapi.NewMedia) { m.MimeType = "application/pdf" })
	}
	all := walk(t, 10, func(p mockapi.PageRequest) (mockapi.Page[mockapi.Media], error) {
		return f.SearchAdvanced(ctx, owner, "size:>=0", p)
	})
	if got := ids(all); len(got) != 16 || !slices.Equal(got[12:], idsOf(secret, clip, small, large)) {
		t.Errorf("by cursor %v, want 12 and then %v", got, idsOf(secret, clip, small, large))
	}

	_, err := f.SearchAdvanced(ctx, other, "filename:*.jpg AND (size:>1", mockapi.PageRequest{})
	wantCode(t, "an open parenthesis", err, mockapi.CodeValidation)
	var e *mockapi.Error
	if errors.As(err, &e) && e.Details == nil {
		t.Error("a syntax error has no details")
	}
	_, err = f.SearchAdvanced(ctx, other, "user.email:*", mockapi.PageRequest{})
	wantCode(t, "e-mail addresses for everybody", err, mockapi.CodeValidation)
	must(f.SearchAdvanced(ctx, f.staff(t, mockapi.RoleAdmin), "user.email:*@medianest.test", mockapi.PageRequest{}))(t)
	_, err = f.SearchAdvanced(ctx, other, "size:>0", mockapi.PageRequest{Page: 2})
	wantValidation(t, "a page by number", err, "page")
	_, err = f.SearchAdvanced(ctx, other, "size:>0", mockapi.PageRequest{Cursor: "nonsense"})
	wantValidation(t, "a broken cursor", err, "cursor")
}
