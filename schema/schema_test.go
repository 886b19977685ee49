package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/schematest"
)

// notOurs are the tables that are no part of the product: goose's, and the ledger of the seeder.
var notOurs = []string{"goose_db_version", "seed_deferred", "seed_runs", "seed_units"}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func list(t *testing.T, conn *pgx.Conn, sql string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return values
}

func wantSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s: the database has %q, the package has not", what, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s: the package has %q, the database has not", what, line)
		}
	}
	if len(got) == len(want) && !t.Failed() && !slices.Equal(got, want) {
		t.Errorf("%s in another order: the database %q, the package %q", what, got, want)
	}
}

func TestTablesAreThoseOfTheMigrations(t *testing.T) {
	conn := connect(t, schematest.New(t))

	t.Run("tables", func(t *testing.T) {
		var want []string
		for _, table := range schema.Tables() {
			want = append(want, table.Name)
		}
		slices.Sort(want)
		wantSame(t, "tables", list(t, conn, `
			SELECT table_name::text FROM information_schema.tables
			WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> ALL ($1)
			ORDER BY table_name COLLATE "C"`, notOurs), want)
	})

	for _, table := range schema.Tables() {
		t.Run(table.Name, func(t *testing.T) {
			var columns []string
			for _, c := range table.Columns {
				null := "NO"
				if c.Nullable {
					null = "YES"
				}
				columns = append(columns, fmt.Sprintf("%s %s nullable:%s", c.Name, c.Type, null))
			}
			wantSame(t, "columns", list(t, conn, `
				SELECT format('%s %s nullable:%s', column_name, data_type, is_nullable)
				FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1
				ORDER BY ordinal_position`, table.Name), columns)

			var identity []string
			if table.Identity {
				identity = []string{"id BY DEFAULT"}
			}
			wantSame(t, "identity", list(t, conn, `
				SELECT column_name || ' ' || identity_generation
				FROM information_schema.columns
				WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'YES'`, table.Name), identity)

			wantSame(t, "primary key", list(t, conn, `
				SELECT a.attname::text
				FROM pg_constraint c
				CROSS JOIN unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
				JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
				WHERE c.conrelid = $1::regclass AND c.contype = 'p'
				ORDER BY k.place`, table.Name), table.PrimaryKey)

			var foreign []string
			for _, key := range table.ForeignKeys {
				foreign = append(foreign, fmt.Sprintf("(%s) -> %s(id)", key.Column, key.References))
			}
			slices.Sort(foreign)
			wantSame(t, "foreign keys", list(t, conn, `
				SELECT * FROM (SELECT format('(%s) -> %s(%s)',
					(SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)),
					confrelid::regclass,
					(SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = confrelid AND attnum = ANY (confkey)))
				FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f') AS keys (key)
				ORDER BY key COLLATE "C"`, table.Name), foreign)
		})
	}
}

func TestTablesComeAfterWhatTheyReferTo(t *testing.T) {
	var before []string
	for _, table := range schema.Tables() {
		if slices.Contains(before, table.Name) {
			t.Errorf("%s is listed twice", table.Name)
		}
		for _, key := range table.ForeignKeys {
			if !slices.Contains(before, key.References) {
				t.Errorf("%s refers to %s, which is not before it", table.Name, key.References)
			}
			if !slices.ContainsFunc(table.Columns, func(c schema.Column) bool { return c.Name == key.Column }) {
				t.Errorf("%s has no column %s for its foreign key", table.Name, key.Column)
			}
		}
		before = append(before, table.Name)
	}
}

// A delete of a parent row, and the seeder's check for orphans, would otherwise read whole tables.
func TestForeignKeysHaveIndexes(t *testing.T) {
	conn := connect(t, schematest.New(t))
	bare := list(t, conn, `
		SELECT c.conrelid::regclass || '.' || a.attname
		FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'f' AND NOT EXISTS (
			SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])`)
	if len(bare) > 0 {
		t.Errorf("without an index: %s", strings.Join(bare, ", "))
	}
}

// Every column a row needs is one that COPY fills or that has a default, so that a row can be made with what
// the API knows.
func TestMinimalRows(t *testing.T) {
	conn := connect(t, schematest.New(t))
	for _, sql := range []string{
		`INSERT INTO users (email, password_hash, name) VALUES ('ann@medianest.test', 'x', 'Ann')`,
		`INSERT INTO media_files (user_id, filename, original_name, title, mime_type, size) VALUES (1, 'a.jpg', 'a.jpg', 'A', 'image/jpeg', 1)`,
		`INSERT INTO collections (user_id, name) VALUES (1, 'c')`,
		`INSERT INTO collection_items (collection_id, media_id, position) VALUES (1, 1, 1)`,
		`INSERT INTO tags (name) VALUES ('photo')`,
		`INSERT INTO media_tags (media_id, tag_id) VALUES (1, 1)`,
		`INSERT INTO comments (media_id, user_id, body) VALUES (1, 1, 'b')`,
		`INSERT INTO user_activity (user_id, action) VALUES (1, 'login')`,
		`INSERT INTO notifications (user_id, type, message) VALUES (1, 'email', 'm')`,
		`INSERT INTO sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), 1, now())`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	// Deleting the user takes all of it along, but for the tag.
	if _, err := conn.Exec(t.Context(), "DELETE FROM users"); err != nil {
		t.Fatal(err)
	}
	for _, table := range schema.Tables() {
		var n, want int
		if table.Name == "tags" {
			want = 1
		}
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+pgx.Identifier{table.Name}.Sanitize()).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != want {
			t.Errorf("%s has %d rows after its user was deleted, want %d", table.Name, n, want)
		}
	}
}
