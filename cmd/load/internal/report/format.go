package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// Milliseconds words a time for people: 412µs, 12.34ms, 3.21s, 1m5s.
func Milliseconds(ms float64) string {
	switch abs := math.Abs(ms); {
	case abs == 0:
		return "0s"
	case abs < 0.001:
		return strconv.FormatFloat(ms*1e6, 'f', 0, 64) + "ns"
	case abs < 0.1:
		return number(ms*1000, 1) + "µs"
	case abs < 1:
		return strconv.FormatFloat(ms*1000, 'f', 0, 64) + "µs"
	case abs < 100:
		return strconv.FormatFloat(ms, 'f', 2, 64) + "ms"
	case abs < 1000:
		return strconv.FormatFloat(ms, 'f', 1, 64) + "ms"
	case abs < 60_000:
		return strconv.FormatFloat(ms/1000, 'f', 2, 64) + "s"
	}
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Second).String()
}

// time words a time in the unit that the test wants.
func (r *Result) time(ms float64) string {
	switch r.Test.TimeUnit {
	case "s":
		return number(ms/1000, 6) + "s"
	case "ms":
		return number(ms, 6) + "ms"
	case "us":
		return number(ms*1000, 3) + "µs"
	}
	return Milliseconds(ms)
}

// Bytes words a size, in powers of 1000 as k6 does.
func Bytes(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if math.Abs(n) < 1000 {
			return number(n, 1) + " " + unit
		}
		n /= 1000
	}
	return number(n, 1) + " TB"
}

// Number words a number, with as many as three figures after the point.
func Number(n float64) string { return number(n, 3) }

func number(n float64, figures int) string {
	s := strconv.FormatFloat(n, 'f', figures, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Percent words a share, never as 0 or 100 % where it is not.
func Percent(share float64) string {
	p := share * 100
	switch {
	case p > 0 && p < 0.01:
		return "<0.01%"
	case p > 99.99 && p < 100:
		return ">99.99%"
	}
	return number(p, 2) + "%"
}

// quantity words a value of a metric.
func (r *Result) quantity(contains string, v float64) string {
	switch contains {
	case "time":
		return r.time(v)
	case "data":
		return Bytes(v)
	}
	return Number(v)
}

// Measured words what a threshold looked at: p(95)=12.34ms.
func (r *Result) Measured(t Threshold) string {
	switch {
	case t.Allowed:
		return "nothing was measured, which is allowed"
	case t.State == threshold.NoData.String():
		return "nothing was measured"
	}
	aggregation := strings.TrimSpace(t.Source[:max(strings.IndexAny(t.Source, "<>=!"), 0)])
	m := r.Metrics[t.Selector]
	value := r.quantity(m.Contains, t.Value)
	switch {
	case m.Type == "rate":
		value = Percent(t.Value)
	case m.Type == "counter" && aggregation == "rate":
		value += "/s"
	case aggregation == "count":
		value = Number(t.Value)
	}
	if t.FailedAt > 0 {
		value += fmt.Sprintf(" at %s", t.FailedAt.Round(time.Second))
	}
	return aggregation + "=" + value
}
