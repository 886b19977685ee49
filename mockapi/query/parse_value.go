package query

import (
	"errors"
	"strings"
)

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
