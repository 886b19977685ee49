package contract

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Sample returns an example of what a schema describes, made of the examples in it.
func (d *Document) Sample(schema *Object) any { return d.sample(schema, 0) }

// maxSampleDepth ends schemas that contain themselves.
const maxSampleDepth = 12

func (d *Document) sample(schema *Object, depth int) any {
	if examples := schema.List("examples"); len(examples) > 0 {
		return examples[0]
	}
	for _, key := range []string{"const", "default"} {
		if schema.Has(key) {
			return schema.Get(key)
		}
	}
	if enum := schema.List("enum"); len(enum) > 0 {
		return enum[0]
	}
	if depth > maxSampleDepth {
		return nil
	}
	if schema.Has("$ref") {
		of := d.sample(d.at(schema.Text("$ref")), depth+1)
		whole, isObject := of.(*Object)
		if !isObject || !schema.Has("properties") {
			return of
		}
		extended := &Object{keys: slices.Clone(whole.keys), values: maps.Clone(whole.values)}
		d.sampleProperties(extended, schema, depth)
		return extended
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if choices := schema.List(key); len(choices) > 0 && !schema.Has("properties") && schema.Text("type") == "" {
			first, _ := choices[0].(*Object)
			return d.sample(first, depth+1)
		}
	}
	switch typeOf(schema) {
	case "object":
		o := &Object{}
		d.sampleProperties(o, schema, depth)
		return o
	case "array":
		return []any{d.sample(schema.Object("items"), depth+1)}
	case "integer", "number":
		if schema.Has("minimum") {
			return schema.Get("minimum")
		}
		return json.Number("1")
	case "boolean":
		return false
	case "string":
		return "text"
	default:
		return nil
	}
}

func (d *Document) sampleProperties(into, schema *Object, depth int) {
	properties := schema.Object("properties")
	for _, name := range properties.Keys() {
		p := properties.Object(name)
		// What only adds to an object that is there already says nothing of the rest of it.
		if there, ok := into.Get(name).(*Object); ok && !p.Has("type") && p.Has("properties") {
			extended := &Object{keys: slices.Clone(there.keys), values: maps.Clone(there.values)}
			d.sampleProperties(extended, p, depth+1)
			into.set(name, extended)
			continue
		}
		into.set(name, d.sample(p, depth+1))
	}
}

// typeOf returns the type of a schema, the first where there are several; "" where it names none.
func typeOf(schema *Object) string {
	if list := schema.List("type"); len(list) > 0 {
		first, _ := list[0].(string)
		return first
	}
	return schema.Text("type")
}

// Request is an example of a request to an operation.
type Request struct {
	Method string
	URL    string
	Header []string // "Name: value", without the token
	// Body is JSON; nil where there is none.
	Body []byte
}

// Example returns a request to the operation that is made of the examples of its parameters and its body.
// Parameters that are not required and have no example of their own are left out.
func (d *Document) Example(op *Operation) (Request, error) {
	r := Request{Method: op.Method}
	path, query := op.Path, url.Values{}
	for _, p := range op.Parameters {
		v := text(p.Get("example"))
		switch p.Text("in") {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.Text("name")+"}", url.PathEscape(v))
		case "query":
			if p.Has("example") {
				query.Set(p.Text("name"), v)
			}
		case "header":
			if p.Has("example") {
				r.Header = append(r.Header, p.Text("name")+": "+v)
			}
		}
	}
	r.URL = d.serverOf(op) + path
	if len(query) > 0 {
		r.URL += "?" + query.Encode()
	}
	schema := d.Resolve(op.Node.Get("requestBody")).Object("content").Object("application/json").Object("schema")
	if schema == nil {
		return r, nil
	}
	r.Header = append(r.Header, "Content-Type: application/json")
	var err error
	r.Body, err = json.Marshal(d.Sample(schema))
	return r, err
}

// serverOf returns the URL of the first service that has the operation.
func (d *Document) serverOf(op *Operation) string {
	servers := d.root.Object("paths").Object(op.Path).List("servers")
	if servers == nil {
		servers = d.root.List("servers")
	}
	return d.Resolve(servers[0]).Text("url")
}

// text writes a JSON value as a parameter.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v) // a value of the document
	return string(b)
}
