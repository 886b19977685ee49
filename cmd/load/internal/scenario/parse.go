package scenario

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/suite"
)

// maxFileSize bounds a test file; the embedded ones have about two kilobytes.
const maxFileSize = 1 << 20

// Parse reads a test from YAML or from k6's JSON options. Everything that is wrong with it comes back at once,
// as Problems. source is what the test is called where it does not say so itself, a file's name for one.
func Parse(source string, text []byte) (*Options, error) { return ParseFor(DefaultSuite, source, text) }

// ParseFor is Parse with another suite than DefaultSuite for a test that names none, as k6's options do not.
func ParseFor(suite, source string, text []byte) (*Options, error) {
	name := strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))
	o := defaults()
	o.Name, o.Source, o.Suite = name, source, suite
	if len(text) > maxFileSize {
		return nil, fmt.Errorf("test %s: it has more than %d bytes", source, maxFileSize)
	}
	root, err := parseText(text)
	if err != nil {
		return nil, fmt.Errorf("test %s: %w", source, err)
	}
	r := &reader{options: o, lines: map[string]int{}}
	r.read(root)
	r.problems = append(r.problems, r.locate(r.sound(o.Validate()))...)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, fmt.Errorf("test %s:\n%w", source, r.problems)
	}
	return o, nil
}

// ReadFile is Parse of a file.
func ReadFile(path string) (*Options, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("test: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil, fmt.Errorf("test %s: it is no file of at most %d bytes", path, maxFileSize)
	}
	if slices.Contains([]string{".js", ".mjs", ".ts"}, filepath.Ext(path)) {
		return nil, fmt.Errorf("test %s: k6 scripts are not run here: name a suite, %s, in a test file, which may be the script's options as JSON", path, strings.Join(suite.Names(), ", "))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("test: %w", err)
	}
	return Parse(path, text)
}

// reader walks the tree rather than decode it, so that it can name the line and the near miss of every unknown
// field at once.
type reader struct {
	options   *Options
	problems  Problems
	lines     map[string]int // of fields
	shorthand shorthand
}

func (r *reader) add(n *yaml.Node, field, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: n.Line, Field: field, Message: fmt.Sprintf(format, args...)})
}

// sound returns the problems of what could be read, for what could not is complained of already. Thresholds and searches
// look at all the rest, which they may not find where anything could not be read.
func (r *reader) sound(problems Problems) Problems {
	top := func(field string) string {
		first, _, _ := strings.Cut(field, ".")
		return first
	}
	unread := func(p Problem) bool {
		return slices.ContainsFunc(r.problems, func(q Problem) bool {
			switch top(p.Field) {
			case "scenarios":
				return q.Field == "scenarios" || q.Field == p.Field || strings.HasPrefix(p.Field, q.Field+".") || strings.HasPrefix(q.Field, p.Field+".")
			case "thresholds", "search":
				return true
			}
			return top(q.Field) == top(p.Field)
		})
	}
	return slices.DeleteFunc(problems, unread)
}

// locate names the lines of problems that know their fields only.
func (r *reader) locate(problems Problems) Problems {
	for i, p := range problems {
		for field := p.Field; field != "" && problems[i].Line == 0; {
			problems[i].Line = r.lines[field]
			field = field[:max(0, strings.LastIndexByte(field, '.'))]
		}
	}
	return problems
}

// object calls, for each key of a mapping, the function for that key. Keys that say nothing are passed over.
// A nil function in fields marks what k6 has and this runner does not.
func (r *reader) object(n *yaml.Node, field string, fields map[string]func(n *yaml.Node, field string)) {
	r.entries(n, field, func(key, value *yaml.Node, path string) {
		read, known := fields[key.Value]
		switch {
		case !known:
			r.add(key, path, "there is no such option%s", didYouMean(key.Value, keysOf(fields)))
		case isNull(value), read == nil && isOff(value):
		case read == nil:
			r.add(key, path, "is an option of k6's that this runner does not have; leave it out")
		default:
			read(value, path)
		}
	})
}

func keysOf(fields map[string]func(*yaml.Node, string)) []string {
	var keys []string
	for k, read := range fields {
		if read != nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// entries calls f for each entry of a mapping.
func (r *reader) entries(n *yaml.Node, field string, f func(key, value *yaml.Node, path string)) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		r.add(n, field, "%s, it should be an object", saw(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		path := key.Value
		if field != "" {
			path = field + "." + key.Value
		}
		r.lines[path] = key.Line
		if seen[key.Value] {
			r.add(key, path, "is given twice")
			continue
		}
		seen[key.Value] = true
		f(key, value, path)
	}
}

// saw says what is there, for messages.
func saw(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "is an object"
	case yaml.SequenceNode:
		return "is a list"
	}
	return fmt.Sprintf("is %.60q", n.Value)
}

// The scalars. Each complains and leaves the value as it is where the node does not fit.

func (r *reader) text(into *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		if n.Kind != yaml.ScalarNode {
			r.add(n, field, "%s, it should be text", saw(n))
			return
		}
		*into = n.Value
	}
}

func (r *reader) boolean(into *bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(into) != nil {
			r.add(n, field, "%s, it should be true or false", saw(n))
		}
	}
}

