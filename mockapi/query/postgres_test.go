package query_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi/query"
	"github.com/medianest/testbed/schema/schematest"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

// foldsUnicode tells whether the server's lower() knows more than ASCII.
func foldsUnicode(t *testing.T, conn *pgx.Conn) (unicode bool) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), `SELECT lower('É') = 'é'`).Scan(&unicode); err != nil {
		t.Fatal(err)
	}
	return unicode
}

// Match folds texts as the server does, character by character. The alphabets that people type must agree;
// elsewhere the two may know different versions of Unicode.
func TestFoldAgreesWithPostgreSQL(t *testing.T) {
	t.Parallel()
	conn := connect(t, schematest.NewEmpty(t))
	unicode := foldsUnicode(t, conn)
	rows, err := conn.Query(t.Context(), `SELECT i, lower(chr(i)) FROM generate_series(1, 1114111) i WHERE i NOT BETWEEN 55296 AND 57343`)
	if err != nil {
		t.Fatal(err)
	}
	var (
		char   rune
		lower  string
		others []string
	)
	_, err = pgx.ForEachRow(rows, []any{&char, &lower}, func() error {
		if query.Fold(string(char)) == lower {
			return nil
		}
		if char < 0x80 || unicode && char < 0x600 { // Latin, Greek, Cyrillic, Armenian, Hebrew
			t.Errorf("%U: lower is %U, fold is %U", char, []rune(lower), []rune(query.Fold(string(char))))
		} else {
			others = append(others, fmt.Sprintf("%U", char))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Unicode folding: %v; other characters that fold differently: %d %v", unicode, len(others), others[:min(len(others), 20)])
}

// serverTexts are the nasty texts that the server folds as Match does.
func serverTexts(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	if foldsUnicode(t, conn) {
		return nastyTexts
	}
	return slices.DeleteFunc(slices.Clone(nastyTexts), func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f })
	})
}

// parseRandom returns random queries that parse: all but those that compare with a moving instant, end
// before they start, or pass a limit.
func parseRandom(t *testing.T, r *rand.Rand, texts []string) (src string, q *query.Query) {
	t.Helper()
	for {
		src := randomQuery(r, texts, r.IntN(4))
		q, err := query.Parse(src, query.AllowPersonal())
		if err == nil {
			return src, q
		}
		if errors.Is(err, query.ErrSyntax) || errors.Is(err, query.ErrUnknownField) || errors.Is(err, query.ErrForbiddenField) {
			t.Fatalf("%s: %v", src, err)
		}
	}
}

