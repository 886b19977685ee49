package fault

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed presets.yaml
var presetsYAML []byte

// Preset is a named set of rules.
type Preset struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Rules       []Rule `json:"rules"`
}

// Presets returns the built-in presets by name.
func Presets() ([]Preset, error) { return ParsePresets(presetsYAML) }

// Find returns the built-in preset with the name; the error lists those that there are.
func Find(name string) (Preset, error) {
	all, err := Presets()
	if err != nil {
		return Preset{}, err
	}
	names := make([]string, len(all))
	for i, p := range all {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return Preset{}, fmt.Errorf("there is no fault preset %q: there are %s", name, strings.Join(names, ", "))
}

// ParsePresets reads a rule file, YAML or JSON: a map from name to description and rules, each rule of which
// gets the name; or a list of rules; or one rule. The error names every fault of every rule.
func ParsePresets(data []byte) ([]Preset, error) {
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("read fault rules: %w", err)
	}
	var presets []Preset
	var errs []error
	read := func(name string, tree any, rename bool) {
		p := Preset{Name: name}
		if err := decodeStrict(tree, &p); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			return
		}
		p.Name = name
		for i := range p.Rules {
			if rename {
				p.Rules[i].Name = name
			}
			if err := p.Rules[i].Validate(); err != nil {
				errs = append(errs, fmt.Errorf("%s: rule %d: %w", name, i+1, err))
			}
		}
		if len(p.Rules) == 0 {
			errs = append(errs, fmt.Errorf("%s: no rules", name))
		}
		presets = append(presets, p)
	}
	switch tree := tree.(type) {
	case []any:
		read("rules", map[string]any{"rules": tree}, false)
	case map[string]any:
		if !namesPresets(tree) {
			read("rule", map[string]any{"rules": []any{tree}}, false)
			break
		}
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			read(name, tree[name], true)
		}
	default:
		return nil, errors.New("read fault rules: want a list of rules, one rule, or names with a description and rules, such as " +
			"slow: {rules: [{path: /api/**, latency: {fixed: 200ms}}]}")
	}
	return presets, errors.Join(errs...)
}

// namesPresets tells a map of presets from a single rule: no field of a rule has rules.
func namesPresets(tree map[string]any) bool {
	for _, v := range tree {
		if m, ok := v.(map[string]any); ok {
			if _, ok := m["rules"]; ok {
				return true
			}
		}
	}
	return false
}

// decodeStrict goes by way of JSON, so that one set of names serves both formats.
func decodeStrict(tree any, into any) error {
	b, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
