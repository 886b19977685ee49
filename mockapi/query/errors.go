package query

import (
	"errors"
	"fmt"
)

// What is wrong with a query; errors.Is finds them in an *Error. Each limit has its own.
var (
	ErrSyntax           = errors.New("syntax error")
	ErrUnknownField     = errors.New("unknown field")
	ErrForbiddenField   = errors.New("field not allowed")
	ErrValue            = errors.New("bad value")
	ErrTooLong          = errors.New("query too long")
	ErrTooDeep          = errors.New("query nested too deeply")
	ErrTooManyTerms     = errors.New("too many terms")
	ErrTooManyWildcards = errors.New("too many wildcards")
	ErrTooCostly        = errors.New("query too costly")
)

// Limits of a query.
const (
	// MaxLength is how long a query may be, in bytes of UTF-8; ErrTooLong.
	MaxLength = 2000
	// MaxDepth is how deeply parentheses and NOTs may nest; ErrTooDeep.
	MaxDepth = 20
	// MaxTerms is how many terms a query may have; ErrTooManyTerms.
	MaxTerms = 50
	// MaxWildcards is how many * and ? one term may have, a run of * counting as one; ErrTooManyWildcards.
	MaxWildcards = 8
	// MaxLeadingWildcards is how many terms may start with a wildcard, which no ordinary index helps
	// with; ErrTooManyWildcards.
	MaxLeadingWildcards = 10
	// MaxCost bounds Query.Cost, what deciding one row may take; ErrTooCostly.
	MaxCost = 500
)

// Pos is a place in the text of a query, from 0.
type Pos struct {
	Byte int // in the UTF-8 text
	Rune int // in characters, for people and for string types that count those
}

// Error is what is wrong with a query, fit to be shown to whoever wrote it.
type Error struct {
	Pos     Pos
	Message string
	Hint    string // what to write instead; "" where there is nothing to say
	Kind    error  // one of the Err... values
}

// Error gives the place as people count, from 1.
func (e *Error) Error() string {
	s := fmt.Sprintf("query: at character %d: %s", e.Pos.Rune+1, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }
