package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// newestFirst is the order in which files were made, turned round.
func newestFirst(media ...mockapi.Media) []int64 {
	out := ids(media)
	slices.Reverse(out)
	return out
}

func (f *fixture) wantList(t *testing.T, what string, v mockapi.Viewer, q mockapi.MediaQuery, want []int64) {
	t.Helper()
	page, err := f.ListMedia(t.Context(), v, q)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if got := ids(page.Items); !slices.Equal(got, want) {
		t.Errorf("%s: files %v, want %v", what, got, want)
	}
	if page.Items == nil {
		t.Errorf("%s: nil items would become null in JSON", what)
	}
	checkTotal(t, what, page.Total, page.TotalKind, int64(len(want)))
}

// checkTotal checks a total of a list that has want items.
func checkTotal(t *testing.T, what string, total int64, kind mockapi.TotalKind, want int64) {
	t.Helper()
	switch kind {
	case mockapi.TotalExact, mockapi.TotalMaintained:
		if total != want {
			t.Errorf("%s: total %d (%s), want %d", what, total, kind, want)
		}
	case mockapi.TotalAtLeast:
		if total > want {
			t.Errorf("%s: total at least %d, there are %d", what, total, want)
		}
	default:
		t.Errorf("%s: total of kind %q", what, kind)
	}
}

func testMediaLists(t *testing.T, f *fixture) {
	ann, bob, admin := f.user(t), f.user(t), f.staff(t, mockapi.RoleAdmin)
	f.wantList(t, "empty library", ann, mockapi.MediaQuery{}, []int64{})
	a1 := f.file(t, ann, true, nil)
	a2 := f.file(t, ann, false, nil)
	b1 := f.file(t, bob, true, nil)
	b2 := f.file(t, bob, false, nil)

	f.wantList(t, "Ann", ann, mockapi.MediaQuery{}, newestFirst(a1, a2, b1))
	f.wantList(t, "Bob", bob, mockapi.MediaQuery{}, newestFirst(a1, b1, b2))
	f.wantList(t, "anonymous", anonymous, mockapi.MediaQuery{}, newestFirst(a1, b1))
	f.wantList(t, "admin, as everybody", admin, mockapi.MediaQuery{}, newestFirst(a1, b1))
	f.wantList(t, "admin, all", admin, mockapi.MediaQuery{All: true}, newestFirst(a1, a2, b1, b2))
	f.wantList(t, "oldest first", ann, mockapi.MediaQuery{Sort: mockapi.SortOldest}, idsOf(a1, a2, b1))

	f.wantList(t, "own", ann, mockapi.MediaQuery{OwnerID: ann.UserID}, newestFirst(a1, a2))
	f.wantList(t, "somebody else's", ann, mockapi.MediaQuery{OwnerID: bob.UserID}, newestFirst(b1))
	f.wantList(t, "somebody's, for an admin", admin, mockapi.MediaQuery{OwnerID: bob.UserID, All: true}, newestFirst(b1, b2))
	f.wantList(t, "nobody's", ann, mockapi.MediaQuery{OwnerID: 1 << 40}, []int64{})
	public, private := true, false
	f.wantList(t, "public", ann, mockapi.MediaQuery{Public: &public}, newestFirst(a1, b1))
	f.wantList(t, "private", ann, mockapi.MediaQuery{Public: &private}, newestFirst(a2))
	f.wantList(t, "private, anonymous", anonymous, mockapi.MediaQuery{Public: &private}, []int64{})
	f.wantList(t, "own private", ann, mockapi.MediaQuery{Public: &private, OwnerID: ann.UserID}, newestFirst(a2))
	f.wantList(t, "somebody else's private", ann, mockapi.MediaQuery{Public: &private, OwnerID: bob.UserID}, []int64{})
	f.wantList(t, "all private, for an admin", admin, mockapi.MediaQuery{Public: &private, All: true}, newestFirst(a2, b2))

	_, err := f.ListMedia(t.Context(), ann, mockapi.MediaQuery{All: true})
	wantCode(t, "all, for a user", err, mockapi.CodeAccessDenied)
	_, err = f.ListMedia(t.Context(), ann, mockapi.MediaQuery{Sort: "title; DROP TABLE users"})
	wantValidation(t, "unknown sort", err, "sort")
}

