package store_test

import (
	"cmp"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
)

// reference sums up in Go, over all rows of plain queries.
func reference(t *testing.T, db *pgx.Conn, q mockapi.StatisticsQuery, since, until time.Time) mockapi.MediaStatistics {
	t.Helper()
	type media struct {
		ID, UserID  int64
		MimeType    string
		Size, Views int64
		CreatedAt   time.Time
	}
	collect := func(sql string, to any) {
		t.Helper()
		rows, err := db.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		switch to := to.(type) {
		case *[]media:
			*to, err = pgx.CollectRows(rows, pgx.RowToStructByPos[media])
		case map[int64]string:
			var id int64
			var name string
			_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error { to[id] = name; return nil })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	pairs := func(sql string) map[int64][]int64 {
		t.Helper()
		rows, err := db.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		var from, to int64
		found := make(map[int64][]int64)
		if _, err := pgx.ForEachRow(rows, []any{&from, &to}, func() error { found[from] = append(found[from], to); return nil }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	var all []media
	collect("SELECT id, user_id, mime_type, size, view_count, created_at FROM media_files", &all)
	users, collections, tags := map[int64]string{}, map[int64]string{}, map[int64]string{}
	collect("SELECT id, name FROM users", users)
	collect("SELECT id, name FROM collections WHERE is_public", collections)
	collect("SELECT id, name FROM tags", tags)
	inCollections, tagged := pairs("SELECT media_id, collection_id FROM collection_items"), pairs("SELECT media_id, tag_id FROM media_tags")

	want := mockapi.MediaStatistics{Since: since, Until: until, ComputedAt: until, ByType: []mockapi.MediaTypeTotals{}, ByDay: []mockapi.MediaDayTotals{}}
	add := func(t *mockapi.MediaTotals, m media) { t.Files++; t.Bytes += m.Size; t.Views += m.Views }
	byType, byDay := map[string]*mockapi.MediaTypeTotals{}, map[string]*mockapi.MediaDayTotals{}
	byOwner, byCollection, byTag := map[int64]*mockapi.OwnerTotals{}, map[int64]*mockapi.CollectionTotals{}, map[int64]*mockapi.TagTotals{}
	for _, m := range all {
		if m.CreatedAt.Before(since) || !m.CreatedAt.Before(until) {
			continue
		}
		add(&want.Totals, m)
		day := m.CreatedAt.UTC().Format(time.DateOnly)
		if byType[m.MimeType] == nil {
			byType[m.MimeType] = &mockapi.MediaTypeTotals{MimeType: m.MimeType}
		}
		if byDay[day] == nil {
			byDay[day] = &mockapi.MediaDayTotals{Day: day}
		}
		if byOwner[m.UserID] == nil {
			byOwner[m.UserID] = &mockapi.OwnerTotals{UserID: m.UserID, Name: users[m.UserID]}
		}
		add(&byType[m.MimeType].MediaTotals, m)
		add(&byDay[day].MediaTotals, m)
		add(&byOwner[m.UserID].MediaTotals, m)
		for _, id := range inCollections[m.ID] {
			if name, public := collections[id]; public {
				if byCollection[id] == nil {
					byCollection[id] = &mockapi.CollectionTotals{CollectionID: id, Name: name}
				}
				add(&byCollection[id].MediaTotals, m)
			}
		}
		for _, id := range tagged[m.ID] {
			if byTag[id] == nil {
				byTag[id] = &mockapi.TagTotals{TagID: id, Name: tags[id]}
			}
			add(&byTag[id].MediaTotals, m)
		}
	}
	want.ByType = ordered(byType, len(byType), func(a, b mockapi.MediaTypeTotals) int { return cmp.Compare(a.MimeType, b.MimeType) })
	want.ByDay = ordered(byDay, len(byDay), func(a, b mockapi.MediaDayTotals) int { return cmp.Compare(a.Day, b.Day) })
	if q.Owners {
		want.Owners = ordered(byOwner, 10, func(a, b mockapi.OwnerTotals) int {
			return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.UserID, b.UserID))
		})
	}
	if q.Collections {
		want.Collections = ordered(byCollection, 10, func(a, b mockapi.CollectionTotals) int {
			return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.CollectionID, b.CollectionID))
		})
	}
	if q.Tags {
		want.Tags = ordered(byTag, 10, func(a, b mockapi.TagTotals) int {
			return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.TagID, b.TagID))
		})
	}
	return want
}

func ordered[K comparable, V any](m map[K]*V, limit int, compare func(a, b V) int) []V {
	all := []V{}
	for _, v := range m {
		all = append(all, *v)
	}
	slices.SortFunc(all, compare)
	return all[:min(limit, len(all))]
}

