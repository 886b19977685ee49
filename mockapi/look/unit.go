package look

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Unit is what figures are of. It decides how they are written and where an axis has its ticks.
type Unit int

const (
	Count        Unit = iota // a plain number: 1,234
	Milliseconds             // a duration in milliseconds: 850 µs, 12.3 ms, 1.25 s, 3m20s
	Seconds                  // a duration in seconds, written as Milliseconds are
	Bytes                    // a number of bytes: 512 B, 1.5 KiB, 2.25 GiB
	PerSecond                // a rate: 1,234/s
	Percent                  // a percentage, 100 being all: 2.5 %
	Ratio                    // a share of one, written as a percentage: 0.025 is 2.5 %
)

// None is how Format writes NaN, which stands for "nothing was measured".
const None = "–"

// Format writes a figure with its unit, to three significant figures or, from 1,000 on, to the whole. NaN is
// [None].
func (u Unit) Format(v float64) string {
	if math.IsNaN(v) {
		return None
	}
	if math.IsInf(v, 0) {
		return strings.ReplaceAll(strconv.FormatFloat(v, 'f', -1, 64), "Inf", "∞")
	}
	if u == Seconds {
		u, v = Milliseconds, v*1000
	}
	if u == Milliseconds && math.Abs(v) >= 120_000 {
		return time.Duration(v * float64(time.Millisecond)).Round(time.Second).String()
	}
	s := u.scale(v)
	return number(v/s.factor, 3) + s.suffix
}

// scale is a multiple of a unit: figures are divided by factor and written with suffix.
type scale struct {
	factor float64
	suffix string
}

// scale returns the multiple that suits a figure.
func (u Unit) scale(v float64) scale {
	v = math.Abs(v)
	switch u {
	case Milliseconds:
		switch {
		case v < 1 && v > 0:
			return scale{1e-3, " µs"}
		case v < 1e3:
			return scale{1, " ms"}
		default:
			return scale{1e3, " s"}
		}
	case Seconds:
		s := Milliseconds.scale(v * 1000)
		return scale{s.factor / 1000, s.suffix}
	case Bytes:
		s := scale{1, " B"}
		for _, suffix := range []string{" KiB", " MiB", " GiB", " TiB", " PiB"} {
			if v < s.factor*1024 {
				break
			}
			s = scale{s.factor * 1024, suffix}
		}
		return s
	case PerSecond:
		return scale{1, "/s"}
	case Percent:
		return scale{1, " %"}
	case Ratio:
		return scale{0.01, " %"}
	default:
		return scale{1, ""}
	}
}

// number writes v to so many significant figures, or to the whole where that needs more, in groups of three.
func number(v float64, significant int) string {
	if v == 0 {
		return "0"
	}
	magnitude := int(math.Floor(math.Log10(math.Abs(v)))) + 1
	decimals := max(0, significant-magnitude)
	if decimals > 15 {
		return strconv.FormatFloat(v, 'e', significant-1, 64)
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}