func (r *reader) whole(into *int) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		var v int
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&v) != nil || v < 0 {
			r.add(n, field, "%s, it should be a whole number", saw(n))
			return
		}
		*into = v
	}
}

func (r *reader) seed(into *uint64) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		v, err := strconv.ParseUint(n.Value, 10, 64)
		if n.Kind != yaml.ScalarNode || err != nil {
			r.add(n, field, "%s, it should be a whole number from 0 to %d", saw(n), uint64(math.MaxUint64))
			return
		}
		*into = v
	}
}

func (r *reader) duration(into *executor.Duration) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		if n.Kind != yaml.ScalarNode {
			r.add(n, field, "%s, it should be a duration such as 30s or 1m30s", saw(n))
			return
		}
		d, err := executor.ParseDuration(n.Value)
		if err != nil {
			r.add(n, field, "%v", err)
			return
		}
		*into = d
	}
}

// number reads a number from 0, as 0.1, 1/10 or 10%.
func (r *reader) number(into *float64) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		v, err := ParseNumber(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			r.add(n, field, "%s, it should be a number from 0, such as 0.1, 1/10 or 10%%", saw(n))
			return
		}
		*into = v
	}
}

// ParseNumber reads a number from 0 that may be written as a fraction or in percent: 0.1, 1/10, 10%.
func ParseNumber(text string) (float64, error) {
	bad := fmt.Errorf("%q is not a number from 0 such as 0.1, 1/10 or 10%%", text)
	body, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	above, below, fraction := strings.Cut(body, "/")
	v, err := strconv.ParseFloat(strings.TrimSpace(above), 64)
	if err != nil {
		return 0, bad
	}
	if fraction {
		d, err := strconv.ParseFloat(strings.TrimSpace(below), 64)
		if err != nil || d <= 0 {
			return 0, bad
		}
		v /= d
	}
	if percent {
		v /= 100
	}
	if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, bad
	}
	return v, nil
}

func (r *reader) texts(into *[]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		if n.Kind == yaml.ScalarNode { // one alone need not be a list
			*into = []string{n.Value}
			return
		}
		if n.Kind != yaml.SequenceNode {
			r.add(n, field, "%s, it should be a list of texts", saw(n))
			return
		}
		*into = nil
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				r.add(item, fmt.Sprintf("%s.%d", field, i), "%s, it should be text", saw(item))
				continue
			}
			*into = append(*into, item.Value)
		}
	}
}

func (r *reader) tags(into *map[string]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		*into = map[string]string{}
		r.entries(n, field, func(_, value *yaml.Node, path string) {
			if value.Kind != yaml.ScalarNode {
				r.add(value, path, "%s, it should be text", saw(value))
				return
			}
			(*into)[strings.TrimPrefix(path, field+".")] = value.Value
		})
	}
}

// scenarios reads them by way of the executors.
func (r *reader) scenarios(n *yaml.Node, field string) {
	r.entries(n, field, func(key, value *yaml.Node, path string) {
		if value.Kind != yaml.MappingNode {
			r.add(value, path, "%s, it should be an object with an executor", saw(value))
			return
		}
		c, err := executor.FromYAML(key.Value, value)
		if err == nil {
			r.options.Scenarios = append(r.options.Scenarios, c)
			r.entries(value, path, func(_, _ *yaml.Node, _ string) {}) // for the lines
			if len(c.Common().Env) > 0 {
				r.ignored(path + ".env")
			}
			return
		}
		for _, e := range leaves(err) {
			message := strings.TrimPrefix(e.Error(), fmt.Sprintf("scenario %s: ", key.Value))
			r.problems = append(r.problems, Problem{Line: mentioned(value, message, key.Line), Field: path, Message: message})
		}
	})
	if len(r.options.Scenarios) == 0 && len(r.problems) == 0 {
		r.add(n, field, "there is no scenario in it")
	}
}

// leaves returns the errors that errors.Join has joined.
func leaves(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		// A prefix around a join would be lost with it.
		if inner := leaves(e); len(inner) > 1 {
			prefix, _, _ := strings.Cut(e.Error(), inner[0].Error())
			for _, one := range inner {
				all = append(all, fmt.Errorf("%s%w", prefix, one))
			}
			continue
		}
		all = append(all, e)
	}
	return all
}

// mentioned returns the line of the key of a scenario that a message speaks of, or else of the scenario.
func mentioned(scenario *yaml.Node, message string, otherwise int) int {
	if strings.HasPrefix(message, "there is no executor ") {
		message = "executor"
	} else {
		message = strings.ReplaceAll(message, "executor", "") // a word of every message, almost
	}
	words := strings.FieldsFunc(message, func(c rune) bool { return strings.ContainsRune(` ,;:"`, c) })
	for _, word := range words {
		for i := 0; i+1 < len(scenario.Content); i += 2 {
			if key := scenario.Content[i]; key.Value == word {
				return key.Line
			}
		}
	}
	return otherwise
}

func (r *reader) ignored(option string) {
	r.options.Warnings = append(r.options.Warnings, "the option "+option+" has no effect here")
}