func TestStatisticsAgreeWithASlowReference(t *testing.T) {
	dsn := schematest.New(t)
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	// A heavy tail of owners over 100 days, files on both sides of every window, shelves public and not.
	_, err = db.Exec(t.Context(), `
		INSERT INTO users (email, password_hash, name, created_at) SELECT 'u' || i || '@example.com', 'x', 'User ' || i, now() - interval '200 days' FROM generate_series(1, 30) i;
		INSERT INTO media_files (user_id, filename, original_name, title, mime_type, size, view_count, is_public, created_at, updated_at)
			SELECT 1 + (i * i) % 30, 'f', 'f', 'f', (ARRAY['image/jpeg', 'image/png', 'video/mp4'])[1 + i % 3], i * 1000, i % 50, i % 4 > 0, at, at
			FROM (SELECT i, now() - i * interval '50 minutes' AS at FROM generate_series(1, 3000) i) x;
		INSERT INTO collections (user_id, name, is_public) SELECT 1 + i % 30, 'Shelf ' || i, i % 3 > 0 FROM generate_series(1, 40) i;
		INSERT INTO collection_items (collection_id, media_id, position) SELECT 1 + i % 40, 1 + (i * 7) % 3000, i FROM generate_series(1, 5000) i ON CONFLICT DO NOTHING;
		INSERT INTO tags (name) SELECT 'tag' || i FROM generate_series(1, 20) i;
		INSERT INTO media_tags (media_id, tag_id) SELECT 1 + (i * 11) % 3000, 1 + (i * i) % 20 FROM generate_series(1, 6000) i ON CONFLICT DO NOTHING;`)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, dsn, store.Options{})
	day := 24 * time.Hour
	for _, q := range []mockapi.StatisticsQuery{
		{Timeframe: 30 * day, Owners: true, Collections: true, Tags: true},
		{Timeframe: day}, {Timeframe: 7 * day, Tags: true}, {Timeframe: 365 * day, Owners: true}, {Timeframe: time.Hour, Owners: true, Collections: true},
	} {
		got, err := s.MediaStatistics(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if want := reference(t, db, q, got.Since, got.Until); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v:\n got %+v\nwant %+v", q, got, want)
		}
		if got.Until.Sub(got.Since) != q.Timeframe {
			t.Errorf("%+v: the window is %v", q, got.Until.Sub(got.Since))
		}
	}
}

// Files whose sizes and views are more than a bigint together do not fail the statistics.
func TestStatisticsOfHugeNumbers(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{})
	v := newUser(t, s)
	mustExec(t, connect(t, dsn), `INSERT INTO media_files (user_id, filename, original_name, title, mime_type, size, view_count)
		SELECT $1, 'f', 'f', 'f', 'image/png', $2, $2 FROM generate_series(1, 1100)`, v.UserID, int64(mockapi.MaxNumber))
	got, err := s.MediaStatistics(t.Context(), mockapi.StatisticsQuery{Timeframe: time.Hour, Owners: true})
	want := mockapi.MediaTotals{Files: 1100, Bytes: mockapi.MaxNumber, Views: mockapi.MaxNumber}
	if err != nil || got.Totals != want || len(got.Owners) != 1 || got.Owners[0].MediaTotals != want {
		t.Errorf("sums %+v, %v; want those of all files to end at %+v", got, err, want)
	}
}

// Many who ask at once share one answer.
func TestStatisticsAreShared(t *testing.T) {
	s := open(t, schematest.New(t), store.Options{})
	answers := make(chan time.Time, 100)
	for range cap(answers) {
		go func() {
			found, err := s.MediaStatistics(t.Context(), mockapi.StatisticsQuery{Timeframe: time.Hour})
			if err != nil {
				t.Error(err)
			}
			answers <- found.ComputedAt
		}()
	}
	first := <-answers
	for range cap(answers) - 1 {
		if at := <-answers; !at.Equal(first) {
			t.Fatalf("answers computed at %v and %v", first, at)
		}
	}
	ctx, timing := mockapi.WithTiming(t.Context())
	if _, err := s.MediaStatistics(ctx, mockapi.StatisticsQuery{Timeframe: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if hit, asked := timing.Cache(); !hit || !asked {
		t.Errorf("a remembered answer: hit %v, asked %v", hit, asked)
	}
	// Who asks for ever other windows is refused before he holds up everybody else.
	var refused atomic.Int64
	var all sync.WaitGroup
	for hours := range 200 {
		all.Go(func() {
			_, err := s.MediaStatistics(t.Context(), mockapi.StatisticsQuery{Timeframe: time.Duration(2+hours) * time.Hour})
			if mockapi.CodeOf(err) == mockapi.CodeUnavailable {
				refused.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if refused.Load() == 0 {
		t.Error("200 different windows are all remembered")
	}
}
