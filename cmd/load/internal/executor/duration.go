package executor

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as k6 writes it in test files: "1m30s", "2d12h", or a number,
// which means milliseconds.
type Duration time.Duration

// ParseDuration reads what a test file may say for a duration.
func ParseDuration(text string) (Duration, error) {
	text = strings.TrimSpace(text)
	bad := func() (Duration, error) {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 1m30s or 2d", text)
	}
	if ms, err := strconv.ParseFloat(text, 64); err == nil {
		ns := ms * float64(time.Millisecond)
		if !(math.Abs(ns) < math.MaxInt64) { // nor NaN
			return bad()
		}
		return Duration(ns), nil
	}
	var total time.Duration
	rest := text
	if days, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return bad()
		}
		total, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			return Duration(total), nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || total > 0 && d < 0 || d > math.MaxInt64-total {
		return bad()
	}
	return Duration(total + d), nil
}

// String writes the duration as Go and k6 print it.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	} else {
		text = string(data)
	}
	parsed, err := ParseDuration(text)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// scaled returns the duration times the factor, to the millisecond; what was not zero does not become zero.
func (d Duration) scaled(factor float64) Duration {
	if d == 0 {
		return 0
	}
	s := time.Duration(float64(d) * factor).Round(time.Millisecond)
	if s == 0 {
		s = time.Millisecond
	}
	return Duration(s)
}
