package query

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// valueError is what is wrong with a value; the parser adds the place.
type valueError struct{ message, hint string }

func (e *valueError) Error() string { return e.message }

func badValue(hint, format string, args ...any) error {
	return &valueError{message: fmt.Sprintf(format, args...), hint: hint}
}

// maxValue is how long a number or date may be, in bytes; it keeps the arithmetic on them small.
const maxValue = 64

func formatNumber(n int64) string { return strconv.FormatInt(n, 10) }

// parseNumber reads a whole number from 0: no column holds less.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || s[0] == '+' {
		return 0, badValue("write digits only, as in 1000000", "%q is not a whole number from 0 to 9223372036854775807", s)
	}
	return n, nil
}

// parseSize reads a number of bytes with an optional unit: kB, MB, GB, TB, PB are powers of 1000 and KiB, MiB,
// GiB, TiB, PiB powers of 1024, in any case; the B of the former may be missing.
func parseSize(s string) (int64, error) {
	number, unit := splitUnit(s)
	power := 0
	lower := strings.ToLower(unit)
	if len(lower) > 0 && lower != "b" {
		power = strings.IndexByte("kmgtp", lower[0]) + 1
		if rest := lower[1:]; power == 0 || rest != "" && rest != "b" && rest != "ib" {
			return 0, badValue("units are B, kB, MB, GB, TB, PB (powers of 1000) and KiB, MiB, GiB, TiB, PiB (powers of 1024)", "%q is not a unit of size", unit)
		}
	}
	base := int64(1000)
	if strings.HasSuffix(lower, "ib") {
		base = 1024
	}
	factor := int64(1)
	for range power {
		factor *= base
	}
	n, ok := scale(number, factor)
	if !ok {
		return 0, badValue("write for instance 1000000, 10MB or 1.5GiB", "%q is not a whole number of bytes", s)
	}
	return n, nil
}

// parseDuration reads seconds, or amounts of h, m and s one after the other: 90, 90s, 1.5m, 1h30m.
func parseDuration(s string) (int64, error) {
	bad := badValue("write for instance 90, 90s, 1.5m or 1h30m", "%q is not a whole number of seconds", s)
	number, rest := splitNumber(s)
	if rest == "" {
		if n, ok := scale(number, 1); ok {
			return n, nil
		}
		return 0, bad
	}
	total := int64(0)
	for smaller := int64(3601); rest != "" || number != ""; {
		factor := int64(0)
		if rest != "" {
			factor = map[byte]int64{'h': 3600, 'm': 60, 's': 1}[rest[0]|0x20]
		}
		// Units must get smaller, so that none comes twice.
		if factor == 0 || factor >= smaller {
			return 0, bad
		}
		n, ok := scale(number, factor)
		if !ok || total+n < 0 {
			return 0, bad
		}
		total, smaller = total+n, factor
		number, rest = splitNumber(rest[1:])
	}
	return total, nil
}

// splitUnit cuts a value before its trailing letters.
func splitUnit(s string) (number, unit string) {
	number = strings.TrimRightFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	return number, s[len(number):]
}

// splitNumber cuts a value behind its leading decimal number.
func splitNumber(s string) (number, rest string) {
	rest = strings.TrimLeft(s, "0123456789.")
	return s[:len(s)-len(rest)], rest
}

// scale multiplies a decimal number without sign and exponent by factor; false where it is no such number or
// the product is no int64.
func scale(number string, factor int64) (int64, bool) {
	if strings.Trim(number, "0123456789.") != "" || strings.HasSuffix(number, ".") || len(number) > maxValue {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, false
	}
	r.Mul(r, new(big.Rat).SetInt64(factor))
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// parseBool reads the value of a boolean field.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	return false, badValue("write true or false", "%q is neither true nor false", s)
}