func testMediaFilters(t *testing.T, f *fixture) {
	ctx := t.Context()
	v, other := f.user(t), f.user(t)
	typed := func(mime string, size int64) func(*mockapi.NewMedia) {
		return func(m *mockapi.NewMedia) { m.MimeType, m.Size = mime, size }
	}
	jpeg := f.file(t, v, true, typed("image/jpeg", 300))
	png := f.file(t, v, true, typed("image/png", 100))
	mp4 := f.file(t, other, true, typed("video/mp4", 200))
	pdf := f.file(t, v, true, typed("application/pdf", 200))
	hidden := f.file(t, other, false, typed("image/jpeg", 50))

	q := func(change func(*mockapi.MediaQuery)) (q mockapi.MediaQuery) { change(&q); return q }
	kind := func(s string) mockapi.MediaQuery { return q(func(q *mockapi.MediaQuery) { q.Type = s }) }
	f.wantList(t, "images", v, kind("image"), newestFirst(jpeg, png))
	f.wantList(t, "PNG", v, kind("image/png"), newestFirst(png))
	f.wantList(t, "no such type", v, kind("audio"), []int64{})
	f.wantList(t, "part of a type", v, kind("imag"), []int64{})
	f.wantList(t, "wildcard", v, kind("%"), []int64{})

	sorted := func(s mockapi.MediaSort) mockapi.MediaQuery { return q(func(q *mockapi.MediaQuery) { q.Sort = s }) }
	f.wantList(t, "largest", v, sorted(mockapi.SortLargest), idsOf(jpeg, pdf, mp4, png))
	f.wantList(t, "smallest", v, sorted(mockapi.SortSmallest), idsOf(png, mp4, pdf, jpeg))
	f.wantList(t, "most viewed", v, sorted(mockapi.SortMostViewed), newestFirst(jpeg, png, mp4, pdf))
	f.wantList(t, "least viewed", v, sorted(mockapi.SortLeastViewed), idsOf(jpeg, png, mp4, pdf))
	f.wantList(t, "size range", v, q(func(q *mockapi.MediaQuery) { q.MinSize, q.MaxSize = 100, 200 }), newestFirst(png, mp4, pdf))
	f.wantList(t, "size range and type", v, q(func(q *mockapi.MediaQuery) { q.MinSize, q.Type = 150, "image" }), newestFirst(jpeg))
	f.wantList(t, "created from", v, q(func(q *mockapi.MediaQuery) { q.CreatedAfter = mp4.CreatedAt }), newestFirst(mp4, pdf))
	f.wantList(t, "created before", v, q(func(q *mockapi.MediaQuery) { q.CreatedBefore = mp4.CreatedAt }), newestFirst(jpeg, png))
	f.wantList(t, "created in the future", v, q(func(q *mockapi.MediaQuery) { q.CreatedAfter = time.Now().Add(time.Hour) }), []int64{})

	must(f.AddMediaTags(ctx, v, png.ID, []string{"lake"}))(t)
	must(f.AddMediaTags(ctx, v, pdf.ID, []string{"lake", "paper"}))(t)
	must(f.AddMediaTags(ctx, other, hidden.ID, []string{"lake"}))(t)
	f.wantList(t, "tag", v, q(func(q *mockapi.MediaQuery) { q.Tag = "lake" }), newestFirst(png, pdf))
	f.wantList(t, "tag in capitals", v, q(func(q *mockapi.MediaQuery) { q.Tag = "Lake" }), newestFirst(png, pdf))
	f.wantList(t, "unknown tag", v, q(func(q *mockapi.MediaQuery) { q.Tag = "sea" }), []int64{})
	f.wantList(t, "tag and type", v, q(func(q *mockapi.MediaQuery) { q.Tag, q.Type = "lake", "image" }), newestFirst(png))
	f.wantList(t, "tag, smallest", v, q(func(q *mockapi.MediaQuery) { q.Tag, q.Sort = "lake", mockapi.SortLargest }), idsOf(pdf, png))

	c := f.collection(t, other, "Mixed", true)
	wantCode(t, "AddCollectionItems", f.AddCollectionItems(ctx, other, c.ID, idsOf(hidden, mp4, jpeg)), "")
	secret := f.collection(t, other, "Secret", false)
	in := func(id int64) mockapi.MediaQuery { return q(func(q *mockapi.MediaQuery) { q.CollectionID = id }) }
	f.wantList(t, "collection", v, in(c.ID), newestFirst(jpeg, mp4))
	f.wantList(t, "collection, its owner", other, in(c.ID), newestFirst(jpeg, mp4, hidden))
	_, err := f.ListMedia(ctx, v, in(secret.ID))
	wantCode(t, "somebody else's private collection", err, mockapi.CodeAccessDenied)
	_, err = f.ListMedia(ctx, v, in(1<<40))
	wantCode(t, "no such collection", err, mockapi.CodeNotFound)
}

