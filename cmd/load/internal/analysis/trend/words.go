package trend

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// The units that are worded in a way of their own.
const (
	unitMilliseconds = "ms"
	unitBytes        = "bytes"
	unitShare        = "share"
)

// reason says a verdict in a sentence.
func (q *quantity) reason(v *Verdict, levelled bool) string {
	from, to := amount(v.From, q.unit), amount(v.To, q.unit)
	if v.State == Steady {
		after := ""
		if levelled {
			after = ", where it went from " + from + " before it levelled off"
		}
		return fmt.Sprintf("%s: steady at %s%s%s", q.words, to, after, q.atLimit(v))
	}
	verb := "up"
	if v.PerHour < 0 {
		verb = "down"
	}
	s := fmt.Sprintf("%s: %s by %s an hour (%s to %s at %s %%), from %s to %s", q.words, verb, amount(math.Abs(v.PerHour), q.unit),
		amount(min(math.Abs(v.Low), math.Abs(v.High)), q.unit), amount(max(math.Abs(v.Low), math.Abs(v.High)), q.unit),
		strconv.FormatFloat(100*v.Confidence, 'f', -1, 64), from, to)
	switch {
	case v.Reaches > 0:
		s += fmt.Sprintf("; it reaches %s in %s", amount(v.Limit, q.unit), words(v.Reaches))
	case q.atLimit(v) != "":
		s += q.atLimit(v)
	case !v.Bad && q.wrong*v.PerHour > 0:
		s += ", which is tolerated"
	}
	return s
}

func (q *quantity) atLimit(v *Verdict) string {
	if v.Limit > 0 && v.To >= v.Limit {
		return ", its limit being " + amount(v.Limit, q.unit)
	}
	return ""
}

// amount words a value with its unit: 2 GiB, 12.3 ms, 0.4 %, 250 requests/s.
func amount(x float64, unit string) string {
	switch unit {
	case unitBytes:
		for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
			if math.Abs(x) < 1024 {
				return figures(x) + " " + u
			}
			x /= 1024
		}
		return figures(x) + " TiB"
	case unitShare:
		return figures(100*x) + " %"
	}
	return figures(x) + " " + unit
}

// figures writes a number to three figures, and whole ones in full.
func figures(x float64) string {
	if math.Abs(x) >= 100 {
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if err != nil {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// words says how long something takes, no finer than one looks at it: 45 s, 12 min, 31 h, 12 days.
func words(d time.Duration) string {
	round := func(unit time.Duration, name string) string {
		return fmt.Sprintf("%d %s", int64(math.Round(float64(d)/float64(unit))), name)
	}
	switch {
	case d < 2*time.Minute:
		return round(time.Second, "s")
	case d < 2*time.Hour:
		return round(time.Minute, "min")
	case d < 72*time.Hour:
		return round(time.Hour, "h")
	}
	return round(24*time.Hour, "days")
}
