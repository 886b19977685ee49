package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Object is a JSON object whose members keep the order in which they were written, so that what is made of the
// document reads as the document does. Values are *Object, []any, string, bool, json.Number and nil.
type Object struct {
	keys   []string
	values map[string]any
}

// Keys returns the names of the members in order. A nil Object has none.
func (o *Object) Keys() []string {
	if o == nil {
		return nil
	}
	return o.keys
}

// Get returns a member, nil where there is none.
func (o *Object) Get(key string) any {
	if o == nil {
		return nil
	}
	return o.values[key]
}

// Has tells whether there is such a member.
func (o *Object) Has(key string) bool {
	if o == nil {
		return false
	}
	_, ok := o.values[key]
	return ok
}

// Object returns a member that is an object, nil where it is none.
func (o *Object) Object(key string) *Object {
	v, _ := o.Get(key).(*Object)
	return v
}

// List returns a member that is an array, nil where it is none.
func (o *Object) List(key string) []any {
	v, _ := o.Get(key).([]any)
	return v
}

// Text returns a member that is a string, "" where it is none.
func (o *Object) Text(key string) string {
	v, _ := o.Get(key).(string)
	return v
}

// Bool returns a member that is a boolean, false where it is none.
func (o *Object) Bool(key string) bool {
	v, _ := o.Get(key).(bool)
	return v
}

// set adds or replaces a member.
func (o *Object) set(key string, v any) {
	if o.values == nil {
		o.values = make(map[string]any)
	}
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

func (o *Object) remove(key string) {
	if o.Has(key) {
		delete(o.values, key)
		o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
	}
}

// MarshalJSON implements json.Marshaler, with the members in order.
func (o *Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(&b, k); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := appendJSON(&b, o.values[k]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func appendJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the newline of Encode
	return nil
}

// fromYAML turns YAML into JSON's values, aliases and merge keys expanded.
func fromYAML(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.DocumentNode:
		return fromYAML(n.Content[0])
	case yaml.AliasNode:
		return fromYAML(n.Alias)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, e := range n.Content {
			v, err := fromYAML(e)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case yaml.MappingNode:
		return fromMapping(n)
	default:
		return fromScalar(n)
	}
}

func fromMapping(n *yaml.Node) (*Object, error) {
	o := &Object{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		v, err := fromYAML(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		if key.Tag != "!!merge" {
			o.set(key.Value, v)
			continue
		}
		merged, ok := v.(*Object)
		if !ok {
			return nil, fmt.Errorf("line %d: only an object can be merged", key.Line)
		}
		for _, k := range merged.keys {
			if !o.Has(k) {
				o.set(k, merged.values[k])
			}
		}
	}
	return o, nil
}

func fromScalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!str":
		return n.Value, nil
	case "!!int", "!!float": // as it is written, since no Go type holds all of them
		if !json.Valid([]byte(n.Value)) {
			return nil, fmt.Errorf("line %d: %s is no number in JSON", n.Line, n.Value)
		}
		return json.Number(n.Value), nil
	case "!!bool":
		return n.Value == "true", nil
	case "!!null":
		return nil, nil
	default:
		return nil, fmt.Errorf("line %d: %s is of type %s, which JSON does not have", n.Line, n.Value, strings.TrimPrefix(n.Tag, "!!"))
	}
}
