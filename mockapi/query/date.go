package query

import (
	"strconv"
	"strings"
	"time"
)

// date is a period of time as a query writes it: a year, month, day, minute, second or fraction of one in
// UTC; or a place relative to now, a microsecond long unless it was rounded to a unit. Dates are comparable
// with ==, which is why the offsets are an array.
type date struct {
	relative bool
	start    time.Time // of an absolute date, UTC
	digits   int       // of the fraction of a second; for precision 'f'
	// precision is the length of an absolute period or what a relative one is rounded to: 'y' year, 'M' month,
	// 'w' week (from Monday), 'd' day, 'h' hour, 'm' minute, 's' second, 'f' fraction of a second, 0 for a
	// relative date without rounding.
	precision byte
	offsets   [maxOffsets]offset
}

// offset moves a relative date, as -7d does.
type offset struct {
	n    int
	unit byte // as in precision; 0 in an unused place
}

// Limits of relative dates: no result is outside of what PostgreSQL can hold.
const (
	maxOffsets = 3
	maxYears   = 1000
)

const dateHint = "write for instance 2024, 2024-01, 2024-01-31, 2024-01-31T18:30:00Z, now-7d or now/d"

// layouts are the accepted forms of absolute dates and their precision.
var layouts = []struct {
	layout    string
	precision byte
}{
	{"2006", 'y'}, {"2006-01", 'M'}, {"2006-01-02", 'd'},
	{"2006-01-02T15:04", 'm'}, {"2006-01-02T15:04Z07:00", 'm'},
	{"2006-01-02T15:04:05", 's'}, {"2006-01-02T15:04:05Z07:00", 's'},
}

func parseDate(s string) (date, error) {
	if len(s) >= 3 && strings.EqualFold(s[:3], "now") {
		return parseRelative(s)
	}
	upper := strings.ToUpper(s) // RFC 3339 allows a small t and z
	for _, l := range layouts {
		// Parse takes a fraction behind the seconds although the layout has none.
		t, err := time.Parse(l.layout, upper)
		if err != nil {
			continue
		}
		t = t.UTC()
		if t.Year() < 1 || t.Year() > 9999 {
			break
		}
		d := date{start: t, precision: l.precision}
		if _, fraction, ok := strings.Cut(upper, "."); ok {
			d.digits = len(fraction) - len(strings.TrimLeft(fraction, "0123456789"))
			d.precision = 'f'
		} else if strings.Contains(upper, ",") || l.precision != 's' && t.Nanosecond() != 0 {
			break
		}
		if d.digits > 6 {
			return date{}, badValue("times are kept to the microsecond: write six digits at most", "%q is more precise than any date here", s)
		}
		return d, nil
	}
	return date{}, badValue(dateHint, "%q is not a date", s)
}

// unitSeconds is only good for bounding offsets.
var unitSeconds = map[byte]int{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 7 * 86400, 'M': 31 * 86400, 'y': 366 * 86400}

func parseRelative(s string) (date, error) {
	bad := badValue(dateHint+"; units are s, m, h, d, w, M and y", "%q is not a date", s)
	d := date{relative: true}
	rest := s[3:]
	for i := 0; rest != "" && rest[0] != '/'; i++ {
		digits := strings.TrimLeft(rest[1:], "0123456789")
		n, err := strconv.Atoi(rest[1 : len(rest)-len(digits)])
		if err != nil || digits == "" || rest[0] != '-' && rest[0] != '+' {
			return date{}, bad
		}
		unit, ok := dateUnit(digits[0])
		if !ok {
			return date{}, bad
		}
		if i == maxOffsets || n > maxYears*366*86400/unitSeconds[unit] {
			return date{}, badValue("use three offsets of a thousand years at most", "%q is too far away", s)
		}
		if rest[0] == '-' {
			n = -n
		}
		d.offsets[i] = offset{n, unit}
		rest = digits[1:]
	}
	if rest != "" {
		unit, ok := dateUnit(rest[len(rest)-1])
		if !ok || len(rest) != 2 {
			return date{}, bad
		}
		d.precision = unit
	}
	return d, nil
}

// dateUnit accepts a unit of relative dates; m is minutes and M months, the others go in any case.
func dateUnit(c byte) (byte, bool) {
	if c != 'M' {
		c |= 0x20
	}
	_, ok := unitSeconds[c]
	return c, ok
}

// moving tells whether the date is an instant that is another one a microsecond later, so that to equal it
// makes no sense.
func (d date) moving() bool { return d.relative && d.precision == 0 }

// period returns the first instant of the date and the first one after it, in UTC and whole microseconds,
// which is as precise as PostgreSQL's timestamps are.
func (d date) period(now time.Time) (start, end time.Time) {
	start = d.start
	if d.relative {
		start = now.UTC().Truncate(time.Microsecond)
		for _, o := range d.offsets {
			start = o.move(start)
		}
	}
	y, m, day := start.Date()
	switch d.precision {
	case 'y':
		start = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(1, 0, 0)
	case 'M':
		start = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(0, 1, 0)
	case 'w':
		start = time.Date(y, m, day-int(start.Weekday()+6)%7, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(0, 0, 7)
	case 'd':
		start = time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(0, 0, 1)
	}
	length := time.Microsecond
	switch d.precision {
	case 'h':
		length = time.Hour
	case 'm':
		length = time.Minute
	case 's':
		length = time.Second
	case 'f':
		length = time.Second
		for range d.digits {
			length /= 10
		}
	}
	start = start.Truncate(length)
	return start, start.Add(length)
}

func (o offset) move(t time.Time) time.Time {
	switch o.unit {
	case 'y':
		return addMonths(t, 12*o.n)
	case 'M':
		return addMonths(t, o.n)
	case 'w':
		return t.AddDate(0, 0, 7*o.n)
	case 'd':
		return t.AddDate(0, 0, o.n)
	}
	// Seconds added one by one unit would overflow a Duration of 292 years.
	return time.Unix(t.Unix()+int64(o.n)*int64(unitSeconds[o.unit]), int64(t.Nanosecond())).UTC()
}

// addMonths stays in the month it reaches: a month before 31 March is the last of February.
func addMonths(t time.Time, n int) time.Time {
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// String writes the date so that parsing gives it again.
func (d date) String() string {
	if d.relative {
		var b strings.Builder
		b.WriteString("now")
		for _, o := range d.offsets {
			if o.unit == 0 {
				break
			}
			if o.n >= 0 {
				b.WriteByte('+')
			}
			b.WriteString(strconv.Itoa(o.n))
			b.WriteByte(o.unit)
		}
		if d.precision != 0 {
			b.WriteByte('/')
			b.WriteByte(d.precision)
		}
		return b.String()
	}
	layout := "2006-01-02T15:04:05"
	switch d.precision {
	case 'y':
		return d.start.Format("2006")
	case 'M':
		return d.start.Format("2006-01")
	case 'd':
		return d.start.Format("2006-01-02")
	case 'm':
		return d.start.Format("2006-01-02T15:04Z")
	case 'f':
		layout += "." + strings.Repeat("0", d.digits)
	}
	return d.start.Format(layout) + "Z"
}
