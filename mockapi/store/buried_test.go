package store_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
)

// A load test uploads private files by the hundred thousand: lists for everybody else must not walk through them.
func TestPrivateRowsOfOthersAreNotWalkedThrough(t *testing.T) {
	const buried, enough = 20_000, 2_000 // rows
	dsn := schematest.New(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`INSERT INTO users (id, email, password_hash, name) SELECT i, i || '@example.com', '', 'n' FROM generate_series(1, 2) i`)
	for _, rows := range []struct {
		owner, n int
		public   bool
		age      string
	}{{1, 200, true, "2 days"}, {1, 5, false, "1 day"}, {2, buried, false, "1 hour"}} {
		exec(`INSERT INTO media_files (user_id, filename, original_name, title, mime_type, size, is_public, created_at, updated_at)
			SELECT $1, 'photo-' || i || '.jpg', 'x', 'x', 'image/jpeg', 1, $3, now() - $4::text::interval + i * interval '1 ms', now()
			FROM generate_series(1, $2::int) i`, rows.owner, rows.n, rows.public, rows.age)
		exec(`INSERT INTO collections (user_id, name, is_public, created_at, updated_at)
			SELECT $1, 'c', $3, now() - $4::text::interval + i * interval '1 ms', now() FROM generate_series(1, $2::int) i`,
			rows.owner, rows.n, rows.public, rows.age)
	}
	exec("ANALYZE")

	s := open(t, dsn, store.Options{})
	v := mockapi.Viewer{UserID: 1, Role: mockapi.RoleUser}
	media := func(page mockapi.Page[mockapi.Media], err error) string {
		t.Helper()
		if err != nil || len(page.Items) != 20 || page.Items[0].UserID != 1 {
			t.Fatalf("a page of %d files, %v; want 20 of user 1", len(page.Items), err)
		}
		return page.NextCursor
	}
	next := media(s.ListMedia(t.Context(), v, mockapi.MediaQuery{}))
	media(s.ListMedia(t.Context(), v, mockapi.MediaQuery{PageRequest: mockapi.PageRequest{Cursor: next}}))
	media(s.ListMedia(t.Context(), mockapi.Viewer{}, mockapi.MediaQuery{}))
	media(s.ListMedia(t.Context(), v, mockapi.MediaQuery{MinSize: 1}))
	media(s.SearchMedia(t.Context(), v, "photo", mockapi.PageRequest{}))
	page, err := s.ListCollections(t.Context(), v, mockapi.CollectionQuery{})
	if err != nil || len(page.Items) != 20 || page.Items[0].UserID != 1 || page.Items[0].IsPublic {
		t.Fatalf("a page of %d collections, %v; want 20, user 1's private ones first", len(page.Items), err)
	}
	s.Close()
	// What its connections counted is there once they have ended.
	for others := 1; others > 0; {
		const q = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
		if err := conn.QueryRow(t.Context(), q).Scan(&others); err != nil {
			t.Fatal(err)
		}
	}

	var read, scans int64
	const walked = "SELECT sum(idx_tup_read), sum(idx_scan) FROM pg_stat_user_indexes WHERE relname IN ('media_files', 'collections')"
	if err := conn.QueryRow(t.Context(), walked).Scan(&read, &scans); err != nil {
		t.Fatal(err)
	}
	if read > enough || scans < 6 {
		t.Errorf("six lists read %d entries of indexes in %d scans; want at most %d: %d rows of somebody else were walked through", read, scans, enough, buried)
	}
}
