package look

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-analyze/charts/chartdraw"
)

// XAxis is what the X of a chart's points is.
type XAxis int

const (
	Elapsed    XAxis = iota // seconds since the start: 0, 30s, 5m, 1h30m
	Clock                   // a time of day, as Unix seconds, in UTC: 14:05, 14:05:30, 26 Nov 14:00
	Percentile              // a percentile from 0 up to, but not, 100, each nine as wide as the one before
	Number                  // whole numbers, such as those of runs
)

// axis is one axis as the library wants it: a range in drawing units, that brings its own ticks. Values are put
// through transform before they are drawn.
type axis struct {
	chartdraw.ContinuousRange
	ticks     []chartdraw.Tick
	transform func(float64) float64
}

// GetTicks is where the library asks for them.
func (a *axis) GetTicks(chartdraw.ValueFormatter) []chartdraw.Tick { return a.ticks }

// at returns where a value is, in pixels from the axis' start, and whether that is on the axis.
func (a *axis) at(v float64) (pixel int, ok bool) {
	t := a.transform(v)
	if math.IsNaN(t) || t < a.Min-1e-9 || t > a.Max+1e-9 {
		return 0, false
	}
	return a.Translate(t), true
}

func (a *axis) add(v float64, label string) {
	a.ticks = append(a.ticks, chartdraw.Tick{Value: a.transform(v), Label: label})
}

func same(v float64) float64 { return v }

// niceStep returns the least of 1, 2 and 5 times a power of ten that divides span into at most n steps.
func niceStep(span float64, n int) float64 {
	rough := span / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// yAxis covers 0 to top, in about n steps.
func yAxis(u Unit, bottom, top float64, n int) *axis {
	if bottom > 0 {
		bottom = 0
	}
	if top <= bottom {
		top = bottom + 1
	}
	s := u.scale(max(math.Abs(bottom), math.Abs(top)))
	step := niceStep((top-bottom)/s.factor, n)
	if u == Count || u == Bytes && s.factor == 1 {
		step = math.Max(step, 1)
	}
	first, last := math.Floor(bottom/s.factor/step+1e-9), math.Ceil(top/s.factor/step-1e-9)
	a := &axis{transform: same}
	a.Min, a.Max = first*step*s.factor, last*step*s.factor
	for i := first; i <= last; i++ {
		a.add(i*step*s.factor, number(i*step, 6)+s.suffix)
	}
	return a
}

// logAxis covers bottom to top by decades; what is not above zero has no place on it.
func logAxis(u Unit, bottom, top float64) *axis {
	a := &axis{transform: func(v float64) float64 {
		if v <= 0 {
			return math.NaN()
		}
		return math.Log10(v)
	}}
	low, high := math.Floor(math.Log10(bottom)+1e-9), math.Ceil(math.Log10(top)-1e-9)
	if high <= low {
		high = low + 1
	}
	a.Min, a.Max = low, high
	within := []float64{1}
	if high-low <= 2 {
		within = []float64{1, 2, 5}
	}
	every := math.Ceil((high - low) / 6)
	for exponent := low; exponent <= high; exponent += every {
		for _, m := range within {
			if v := m * math.Pow(10, exponent); math.Log10(v) <= high+1e-9 {
				a.add(v, u.Format(v))
			}
		}
	}
	return a
}

// timeSteps are the distances of ticks that people read easily, in seconds.
var timeSteps = [...]float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800}

// xAxisOf covers left to right in at most n steps.
func xAxisOf(kind XAxis, left, right float64, n int) *axis {
	if kind == Percentile {
		return percentileAxis(right)
	}
	if right <= left {
		right = left + 1
	}
	a := &axis{transform: same}
	a.Min, a.Max = left, right
	span := right - left
	step := niceStep(span, n)
	switch {
	case kind == Number:
		step = math.Max(step, 1)
	case span > 1:
		if i, _ := slices.BinarySearch(timeSteps[:], span/float64(n)); i < len(timeSteps) {
			step = timeSteps[i]
		} else {
			step = 86400 * niceStep(span/86400, n)
		}
	}
	for v := math.Ceil(left/step-1e-9) * step; v <= right+step*1e-9; v += step {
		label := strconv.FormatFloat(v, 'f', -1, 64)
		switch kind {
		case Elapsed:
			label = elapsed(v)
		case Clock:
			label = clock(v, step)
		}
		a.add(v, label)
	}
	return a
}

// elapsed writes seconds in the largest two units: 0, 90s as 1m30s, 5400 as 1h30m, 90000 as 1d1h.
func elapsed(seconds float64) string {
	if seconds == 0 {
		return "0"
	}
	if seconds != math.Trunc(seconds) {
		return strconv.FormatFloat(seconds, 'g', 3, 64) + "s"
	}
	sign := ""
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	s := int64(seconds)
	text, units := sign, 0
	for _, u := range []struct {
		seconds int64
		name    string
	}{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}} {
		if n := s / u.seconds; n > 0 && units < 2 {
			text += strconv.FormatInt(n, 10) + u.name
			s, units = s%u.seconds, units+1
		}
	}
	return text
}

func clock(unix, step float64) string {
	t := time.UnixMilli(int64(math.Round(unix * 1000))).UTC()
	switch {
	case step >= 86400:
		return t.Format("2 Jan")
	case step >= 21600:
		return t.Format("2 Jan 15:04")
	case step >= 60:
		return t.Format("15:04")
	default:
		return t.Format("15:04:05")
	}
}

// percentileAxis has 90, 99, 99.9 and so on at equal distances: where a tail is long, most of a linear axis would
// show what hardly differs.
func percentileAxis(right float64) *axis {
	a := &axis{transform: func(p float64) float64 {
		if p < 0 || p >= 100 {
			return math.NaN()
		}
		return -math.Log10(1 - p/100)
	}}
	right = math.Min(math.Max(right, 90), 99.9999)
	a.Max = a.transform(right)
	for _, p := range []float64{0, 50, 75, 90, 99, 99.9, 99.99, 99.999, 99.9999} {
		if p <= right {
			a.add(p, fmt.Sprint(p))
		}
	}
	return a
}
