package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/contract/contracttest"
)

// compiled is the document, compiled once for all tests.
var compiled = sync.OnceValues(contracttest.New)

func validator(t testing.TB) *contracttest.Validator {
	t.Helper()
	v, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func load(t testing.TB) *contract.Document {
	t.Helper()
	return validator(t).Document()
}

// The document is OpenAPI 3.1, in the eyes of a library that knows all of it.
func TestDocumentIsOpenAPI(t *testing.T) {
	loader := openapi3.NewLoader()
	parsed, err := loader.LoadFromData(load(t).JSON())
	if err != nil {
		t.Fatal(err)
	}
	err = parsed.Validate(t.Context(), openapi3.EnableMultiError(), openapi3.IsOpenAPI31OrLater(),
		openapi3.EnableSchemaDefaultsValidation(), openapi3.EnableSchemaPatternValidation(), openapi3.EnableExamplesValidation())
	if err != nil {
		t.Error(err)
	}
}

// Every example in a schema is within that schema, and so is what is made of the examples for the page.
func TestExamplesAreWithinTheirSchemas(t *testing.T) {
	v := validator(t)
	doc := v.Document()
	checked := 0
	check := func(pointer string, value any) {
		t.Helper()
		schema, err := v.Compile(pointer)
		if err != nil {
			t.Fatalf("%s: %v", pointer, err)
		}
		if err := schema.Validate(plain(t, value)); err != nil {
			t.Errorf("%s: %v: %v", pointer, value, err)
		}
		checked++
	}
	walkSchemas(doc, func(pointer string, schema *contract.Object) {
		for _, example := range schema.List("examples") {
			check(pointer, example)
		}
		if schema.Has("default") {
			check(pointer, schema.Get("default"))
		}
		if !strings.Contains(pointer, "/then") && !strings.Contains(pointer, "Of/") {
			check(pointer, doc.Sample(schema))
		}
	})
	parameters := doc.At("/components/parameters").(*contract.Object)
	for _, name := range parameters.Keys() {
		if p := parameters.Object(name); p.Has("example") {
			check("/components/parameters/"+name+"/schema", p.Get("example"))
		}
	}
	if checked < 500 {
		t.Errorf("only %d examples were found", checked)
	}
}

// walkSchemas visits all schemas of the document: what stands under these keys.
func walkSchemas(doc *contract.Document, visit func(pointer string, schema *contract.Object)) {
	schema := regexp.MustCompile(`/(schema|items|schemas/[^/]+|properties/[^/]+|additionalProperties)$`)
	var walk func(pointer string, v any)
	walk = func(pointer string, v any) {
		switch v := v.(type) {
		case *contract.Object:
			if schema.MatchString(pointer) {
				visit(pointer, v)
			}
			for _, key := range v.Keys() {
				if key != "examples" && key != "example" && key != "default" {
					walk(pointer+"/"+contract.Escape(key), v.Get(key))
				}
			}
		case []any:
			for i := range v {
				walk(pointer+"/"+string(rune('0'+i%10)), v[i])
			}
		}
	}
	walk("/components", doc.At("/components"))
}

// plain returns a value of the document as JSON's decoder would.
func plain(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// Everything that the document defines is used, and every operation says what it needs to.
func TestDocumentIsTidy(t *testing.T) {
	doc := load(t)
	text := string(doc.JSON())
	components := doc.Root().Object("components")
	for _, kind := range []string{"parameters", "headers", "requestBodies", "responses", "schemas"} {
		for _, name := range components.Object(kind).Keys() {
			if name == "MethodNotAllowed" { // of no operation: see the description
				continue
			}
			if !strings.Contains(text, `"#/components/`+kind+"/"+name+`"`) {
				t.Errorf("components/%s/%s is not used", kind, name)
			}
		}
	}
	ids := map[string]bool{}
	for _, op := range doc.Operations() {
		if ids[op.ID] {
			t.Errorf("operationId %s comes twice", op.ID)
		}
		ids[op.ID] = true
		if op.Summary == "" || strings.HasSuffix(op.Summary, ".") {
			t.Errorf("%s: the summary is %q", op.ID, op.Summary)
		}
		for _, name := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(op.Path, -1) {
			found := false
			for _, p := range op.Parameters {
				found = found || p.Text("in") == "path" && p.Text("name") == name[1]
			}
			if !found {
				t.Errorf("%s %s: the parameter %s is not described", op.Method, op.Path, name[1])
			}
		}
		for _, p := range op.Parameters {
			if p.Text("description") == "" {
				t.Errorf("%s: the parameter %s is not described", op.ID, p.Text("name"))
			}
		}
		writes := op.Node.Has("requestBody")
		for status, want := range map[string]bool{"401": op.Access != contract.Open, "413": writes, "415": writes && op.Access != contract.Control} {
			if op.Node.Object("responses").Has(status) != want && op.ID != "login" && op.ID != "authServiceLogin" && op.ID != "refresh" && op.ID != "authServiceRefresh" {
				t.Errorf("%s lists status %s: %v, want %v", op.ID, status, !want, want)
			}
		}
	}
}

func TestServeMovesTheServers(t *testing.T) {
	doc, err := contract.Serve(map[string]string{"api": "http://127.0.0.1:4000", "user": "http://127.0.0.1:4003"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"/servers":                             {"http://127.0.0.1:4000"},
		"/paths/~1api~1users~1profile/servers": {"http://127.0.0.1:4003"},
		"/paths/~1health/servers": {"http://127.0.0.1:4000", "http://127.0.0.1:3001", "http://127.0.0.1:3002", "http://127.0.0.1:4003",
			"http://127.0.0.1:3004"},
	} {
		var got []string
		for _, s := range doc.At(path).([]any) {
			got = append(got, s.(*contract.Object).Text("url"))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// What the examples say of the fixed rows of every seeded database is true.
func TestExamplesAreTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	doc := w.validator.Document()
	// Times and preferences of a dataset are its own; the rest is the same in all of them.
	fixed := map[string][]string{
		"login": {"id", "email", "name", "role", "isActive"}, "authServiceLogin": {"id", "email"}, "getMe": {"id", "email", "name", "role", "isActive"},
		"getProfile": {"id", "email", "name"}, "getUser": {"id", "email", "name"}, "userServiceGetUser": {"id", "name"},
		"authServiceVerify": {"userId", "email", "role"}, "getCollection": {"id", "userId", "name", "isPublic"},
	}
	for _, op := range doc.Operations() {
		fields, ok := fixed[op.ID]
		if !ok {
			continue
		}
		x := w.do(op.Services[0], w.example(&op))
		var answer struct{ Data map[string]any }
		if err := json.Unmarshal(x.Body, &answer); err != nil || x.Status != 200 {
			t.Errorf("%s: %s", x, x.Body)
			continue
		}
		schema := doc.Resolve(op.Node.Object("responses").Get("200")).Object("content").Object("application/json").Object("schema")
		sample := doc.Sample(schema).(*contract.Object).Object("data")
		for _, field := range fields {
			if got, want := fmt.Sprint(answer.Data[field]), fmt.Sprint(sample.Get(field)); got != want {
				t.Errorf("%s: %s is %s, the document's example says %s", op.ID, field, got, want)
			}
		}
	}
}
