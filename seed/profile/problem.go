package profile

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Problem is one thing that is wrong with a profile.
type Problem struct {
	// Line is the line of the profile's file, 0 where there is none to name.
	Line int
	// Field is the path of the field, such as weights.roles.admin.
	Field string
	// Message says what is wrong and what would be right.
	Message string
}

func (p Problem) Error() string {
	if p.Line > 0 {
		return fmt.Sprintf("line %d: %s: %s", p.Line, p.Field, p.Message)
	}
	return p.Field + ": " + p.Message
}

// Problems is all that is wrong with a profile.
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

// didYouMean returns a hint at the known word that was probably meant, or at all of them when none is near.
func didYouMean(word string, known []string) string {
	if best := near(word, known); best != "" {
		return fmt.Sprintf(" (did you mean %s?)", best)
	}
	return fmt.Sprintf(" (known: %s)", strings.Join(known, ", "))
}

// near returns the known word that was probably meant, "" where none is near.
func near(word string, known []string) string {
	best, bestDistance := "", max(2, len(word)/2)+1 // 2, for neighbours that were swapped in a short word
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}
