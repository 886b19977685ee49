// Package storetest is the contract that every mockapi.Store passes, as tests: what each method does, who may
// see and change what, and what paging promises while rows come and go.
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) mockapi.Store { ... })
//	}
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// Run runs the contract. open returns a Store on an empty database of its own and arranges for both to go
// away with the test.
func Run(t *testing.T, open func(t *testing.T) mockapi.Store) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"Users", testUsers},
		{"Sessions", testSessions},
		{"Media", testMedia},
		{"MediaAccess", testMediaAccess},
		{"MediaLists", testMediaLists},
		{"MediaFilters", testMediaFilters},
		{"Paging", testPaging},
		{"PagingWhileInserting", testPagingWhileInserting},
		{"Search", testSearch},
		{"Tags", testTags},
		{"Comments", testComments},
		{"Collections", testCollections},
		{"CollectionItems", testCollectionItems},
		{"Totals", testTotals},
		{"AdvancedSearch", testAdvancedSearch},
		{"Bulk", testBulk},
		{"Transactions", testTransactions},
		{"TransactionsTogether", testTransactionsTogether},
		{"Notifications", testNotifications},
		{"Concurrency", testConcurrency},
		{"Context", testContext},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, &fixture{Store: open(t)})
		})
	}
}

// fixture is a Store with ways to fill it.
type fixture struct {
	mockapi.Store
	made atomic.Int64
}

// anonymous is who has not logged in.
var anonymous = mockapi.Viewer{}

// user makes an account and returns it as a viewer.
func (f *fixture) user(t *testing.T) mockapi.Viewer {
	t.Helper()
	n := f.made.Add(1)
	u, err := f.CreateUser(t.Context(), mockapi.NewUser{
		Email: fmt.Sprintf("user%d@medianest.test", n), Name: fmt.Sprintf("User %d", n), PasswordHash: "hash",
	})
	if err != nil {
		t.Fatalf("CreateUser: %v", err)
	}
	return mockapi.Viewer{UserID: u.ID, Role: mockapi.RoleUser}
}

// staff makes an account with a role. The Store trusts the viewer's role, which comes from a signed token.
func (f *fixture) staff(t *testing.T, role mockapi.Role) mockapi.Viewer {
	t.Helper()
	v := f.user(t)
	v.Role = role
	return v
}

// file makes a media file of v's. change may be nil.
func (f *fixture) file(t *testing.T, v mockapi.Viewer, public bool, change func(*mockapi.NewMedia)) mockapi.Media {
	t.Helper()
	n := f.made.Add(1)
	m := mockapi.NewMedia{
		Filename: fmt.Sprintf("IMG_%08d.jpg", n), OriginalName: fmt.Sprintf("IMG_%08d.jpg", n),
		Title: fmt.Sprintf("Picture %d", n), MimeType: "image/jpeg", Size: 1000 + n, IsPublic: public,
	}
	if change != nil {
		change(&m)
	}
	made, err := f.CreateMedia(t.Context(), v, m)
	if err != nil {
		t.Fatalf("CreateMedia: %v", err)
	}
	return made
}

// titled makes a public media file with a title.
func (f *fixture) titled(t *testing.T, v mockapi.Viewer, title string) mockapi.Media {
	t.Helper()
	return f.file(t, v, true, func(m *mockapi.NewMedia) { m.Title = title })
}

func (f *fixture) collection(t *testing.T, v mockapi.Viewer, name string, public bool) mockapi.Collection {
	t.Helper()
	c, err := f.CreateCollection(t.Context(), v, mockapi.NewCollection{Name: name, IsPublic: public})
	if err != nil {
		t.Fatalf("CreateCollection: %v", err)
	}
	return c
}

// wantCode fails unless err has the code; "" wants none.
func wantCode(t *testing.T, what string, err error, want mockapi.Code) {
	t.Helper()
	if got := mockapi.CodeOf(err); got != want {
		t.Errorf("%s: got code %q (%v), want %q", what, got, err, want)
	}
}

// wantValidation fails unless err is a VALIDATION_ERROR that names the field.
func wantValidation(t *testing.T, what string, err error, field string) {
	t.Helper()
	wantCode(t, what, err, mockapi.CodeValidation)
	var e *mockapi.Error
	if !errors.As(err, &e) {
		return
	}
	details, _ := e.Details.([]mockapi.FieldError)
	if len(details) == 0 || details[0].Field != field {
		t.Errorf("%s: details %v, want the field %s", what, e.Details, field)
	}
}

func ids(media []mockapi.Media) []int64 {
	out := make([]int64, len(media))
	for i, m := range media {
		out[i] = m.ID
	}
	return out
}

func idsOf(media ...mockapi.Media) []int64 { return ids(media) }

// walk follows a list by its cursors to the end and returns all its items. It fails after limit pages.
func walk[T any](t *testing.T, limit int, list func(mockapi.PageRequest) (mockapi.Page[T], error)) []T {
	t.Helper()
	var all []T
	var p mockapi.PageRequest
	p.Limit = 7
	for range limit {
		page, err := list(p)
		if err != nil {
			t.Fatalf("page after %d items: %v", len(all), err)
		}
		all = append(all, page.Items...)
		if page.HasNext != (page.NextCursor != "") {
			t.Fatalf("HasNext %v with cursor %q", page.HasNext, page.NextCursor)
		}
		if !page.HasNext {
			return all
		}
		if len(page.Items) != p.Limit {
			t.Fatalf("page of %d items, %d asked for, has a next one", len(page.Items), p.Limit)
		}
		p.Cursor = page.NextCursor
	}
	t.Fatalf("no end after %d pages", limit)
	return nil
}

func testContext(t *testing.T, f *fixture) {
	if err := f.Ready(t.Context()); err != nil {
		t.Fatalf("Ready: %v", err)
	}
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	wantCode(t, "Ready after the deadline", f.Ready(past), mockapi.CodeUnavailable)
	_, err := f.Media(past, anonymous, 1)
	wantCode(t, "Media after the deadline", err, mockapi.CodeUnavailable)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Media(gone, anonymous, 1)
	wantCode(t, "Media for a client who left", err, mockapi.CodeUnavailable)

	_, err = f.Dataset(t.Context())
	wantCode(t, "Dataset of an empty database", err, mockapi.CodeNotFound)

	ctx, timing := mockapi.WithTiming(t.Context())
	_, err = f.Media(ctx, anonymous, 1)
	wantCode(t, "Media of an empty database", err, mockapi.CodeNotFound)
	if timing.Queries() == 0 || timing.Query() <= 0 {
		t.Errorf("timing: %d queries of %v", timing.Queries(), timing.Query())
	}
}

// must is for calls whose error fails the test: must(f.Media(...))(t).
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// together runs f n times at once and returns the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}
