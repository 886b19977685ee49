package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner reads a query from left to right. What a character means depends on where it stands (a colon ends
// a field's name but is part of a time), so there is no stream of tokens: the parser asks for what it expects.
type scanner struct {
	src string
	pos int // in bytes
}

// operator is AND, OR or NOT in any of its spellings; "" is none.
type operator string

const (
	opNone operator = ""
	opAnd  operator = "AND"
	opOr   operator = "OR"
	opNot  operator = "NOT"
)

// word is a run of characters, or a phrase, with its escapes resolved.
type word struct {
	start  int
	pieces pattern
	quoted bool
}

// text is the word as it reads without escapes; wildcards stand for themselves.
func (w word) text() string {
	var b strings.Builder
	for _, p := range w.pieces {
		if p.wild != 0 {
			b.WriteByte(p.wild)
		}
		b.WriteString(p.lit)
	}
	return b.String()
}

func (w word) wildcards() int {
	n := 0
	for _, p := range w.pieces {
		if p.wild != 0 {
			n++
		}
	}
	return n
}

// fail makes an error about the character at a byte offset.
func (s *scanner) fail(kind error, at int, hint, format string, args ...any) error {
	return &Error{
		Pos:     Pos{Byte: at, Rune: utf8.RuneCountInString(s.src[:at])},
		Message: fmt.Sprintf(format, args...),
		Hint:    hint,
		Kind:    kind,
	}
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.src) {
		r, n := utf8.DecodeRuneInString(s.src[s.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		s.pos += n
	}
}

func (s *scanner) atEnd() bool { return s.pos >= len(s.src) }

// peek returns the byte at the current place, 0 at the end. The special characters are all ASCII.
func (s *scanner) peek() byte {
	if s.atEnd() {
		return 0
	}
	return s.src[s.pos]
}

// accept reads a byte if it is the next one.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c || s.atEnd() {
		return false
	}
	s.pos++
	return true
}

// peekOperator returns the operator at the current place and its length.
func (s *scanner) peekOperator() (operator, int) {
	rest := s.src[s.pos:]
	switch {
	case strings.HasPrefix(rest, "&&"):
		return opAnd, 2
	case strings.HasPrefix(rest, "||"):
		return opOr, 2
	case strings.HasPrefix(rest, "!"), strings.HasPrefix(rest, "-"):
		return opNot, 1
	}
	for _, op := range []operator{opAnd, opOr, opNot} {
		if after, ok := strings.CutPrefix(rest, string(op)); ok && endsWord(after) {
			return op, len(op)
		}
	}
	return opNone, 0
}

// endsWord tells whether what follows could not go on a keyword.
func endsWord(after string) bool {
	r, _ := utf8.DecodeRuneInString(after)
	return after == "" || unicode.IsSpace(r) || strings.ContainsRune(`()"!+-[]{}`, r)
}

// scanPhrase reads a text in double quotes. Inside, a backslash makes the next character itself and nothing
// else is special.
func (s *scanner) scanPhrase() (word, error) {
	w := word{start: s.pos, quoted: true}
	s.pos++
	var b strings.Builder
	for !s.atEnd() {
		c := s.src[s.pos]
		s.pos++
		if c == '"' {
			if b.Len() > 0 {
				w.pieces = pattern{{lit: b.String()}}
			}
			return w, nil
		}
		if c == '\\' {
			if s.atEnd() {
				break
			}
			c = s.src[s.pos]
			s.pos++
		}
		b.WriteByte(c)
	}
	return w, s.fail(ErrSyntax, w.start, `close it, and write \" for a quote inside`, "this quote is never closed")
}

// scanWord reads up to a space or a special character. A colon ends the name of a field but not a value.
func (s *scanner) scanWord(value bool) (word, error) {
	w := word{start: s.pos}
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			w.pieces = append(w.pieces, piece{lit: b.String()})
			b.Reset()
		}
	}
	for !s.atEnd() {
		r, n := utf8.DecodeRuneInString(s.src[s.pos:])
		rest := s.src[s.pos:]
		if unicode.IsSpace(r) || strings.ContainsRune(`()"[]{}`, r) || r == ':' && !value ||
			strings.HasPrefix(rest, "&&") || strings.HasPrefix(rest, "||") {
			break
		}
		switch r {
		case '^', '~':
			return w, s.fail(ErrSyntax, s.pos, fmt.Sprintf(`write \%c or quote the text to search for it`, r),
				"%c (boosting and fuzzy search) is not supported", r)
		case '/':
			if s.pos == w.start {
				return w, s.fail(ErrSyntax, s.pos, `use * and ?, or write \/ to search for a slash`, "regular expressions are not supported")
			}
		case '*', '?':
			flush()
			last := len(w.pieces) - 1
			if r == '?' || last < 0 || w.pieces[last].wild != '*' {
				w.pieces = append(w.pieces, piece{wild: byte(r)})
			}
			s.pos += n
			continue
		case '\\':
			s.pos += n
			if s.atEnd() {
				return w, s.fail(ErrSyntax, s.pos-n, `write \\ for a backslash`, "nothing follows this backslash")
			}
			r, n = utf8.DecodeRuneInString(s.src[s.pos:])
		}
		b.WriteRune(r)
		s.pos += n
	}
	flush()
	return w, nil
}