func testPaging(t *testing.T, f *fixture) {
	ctx := t.Context()
	v, other := f.user(t), f.user(t)
	var visible []mockapi.Media
	for i := range 60 {
		switch m := f.file(t, v, i%3 == 0, func(m *mockapi.NewMedia) { m.Size = int64(i % 5) }); {
		case i%4 == 0:
			f.file(t, other, false, nil)
			fallthrough
		default:
			visible = append(visible, m)
		}
	}
	for _, sort := range []mockapi.MediaSort{"", mockapi.SortNewest, mockapi.SortOldest, mockapi.SortLargest, mockapi.SortSmallest, mockapi.SortMostViewed, mockapi.SortLeastViewed} {
		for _, kind := range []string{"", "image"} {
			list := func(p mockapi.PageRequest) (mockapi.Page[mockapi.Media], error) {
				return f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: p, Sort: sort, Type: kind})
			}
			whole := must(list(mockapi.PageRequest{Limit: mockapi.MaxLimit}))(t)
			if len(whole.Items) != len(visible) || whole.HasNext || whole.NextCursor != "" {
				t.Fatalf("sort %q: %d items on one page, next %v, want all %d", sort, len(whole.Items), whole.HasNext, len(visible))
			}
			want := ids(whole.Items)
			if got := ids(walk(t, 20, list)); !slices.Equal(got, want) {
				t.Errorf("sort %q, type %q: by cursor %v, want %v", sort, kind, got, want)
			}
			var byNumber []int64
			for page := 1; page <= 9; page++ {
				p := must(list(mockapi.PageRequest{Page: page, Limit: 7}))(t)
				byNumber = append(byNumber, ids(p.Items)...)
				if p.HasNext != (page < 9) {
					t.Errorf("sort %q: page %d of 9 has next: %v", sort, page, p.HasNext)
				}
				checkTotal(t, "page by number", p.Total, p.TotalKind, 60)
			}
			if !slices.Equal(byNumber, want) {
				t.Errorf("sort %q, type %q: by number %v, want %v", sort, kind, byNumber, want)
			}
			beyond := must(list(mockapi.PageRequest{Page: 20, Limit: 7}))(t)
			if len(beyond.Items) != 0 || beyond.HasNext {
				t.Errorf("page beyond the end: %v", ids(beyond.Items))
			}
			checkTotal(t, "page beyond the end", beyond.Total, beyond.TotalKind, 60)
		}
	}

	first := must(f.ListMedia(ctx, v, mockapi.MediaQuery{}))(t)
	if len(first.Items) != mockapi.DefaultLimit || !first.HasNext {
		t.Errorf("default page: %d items, next %v", len(first.Items), first.HasNext)
	}
	for what, p := range map[string]mockapi.PageRequest{
		"not base64":            {Cursor: "!!!"},
		"too short":             {Cursor: "bm8"},
		"changed":               {Cursor: "A" + first.NextCursor},
		"padded":                {Cursor: first.NextCursor + "="},
		"very long":             {Cursor: string(make([]byte, 10_000))},
		"of another order":      {Cursor: must(f.ListMedia(ctx, v, mockapi.MediaQuery{Sort: mockapi.SortLargest}))(t).NextCursor},
		"of a list of accounts": {Cursor: must(f.Users(ctx, mockapi.PageRequest{Limit: 1}))(t).NextCursor},
	} {
		_, err := f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: p})
		wantValidation(t, "cursor "+what, err, "cursor")
	}
	for field, p := range map[string]mockapi.PageRequest{
		"limit": {Limit: mockapi.MaxLimit + 1},
		"page":  {Page: mockapi.MaxOffset/20 + 2, Limit: 20},
	} {
		_, err := f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: p})
		wantValidation(t, "too large", err, field)
		_, err = f.Users(ctx, p)
		wantValidation(t, "too large", err, field)
	}
	_, err := f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Page: mockapi.MaxOffset/20 + 1, Limit: 20}})
	wantCode(t, "the deepest page", err, "")
	_, err = f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Limit: -1}})
	wantValidation(t, "negative limit", err, "limit")
	_, err = f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Page: -1}})
	wantValidation(t, "negative page", err, "page")
}

