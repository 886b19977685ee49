package query

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Option changes what Parse allows.
type Option func(*parser)

// AllowPersonal allows the fields that tell one person from another, user.email: meant for administrators,
// since a search by wildcards would let anybody find out addresses letter by letter.
func AllowPersonal() Option { return func(p *parser) { p.personal = true } }

// Parse reads a query. Every error is an *Error.
func Parse(src string, opts ...Option) (*Query, error) {
	p := &parser{scanner: scanner{src: src}}
	for _, o := range opts {
		o(p)
	}
	if len(src) > MaxLength {
		at := MaxLength
		for at > 0 && !utf8.RuneStart(src[at]) {
			at--
		}
		return nil, p.fail(ErrTooLong, at, "", "a query may be %d bytes long, this one is %d", MaxLength, len(src))
	}
	if at := invalidAt(src); at >= 0 {
		return nil, p.fail(ErrSyntax, at, "", "this is no text: it is not UTF-8, or a NUL character")
	}
	p.skipSpace()
	if p.atEnd() {
		return nil, p.fail(ErrSyntax, p.pos, "write for instance filename:*.jpg AND size:>1MB, or *:* for everything", "the query is empty")
	}
	root, err := p.parseOr()
	if err != nil {
		return nil, err
	}
	if !p.atEnd() {
		return nil, p.fail(ErrSyntax, p.pos, "", "this %q closes nothing", p.src[p.pos:p.pos+1])
	}
	return &Query{root: root, cost: p.cost}, nil
}

