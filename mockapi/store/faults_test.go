package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
)

// Every list with owners runs one statement more for each row of its page, and answers the same.
func TestNPlusOne(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{SearchRefresh: -1})
	v := newUser(t, s)
	ctx := t.Context()
	c, err := s.CreateCollection(ctx, v, mockapi.NewCollection{Name: "all", IsPublic: true})
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for i := range 9 {
		m, err := s.CreateMedia(ctx, v, mockapi.NewMedia{Filename: fmt.Sprintf("photo%d.png", i), Title: "photo", MimeType: "image/png", IsPublic: true})
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, m.ID); i > 0 {
			if _, err := s.AddComment(ctx, v, ids[0], "yes"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.CreateCollection(ctx, v, mockapi.NewCollection{Name: "more", IsPublic: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.AddCollectionItems(ctx, v, c.ID, ids); err != nil {
		t.Fatal(err)
	}
	admin := connect(t, dsn)
	mustExec(t, admin, "CREATE EXTENSION pg_stat_statements")
	lookUps := func() (n int64) {
		const q = `SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
			WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE 'SELECT id, email, %FROM users WHERE id = $1'`
		if err := admin.QueryRow(t.Context(), q).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for name, list := range map[string]func(context.Context, mockapi.PageRequest) (any, error){
		"newest media": func(ctx context.Context, p mockapi.PageRequest) (any, error) {
			return s.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: p})
		},
		"filtered media": func(ctx context.Context, p mockapi.PageRequest) (any, error) {
			return s.ListMedia(ctx, v, mockapi.MediaQuery{PageRequest: p, Type: "image", Sort: mockapi.SortLargest})
		},
		"search": func(ctx context.Context, p mockapi.PageRequest) (any, error) {
			return s.SearchMedia(ctx, v, "photo", p)
		},
		"advanced search": func(ctx context.Context, p mockapi.PageRequest) (any, error) {
			return s.SearchAdvanced(ctx, v, "photo", p)
		},
		"comments": func(ctx context.Context, p mockapi.PageRequest) (any, error) { return s.Comments(ctx, v, ids[0], p) },
		"collections": func(ctx context.Context, p mockapi.PageRequest) (any, error) {
			return s.ListCollections(ctx, v, mockapi.CollectionQuery{PageRequest: p})
		},
		"items": func(ctx context.Context, p mockapi.PageRequest) (any, error) {
			return s.CollectionItems(ctx, v, c.ID, p)
		},
	} {
		for _, limit := range []int{3, 7} {
			p := mockapi.PageRequest{Limit: limit}
			before := lookUps()
			want, err := list(t.Context(), p)
			if n := lookUps() - before; n != 0 || err != nil {
				t.Errorf("%s: %d owners looked up without being asked to, %v", name, n, err)
			}
			got, err := list(mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{NPlusOne: true}), p)
			if n := lookUps() - before; n != int64(limit) || err != nil {
				t.Errorf("%s: %d owners looked up for a page of %d, %v", name, n, limit, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: answers %+v; without the fault %+v", name, got, want)
			}
		}
	}
}

// Calls wait for the row that others have locked, as PostgreSQL shows, and leave the row as it was.
func TestRowLockIsWaitedFor(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{Timeout: 10 * time.Second, HeavyTimeout: 10 * time.Second})
	v := newUser(t, s)
	m, err := s.CreateMedia(t.Context(), v, mockapi.NewMedia{Filename: "x", MimeType: "image/png", IsPublic: true})
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, dsn)
	version := func() (is string) {
		if err := admin.QueryRow(t.Context(), "SELECT xmin || ' ' || ctid FROM media_files").Scan(&is); err != nil {
			t.Fatal(err)
		}
		return is
	}
	before := version()
	tx, err := connect(t, dsn).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM media_files WHERE id = $1 FOR UPDATE", m.ID); err != nil {
		t.Fatal(err)
	}
	ctx, timing := mockapi.WithTiming(mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{RowLock: time.Millisecond}))
	var all sync.WaitGroup
	calls := map[string]func() error{
		"one file": func() error { _, err := s.Media(ctx, v, m.ID); return err },
		"a list":   func() error { _, err := s.ListMedia(ctx, v, mockapi.MediaQuery{}); return err },
		"a comment, whose foreign keys are the row's and the viewer's": func() error { _, err := s.AddComment(ctx, v, m.ID, "yes"); return err },
		"a transaction": func() error {
			_, err := s.ExecuteTransaction(ctx, v, []mockapi.RowOperation{{Table: "collections", Action: mockapi.ActionInsert, Data: map[string]json.RawMessage{"name": json.RawMessage(`"x"`)}}})
			return err
		},
	}
	for name, call := range calls {
		all.Go(func() {
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for waiting := 0; waiting < len(calls); {
		const q = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FOR NO KEY UPDATE'"
		if err := admin.QueryRow(t.Context(), q).Scan(&waiting); err != nil {
			t.Fatalf("%v, when %d of %d calls were waiting", err, waiting, len(calls))
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if wait, ok := timing.Lock(); !ok || wait == 0 {
		t.Errorf("waited %v for locks, %v", wait, ok)
	}
	if after := version(); after != before {
		t.Errorf("the row is at %s, was at %s", after, before)
	}
	if err := s.DeleteMedia(t.Context(), v, m.ID); err != nil {
		t.Fatal(err)
	}
	if err := calls["a list"](); err != nil { // there is no row to lock
		t.Errorf("without files: %v", err)
	}
}

func TestRowLockIsHeldByOneAtATime(t *testing.T) {
	const hold, calls = 20 * time.Millisecond, 2 * store.DefaultPoolSize
	s := open(t, schematest.New(t), store.Options{Timeout: 10 * time.Second})
	v := newUser(t, s)
	if _, err := s.CreateMedia(t.Context(), v, mockapi.NewMedia{Filename: "x", MimeType: "image/png"}); err != nil {
		t.Fatal(err)
	}
	ctx := mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{RowLock: hold})
	start := time.Now()
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			if err := s.Ready(ctx); err != nil {
				t.Errorf("Ready: %v", err)
			}
		})
	}
	all.Wait()
	if took := time.Since(start); took < calls*hold { // only the lower bound is certain
		t.Errorf("%d calls were through after %v, want %v each, one after the other", calls, took, hold)
	}
}

