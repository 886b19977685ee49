package suite

import (
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"
)

// text views a body as a string without a copy. It and what gjson cuts out of it are valid as long as the body
// is, until the user's next request.
func text(body []byte) string { return unsafe.String(unsafe.SliceData(body), len(body)) }

// has tells whether a body is JSON with something at path. All of it is looked at, as k6's json() does, for 0.6 us
// a kilobyte: a check that passes for half an answer is worth less.
func has(body []byte, path string) bool {
	return gjson.ValidBytes(body) && gjson.Get(text(body), path).Exists()
}

// idsAt appends the ids of the elements of a list.
func idsAt(body []byte, path string, ids []int64) []int64 {
	list := gjson.Get(text(body), path)
	if !list.IsArray() {
		return ids
	}
	list.ForEach(func(_, item gjson.Result) bool {
		ids = append(ids, item.Get("id").Int())
		return true
	})
	return ids
}

// serverTiming calls f with every duration of a Server-Timing header: name;desc="...";dur=1.5, name;dur=2. What is no
// finite number is left out: no sum of it could be written as JSON.
func serverTiming(header string, f func(name string, dur float64)) {
	for entry := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(entry, ";")
		for param := range strings.SplitSeq(params, ";") {
			value, ok := strings.CutPrefix(strings.TrimSpace(param), "dur=")
			if !ok {
				continue
			}
			if dur, err := strconv.ParseFloat(strings.Trim(value, `"`), 64); err == nil && !math.IsNaN(dur) && !math.IsInf(dur, 0) {
				f(strings.TrimSpace(name), dur)
			}
		}
	}
}