// The compiled SQL finds the very rows that Match finds, for thousands of random queries.
func TestSQLAgreesWithMatch(t *testing.T) {
	t.Parallel()
	conn := connect(t, schematest.New(t))
	texts := serverTexts(t, conn)
	r := rand.New(rand.NewPCG(1, 2))
	l := newLibrary(r, texts)
	l.store(t, conn)

	rounds := 3000
	if testing.Short() {
		rounds = 500
	}
	some, leaks := 0, 0
	for range rounds {
		src, q := parseRandom(t, r, texts)
		checkCanonical(t, q)
		v := query.Viewer{ID: r.Int64N(libraryUsers + 1), All: r.IntN(10) == 0}
		want, _ := l.matches(q, v)
		where, args := q.SQL(v, now, 3)
		checkParameters(t, where, 3, len(args))
		rows, err := conn.Query(t.Context(), "SELECT m.id FROM media_files m WHERE $1::int < $2::int AND "+where+" ORDER BY m.id",
			append([]any{pgx.QueryExecModeExec, 1, 2}, args...)...)
		if err != nil {
			t.Fatalf("%s\n%s\n%v", src, where, err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			t.Fatalf("%s\n%s\n%v", src, where, err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s\nviewer %+v\n%s %v\ngot  %v\nwant %v", src, v, where, args, got, want)
		}
		if len(got) > 0 && len(got) < len(l.rows) {
			some++
		}
		if everything, _ := l.matches(q, query.Viewer{All: true}); len(everything) != len(want) {
			leaks++
		}
	}
	t.Logf("%d queries, %d of them find some rows but not all, %d depend on the viewer", rounds, some, leaks)
	if some < rounds/3 || leaks < rounds/50 {
		t.Error("the queries are too simple to prove anything")
	}
}

// waysQueries reach every driver and every way to walk; each finds something for some viewer.
var waysQueries = []string{
	`*:*`, `id:7`, `id:7 OR id:8 OR tags:x`, `size:0`, `size:>1GB NOT tags:x`, `views:[1 TO 1000]`,
	`filename:img_0042.jpg`, `filename:*0042*`, `filename:IMG*JPG`, `title:"SUNSET AT"`, `title:Sunset*`, `title:*BEACH`,
	`sunset`, `SUNSET beach`, `"x sunset"`, `im?_0042*`, `description:0042`, `description:0042 tags:*`, `filename:*0042* description:sunset`,
	`tags:IMG_0042.jpg`, `tags:*0042*`, `tags:"img_0042.jpg" OR filename:*0042* OR title:0042`, `tags:x OR tags:end*`, `tags:x AND NOT description:sunset`,
	`collections.name:*0042*`, `collections.name:X*`, `collections.name:i* OR collections.name:"Sunset BEACH" OR collections.name:5*`, `collections.id:7`, `collections:* -tags:*`,
	`user.email:*0@example.com OR user.email:*1@example.com`, `user.name:?*`, `user.role:ADMIN tags:*`, `type:image`, `type:IMAGE/png`, `type:vid* OR type:odd`,
	`public:false`, `public:false filename:*0042*`, `public:true user_id:3`, `user_id:3`, `user_id:3 OR user_id:4`, `user_id:3 created_at:2024`,
	`created_at:2024-01`, `created_at:[2023 TO 2024-01} filename:*0042*`, `created_at:>=now-7d`, `updated_at:<2024 tags:*`,
}

// Every way that a Statement can take is taken here, by bounds that small tables reach.
func TestStatementWays(t *testing.T) {
	t.Parallel()
	conn := connect(t, schematest.New(t))
	// Few texts, so that everything is there often, and alone as well as within others.
	texts := []string{"IMG_0042.jpg", "img_0042.JPG", "IMG-0042.jpg", "x", "Sunset at the beach", "sunset beach", "end", "50%_off"}
	r := rand.New(rand.NewPCG(7, 8))
	l := newLibrary(r, texts)
	l.store(t, conn)
	ways := map[string]int{}
	for _, src := range waysQueries {
		q, err := query.Parse(src, query.AllowPersonal())
		if err != nil {
			t.Fatal(err)
		}
		if _, some := l.matches(q, query.Viewer{All: true}); len(some) == 0 {
			t.Errorf("%s finds nothing", src)
		}
		for _, v := range []query.Viewer{{}, {ID: 3}, {ID: 3, All: true}} {
			plan := q.Plan(v, query.Page{Limit: 7})
			ways[plan.Walk]++
			for _, d := range plan.Drivers {
				ways[d]++
			}
			for _, bounds := range [][2]int{{0, 3}, {0, 4000}, {30, 3}, {30, 4000}} {
				checkPages(t, conn, l, src, q, v, query.Page{Limit: 7, Budget: 150}, bounds[0], bounds[1])
			}
		}
	}
	for _, name := range []string{"newest", "owner", "id", "size", "view_count", "filename", "title", "text", "text & text", "tags", "collections.name", "collections.id", "user.email", "user.name", "mime_type", "user_id + user_id"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(ways)), func(way string) bool { return strings.HasPrefix(way, name) }) {
			t.Errorf("no query takes the way of %s: %v", name, ways)
		}
	}
}

// The same for random queries and pages.
func TestStatementAgreesWithMatch(t *testing.T) {
	t.Parallel()
	conn := connect(t, schematest.New(t))
	texts := serverTexts(t, conn)
	r := rand.New(rand.NewPCG(3, 4))
	l := newLibrary(r, texts)
	l.store(t, conn)

	rounds := 600
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		src, q := parseRandom(t, r, texts)
		v := query.Viewer{ID: r.Int64N(libraryUsers + 1), All: r.IntN(10) == 0}
		page := query.Page{Limit: pick(r, []int{1, 3, 20, 100, 500}), Budget: pick(r, []int{0, -1, 40, 399, 400, 401})}
		checkPages(t, conn, l, src, q, v, page, pick(r, []int{0, 0, 5, 100}), pick(r, []int{0, 3, 30, 4000}))
	}
}

// checkPages holds that all pages together are the visible matches, newest first, whatever way a Statement
// takes and however often its budget runs out.
func checkPages(t *testing.T, conn *pgx.Conn, l *library, src string, q *query.Query, v query.Viewer, page query.Page, shortWalk, maxDriven int) {
	t.Helper()
	_, want := l.matches(q, v)
	var got []int64
	for pages := 0; ; pages++ {
		sql, args := q.BoundedStatement(v, now, page, shortWalk, maxDriven)
		checkParameters(t, sql, 1, len(args))
		items, next, complete := runStatement(t, conn, src, sql, args, page.Limit)
		got = append(got, items...)
		if !complete && page.Budget < 0 {
			t.Fatalf("%s: without a budget the answer is not complete", src)
		}
		if page.After = next; next == nil {
			break
		}
		if pages > len(l.rows) {
			t.Fatalf("%s: there is no end of pages", src)
		}
	}
	if !slices.Equal(got, want) {
		page.After = nil
		sql, args := q.BoundedStatement(v, now, page, shortWalk, maxDriven)
		t.Fatalf("%s\nviewer %+v, page %+v, short %d, driven %d\n%s %v\ngot  %v\nwant %v", src, v, page, shortWalk, maxDriven, sql, args, got, want)
	}
}

