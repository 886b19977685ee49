package schematest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/schematest"
)

func TestNewIsMigratedAndItsOwn(t *testing.T) {
	a, b := schematest.New(t), schematest.New(t)
	if a == b {
		t.Fatalf("two calls returned one database")
	}
	ca, err := pgx.Connect(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer ca.Close(t.Context())
	if _, err := ca.Exec(t.Context(), "INSERT INTO tags (name) VALUES ('only in a')"); err != nil {
		t.Fatal(err)
	}
	cb, err := pgx.Connect(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer cb.Close(t.Context())
	var n int
	if err := cb.QueryRow(t.Context(), "SELECT count(*) FROM tags").Scan(&n); err != nil || n != 0 {
		t.Fatalf("tags in the other database: %d, %v; want 0", n, err)
	}
	current, newest, err := schema.Version(t.Context(), b)
	if err != nil || current != newest || newest == 0 {
		t.Fatalf("version %d of %d, %v; want the newest", current, newest, err)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		schematest.New(b)
	}
}
