package schema_test

import (
	"errors"
	"regexp"
	"strconv"
	"testing"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/schematest"
)

// objects is everything that migrations could leave, without what belongs to an extension.
const objects = `
	WITH owned AS (SELECT objid FROM pg_depend WHERE deptype = 'e')
	SELECT 'relation ' || relname AS object FROM pg_class WHERE relnamespace = 'public'::regnamespace AND oid NOT IN (TABLE owned)
	UNION SELECT 'type ' || typname FROM pg_type
		WHERE typnamespace = 'public'::regnamespace AND oid NOT IN (TABLE owned) AND typelem NOT IN (TABLE owned)
	UNION SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND oid NOT IN (TABLE owned)
	UNION SELECT 'extension ' || extname FROM pg_extension
	UNION SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_'
	ORDER BY object`

func TestUp(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	if current, newest, err := schema.Version(t.Context(), dsn); err != nil || current != 0 || newest < 2 {
		t.Fatalf("an empty database is at version %d of %d, %v; want 0", current, newest, err)
	}
	if err := schema.Up(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	once := list(t, conn, objects)
	if err := schema.Up(t.Context(), dsn); err != nil {
		t.Fatalf("again: %v", err)
	}
	wantSame(t, "after the second time", list(t, conn, objects), once)
	if current, newest, err := schema.Version(t.Context(), dsn); err != nil || current != newest {
		t.Fatalf("version %d of %d, %v; want the newest", current, newest, err)
	}
	wantSame(t, "in a test's copy", list(t, connect(t, schematest.New(t)), objects), once)
}

func TestUpAllAtOnce(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	errs := make(chan error)
	for range 8 {
		go func() { errs <- schema.Up(t.Context(), dsn) }()
	}
	var all error
	for range 8 {
		all = errors.Join(all, <-errs)
	}
	if all != nil {
		t.Fatal(all)
	}
	_, newest, err := schema.Version(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	var want []string // each once
	for version := range newest + 1 {
		want = append(want, strconv.FormatInt(version, 10))
	}
	wantSame(t, "versions", list(t, connect(t, dsn), "SELECT version_id::text FROM goose_db_version ORDER BY id"), want)
}

func TestDownLeavesNothing(t *testing.T) {
	dsn := schematest.NewEmpty(t)
	conn := connect(t, dsn)
	// The one thing that stays: it may have been there before, and others may use it.
	if _, err := conn.Exec(t.Context(), "CREATE EXTENSION pg_trgm"); err != nil {
		t.Fatal(err)
	}
	before := list(t, conn, objects)
	for range 2 { // what Down leaves must not be in the way of Up
		if err := schema.Up(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
		if err := schema.Down(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
	}
	if current, _, err := schema.Version(t.Context(), dsn); err != nil || current != 0 {
		t.Errorf("version %d, %v; want 0", current, err)
	}
	if _, err := conn.Exec(t.Context(), "DROP TABLE goose_db_version"); err != nil { // the migrator's own
		t.Fatal(err)
	}
	wantSame(t, "after Down", list(t, conn, objects), before)
}

func TestUnreachableDatabase(t *testing.T) {
	for name, try := range map[string]func() error{
		"Up": func() error { return schema.Up(t.Context(), "postgres://nobody@127.0.0.1:1/none") },
		"Version": func() error {
			_, _, err := schema.Version(t.Context(), "postgres://nobody@127.0.0.1:1/none")
			return err
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s succeeded without a database", name)
		}
	}
}

func TestDigest(t *testing.T) {
	if d := schema.Digest(); !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(d) || d != schema.Digest() {
		t.Errorf("digest %q, then %q", d, schema.Digest())
	}
}
