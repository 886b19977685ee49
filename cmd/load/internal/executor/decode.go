package executor

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/cmd/load/internal/nearmiss"
)

// New returns a configuration of the executor with its defaults.
func New(name, executor string) (Config, error) {
	switch executor {
	case TypeConstantVUs:
		return NewConstantVUs(name), nil
	case TypeRampingVUs:
		return NewRampingVUs(name), nil
	case TypeConstantArrivalRate:
		return NewConstantArrivalRate(name), nil
	case TypeRampingArrivalRate:
		return NewRampingArrivalRate(name), nil
	case TypePerVUIterations:
		return NewPerVUIterations(name), nil
	case TypeSharedIterations:
		return NewSharedIterations(name), nil
	case TypeExternallyControlled:
		return NewExternallyControlled(name), nil
	case "":
		return nil, fmt.Errorf("executor is missing; it is one of %s", strings.Join(Types(), ", "))
	}
	return nil, fmt.Errorf("there is no executor %q%s; it is one of %s", executor, nearest(executor, Types()), strings.Join(Types(), ", "))
}

// required are the keys that k6 wants to see although 0 may be a value of theirs.
func required(executor string) []string {
	switch executor {
	case TypeConstantVUs, TypeExternallyControlled:
		return []string{"duration"}
	case TypeRampingVUs:
		return []string{"stages"}
	case TypeConstantArrivalRate:
		return []string{"rate", "duration", "preAllocatedVUs"}
	case TypeRampingArrivalRate:
		return []string{"stages", "preAllocatedVUs"}
	}
	return nil
}

// FromYAML reads the object that k6's options have for one scenario, from YAML or from JSON, which is YAML too. The
// error names every key that the executor does not know, with the nearest that it does, every value that does not
// fit, every key that is missing, and all that Validate finds.
func FromYAML(name string, node *yaml.Node) (Config, error) {
	var values map[string]any
	if err := node.Decode(&values); err != nil {
		return nil, fmt.Errorf("scenario %s is not an object with an executor: %w", name, err)
	}
	members := make(map[string]json.RawMessage, len(values))
	for key, value := range values {
		data, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %s: %w", name, key, err)
		}
		members[key] = data
	}
	return fromMembers(name, members)
}

func fromMembers(name string, members map[string]json.RawMessage) (Config, error) {
	var kind string
	if err := decodeMember(members, "executor", &kind); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	c, err := New(name, kind)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	fields := fieldsOf(reflect.ValueOf(c).Elem())
	known := slices.Sorted(maps.Keys(fields))
	errs := []error{checkKeys(kind, members, known, required(kind))}
	for _, key := range known {
		errs = append(errs, decodeMember(members, key, fields[key].Addr().Interface()))
	}
	if errors.Join(errs...) == nil { // what could not be read would only be complained of twice
		errs = append(errs, c.Validate()...)
	}
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("scenario %s: %w", name, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// fieldsOf returns the fields of a struct, embedded ones included, by their JSON names.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := make(map[string]reflect.Value)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			maps.Copy(fields, fieldsOf(v.Field(i)))
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			fields[name] = v.Field(i)
		}
	}
	return fields
}

func decodeMember(members map[string]json.RawMessage, key string, into any) error {
	data, ok := members[key]
	if !ok || string(data) == "null" {
		return nil
	}
	err := json.Unmarshal(data, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is %.60s, it should be %s", key, data, kindOf(wrong.Type))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// kindOf says in a test file's words what a Go type takes.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return t.String()
}

// checkKeys reports the keys that are not known and those that are missing.
func checkKeys(what string, members map[string]json.RawMessage, known, required []string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(known, key) {
			errs = append(errs, fmt.Errorf("%s has no option %q%s", what, key, nearest(key, known)))
		}
	}
	for _, key := range required {
		if data, ok := members[key]; !ok || string(data) == "null" {
			errs = append(errs, fmt.Errorf("%s needs %s", what, key))
		}
	}
	return errors.Join(errs...)
}

// nearest returns a question that names the candidate most like the word, "" where none is alike.
func nearest(word string, candidates []string) string {
	best := nearmiss.Of(word, candidates)
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %s?", best)
}
