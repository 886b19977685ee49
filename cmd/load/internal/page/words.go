package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/mockapi/look"
)

// count writes a whole number of any type.
func count(n any) string {
	switch n := n.(type) {
	case int:
		return look.Count.Format(float64(n))
	case int64:
		return look.Count.Format(float64(n))
	case uint64:
		return look.Count.Format(float64(n))
	case float64:
		return look.Count.Format(n)
	}
	return fmt.Sprint(n)
}

// took writes a duration of any length: 850 µs, 12.3 ms, 44.5 s, 3m20s.
func took(d time.Duration) string { return look.Seconds.Format(d.Seconds()) }

// shareOf is part of whole, 0 to 1; 0 of nothing.
func shareOf(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// unitOf is look's unit that analysis and observe call by the name.
func unitOf(name string) look.Unit {
	switch name {
	case "ms", "milliseconds":
		return look.Milliseconds
	case "seconds", "s":
		return look.Seconds
	case "bytes":
		return look.Bytes
	case "share":
		return look.Ratio
	case "%", "percent":
		return look.Percent
	}
	if strings.HasSuffix(name, "/s") {
		return look.PerSecond
	}
	return look.Count
}

// quantity writes a figure in a unit that analysis names; what is no unit of look's is written behind it.
func quantity(unit string, v float64) string {
	u := unitOf(unit)
	text := u.Format(v)
	if what := strings.TrimSuffix(unit, "/s"); u == look.PerSecond && what != "" && what != "requests" {
		return strings.TrimSuffix(text, "/s") + " " + unit
	}
	if u == look.Count && unit != "" && unit != "one" && unit != "count" {
		text += " " + unit
	}
	return text
}

// clip shortens a text to so many characters.
func clip(n int, s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// longList is from how many characters on what a SELECT selects is left out of its gist.
const longList = 40

// gist shortens a statement to so many characters. Long lists of columns go first: statements on one table begin
// alike, and differ behind FROM.
func gist(n int, query string) string {
	query = strings.Join(strings.Fields(query), " ")
	const word = "SELECT "
	for at := strings.Index(query, word); at >= 0; {
		from := at + len(word)
		if end := fromOf(query, from); end-from > longList {
			query = query[:from] + "…" + query[end:]
		}
		next := strings.Index(query[from:], word)
		if next < 0 {
			break
		}
		at = from + next
	}
	return clip(n, query)
}

// fromOf returns where the FROM is of a SELECT whose list begins at start, start itself where there is none.
func fromOf(query string, start int) int {
	depth := 0
	for i := start; i < len(query) && depth >= 0; i++ {
		switch query[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ' ':
			if depth == 0 && strings.HasPrefix(query[i:], " FROM ") {
				return i
			}
		}
	}
	return start
}

// plural writes a number with the word that fits it.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// size writes a number of bytes of any type.
func size[T int64 | uint64](n T) string { return look.Bytes.Format(float64(n)) }

// changed writes a change in percent of the baseline, or in points where it is of a percentage.
func changed(c compare.Change) string {
	switch {
	case unitOf(c.Unit) == look.Percent:
		return signed(c.Change) + " points"
	case c.ChangePercent == nil:
		return "new"
	}
	return signed(*c.ChangePercent) + " %"
}

// typical writes the change of the typical block, which decides, and noise what chance alone explains of it.
func typical(c compare.Change) string {
	if c.Typical == nil {
		return look.None
	}
	return signed(*c.Typical) + pointsOrPercent(c)
}

func noise(c compare.Change) string {
	switch {
	case c.Typical == nil:
		return look.None
	case c.Noise >= 1000:
		return "anything"
	}
	return look.Count.Format(c.Noise) + pointsOrPercent(c)
}

func pointsOrPercent(c compare.Change) string {
	if unitOf(c.Unit) == look.Percent {
		return " points"
	}
	return " %"
}

func signed(v float64) string {
	if v > 0 {
		return "+" + look.Count.Format(v)
	}
	return look.Count.Format(v)
}
