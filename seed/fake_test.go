package seed_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/pgcopy"
)

var asOf = time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC)

// nasty are texts that are easily sent, quoted or read wrongly.
var nasty = []string{
	"plain", "", " ", "a,b", `say "hi"`, `"`, "line\nbreak", "crlf\r\nend", `\.`, `\N`, `\x41`, `back\slash`, "tab\there",
	"NULL", "it's", "ünïcödé 中文 🎉", "\u0001\u001f\u007f", " lead and trail ", "{}", "${x} :y $1 %s",
}

// fake makes a small dataset whose rows depend on nothing but seedNumber, their number and the first ids.
type fake struct {
	seed  uint64
	first map[string]int64
	// scale is the number of users; the other tables have multiples of it.
	scale int64
	// hook is called for each row, if it is not nil.
	hook func(e pgcopy.Encoder, table string, i int64)
}

func (f fake) id(table string, i int64) int64 { return max(1, f.first[table]) + i }

func (f fake) dataset() seed.Dataset {
	text := func(i int64) string { return nasty[(uint64(i)+f.seed)%uint64(len(nasty))] }
	micro := func(i int64) int64 { return asOf.UnixMicro() - (i*7_919+int64(f.seed))%31_536_000_000_000 }
	n := f.scale
	media, collections, tags := 8*n, 2*n, int64(10)
	rows := map[string]func(e pgcopy.Encoder, i int64){
		"users": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("users", i))
			e.String(fmt.Sprintf("user%d@medianest.test", f.id("users", i)))
			e.String("hash")
			e.String(text(i))
			e.String([]string{"user", "admin"}[i%2])
			e.JSON([]byte(`{"theme": "dark", "itemsPerPage": 20}`))
			e.Bool(i%10 != 0)
			e.Time(micro(i))
			e.Time(micro(i) + 1)
			if i%3 == 0 {
				e.Null()
			} else {
				e.Time(micro(i) + 5)
			}
		},
		"media_files": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("media_files", i))
			e.Int64(f.id("users", i%n))
			e.String(fmt.Sprintf("IMG_%08d.jpg", i*7_919%100_000_000))
			e.String(text(i))
			e.String("Title " + text(i+1))
			if i%4 == 0 {
				e.Null()
			} else {
				e.String(text(i + 2))
			}
			e.String("image/jpeg")
			e.Int64(i * 1_000_003)
			e.Int32(int32(i%4000) + 1)
			e.Int32(int32(i%3000) + 1)
			e.Null()
			e.Int64(i % 100)
			e.Bool(i%4 != 0)
			if i%5 == 0 {
				e.Bytes([]byte(fmt.Sprintf("%032d", i)))
			} else {
				e.Null()
			}
			e.Time(micro(i))
			e.Time(micro(i))
			e.Null()
		},
		"collections": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("collections", i))
			e.Int64(f.id("users", i%n))
			e.String(text(i))
			e.String(text(i + 1))
			e.Bool(i%2 == 0)
			e.Time(micro(i))
			e.Time(micro(i))
		},
		"collection_items": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("collections", i%collections))
			e.Int64(f.id("media_files", i%media))
			e.Int32(int32(i/collections) + 1)
			e.Time(micro(i))
		},
		"tags": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("tags", i))
			e.String(fmt.Sprintf("tag-%d", f.id("tags", i)))
			e.Time(micro(i))
		},
		"media_tags": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("media_files", i%media))
			e.Int64(f.id("tags", i/media))
		},
		"comments": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("comments", i))
			e.Int64(f.id("media_files", i%media))
			e.Int64(f.id("users", i%n))
			e.String(text(i))
			e.Time(micro(i))
			e.Time(micro(i))
		},
		"user_activity": func(e pgcopy.Encoder, i int64) {
			e.Int64(f.id("user_activity", i))
			e.Int64(f.id("users", i%n))
			e.String("login")
			if i%2 == 0 {
				e.Null()
			} else {
				e.JSON([]byte(`{"ip": "10.0.0.1", "note": "a \"quoted\"\n, word"}`))
			}
			e.Time(micro(i))
		},
	}
	counts := map[string]int64{"users": n, "media_files": media, "collections": collections, "collection_items": media,
		"tags": tags, "media_tags": 3 * media, "comments": 5 * n, "user_activity": 4 * n}
	d := seed.Dataset{Identity: seed.Identity{
		Fingerprint: fmt.Sprintf("fake-%d-%d-%v", f.seed, f.scale, f.first), Profile: "fake", ProfileDigest: fmt.Sprint(f.scale),
		Seed: f.seed, AsOf: asOf, GeneratorVersion: 1, FirstID: f.first,
	}}
	for _, t := range schema.Tables() {
		if t.Name == "sessions" {
			continue
		}
		row := rows[t.Name]
		// notifications stay without rows: a dataset may leave a table empty.
		d.Tables = append(d.Tables, gen.Table{Schema: t, Rows: counts[t.Name], NewRowFunc: func() gen.RowFunc {
			return func(e pgcopy.Encoder, i int64) {
				e.BeginRow(len(t.Columns))
				row(e, i)
				e.EndRow()
				if f.hook != nil {
					f.hook(e, t.Name, i)
				}
			}
		}})
	}
	return d
}