// invalidAt returns where a text stops being UTF-8 that PostgreSQL takes, -1 for nowhere.
func invalidAt(s string) int {
	for i, r := range s {
		if r == 0 {
			return i
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

type parser struct {
	scanner
	personal bool
	field    *field // inside of a field group, whose values need no name
	depth    int
	terms    int
	leading  int // terms that start with a wildcard
	cost     int
}

func (p *parser) deeper(at int) error {
	p.depth++
	if p.depth > MaxDepth {
		return p.fail(ErrTooDeep, at, "", "parentheses and NOTs may nest %d deep", MaxDepth)
	}
	return nil
}

// parseOr reads terms joined by OR, which binds loosest, up to the end or a closing parenthesis.
func (p *parser) parseOr() (node, error) {
	var list or
	for {
		n, err := p.parseAnd()
		if err != nil {
			return nil, err
		}
		if inner, ok := n.(or); ok {
			list = append(list, inner...)
		} else {
			list = append(list, n)
		}
		op, length := p.peekOperator()
		if op != opOr {
			break
		}
		p.pos += length
		p.skipSpace()
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

// parseAnd reads terms joined by AND or just standing side by side.
func (p *parser) parseAnd() (node, error) {
	var list and
	for {
		n, err := p.parseNot()
		if err != nil {
			return nil, err
		}
		if inner, ok := n.(and); ok {
			list = append(list, inner...)
		} else {
			list = append(list, n)
		}
		p.skipSpace()
		if c := p.peek(); p.atEnd() || c == ')' || c == ']' || c == '}' {
			break
		}
		op, length := p.peekOperator()
		if op == opOr {
			break
		}
		if op == opAnd {
			p.pos += length
			p.skipSpace()
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

func (p *parser) parseNot() (node, error) {
	start := p.pos
	if p.accept('+') { // every term is required anyway
		if err := p.operand("+"); err != nil {
			return nil, err
		}
		return p.parseNot()
	}
	op, length := p.peekOperator()
	if op != opNot {
		return p.parsePrimary()
	}
	sign := p.src[start : start+length]
	p.pos += length
	if sign == string(opNot) {
		p.skipSpace()
	}
	if err := p.operand(sign); err != nil {
		return nil, err
	}
	if err := p.deeper(start); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.parseNot()
	if err != nil {
		return nil, err
	}
	if double, ok := n.(not); ok {
		return double.x, nil
	}
	return not{n}, nil
}

// operand says what is missing where a sign stands before a space or the end.
func (p *parser) operand(sign string) error {
	at := p.pos
	p.skipSpace()
	if p.atEnd() || p.pos > at {
		hint := "write it right before a term, or quote it to search for it"
		if sign == string(opNot) {
			hint = ""
		}
		return p.fail(ErrSyntax, at-len(sign), hint, "%s has no term", sign)
	}
	return nil
}

// parsePrimary reads a parenthesis, a bare term or a field with its value.
func (p *parser) parsePrimary() (node, error) {
	start := p.pos
	if op, length := p.peekOperator(); op == opAnd || op == opOr {
		return nil, p.fail(ErrSyntax, start, "quote it to search for the word", "a term is missing before %s", p.src[start:start+length])
	}
	switch c := p.peek(); {
	case p.atEnd():
		return nil, p.fail(ErrSyntax, start, "", "a term is missing at the end")
	case c == '(':
		return p.parseGroup(p.field)
	case c == ')':
		return nil, p.fail(ErrSyntax, start, "", "a term is missing before this )")
	case p.field != nil:
		return p.parseValue(p.field, start)
	case c == '[' || c == '{':
		return nil, p.fail(ErrSyntax, start, "write for instance size:[1MB TO 5MB], or quote it to search for it", "a range needs a field")
	case c == ']' || c == '}':
		return nil, p.fail(ErrSyntax, start, "", "this %c closes nothing", c)
	case c == ':':
		return nil, p.fail(ErrSyntax, start, "quote it to search for a colon", "the name of a field is missing before this colon")
	case c == '"':
		w, err := p.scanPhrase()
		if err != nil {
			return nil, err
		}
		if p.peek() == ':' {
			return nil, p.fail(ErrSyntax, start, "fields are not quoted", "a phrase is no field")
		}
		return p.newLeaf(textField, w)
	}
	w, err := p.scanWord(false)
	if err != nil {
		return nil, err
	}
	if p.accept(':') {
		return p.parseField(w)
	}
	if w.text() == "*" && w.wildcards() == 1 {
		return everything{}, p.count(w.start, 0)
	}
	return p.newLeaf(textField, w)
}

// parseField reads what follows the colon of a field.
func (p *parser) parseField(name word) (node, error) {
	text := name.text()
	if text == "*" && p.peek() == '*' {
		w, err := p.scanWord(true)
		if err == nil && w.text() != "*" {
			err = p.fail(ErrSyntax, w.start, "write *:* for everything, or the text alone to search in all", "*: takes * only")
		}
		if err == nil {
			err = p.count(name.start, 0)
		}
		return everything{}, err
	}
	f := findField(text)
	switch {
	case f == nil:
		return nil, p.fail(ErrUnknownField, name.start, fieldHint(text, p.personal), "there is no field %q", clip(text))
	case f.personal && !p.personal:
		return nil, p.fail(ErrForbiddenField, name.start, "", "only administrators may search by %s", f.name)
	case p.peek() == '(':
		return p.parseGroup(f)
	}
	return p.parseValue(f, name.start)
}

// parseGroup reads a parenthesis; with a field, the values in it are that field's.
func (p *parser) parseGroup(f *field) (node, error) {
	start, outer := p.pos, p.field
	if err := p.deeper(start); err != nil {
		return nil, err
	}
	p.pos++
	p.field = f
	p.skipSpace()
	n, err := p.parseOr()
	if err != nil {
		return nil, err
	}
	if !p.accept(')') {
		if !p.atEnd() {
			return nil, p.fail(ErrSyntax, p.pos, "", "this %q closes nothing", p.src[p.pos:p.pos+1])
		}
		return nil, p.fail(ErrSyntax, start, "", "this parenthesis is never closed")
	}
	p.field = outer
	p.depth--
	return n, nil
}

// parseValue reads a comparison, a range, a phrase or a word as the value of f.
func (p *parser) parseValue(f *field, start int) (node, error) {
	at := p.pos
	op := ""
	switch c := p.peek(); c {
	case '[', '{':
		return p.parseRange(f)
	case '>', '<', '=':
		op = string(c)
		p.pos++
		if c != '=' && p.accept('=') {
			op += "="
		}
	}
	w, err := p.scanValue(f, op)
	if err != nil {
		return nil, err
	}
	if p.field != nil && p.peek() == ':' {
		return nil, p.fail(ErrSyntax, p.pos, "close the parenthesis first", "a field group holds values of %s only", f.name)
	}
	if op == "" || op == "=" {
		return p.newLeaf(f, w)
	}
	if !f.ordered() {
		return nil, p.fail(ErrValue, at, `quote the value if it starts with that sign, or use * and ?`, "%s has no order: %s does not work on it", f.name, op)
	}
	b, err := p.bound(f, w, strings.HasSuffix(op, "="))
	if err != nil {
		return nil, err
	}
	if op[0] == '>' {
		return p.leaf(f, interval{lo: b}, start, f.cost)
	}
	return p.leaf(f, interval{hi: b}, start, f.cost)
}

// scanValue reads the word or phrase behind a colon, an operator or within a field group.
func (p *parser) scanValue(f *field, op string) (word, error) {
	if p.peek() == '"' {
		return p.scanPhrase()
	}
	at := p.pos
	// In a field group a colon in a value needs quotes, so that a field in it is noticed; times excepted.
	w, err := p.scanWord(p.field == nil || f.kind == kindDate)
	if err != nil {
		return w, err
	}
	after := "the colon"
	if op != "" {
		after = op
	} else if p.field != nil {
		after = "here"
	}
	if p.pos == at {
		return w, p.fail(ErrSyntax, at, "without a space between; quote special characters", "a value of %s is missing after %s", f.name, after)
	}
	if opr, n := (&scanner{src: p.src[at:p.pos]}).peekOperator(); n == p.pos-at && len(opr) == n {
		return w, p.fail(ErrSyntax, at, "quote it to search for the word", "a value of %s is missing before %s", f.name, opr)
	}
	return w, nil
}

// parseRange reads [a TO b] and its kin.
func (p *parser) parseRange(f *field) (node, error) {
	start := p.pos
	const form = "write for instance [1 TO 5], {1 TO 5} without the ends, or [1 TO *]"
	if !f.ordered() {
		return nil, p.fail(ErrValue, start, "use * and ?", "%s has no order: a range does not work on it", f.name)
	}
	p.pos++
	end := func() (*bound, error) {
		p.skipSpace()
		scan := p.scanPhrase
		if p.peek() != '"' {
			scan = func() (word, error) { return p.scanWord(true) }
		}
		w, err := scan()
		switch {
		case err != nil:
			return nil, err
		case !w.quoted && (len(w.pieces) == 0 || w.text() == "TO"):
			return nil, p.fail(ErrSyntax, w.start, form, "an end of the range is missing")
		case w.text() == "*" && w.wildcards() == 1:
			return nil, nil
		}
		return p.bound(f, w, true)
	}
	lo, err := end()
	if err != nil {
		return nil, err
	}
	p.skipSpace()
	if rest, ok := strings.CutPrefix(p.src[p.pos:], "TO"); !ok || !endsWord(rest) {
		return nil, p.fail(ErrSyntax, p.pos, form, "TO is missing between the ends of the range")
	}
	p.pos += len("TO")
	hi, err := end()
	if err != nil {
		return nil, err
	}
	p.skipSpace()
	closing := p.peek()
	if closing != ']' && closing != '}' {
		return nil, p.fail(ErrSyntax, start, form, "this range is never closed")
	}
	p.pos++
	if lo == nil && hi == nil {
		return p.leaf(f, exists{}, start, f.cost)
	}
	if lo != nil {
		lo.inclusive = p.src[start] == '['
	}
	if hi != nil {
		hi.inclusive = closing == ']'
	}
	if lo != nil && hi != nil && (lo.num > hi.num || !lo.date.relative && !hi.date.relative && lo.date.start.After(hi.date.start)) {
		return nil, p.fail(ErrValue, start, "swap its ends", "this range ends before it starts")
	}
	iv := interval{lo, hi}
	if iv.equal() && lo.date.moving() {
		return nil, p.failMoving(f, start)
	}
	return p.leaf(f, iv, start, f.cost)
}

// bound reads one end of a comparison or a range.
func (p *parser) bound(f *field, w word, inclusive bool) (*bound, error) {
	b := &bound{inclusive: inclusive}
	text := w.text()
	var err error
	switch {
	case w.wildcards() > 0:
		return nil, p.fail(ErrValue, w.start, "use >, <, or a range", "wildcards do not work on %s", f.name)
	case len(text) > maxValue:
		return nil, p.fail(ErrValue, w.start, "", "this value of %s is too long", f.name)
	case f.kind == kindDate:
		b.date, err = parseDate(text)
	case f.kind == kindSize:
		b.num, err = parseSize(text)
	case f.kind == kindDuration:
		b.num, err = parseDuration(text)
	default:
		b.num, err = parseNumber(text)
	}
	if err != nil {
		return nil, p.valueFail(f, w, err)
	}
	return b, nil
}

func (p *parser) failMoving(f *field, at int) error {
	return p.fail(ErrValue, at, "write >= before it for everything since, or round it to a period as in now/d", "no %s is exactly that instant", f.name)
}

func (p *parser) valueFail(f *field, w word, err error) error {
	if bad, ok := errors.AsType[*valueError](err); ok {
		return p.fail(ErrValue, w.start, bad.hint, "%s: %s", f.name, bad.message)
	}
	return p.fail(ErrValue, w.start, "", "%s: %v", f.name, err)
}

// newLeaf makes the test that a field equals a value.
func (p *parser) newLeaf(f *field, w word) (node, error) {
	if w.text() == "*" && w.wildcards() == 1 && f != textField {
		return p.leaf(f, exists{}, w.start, f.cost)
	}
	switch f.kind {
	case kindKeyword, kindText, kindMIME:
		return p.patternLeaf(f, w)
	case kindBool:
		if w.wildcards() > 0 {
			return nil, p.fail(ErrValue, w.start, "write true or false", "wildcards do not work on %s", f.name)
		}
		v, err := parseBool(w.text())
		if err != nil {
			return nil, p.valueFail(f, w, err)
		}
		return p.leaf(f, truth(v), w.start, f.cost)
	}
	b, err := p.bound(f, w, true)
	if err != nil {
		return nil, err
	}
	if f.kind == kindDate && b.date.moving() {
		return nil, p.failMoving(f, w.start)
	}
	return p.leaf(f, interval{b, b}, w.start, f.cost)
}

func (p *parser) patternLeaf(f *field, w word) (node, error) {
	if len(w.pieces) == 0 {
		return nil, p.fail(ErrValue, w.start, "", "an empty text is nothing to search for")
	}
	n, cost := w.wildcards(), f.cost
	if n > MaxWildcards {
		return nil, p.fail(ErrTooManyWildcards, w.start, "", "a term may have %d wildcards, this one has %d", MaxWildcards, n)
	}
	if n > 0 {
		cost = max(cost, f.wildCost)
	}
	if w.pieces[0].wild != 0 {
		p.leading++
		if p.leading > MaxLeadingWildcards {
			return nil, p.fail(ErrTooManyWildcards, w.start, "", "%d terms of a query may start with a wildcard", MaxLeadingWildcards)
		}
	}
	return p.leaf(f, w.pieces, w.start, cost)
}

func (p *parser) leaf(f *field, t test, at, cost int) (node, error) {
	return &leaf{field: f, test: t}, p.count(at, cost)
}

// count holds the limits on terms and cost.
func (p *parser) count(at, cost int) error {
	p.terms++
	p.cost += cost
	switch {
	case p.terms > MaxTerms:
		return p.fail(ErrTooManyTerms, at, "", "a query may have %d terms", MaxTerms)
	case p.cost > MaxCost:
		return p.fail(ErrTooCostly, at, "use fewer conditions on collections, tags with wildcards and owners", "from here on the query costs too much")
	}
	return nil
}

// ordered tells whether >, < and ranges work on a field.
func (f *field) ordered() bool {
	switch f.kind {
	case kindNumber, kindSize, kindDuration, kindDate:
		return true
	}
	return false
}

// clip shortens what a message quotes.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}