type found struct {
	query.Cursor
	hit bool
}

func runStatement(t testing.TB, conn *pgx.Conn, src, sql string, args []any, limit int) (ids []int64, next *query.Cursor, complete bool) {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		t.Fatalf("%s\n%s\n%v", src, sql, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) {
		return f, row.Scan(&f.ID, &f.CreatedAt, &f.hit)
	})
	if err != nil {
		t.Fatalf("%s\n%s\n%v", src, sql, err)
	}
	items, next, complete := query.Cut(list, limit, func(f found) (query.Cursor, bool) { return f.Cursor, f.hit })
	for _, f := range items {
		ids = append(ids, f.ID)
	}
	return ids, next, complete
}

// checkParameters holds that a text uses each of its parameters and no others.
func checkParameters(t testing.TB, sql string, first, n int) {
	t.Helper()
	used := map[int]bool{}
	for _, part := range strings.Split(sql, "$")[1:] {
		end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		number, err := strconv.Atoi(part[:end])
		if err != nil || number < first || number >= first+n {
			t.Fatalf("parameter $%s of %d from $%d: %s", part[:end], n, first, sql)
		}
		used[number] = true
	}
	if len(used) != n {
		t.Fatalf("%d parameters used of %d: %s", len(used), n, sql)
	}
}

// Nothing that a query says is in its SQL but as a parameter.
func TestSQLHoldsNoValues(t *testing.T) {
	q, err := query.Parse(`filename:Zq*Xw "Zq Xw" type:Zq tags:(Zq Xw?) collections:"Zq'Xw" user.name:Zq* user.email:Zq title:Zq size:>917354 created_at:[1987 TO now-19d] id:917354`, query.AllowPersonal())
	if err != nil {
		t.Fatal(err)
	}
	where, _ := q.SQL(query.Viewer{ID: 917354}, now, 1)
	sql, _ := q.Statement(query.Viewer{ID: 917354}, now, query.Page{Limit: 20, After: &query.Cursor{CreatedAt: now, ID: 917354}})
	for _, s := range []string{"Zq", "Xw", "zq", "917354", "1987", "19d"} {
		if strings.Contains(where, s) || strings.Contains(sql, s) {
			t.Errorf("%s is in the SQL: %s", s, sql)
		}
	}
}

// The names of private collections can't be told by searching.
func TestPrivateCollectionsDoNotLeak(t *testing.T) {
	t.Parallel()
	conn := connect(t, schematest.New(t))
	for _, s := range []string{
		`INSERT INTO users (id, email, password_hash, name, role) VALUES (1, 'a@x', '', 'A', 'user'), (2, 'b@x', '', 'B', 'user')`,
		`INSERT INTO media_files (id, user_id, filename, original_name, title, mime_type, size, is_public) VALUES (1, 1, 'f', 'f', 't', 'image/png', 1, true)`,
		`INSERT INTO collections (id, user_id, name, is_public) VALUES (1, 1, 'Secret plans', false), (2, 1, 'Known', true)`,
		`INSERT INTO collection_items VALUES (1, 1, 1), (2, 1, 1)`,
	} {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		query                string
		owner, other, nobody int
	}{
		{`collections.name:"Secret plans"`, 1, 0, 0},
		{`collections.name:s*`, 1, 0, 0},
		{`collections.name:*plans`, 1, 0, 0},
		{`collections.id:1`, 1, 0, 0},
		{`collections.id:[0 TO 1]`, 1, 0, 0},
		{`NOT collections.name:secret*`, 0, 1, 1},
		{`collections:* AND NOT collections.name:known`, 0, 0, 0},
		{`collections.name:known`, 1, 1, 1},
	} {
		q, err := query.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		for viewer, want := range map[int64]int{1: c.owner, 2: c.other, 0: c.nobody} {
			sql, args := q.Statement(query.Viewer{ID: viewer}, time.Now(), query.Page{Limit: 5})
			if ids, _, _ := runStatement(t, conn, c.query, sql, args, 5); len(ids) != want {
				t.Errorf("%s: viewer %d finds %d files, want %d", c.query, viewer, len(ids), want)
			}
		}
	}
}
