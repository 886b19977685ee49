package scenario

import (
	"fmt"
	"strings"
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

// didYouMean is a question that names the known word most like the given one, or a list of all where none is.
func didYouMean(word string, known []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := edits(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return ", did you mean " + best + "?"
	}
	return "; there are " + strings.Join(known, ", ")
}

// edits is how many characters have to be put in, taken out or replaced to turn a into b.
func edits(a, b string) int {
	costs := make([]int, len(b)+1)
	for j := range costs {
		costs[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := costs[0]
		costs[0] = i
		for j := 1; j <= len(b); j++ {
			replace := corner
			if a[i-1] != b[j-1] {
				replace++
			}
			corner = costs[j]
			costs[j] = min(replace, costs[j]+1, costs[j-1]+1)
		}
	}
	return costs[len(b)]
}
