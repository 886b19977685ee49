package report

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheDocumentHasEveryField holds RESULT.md against the types: it has a section for each object of a result, by
// where it is first found, with all of its fields and no others.
func TestTheDocumentHasEveryField(t *testing.T) {
	text, err := os.ReadFile("../../RESULT.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	section, name := "", regexp.MustCompile("`([^`]+)`( \\?)?")
	for line := range strings.Lines(string(text)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(heading)
		}
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, field := range name.FindAllStringSubmatch(cells[1], -1) {
			documented[section] = append(documented[section], field[1]+field[2])
		}
	}
	fields := map[string][]string{}
	collectFields(reflect.TypeFor[Result](), "", fields, map[reflect.Type]bool{})
	if want, got := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(documented)); !slices.Equal(got, want) {
		t.Errorf("there are sections for %v\nwant them for %v", got, want)
	}
	for section, want := range fields {
		got := documented[section]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v\nwant %v", section, got, want)
		}
	}
}

// collectFields gathers the names of a type's fields and of those below it under their paths, with a question mark where
// they may be left out.
func collectFields(x reflect.Type, path string, into map[string][]string, seen map[reflect.Type]bool) {
	switch x.Kind() {
	case reflect.Pointer:
		collectFields(x.Elem(), path, into, seen)
		return
	case reflect.Slice:
		collectFields(x.Elem(), path+"[]", into, seen)
		return
	case reflect.Map:
		collectFields(x.Elem(), path+".*", into, seen)
		return
	}
	if x.Kind() != reflect.Struct || seen[x] || reflect.PointerTo(x).Implements(reflect.TypeFor[json.Marshaler]()) {
		return
	}
	seen[x] = true
	section := strings.TrimPrefix(path, ".")
	if path == "" {
		section = "."
	}
	for i := range x.NumField() {
		name, options, _ := strings.Cut(x.Field(i).Tag.Get("json"), ",")
		optional := ""
		if strings.Contains(options, "omit") {
			optional = " ?"
		}
		into[section] = append(into[section], name+optional)
		collectFields(x.Field(i).Type, path+"."+name, into, seen)
	}
}
