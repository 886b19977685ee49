package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// difference is an option that two tests do not have the same value of.
type difference struct{ name, value, other string }

// mostValues bounds how many options are quoted: of another test altogether, every one differs.
const mostValues = 8

// differences finds the options of two tests that are not the same, those left aside that do not change the load. What
// is within another option is named with it: scenarios.users.vus.
func differences(a, b json.RawMessage) ([]difference, error) {
	var x, y map[string]any
	for _, side := range []struct {
		from json.RawMessage
		to   *map[string]any
	}{{a, &x}, {b, &y}} {
		if len(side.from) == 0 {
			continue
		}
		if err := json.Unmarshal(side.from, side.to); err != nil {
			return nil, fmt.Errorf("read the test's options: %w", err)
		}
		for _, name := range []string{
			"name", "description", "thresholds", "allowNoData", "tags", "seed", "userAgent", "summaryTrendStats", "summaryTimeUnit",
		} {
			delete(*side.to, name)
		}
	}
	return within(nil, "", x, y), nil
}

func within(found []difference, prefix string, x, y map[string]any) []difference {
	all := maps.Clone(x)
	if all == nil {
		all = make(map[string]any)
	}
	maps.Copy(all, y)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, b := x[name], y[name]
		if reflect.DeepEqual(a, b) {
			continue
		}
		inA, isA := a.(map[string]any)
		inB, isB := b.(map[string]any)
		if isA && isB {
			found = within(found, prefix+name+".", inA, inB)
			continue
		}
		found = append(found, difference{setBy(prefix + name), word(prefix+name, a), word(prefix+name, b)})
	}
	return found
}

// setBy returns the flag of load run that sets an option, or else its name in a test file.
func setBy(option string) string {
	flags := map[string]string{
		"verifyData": "--verify-data", "logins": "the choice of logins (--unique-logins)", "thinkTime": "--think-time", "timeout": "--timeout",
		"insecureSkipTLSVerify": "--insecure", "dataset": "--dataset",
	}
	if name, ok := flags[option]; ok {
		return name
	}
	return option
}

// word quotes an option's value, shortly.
func word(option string, value any) string {
	const most = 80
	if value == nil {
		return "none"
	}
	if share, ok := value.(float64); ok && option == "verifyData" {
		return report.Percent(share)
	}
	if s, ok := value.(string); ok {
		return s
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	if r := []rune(string(quoted)); len(r) > most {
		return string(r[:most]) + " ..."
	}
	return string(quoted)
}

// wordDifferences words what differs, a line each.
func wordDifferences(all []difference) []string {
	var lines, rest []string
	for i, d := range all {
		if i < mostValues {
			lines = append(lines, fmt.Sprintf("%s is %s, the baseline's %s", d.name, d.value, d.other))
		} else if i < 2*mostValues {
			rest = append(rest, d.name)
		}
	}
	if n := len(all) - mostValues - len(rest); n > 0 {
		rest = append(rest, fmt.Sprintf("%d more", n))
	}
	if len(rest) > 0 {
		lines = append(lines, "others that differ are "+strings.Join(rest, ", "))
	}
	return lines
}