// load seeds and fails the test if that fails.
func load(t *testing.T, dsn string, d seed.Dataset, o seed.Options) seed.Result {
	t.Helper()
	r, err := seed.Load(t.Context(), dsn, d, o)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return r
}

// definitions describes all indexes, constraints and sequences of a database.
func definitions(t *testing.T, dsn string) string {
	t.Helper()
	return query(t, dsn, `
		SELECT format('%s: %s %s', indrelid::regclass, pg_get_indexdef(indexrelid), indisvalid)
		FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
		UNION ALL
		SELECT format('%s: %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
		FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		ORDER BY 1`)
}

// fingerprint describes everything that a load leaves in a database, save for times.
func fingerprint(t *testing.T, dsn string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(definitions(t, dsn))
	for _, table := range schema.Tables() {
		c, err := seed.ContentChecksum(t.Context(), dsn, table.Name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %d rows, checksum %x\n", table.Name, c.Rows, c.Checksum)
		if table.Identity {
			b.WriteString(query(t, dsn, "SELECT format('next id %s %s', last_value, is_called) FROM "+table.Name+"_id_seq"))
		}
	}
	b.WriteString(query(t, dsn, "SELECT format('run %s %s %s', id, fingerprint, finished_at IS NOT NULL) FROM seed_runs ORDER BY id"))
	b.WriteString(query(t, dsn, "SELECT format('owed %s', name) FROM seed_deferred ORDER BY name"))
	b.WriteString(query(t, dsn, `SELECT format('ledger %s %s %s %s', run_id, table_name, sum(row_count), mod(sum(checksum::numeric) + 1000::numeric * 18446744073709551616, 18446744073709551616))
		FROM seed_units GROUP BY run_id, table_name ORDER BY run_id, table_name`))
	return b.String()
}

// query returns the single column of a query, a line for each row.
func query(t *testing.T, dsn, sql string, args ...any) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(append(lines, ""), "\n")
}

// execute runs statements.
func execute(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// same fails the test unless two databases look the same.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	has := make(map[string]bool)
	for _, line := range strings.Split(want, "\n") {
		has[line] = true
	}
	for _, line := range strings.Split(got, "\n") {
		if !has[line] {
			t.Errorf("%s: unexpected %s", what, line)
		}
		delete(has, line)
	}
	for line := range has {
		t.Errorf("%s: missing %s", what, line)
	}
}

// lockTable locks a table in a session called somebody until the returned function is called.
func lockTable(t *testing.T, dsn, table string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	for _, s := range []string{"SET application_name = 'somebody'", "BEGIN", "LOCK TABLE " + table + " IN ACCESS SHARE MODE"} {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return func() { conn.Close(context.Background()) }
}

// pgcopyEncoder spares tests an import for the type of a hook's parameter.
type pgcopyEncoder = pgcopy.Encoder

// countdown is a context that ends when it has been asked a number of times whether it has: at every point
// of a sequence of database calls, one after another, if the number goes up.
type countdown struct {
	context.Context
	mu   sync.Mutex
	left int
	done chan struct{}
	end  func() // called instead of ending the context, if not nil
}

func (c *countdown) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left == 0 {
		if c.end != nil {
			c.end()
		}
		close(c.done)
	}
}

// rest tells how many times are left. A goroutine that watches the context may still ask when what it is for has ended.
func (c *countdown) rest() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// Done counts down.
func (c *countdown) Done() <-chan struct{} { c.tick(); return c.done }

// Err tells whether the countdown is over.
func (c *countdown) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}
