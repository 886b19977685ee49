package query

import (
	"strings"
	"time"
	"unicode"
)

// Query is a parsed query. It does not change and may be used by several goroutines at once.
type Query struct {
	root node
	cost int
}

// Cost is roughly what it takes PostgreSQL to decide one row, in tenths of a microsecond: the sum over all
// terms, though AND and OR usually stop earlier.
func (q *Query) Cost() int { return q.cost }

// node is one of and, or, not, everything, *leaf.
type node interface{ isNode() }

type (
	// and and or have two operands or more, none of them of its own kind.
	and []node
	or  []node
	// not never holds another not.
	not struct{ x node }
	// everything is the query *:*.
	everything struct{}
	// leaf is one test of one field; field is textField for a bare term.
	leaf struct {
		field *field
		test  test
	}
)

func (and) isNode()        {}
func (or) isNode()         {}
func (not) isNode()        {}
func (everything) isNode() {}
func (*leaf) isNode()      {}

// test is one of exists, pattern, interval, truth.
type test interface{ isTest() }

// exists asks whether a column is not NULL or a relation not empty.
type exists struct{}

// truth compares a boolean column.
type truth bool

// interval is a comparison of a number or an instant: between two bounds, at least one of which is set.
type interval struct{ lo, hi *bound }

// bound is one end of an interval. Which of num and date counts is the field's business.
type bound struct {
	inclusive bool
	num       int64
	date      date
}

// pattern is a text with wildcards, in pieces. An empty text has no pieces.
type pattern []piece

// piece is either a literal or, where wild is not 0, a '*' or a '?'.
type piece struct {
	lit  string
	wild byte
}

func (exists) isTest()   {}
func (truth) isTest()    {}
func (interval) isTest() {}
func (pattern) isTest()  {}

// literal returns the text of a pattern without wildcards.
func (p pattern) literal() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].wild == 0:
		return p[0].lit, true
	}
	return "", false
}

// equal tells whether the interval is one value, as field:value writes it.
func (iv interval) equal() bool {
	return iv.lo != nil && iv.hi != nil && iv.lo.inclusive && iv.hi.inclusive && iv.lo.num == iv.hi.num && iv.lo.date == iv.hi.date
}

// instants turns an interval of dates into one of instants: from (inclusive) and until (exclusive), either
// nil where the interval is open. Bounds are whole periods: > is after the period's end.
func (iv interval) instants(now time.Time) (from, until *time.Time) {
	if iv.lo != nil {
		start, end := iv.lo.date.period(now)
		if !iv.lo.inclusive {
			start = end
		}
		from = &start
	}
	if iv.hi != nil {
		start, end := iv.hi.date.period(now)
		if iv.hi.inclusive {
			start = end
		}
		until = &start
	}
	return from, until
}

// String returns the query in its canonical form: canonical field names, explicit AND, no needless
// parentheses. Parsing it gives the same query again.
func (q *Query) String() string {
	var b strings.Builder
	writeNode(&b, q.root, 0)
	return b.String()
}

// Binding strengths of the canonical form, loosest first.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
)

func writeNode(b *strings.Builder, n node, outer int) {
	switch n := n.(type) {
	case or:
		writeList(b, n, " OR ", bindOr, outer)
	case and:
		writeList(b, n, " AND ", bindAnd, outer)
	case not:
		b.WriteString("NOT ")
		writeNode(b, n.x, bindNot)
	case everything:
		b.WriteString("*:*")
	case *leaf:
		if n.field != textField {
			b.WriteString(n.field.name)
			b.WriteByte(':')
		}
		writeTest(b, n.field, n.test)
	}
}

func writeList(b *strings.Builder, list []node, sep string, bind, outer int) {
	if outer > bind {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, n := range list {
		if i > 0 {
			b.WriteString(sep)
		}
		writeNode(b, n, bind+1)
	}
}

func writeTest(b *strings.Builder, f *field, t test) {
	switch t := t.(type) {
	case exists:
		b.WriteByte('*')
	case truth:
		if t {
			b.WriteString("true")
		} else {
			b.WriteString("false")
		}
	case pattern:
		writePattern(b, t)
	case interval:
		writeInterval(b, f, t)
	}
}

func writeInterval(b *strings.Builder, f *field, iv interval) {
	value := func(x *bound) {
		if f.kind == kindDate {
			b.WriteString(x.date.String())
		} else {
			b.WriteString(formatNumber(x.num))
		}
	}
	one := func(op string, x *bound) {
		b.WriteString(op)
		if x.inclusive {
			b.WriteByte('=')
		}
		value(x)
	}
	switch {
	case iv.equal():
		value(iv.lo)
	case iv.hi == nil:
		one(">", iv.lo)
	case iv.lo == nil:
		one("<", iv.hi)
	default:
		b.WriteByte(bracket(iv.lo.inclusive, '[', '{'))
		value(iv.lo)
		b.WriteString(" TO ")
		value(iv.hi)
		b.WriteByte(bracket(iv.hi.inclusive, ']', '}'))
	}
}

func bracket(inclusive bool, yes, no byte) byte {
	if inclusive {
		return yes
	}
	return no
}

func writePattern(b *strings.Builder, p pattern) {
	if lit, ok := p.literal(); ok {
		if isPlain(lit) {
			b.WriteString(lit)
			return
		}
		b.WriteByte('"')
		for _, r := range lit {
			if r == '"' || r == '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		b.WriteByte('"')
		return
	}
	for _, x := range p {
		if x.wild != 0 {
			b.WriteByte(x.wild)
			continue
		}
		for _, r := range x.lit {
			if !isPlainRune(r) && r != '.' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
}

// isPlain tells whether a text can stand unquoted without meaning anything else.
func isPlain(s string) bool {
	switch s {
	case "", "AND", "OR", "NOT", "TO":
		return false
	}
	for i, r := range s {
		if !isPlainRune(r) && (r != '-' || i == 0) && r != '.' {
			return false
		}
	}
	return true
}

func isPlainRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
