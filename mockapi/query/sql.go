package query

import (
	"fmt"
	"strings"
	"time"
)

// SQL compiles the query to a boolean expression over media_files under the alias m, with every value a
// parameter: $firstParam and on, in the order of args. The expression is never NULL-trapped: where a column is
// missing a test does not hold, so its NOT does. It does not ask whether the viewer may see the row (Visible
// does), but private collections of others are not there for it.
//
// Relations are sub-queries with OFFSET 0, which keeps PostgreSQL from turning them into joins over the whole
// relation: each is an index look-up for a row at hand, whatever the planner thinks of its parameters.
func (q *Query) SQL(v Viewer, now time.Time, firstParam int) (where string, args []any) {
	c := newCompiler(v, now, firstParam)
	return c.node(q.root, false), c.args
}

// compiler turns tests into SQL and collects their parameters.
type compiler struct {
	viewer   Viewer
	now      time.Time
	first    int
	args     []any
	viewerID string // the parameter of the viewer's id, once it is there
}

func newCompiler(v Viewer, now time.Time, first int) *compiler {
	return &compiler{viewer: v, now: now, first: first}
}

// param adds a parameter. The cast makes its type independent of the column's, which may be narrower.
func (c *compiler) param(value any, cast string) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d::%s", c.first+len(c.args)-1, cast)
}

func (c *compiler) viewerParam() string {
	if c.viewerID == "" {
		c.viewerID = c.param(c.viewer.ID, "bigint")
	}
	return c.viewerID
}

// visible is the condition that the viewer may see a row of media_files or collections.
func (c *compiler) visible(alias string) string {
	if c.viewer.All {
		return "true"
	}
	return fmt.Sprintf("(%s.is_public OR %s.user_id = %s)", alias, alias, c.viewerParam())
}

// node compiles a node; negated tells that it is under a NOT, where NULL must not pass for unknown.
func (c *compiler) node(n node, negated bool) string {
	switch n := n.(type) {
	case and:
		return c.list(n, " AND ", negated)
	case or:
		return c.list(n, " OR ", negated)
	case not:
		return "NOT " + c.node(n.x, true)
	case *leaf:
		s := c.leaf(n)
		if negated && n.field.nullable {
			return s + " IS TRUE"
		}
		return s
	}
	return "true"
}

func (c *compiler) list(list []node, sep string, negated bool) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = c.node(n, negated)
	}
	return "(" + strings.Join(parts, sep) + ")"
}

// leaf compiles a test, in parentheses or in no need of them.
func (c *compiler) leaf(l *leaf) string {
	f, t := l.field, l.test
	switch f.rel {
	case relText:
		p := t.(pattern)
		return fmt.Sprintf("(lower(%s) LIKE %s OR %s)", mediaText, c.folded("%"+likePattern(p)+"%"), c.tag(tagField, p))
	case relOwner:
		return fmt.Sprintf("EXISTS (SELECT 1 FROM users u WHERE u.id = m.user_id AND %s OFFSET 0)", c.test("u."+f.column, f, t))
	case relTag:
		return c.tag(f, t)
	case relCollection:
		return c.collection(f, t)
	}
	return "(" + c.test("m."+f.column, f, t) + ")"
}

// mediaText is what bare terms search, word for word the expression of the trigram index.
const mediaText = "(m.filename || ' ' || m.title)"

// tag compiles a test of a file's tags. A name without wildcards is looked up once, and then is one probe of
// an index per row.
func (c *compiler) tag(f *field, t test) string {
	p, ok := t.(pattern)
	if !ok {
		return "EXISTS (SELECT 1 FROM media_tags mt WHERE mt.media_id = m.id OFFSET 0)"
	}
	if _, ok := p.literal(); ok {
		return fmt.Sprintf("EXISTS (SELECT 1 FROM media_tags mt WHERE mt.media_id = m.id AND mt.tag_id = (SELECT t.id FROM tags t WHERE %s) OFFSET 0)", c.test("t.name", f, p))
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM media_tags mt JOIN tags t ON t.id = mt.tag_id WHERE mt.media_id = m.id AND %s OFFSET 0)", c.test("t.name", f, p))
}

func (c *compiler) collection(f *field, t test) string {
	return fmt.Sprintf("EXISTS (SELECT 1 FROM collection_items ci JOIN collections c ON c.id = ci.collection_id WHERE ci.media_id = m.id AND %s AND %s OFFSET 0)",
		c.test("c."+f.column, f, t), c.visible("c"))
}

// test compiles a test of one column.
func (c *compiler) test(column string, f *field, t test) string {
	switch t := t.(type) {
	case truth:
		if t {
			return column
		}
		return "NOT " + column
	case interval:
		return c.interval(column, f, t)
	case pattern:
		if !f.lower {
			column = "lower(" + column + ")"
		}
		lit, isLiteral := t.literal()
		switch {
		case f.kind == kindMIME && isLiteral && !strings.Contains(lit, "/"):
			lit = escapeLike(lit)
			return fmt.Sprintf("%s LIKE %s OR %s LIKE %s", column, c.folded(lit+"/%"), column, c.folded("%/"+lit))
		case f.kind == kindText && isLiteral:
			return fmt.Sprintf("%s LIKE %s", column, c.folded("%"+escapeLike(lit)+"%"))
		case isLiteral:
			return fmt.Sprintf("%s = %s", column, c.folded(lit))
		}
		return fmt.Sprintf("%s LIKE %s", column, c.folded(likePattern(t)))
	}
	return column + " IS NOT NULL"
}

func (c *compiler) interval(column string, f *field, iv interval) string {
	if f.kind == kindDate {
		from, until := iv.instants(c.now)
		var parts []string
		if from != nil {
			parts = append(parts, column+" >= "+c.param(*from, "timestamptz"))
		}
		if until != nil {
			parts = append(parts, column+" < "+c.param(*until, "timestamptz"))
		}
		return strings.Join(parts, " AND ")
	}
	if iv.equal() {
		return column + " = " + c.param(iv.lo.num, "bigint")
	}
	var parts []string
	if iv.lo != nil {
		parts = append(parts, column+comparison(" >", iv.lo)+c.param(iv.lo.num, "bigint"))
	}
	if iv.hi != nil {
		parts = append(parts, column+comparison(" <", iv.hi)+c.param(iv.hi.num, "bigint"))
	}
	return strings.Join(parts, " AND ")
}

func comparison(op string, b *bound) string {
	if b.inclusive {
		op += "="
	}
	return op + " "
}

// folded adds a text or a pattern of LIKE in lower case. Both sides of a comparison go through PostgreSQL's
// lower, so that they fold alike. The sub-select does that once instead of once a row, which ILIKE would do.
func (c *compiler) folded(text string) string {
	return fmt.Sprintf("(SELECT lower(%s))", c.param(text, "text"))
}

// likePattern writes a pattern in the language of LIKE.
func likePattern(p pattern) string {
	var b strings.Builder
	for _, x := range p {
		switch x.wild {
		case '*':
			b.WriteByte('%')
		case '?':
			b.WriteByte('_')
		}
		b.WriteString(escapeLike(x.lit))
	}
	return b.String()
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// escapeLike makes a literal of a text within a pattern of LIKE, whose escape character is the backslash by
// default.
func escapeLike(s string) string { return likeEscaper.Replace(s) }
