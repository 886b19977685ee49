package contract

import (
	"encoding/json"
	"html/template"
	"strings"
)

// typeHTML says in words what a schema allows, with links to the schemas that it refers to.
func (d *Document) typeHTML(schema *Object) template.HTML {
	if schema == nil {
		return ""
	}
	var parts []string
	if ref := schema.Text("$ref"); ref != "" {
		parts = append(parts, link(ref))
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if choices := choices(schema.List(key)); choices != "" {
			parts = append(parts, choices)
		}
	}
	if t := typeNames(schema); t != "" {
		parts = append(parts, t)
	}
	if items := schema.Object("items"); items != nil {
		parts = append(parts, "of "+string(d.typeHTML(items)))
	}
	if schema.Has("const") {
		parts = append(parts, code(schema.Get("const")))
	}
	if enum := schema.List("enum"); len(enum) > 0 {
		values := make([]string, len(enum))
		for i, v := range enum {
			values[i] = code(v)
		}
		parts = append(parts, strings.Join(values, " "))
	}
	words := strings.Join(parts, " ")
	for _, limit := range limits(schema) {
		words += ", " + limit
	}
	return template.HTML(strings.TrimPrefix(words, ", "))
}

func link(ref string) string {
	name := template.HTMLEscapeString(ref[strings.LastIndex(ref, "/")+1:])
	return `<a href="#schema-` + name + `">` + name + `</a>`
}

func code(v any) string { return "<code>" + template.HTMLEscapeString(jsonText(v)) + "</code>" }

// jsonText is a value as it stands in JSON, strings without their quotes.
func jsonText(v any) string {
	if s, ok := v.(string); ok && s != "" {
		return s
	}
	b, _ := json.Marshal(v) // a value of the document
	return string(b)
}

// choices lists alternatives that have a name; those that only require fields are left to the description.
func choices(list []any) string {
	var names []string
	for _, v := range list {
		o, _ := v.(*Object)
		switch {
		case o.Text("$ref") != "":
			names = append(names, link(o.Text("$ref")))
		case o.Text("title") != "":
			names = append(names, template.HTMLEscapeString(o.Text("title")))
		case o.Text("type") == "array":
			names = append(names, "array of "+link(o.Object("items").Text("$ref")))
		case o.Text("type") != "":
			names = append(names, o.Text("type"))
		case o.Text("format") != "":
			names = append(names, o.Text("format"))
		}
	}
	return strings.Join(names, " or ")
}

func typeNames(schema *Object) string {
	names := []string{schema.Text("type")}
	if list := schema.List("type"); list != nil {
		names = names[:0]
		for _, v := range list {
			names = append(names, jsonText(v))
		}
	}
	return strings.Join(names, " or ")
}

// limits says what bounds a value.
func limits(schema *Object) []string {
	var all []string
	say := func(key, words string) {
		if schema.Has(key) {
			all = append(all, words+" "+code(schema.Get(key)))
		}
	}
	if f := schema.Text("format"); f != "" && f != "password" {
		all = append(all, f)
	}
	say("minimum", "from")
	say("maximum", "to")
	say("minLength", "characters from")
	say("maxLength", "characters at most")
	say("minItems", "entries from")
	say("maxItems", "entries at most")
	say("default", "by default")
	say("pattern", "pattern")
	return all
}

// fields lists the properties of an object, those of objects in it with a dotted name.
func (d *Document) fields(schema *Object, prefix string) []fieldView {
	var all []fieldView
	required := map[any]bool{}
	for _, name := range schema.List("required") {
		required[name] = true
	}
	properties := schema.Object("properties")
	for _, name := range properties.Keys() {
		p := properties.Object(name)
		all = append(all, fieldView{
			Name: prefix + name, Required: required[name], Type: d.typeHTML(p), Description: p.Text("description"),
		})
		all = append(all, d.fields(p, prefix+name+".")...)
		if items := p.Object("items"); items != nil && !items.Has("$ref") {
			all = append(all, d.fields(items, prefix+name+"[].")...)
		}
	}
	return all
}
