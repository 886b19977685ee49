package store_test

import (
	"testing"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
)

// What is told as failed has not been done, wherever a run of operations fails.
func TestBulkRunFailsAsAWhole(t *testing.T) {
	dsn := schematest.New(t)
	s := open(t, dsn, store.Options{})
	v := newUser(t, s)
	m, err := s.CreateMedia(t.Context(), v, mockapi.NewMedia{Filename: "a.jpg", OriginalName: "a.jpg", Title: "before", MimeType: "image/jpeg"})
	if err != nil {
		t.Fatal(err)
	}
	// The update goes well, and the question that follows it does not: why one of the rows was not there.
	db := connect(t, dsn)
	mustExec(t, db, `CREATE FUNCTION lose_the_tables() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM set_config('search_path', 'nowhere', false); RETURN NULL; END $$`)
	mustExec(t, db, "CREATE TRIGGER lose_the_tables AFTER UPDATE ON media_files EXECUTE FUNCTION lose_the_tables()")
	title := "after"
	update := func(id int64) mockapi.BulkOperation {
		return mockapi.BulkOperation{Action: mockapi.ActionUpdate, Type: "media", ID: id, MediaUpdate: &mockapi.MediaUpdate{Title: &title}}
	}
	results, err := s.Bulk(t.Context(), v, []mockapi.BulkOperation{update(m.ID), update(1 << 40)}, false)
	if err != nil || len(results) != 2 {
		t.Fatalf("results %+v, %v", results, err)
	}
	for i, r := range results {
		if mockapi.CodeOf(r.Err) != mockapi.CodeInternal || r.ID != 0 {
			t.Errorf("operation %d: id %d, %v; want a failure", i, r.ID, r.Err)
		}
	}
	if m, err = s.Media(t.Context(), v, m.ID); err != nil || m.Title != "before" {
		t.Errorf("title %q, %v: what failed has been done", m.Title, err)
	}
}