// Neither a row that stays locked nor a hold that is too long keeps a call longer than it may take, or costs its
// connection.
func TestRowLockEndsInTime(t *testing.T) {
	t.Parallel()
	dsn := schematest.New(t)
	// The server gives up half a second before the store does.
	s := open(t, dsn, store.Options{Timeout: 5 * time.Second, PoolSize: 1})
	v := newUser(t, s)
	if _, err := s.CreateMedia(t.Context(), v, mockapi.NewMedia{Filename: "x", MimeType: "image/png"}); err != nil {
		t.Fatal(err)
	}
	opened := s.PoolStats().Opened
	wantUnavailable(t, "with a long hold", s.Ready(mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{RowLock: time.Hour})))
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	wantUnavailable(t, "with a deadline", s.Ready(mockapi.WithDBFaults(soon, mockapi.DBFaults{RowLock: time.Hour})))

	other := connect(t, dsn)
	err := pgx.BeginFunc(t.Context(), other, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "SELECT FROM media_files FOR UPDATE"); err != nil {
			return err
		}
		wantUnavailable(t, "with the row locked", s.Ready(mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{RowLock: time.Millisecond})))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(mockapi.WithDBFaults(t.Context(), mockapi.DBFaults{RowLock: time.Millisecond})); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if now := s.PoolStats().Opened; now != opened {
		t.Errorf("%d connections were opened, %d before", now, opened)
	}
}
