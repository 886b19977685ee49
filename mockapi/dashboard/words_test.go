package dashboard

import (
	"reflect"
	"slices"
	"testing"

	"github.com/medianest/testbed/mockapi/fault"
)

// Whatever a rule does, the page has words for it.
func TestEveryEffectHasWords(t *testing.T) {
	rule := reflect.TypeFor[fault.Rule]()
	said := make(map[string]bool)
	for i := range rule.NumField() {
		field := rule.Field(i)
		if slices.Contains([]string{"ID", "Name", "Match", "Seed", "TTL", "Schedule"}, field.Name) {
			continue
		}
		var r fault.Rule
		switch v := reflect.ValueOf(&r).Elem().Field(i); v.Kind() {
		case reflect.Pointer:
			v.Set(reflect.New(field.Type.Elem()))
		case reflect.Bool:
			v.SetBool(true)
		default:
			v.SetInt(1)
		}
		words := effects(&r)
		if words == "" || said[words] {
			t.Errorf("a rule with %s is said to do %q", field.Name, words)
		}
		said[words] = true
	}
}
