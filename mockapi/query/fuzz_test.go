package query_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/medianest/testbed/mockapi/query"
)

// Whatever the text: no panic, an error that points into it, or a query whose canonical form is its own and
// whose SQL has as many places as parameters.
func FuzzParse(f *testing.F) {
	for line := range strings.Lines(query.Grammar) {
		if example, ok := strings.CutPrefix(line, "    "); ok {
			example, _, _ = strings.Cut(strings.TrimSuffix(example, "\n"), "  ")
			f.Add(example)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for depth := range 12 {
		f.Add(randomQuery(r, nastyTexts, depth%4))
	}
	for _, s := range []string{
		`(((((((((((((((((((((a`, strings.Repeat("!", query.MaxLength), strings.Repeat("(a ", 600), strings.Repeat("*a", 900), strings.Repeat("a:", 900),
		`size:[1 TO`, `size:{"1" TO "2"}`, `a:"\`, `*:**`, `**:**`, `created_at:now-9999999999999999999d`, `created_at:9999-12-31T23:59:59.999999-23:59`,
		`size:0000000000000000000000000000000000000000000000000000000000000000000001`, `duration:9223372036854775807s1h`, "\xff\x00", strings.Repeat("\x8c", query.MaxLength+1), "é\\", `title:\ `, `-+-+-+a`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		q, err := query.Parse(src, query.AllowPersonal())
		if err != nil {
			e, ok := errors.AsType[*query.Error](err)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			if e.Pos.Byte < 0 || e.Pos.Byte > len(src) || e.Pos.Rune != utf8.RuneCountInString(src[:e.Pos.Byte]) || e.Message == "" || e.Kind == nil {
				t.Fatalf("%+v", e)
			}
			return
		}
		checkCanonical(t, q)
		row := query.Row{Filename: src, Tags: []string{src}, CreatedAt: now}
		v := query.Viewer{ID: 1}
		q.Match(v, now, &row)
		where, args := q.SQL(v, now, 2)
		checkParameters(t, where, 2, len(args))
		sql, args := q.Statement(v, now, query.Page{Limit: 20, After: &query.Cursor{CreatedAt: now, ID: 1}})
		checkParameters(t, sql, 1, len(args))
		// PostgreSQL takes 65,535 parameters and texts without NUL.
		if len(args) > 1000 {
			t.Fatalf("%d parameters", len(args))
		}
		for _, a := range args {
			if s, ok := a.(string); ok && (!utf8.ValidString(s) || strings.Contains(s, "\x00")) {
				t.Fatalf("parameter %q", s)
			}
		}
	})
}
