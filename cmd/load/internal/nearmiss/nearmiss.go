// Package nearmiss finds the name that was probably meant by one that is not known.
package nearmiss

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Of returns the known name most like the word, upper and lower case being the same, and "" where none is: where more
// than 2 characters, or a third of the word's, have to be put in, taken out or replaced.
func Of(word string, known []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}
