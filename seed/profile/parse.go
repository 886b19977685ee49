package profile

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parser walks a YAML tree rather than decode it into structs, so that it can name the line and the near
// miss of every unknown field at once.
type parser struct {
	problems Problems
	lines    map[string]int // of fields
}

// parse returns the profile in text, as far as it can be read, and a parser that knows what is wrong with it
// and where. Text that is not YAML is an error.
func parse(text []byte) (*Profile, *parser, error) {
	ps := &parser{lines: map[string]int{}}
	p := New("", Rows{})
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil, errors.New("the file is empty")
	}
	ps.mapping(doc.Content[0], "", map[string]func(*yaml.Node, string){
		"name":        func(n *yaml.Node, f string) { ps.decode(n, f, &p.Name, "a text") },
		"description": func(n *yaml.Node, f string) { ps.decode(n, f, &p.Description, "a text") },
		"rows":        func(n *yaml.Node, f string) { ps.rows(n, f, &p.Rows) },
		"weights":     func(n *yaml.Node, f string) { ps.weights(n, f, &p.Weights) },
	}, []string{"name", "description", "rows", "weights"})
	return p, ps, nil
}

// line returns the line of a field or, where the file does not have it, of the nearest section around it;
// 0 if there is none.
func (ps *parser) line(field string) int {
	for field != "" {
		if n, ok := ps.lines[field]; ok {
			return n
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
	return 0
}

func (ps *parser) add(n *yaml.Node, field, format string, args ...any) {
	if field == "" {
		field = "profile"
	}
	ps.problems = append(ps.problems, Problem{Line: n.Line, Field: field, Message: fmt.Sprintf(format, args...)})
}

// mapping calls, for each key of n, the function for that key with its value and path.
func (ps *parser) mapping(n *yaml.Node, field string, fields map[string]func(*yaml.Node, string), known []string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		ps.add(n, field, "should be a mapping of %s", strings.Join(known, ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		path := key.Value
		if field != "" {
			path = field + "." + key.Value
		}
		ps.lines[path] = key.Line
		read, ok := fields[key.Value]
		switch {
		case !ok:
			ps.add(key, path, "unknown field%s", didYouMean(key.Value, known))
		case seen[key.Value]:
			ps.add(key, path, "is given twice")
		default:
			read(value, path)
		}
		seen[key.Value] = true
	}
}

func (ps *parser) decode(n *yaml.Node, field string, into any, want string) {
	if n.Tag == "!!null" {
		ps.add(n, field, "is empty, should be %s", want)
		return
	}
	// The library would cut 1.5 to 1.
	_, whole := into.(*int64)
	if err := n.Decode(into); err != nil || whole && n.ShortTag() != "!!int" {
		ps.add(n, field, "%q should be %s", n.Value, want)
	}
}

func (ps *parser) rows(n *yaml.Node, field string, rows *Rows) {
	fields := map[string]func(*yaml.Node, string){}
	for _, t := range Tables() {
		count := rows.field(t)
		fields[t] = func(n *yaml.Node, f string) { ps.decode(n, f, count, "a whole number of rows") }
	}
	ps.mapping(n, field, fields, Tables())
}

func (ps *parser) weights(n *yaml.Node, field string, w *Weights) {
	share := func(into *float64) func(*yaml.Node, string) {
		return func(n *yaml.Node, f string) { ps.decode(n, f, into, "a share between 0 and 1") }
	}
	shares := func(into *map[string]float64, known []string) func(*yaml.Node, string) {
		return func(n *yaml.Node, f string) {
			*into = map[string]float64{}
			fields := map[string]func(*yaml.Node, string){}
			for _, k := range known {
				fields[k] = func(n *yaml.Node, f string) {
					var v float64
					ps.decode(n, f, &v, "a share between 0 and 1")
					(*into)[k] = v
				}
			}
			ps.mapping(n, f, fields, known)
		}
	}
	ps.mapping(n, field, map[string]func(*yaml.Node, string){
		"roles":      shares(&w.Roles, Roles()),
		"active":     share(&w.Active),
		"public":     share(&w.Public),
		"mime_types": shares(&w.MIMETypes, MIMETypes()),
		"sizes":      func(n *yaml.Node, f string) { ps.sizes(n, f, w) },
	}, []string{"roles", "active", "public", "mime_types", "sizes"})
}

func (ps *parser) sizes(n *yaml.Node, field string, w *Weights) {
	w.Sizes = nil
	if n.Kind != yaml.SequenceNode {
		ps.add(n, field, "should be a list of {min, max, weight}")
		return
	}
	for i, item := range n.Content {
		var s SizeRange
		path := fmt.Sprintf("%s[%d]", field, i)
		ps.lines[path] = item.Line
		ps.mapping(item, path, map[string]func(*yaml.Node, string){
			"min":    func(n *yaml.Node, f string) { ps.decode(n, f, &s.Min, "a whole number of bytes") },
			"max":    func(n *yaml.Node, f string) { ps.decode(n, f, &s.Max, "a whole number of bytes") },
			"weight": func(n *yaml.Node, f string) { ps.decode(n, f, &s.Weight, "a share between 0 and 1") },
		}, []string{"min", "max", "weight"})
		w.Sizes = append(w.Sizes, s)
	}
}