// testPagingWhileInserting follows cursors while files are added before, and deleted around, where it reads.
func testPagingWhileInserting(t *testing.T, f *fixture) {
	ctx := t.Context()
	v := f.user(t)
	var there []mockapi.Media
	for range 50 {
		there = append(there, f.file(t, v, true, nil))
	}
	var deleted []int64
	for _, q := range []mockapi.MediaQuery{{}, {Tag: "kept"}} {
		if q.Tag != "" {
			for _, m := range there {
				if !slices.Contains(deleted, m.ID) {
					must(f.AddMediaTags(ctx, v, m.ID, []string{q.Tag}))(t)
				}
			}
		}
		seen := walk(t, 20, func(p mockapi.PageRequest) (mockapi.Page[mockapi.Media], error) {
			q.PageRequest = p
			page, err := f.ListMedia(ctx, v, q)
			for range 3 {
				f.file(t, v, true, nil)
			}
			// The last one read is what the cursor points at.
			if err == nil && len(page.Items) > 0 {
				last := page.Items[len(page.Items)-1].ID
				wantCode(t, "DeleteMedia", f.DeleteMedia(ctx, v, last), "")
				deleted = append(deleted, last)
			}
			return page, err
		})
		got := ids(seen)
		for _, m := range there {
			n := 0
			for _, id := range got {
				if id == m.ID {
					n++
				}
			}
			switch {
			case n > 1:
				t.Errorf("file %d was listed %d times", m.ID, n)
			case n == 0 && !slices.Contains(deleted, m.ID):
				t.Errorf("file %d was skipped", m.ID)
			}
		}
	}
}

func testTotals(t *testing.T, f *fixture) {
	ctx := t.Context()
	v, other := f.user(t), f.user(t)
	for i := range 30 {
		f.file(t, v, i%2 == 0, nil)
		f.file(t, other, false, nil)
	}
	m := f.file(t, v, true, nil)
	check := func(what string, mine, others int64) {
		t.Helper()
		p := must(f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Limit: 5}}))(t)
		checkTotal(t, what, p.Total, p.TotalKind, mine)
		p = must(f.ListMedia(ctx, other, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Limit: 5}}))(t)
		checkTotal(t, what+", for another", p.Total, p.TotalKind, others)
	}
	check("as made", 31, 46)
	private, public := false, true
	must(f.UpdateMedia(ctx, v, m.ID, mockapi.MediaUpdate{IsPublic: &private}))(t)
	check("one made private", 31, 45)
	wantCode(t, "DeleteMedia", f.DeleteMedia(ctx, v, m.ID), "")
	check("a private one deleted", 30, 45)
	m = f.file(t, v, false, nil)
	check("a private one made", 31, 45)
	must(f.UpdateMedia(ctx, v, m.ID, mockapi.MediaUpdate{IsPublic: &public}))(t)
	check("it made public", 31, 46)

	p := must(f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Limit: 5}, OwnerID: v.UserID}))(t)
	checkTotal(t, "own", p.Total, p.TotalKind, 31)
	p = must(f.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Limit: 5}, Type: "image"}))(t)
	checkTotal(t, "images", p.Total, p.TotalKind, 31)
	if p.Total < 6 {
		t.Errorf("total %d of a list whose page of 5 has a next one", p.Total)
	}
	users := must(f.Users(ctx, mockapi.PageRequest{Limit: 1}))(t)
	checkTotal(t, "users", users.Total, users.TotalKind, 2)
}
