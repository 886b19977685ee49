package recommend

import (
	"fmt"
	"io"
	"strings"
)

// Text writes recommendations for a terminal or a log.
func Text(w io.Writer, all []Recommendation) error {
	var b strings.Builder
	if len(all) == 0 {
		b.WriteString("Nothing to recommend: the result has no evidence for anything.\n")
	}
	for i, x := range all {
		fmt.Fprintf(&b, "%d. %s\n   %s, priority %s, effort %s", i+1, x.Title, x.Category, x.Priority, x.Effort)
		if x.Gain >= 0.01 {
			fmt.Fprintf(&b, ", may save %.0f %% of the time of all requests", 100*x.Gain)
		}
		fmt.Fprintf(&b, " (%s)\n   %s %s\n", x.Rule, x.Description, x.Impact)
		for _, list := range []struct {
			title string
			lines []string
		}{{"Evidence", x.Evidence}, {"What to do", x.Implementation}} {
			fmt.Fprintf(&b, "   %s:\n", list.title)
			for _, line := range list.lines {
				fmt.Fprintf(&b, "     - %s\n", line)
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
