package query_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi/query"
)

func TestParseCanonical(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// The queries of the MediaNest performance-testing document.
		{`filename:*.jpg AND size:>1000000`, `filename:*.jpg AND size:>1000000`},
		{`created_at:>2024-01-01 AND user.role:admin`, `created_at:>2024-01-01 AND user.role:admin`},
		{`tags:photo OR tags:image`, `tags:photo OR tags:image`},
		{`collections.name:"Test Collection"`, `collections.name:"Test Collection"`},

		// Operators.
		{`a b`, `a AND b`},
		{`a && b || c`, `a AND b OR c`},
		{`a AND (b OR c)`, `a AND (b OR c)`},
		{`a OR b c`, `a OR b AND c`},
		{`((a AND (b)) AND c)`, `a AND b AND c`},
		{`a OR (b OR c)`, `a OR b OR c`},
		{`NOT a`, `NOT a`},
		{`!a -b +c`, `NOT a AND NOT b AND c`},
		{`+-a`, `NOT a`},
		{`NOT NOT a`, `a`},
		{`NOT !(a b)`, `a AND b`},
		{`-(a OR b)`, `NOT (a OR b)`},
		{`NOT(a)AND(b)`, `NOT a AND b`},
		{`a&&b||c`, `a AND b OR c`},
		{`and or not`, `and AND or AND not`},
		{`"AND"`, `"AND"`},
		{`ANDy ORe`, `ANDy AND ORe`},
		{`a "b c"d`, `a AND "b c" AND d`},
		{`*`, `*:*`},
		{`*:* -tags:*`, `*:* AND NOT tags:*`},

		// Fields.
		{`mimeType:image/png`, `mime_type:"image/png"`},
		{`MIME_TYPE:a type:b`, `mime_type:a AND mime_type:b`},
		{`viewCount:5 views:6`, `view_count:5 AND view_count:6`},
		{`tags.name:a tag:b`, `tags:a AND tags:b`},
		{`public:yes isPublic:0`, `is_public:true AND is_public:false`},
		{`width:* height:[* TO *]`, `width:* AND height:*`},
		{`tags:(photo OR -image)`, `tags:photo OR NOT tags:image`},
		{`size:(>1kB AND <=2kB) a`, `size:>1000 AND size:<=2000 AND a`},
		{`title:(a (b OR "c d"))`, `title:a AND (title:b OR title:"c d")`},

		// Values.
		{`size:[1MB TO 1.5GiB]`, `size:[1000000 TO 1610612736]`},
		{`size:{1k TO 2KiB]`, `size:{1000 TO 2048]`},
		{`size:[5 TO *}`, `size:>=5`},
		{`size:{* TO 5}`, `size:<5`},
		{`size:[5 TO 5]`, `size:5`},
		{`size:=5`, `size:5`},
		{`size:"10 MB" OR size:10PB`, ``},
		{`size:"10MB"`, `size:10000000`},
		{`duration:>1h30m duration:2m duration:1.5m`, `duration:>5400 AND duration:120 AND duration:90`},
		{`created:2024 created:2024-02 created:2024-02-29`, `created_at:2024 AND created_at:2024-02 AND created_at:2024-02-29`},
		{`updated:<=2024-01-01T10:00+02:00`, `updated_at:<=2024-01-01T08:00Z`},
		{`updated:2024-01-01T10:00:00.120Z`, `updated_at:2024-01-01T10:00:00.120Z`},
		{`updated:2024-01-01t10:00:00z`, `updated_at:2024-01-01T10:00:00Z`},
		{`accessed:>now-7d accessed:NOW/d accessed:<now-1M+2h/h`, `last_accessed:>now-7d AND last_accessed:now/d AND last_accessed:<now-1M+2h/h`},
		{`created_at:[2024-01 TO now}`, `created_at:[2024-01 TO now}`},
		{`created_at:(2024-01-01T10:00:00Z OR "2024")`, `created_at:2024-01-01T10:00:00Z OR created_at:2024`},

		// Texts.
		{`a**b`, `a*b`},
		{`a?*?b`, `a?*?b`},
		{`a\*b`, `"a*b"`},
		{`a\*b*`, `a\*b*`},
		{`"a*b"`, `"a*b"`},
		{`\-a \(b\)`, `"-a" AND "(b)"`},
		{`"say \"hi\" \\ there"`, `"say \"hi\" \\ there"`},
		{`title:a:b`, `title:"a:b"`},
		{`title:-5 title:<x`, ``},
		{`a.b-c_d`, `a.b-c_d`},
		{`50%_off*`, `50\%_off*`},
		{`été ÉTÉ 日本*`, `été AND ÉTÉ AND 日本*`},
		{`title:\>5`, `title:">5"`},
		{`wow!`, `"wow!"`},
	} {
		q, err := query.Parse(c.in)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: parsed as %s", c.in, q)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := q.String(); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
		checkCanonical(t, q)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		in         string
		kind       error
		byte, rune int
		text       string // in the message or the hint
	}{
		{``, query.ErrSyntax, 0, 0, "empty"},
		{"  \t", query.ErrSyntax, 3, 3, "empty"},
		{`a AND`, query.ErrSyntax, 5, 5, "missing at the end"},
		{`AND a`, query.ErrSyntax, 0, 0, "missing before AND"},
		{`a OR OR b`, query.ErrSyntax, 5, 5, "missing before OR"},
		{`(a`, query.ErrSyntax, 0, 0, "never closed"},
		{`été) b`, query.ErrSyntax, 5, 3, "closes nothing"},
		{`()`, query.ErrSyntax, 1, 1, "missing before this )"},
		{`été "abc`, query.ErrSyntax, 6, 4, "never closed"},
		{`a\`, query.ErrSyntax, 1, 1, "backslash"},
		{`a ]`, query.ErrSyntax, 2, 2, "closes nothing"},
		{`[1 TO 2]`, query.ErrSyntax, 0, 0, "needs a field"},
		{`:x`, query.ErrSyntax, 0, 0, "name of a field"},
		{`"title":x`, query.ErrSyntax, 0, 0, "not quoted"},
		{`title:`, query.ErrSyntax, 6, 6, "value of title"},
		{`title: x`, query.ErrSyntax, 6, 6, "space between"},
		{`title:OR`, query.ErrSyntax, 6, 6, "missing before OR"},
		{`size:> 5`, query.ErrSyntax, 6, 6, "missing after >"},
		{`a~2`, query.ErrSyntax, 1, 1, "not supported"},
		{`a^2`, query.ErrSyntax, 1, 1, "not supported"},
		{`/a/`, query.ErrSyntax, 0, 0, "regular expressions"},
		{`a - b`, query.ErrSyntax, 2, 2, "no term"},
		{`NOT`, query.ErrSyntax, 0, 0, "no term"},
		{`*:x`, query.ErrUnknownField, 0, 0, "no field"},
		{`tags:(title:x)`, query.ErrSyntax, 11, 11, "tags only"},
		{`size:[1 5]`, query.ErrSyntax, 8, 8, "TO is missing"},
		{`size:[1 TO 5`, query.ErrSyntax, 5, 5, "never closed"},
		{`size:[TO 5]`, query.ErrSyntax, 6, 6, "end of the range"},
		{`size:[1 TO ]`, query.ErrSyntax, 11, 11, "end of the range"},
		{"a\xffb", query.ErrSyntax, 1, 1, "UTF-8"},
		{"a\x00b", query.ErrSyntax, 1, 1, "NUL"},

		{`colections.name:x`, query.ErrUnknownField, 0, 0, "did you mean collections.name"},
		{`a OR ceated_at:2024`, query.ErrUnknownField, 5, 5, "did you mean created_at"},
		{`users.role:admin`, query.ErrUnknownField, 0, 0, "did you mean user.role"},
		{`password_hash:x`, query.ErrUnknownField, 0, 0, "fields are id, "},
		{`user.emial:x`, query.ErrUnknownField, 0, 0, "fields are id, "},
		{`user.email:x`, query.ErrForbiddenField, 0, 0, "administrators"},

		{`size:abc`, query.ErrValue, 5, 5, "unit of size"},
		{`size:1.5B`, query.ErrValue, 5, 5, "whole number of bytes"},
		{`size:99999999PB`, query.ErrValue, 5, 5, "whole number of bytes"},
		{`size:-1`, query.ErrValue, 5, 5, "whole number of bytes"},
		{`width:1e3`, query.ErrValue, 6, 6, "digits only"},
		{`width:+1`, query.ErrValue, 6, 6, "digits only"},
		{`width:9223372036854775808`, query.ErrValue, 6, 6, "whole number"},
		{`width:1*`, query.ErrValue, 6, 6, "wildcards"},
		{`duration:1m1h`, query.ErrValue, 9, 9, "whole number of seconds"},
		{`duration:1m30`, query.ErrValue, 9, 9, "whole number of seconds"},
		{`public:maybe`, query.ErrValue, 7, 7, "true or false"},
		{`public:>1`, query.ErrValue, 7, 7, "no order"},
		{`title:>b`, query.ErrValue, 6, 6, "no order"},
		{`title:[a TO b]`, query.ErrValue, 6, 6, "no order"},
		{`size:[5 TO 1]`, query.ErrValue, 5, 5, "ends before it starts"},
		{`created_at:[2025 TO 2024]`, query.ErrValue, 11, 11, "ends before it starts"},
		{`created_at:2024-13`, query.ErrValue, 11, 11, "not a date"},
		{`created_at:2023-02-29`, query.ErrValue, 11, 11, "not a date"},
		{`created_at:01.02.2024`, query.ErrValue, 11, 11, "write for instance 2024"},
		{`created_at:now`, query.ErrValue, 11, 11, ">="},
		{`created_at:[now TO now]`, query.ErrValue, 11, 11, ">="},
		{`created_at:>now-7x`, query.ErrValue, 12, 12, "units are"},
		{`created_at:>now-7`, query.ErrValue, 12, 12, "units are"},
		{`created_at:>now-1001y`, query.ErrValue, 12, 12, "too far"},
		{`created_at:>now-1d-1d-1d-1d`, query.ErrValue, 12, 12, "three offsets"},
		{`created_at:2024-01-01T00:00:00.1234567Z`, query.ErrValue, 11, 11, "microsecond"},
		{`created_at:0000`, query.ErrValue, 11, 11, "not a date"},
		{`title:""`, query.ErrValue, 6, 6, "nothing to search"},
	} {
		q, err := query.Parse(c.in)
		if err == nil {
			t.Errorf("%s: parsed as %s", c.in, q)
			continue
		}
		e, ok := errors.AsType[*query.Error](err)
		if !ok {
			t.Errorf("%s: %T", c.in, err)
			continue
		}
		if !errors.Is(err, c.kind) || e.Pos != (query.Pos{Byte: c.byte, Rune: c.rune}) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, %+v, %v", c.in, e.Kind, e.Pos, err)
		}
	}
}

// Each limit is reached by the first query and passed by the second.
func TestLimits(t *testing.T) {
	repeat := func(s, sep string, n int) string { return strings.TrimSuffix(strings.Repeat(s+sep, n), sep) }
	for _, c := range []struct {
		kind error
		make func(over int) string
	}{
		{query.ErrTooLong, func(over int) string { return strings.Repeat("a", query.MaxLength+over) }},
		{query.ErrTooDeep, func(over int) string {
			return strings.Repeat("(", query.MaxDepth+over) + "a" + strings.Repeat(")", query.MaxDepth+over)
		}},
		{query.ErrTooDeep, func(over int) string { return strings.Repeat("-", query.MaxDepth+over) + "a" }},
		{query.ErrTooManyTerms, func(over int) string { return repeat("id:1", " OR ", query.MaxTerms+over) }},
		{query.ErrTooManyWildcards, func(over int) string { return strings.Repeat("a*", query.MaxWildcards+over) }},
		{query.ErrTooManyWildcards, func(over int) string { return repeat("title:*a", " ", query.MaxLeadingWildcards+over) }},
		{query.ErrTooCostly, func(over int) string { return repeat("collections:a", " ", query.MaxCost/25+over) }},
	} {
		if _, err := query.Parse(c.make(0)); err != nil {
			t.Errorf("%v: at the limit: %v", c.kind, err)
		}
		_, err := query.Parse(c.make(1))
		if !errors.Is(err, c.kind) {
			t.Errorf("%v: over the limit: %v", c.kind, err)
		}
	}
	// The end of what is quoted must not cut a character in two.
	if _, err := query.Parse("a" + strings.Repeat("é", query.MaxLength/2)); !errors.Is(err, query.ErrTooLong) {
		t.Errorf("got %v", err)
	}
}

func TestAllowPersonal(t *testing.T) {
	q, err := query.Parse("user.email:*@example.com", query.AllowPersonal())
	if err != nil {
		t.Fatal(err)
	}
	if got := q.String(); got != `user.email:*\@example.com` {
		t.Errorf("got %s", got)
	}
	_, err = query.Parse("user.emial:x", query.AllowPersonal())
	if err == nil || !strings.Contains(err.Error(), "user.email") {
		t.Errorf("got %v", err)
	}
}

func TestFieldsListed(t *testing.T) {
	for _, name := range query.Fields() {
		if _, err := query.Parse(name+":*", query.AllowPersonal()); err != nil {
			t.Error(err)
		}
		if !strings.Contains(query.Grammar, name) {
			t.Errorf("the grammar does not mention %s", name)
		}
	}
}

// The grammar's examples are indented by four spaces and end before two more.
func TestGrammarExamplesParse(t *testing.T) {
	n := 0
	for line := range strings.Lines(query.Grammar) {
		example, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !ok {
			continue
		}
		example, _, _ = strings.Cut(example, "  ")
		if _, err := query.Parse(example, query.AllowPersonal()); err != nil {
			t.Errorf("%s: %v", example, err)
		}
		n++
	}
	if n < 20 {
		t.Errorf("only %d examples", n)
	}
}

// checkCanonical holds that the canonical form means the query itself.
func checkCanonical(t testing.TB, q *query.Query) {
	t.Helper()
	again, err := query.Parse(q.String(), query.AllowPersonal())
	if err != nil {
		// The canonical form may be longer than what it was made of, by quotes and by names.
		if errors.Is(err, query.ErrTooLong) {
			return
		}
		t.Fatalf("canonical form %s: %v", q, err)
	}
	if fmt.Sprint(again) != q.String() || !query.Equal(again, q) {
		t.Fatalf("canonical form %s parses as %s", q, again)
	}
}
