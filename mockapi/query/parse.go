package query

import "unicode/utf8"

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
