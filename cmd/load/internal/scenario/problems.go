package scenario

import (
	"fmt"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/nearmiss"
)

// Problem is one thing that is wrong with a test.
type Problem struct {
	// Line is the line of the file, 0 where there is none to name.
	Line int
	// Field is the path of the field, such as scenarios.load.vus.
	Field string
	// Message says what is wrong and what would be right.
	Message string
}

// Error implements error.
func (p Problem) Error() string {
	switch {
	case p.Line > 0 && p.Field != "":
		return fmt.Sprintf("line %d: %s: %s", p.Line, p.Field, p.Message)
	case p.Line > 0:
		return fmt.Sprintf("line %d: %s", p.Line, p.Message)
	case p.Field != "":
		return p.Field + ": " + p.Message
	}
	return p.Message
}

// Problems is all that is wrong with a test.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems for errors.Is and errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// manyWords are more than a message should list.
const manyWords = 20

// didYouMean is a question that names the known word most like the given one, or where none is, a list of all that are not
// too many.
func didYouMean(word string, known []string) string {
	switch best := nearmiss.Of(word, known); {
	case best != "":
		return ", did you mean " + best + "?"
	case len(known) > manyWords:
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}
