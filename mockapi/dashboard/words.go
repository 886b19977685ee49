package dashboard

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/look"
	"github.com/medianest/testbed/mockapi/monitor"
)

// functions are what the templates write figures with.
var functions = template.FuncMap{
	"ms":    look.Milliseconds.Format,
	"bytes": look.Bytes.Format,
	"rate":  look.PerSecond.Format,
	"count": func(n any) string {
		switch n := n.(type) {
		case int64:
			return look.Count.Format(float64(n))
		case uint64:
			return look.Count.Format(float64(n))
		case int:
			return look.Count.Format(float64(n))
		default:
			return fmt.Sprint(n)
		}
	},
	"share":    func(part, all uint64) string { return look.Ratio.Format(float64(part) / float64(all)) },
	"percent":  look.Ratio.Format,
	"bar":      look.Bar,
	"clock":    func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"datetime": func(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05") },
	"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"failures": failures,
	"vital":    vital,
	"rating":   func(r string) string { return ratings[r] },
	"id":       identifier,
}

// failures tells what kinds of answers failed, the most frequent kinds first by their order.
func failures(o monitor.OperationSummary) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(o.Statuses)) {
		if status == "429" || status == "5xx" || status == "none" {
			words := status
			if status == "none" {
				words = "no answer"
			}
			parts = append(parts, words+" "+look.Count.Format(float64(o.Statuses[status])))
		}
	}
	return strings.Join(parts, ", ")
}

func vital(v monitor.VitalSummary) string {
	if v.Unit == "ms" {
		return look.Milliseconds.Format(v.P75)
	}
	return fmt.Sprint(math.Round(v.P75*1000) / 1000)
}

// ratings are the classes of the stylesheet for the ratings of vitals.
var ratings = map[string]string{monitor.RatingGood: "pass", monitor.RatingMid: "warn", monitor.RatingPoor: "fail"}

// matched says which requests a rule is for.
func matched(m *fault.Match) string {
	var parts []string
	if words := strings.TrimSpace(m.Method + " " + m.Path); words != "" {
		parts = append(parts, words)
	}
	if m.Service != "" {
		parts = append(parts, "service "+m.Service)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		parts = append(parts, name+": "+m.Headers[name])
	}
	if len(parts) == 0 {
		parts = append(parts, "all requests")
	}
	if m.Share != nil {
		parts = append(parts, look.Ratio.Format(*m.Share)+" of them")
	}
	return strings.Join(parts, ", ")
}

// effects says in a few words what a rule does.
func effects(r *fault.Rule) string {
	var parts []string
	add := func(does bool, format string, args ...any) {
		if does {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(r.Latency != nil, "latency")
	add(r.DBLatency != nil, "database latency")
	if r.RowLock != nil {
		add(true, "one row locked for %v each", time.Duration(r.RowLock.Hold))
	}
	add(r.NPlusOne, "N+1 queries")
	if r.SlowDown != nil {
		add(true, "%v slower each minute", time.Duration(r.SlowDown.PerMinute))
	}
	if r.Stretch != nil {
		add(true, "%g times the time", r.Stretch.Factor)
	}
	if r.Status != nil {
		add(true, "status %d", r.Status.Code)
	}
	if r.Quota != nil {
		add(true, "at most %d in %v", r.Quota.Limit, time.Duration(r.Quota.Window))
	}
	add(r.Reset, "connection reset")
	add(r.Empty, "no answer")
	add(r.Malformed, "malformed JSON")
	if r.Truncate != nil {
		add(true, "cut after %s", look.Bytes.Format(float64(r.Truncate.AfterBytes)))
	}
	if r.Trickle != nil {
		add(true, "%s/s only", look.Bytes.Format(float64(r.Trickle.BytesPerSecond)))
	}
	if r.Stale != nil {
		add(true, "answers up to %v old", time.Duration(r.Stale.For))
	}
	add(r.DropPool, "database connections dropped")
	if r.Lockout != nil {
		add(true, "lockout after %d failures", r.Lockout.Failures)
	}
	add(r.TokenLife > 0, "tokens end after %v", time.Duration(r.TokenLife))
	if r.Leak != nil {
		add(true, "leak of %s/s", look.Bytes.Format(float64(r.Leak.BytesPerSecond)))
	}
	return strings.Join(parts, ", ")
}

// identifier makes part of an element's id of a name.
func identifier(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.Join(parts, "-"))
}
