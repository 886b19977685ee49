package contracttest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/fault"
)

// Validator is the document, compiled. It is safe for concurrent use.
type Validator struct {
	doc        *contract.Document
	compiler   *jsonschema.Compiler
	operations []*operation
	methodless *response // to methods that a path does not have
	pathless   *response // to paths that are not there
	control    *response // to both below /admin
}

type operation struct {
	contract.Operation
	segments   []string
	parameters []parameter
	bodies     map[string]*jsonschema.Schema // by content type
	needsBody  bool
	responses  map[string]*response // by status
}

type parameter struct {
	name, in string
	required bool
	// ignoredWith is another parameter of the query, where that is given this one is not looked at.
	ignoredWith string
	kind        string // the type of its schema
	schema      *jsonschema.Schema
}

type response struct {
	headers []header
	content map[string]*jsonschema.Schema // by content type; a nil schema allows anything
}

type header struct {
	name     string
	required bool
	kind     string
	schema   *jsonschema.Schema
}

// documentURL is where the compiler believes the document to be.
const documentURL = "https://medianest.test/openapi.json"

// New compiles the document.
func New() (*Validator, error) {
	doc, err := contract.Load()
	if err != nil {
		return nil, err
	}
	v := &Validator{doc: doc, compiler: jsonschema.NewCompiler()}
	v.compiler.DefaultDraft(jsonschema.Draft2020)
	v.compiler.AssertFormat()
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc.JSON()))
	if err != nil {
		return nil, err
	}
	if err := v.compiler.AddResource(documentURL, decoded); err != nil {
		return nil, err
	}
	for _, op := range doc.Operations() {
		compiled, err := v.operation(op)
		if err != nil {
			return nil, fmt.Errorf("compile %s %s: %w", op.Method, op.Path, err)
		}
		v.operations = append(v.operations, compiled)
	}
	for name, to := range map[string]**response{"MethodNotAllowed": &v.methodless, "NotFound": &v.pathless, "ControlNotFound": &v.control} {
		if *to, err = v.response("/components/responses/" + name); err != nil {
			return nil, fmt.Errorf("compile the response %s: %w", name, err)
		}
	}
	return v, nil
}

// Document returns the document that was compiled.
func (v *Validator) Document() *contract.Document { return v.doc }

// Compile returns the schema at a JSON pointer into the document.
func (v *Validator) Compile(pointer string) (*jsonschema.Schema, error) {
	parts := strings.Split(pointer, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return v.compiler.Compile(documentURL + "#" + strings.Join(parts, "/"))
}

// at returns the node at a pointer and where it really is, references followed.
func (v *Validator) at(pointer string) (*contract.Object, string) {
	for {
		node, _ := v.doc.At(pointer).(*contract.Object)
		ref := node.Text("$ref")
		if ref == "" {
			return node, pointer
		}
		pointer = strings.TrimPrefix(ref, "#")
	}
}

func (v *Validator) operation(op contract.Operation) (*operation, error) {
	o := &operation{
		Operation: op, segments: strings.Split(op.Path, "/"),
		bodies: map[string]*jsonschema.Schema{}, responses: map[string]*response{},
	}
	item := op.Pointer[:strings.LastIndex(op.Pointer, "/")]
	for _, list := range []string{item + "/parameters", op.Pointer + "/parameters"} {
		entries, _ := v.doc.At(list).([]any)
		for i := range entries {
			node, at := v.at(fmt.Sprintf("%s/%d", list, i))
			schema, err := v.Compile(at + "/schema")
			if err != nil {
				return nil, err
			}
			o.parameters = append(o.parameters, parameter{
				name: node.Text("name"), in: node.Text("in"), required: node.Bool("required"), ignoredWith: node.Text("x-ignored-with"), kind: v.kind(at + "/schema"), schema: schema,
			})
		}
	}
	if op.Node.Has("requestBody") {
		node, at := v.at(op.Pointer + "/requestBody")
		o.needsBody = node.Bool("required")
		for _, contentType := range node.Object("content").Keys() {
			schema, err := v.Compile(at + "/content/" + contract.Escape(contentType) + "/schema")
			if err != nil {
				return nil, err
			}
			o.bodies[contentType] = schema
		}
	}
	for _, status := range op.Node.Object("responses").Keys() {
		_, at := v.at(op.Pointer + "/responses/" + status)
		var err error
		if o.responses[status], err = v.response(at); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (v *Validator) response(pointer string) (*response, error) {
	node, pointer := v.at(pointer)
	r := &response{content: map[string]*jsonschema.Schema{}}
	for _, name := range node.Object("headers").Keys() {
		h, at := v.at(pointer + "/headers/" + contract.Escape(name))
		schema, err := v.Compile(at + "/schema")
		if err != nil {
			return nil, err
		}
		r.headers = append(r.headers, header{name: name, required: h.Bool("required"), kind: v.kind(at + "/schema"), schema: schema})
	}
	content := node.Object("content")
	for _, contentType := range content.Keys() {
		r.content[contentType] = nil
		if !content.Object(contentType).Has("schema") {
			continue
		}
		var err error
		if r.content[contentType], err = v.Compile(pointer + "/content/" + contract.Escape(contentType) + "/schema"); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// kind returns the type that a schema names, by itself or by what it refers to.
func (v *Validator) kind(pointer string) string {
	for {
		node, _ := v.doc.At(pointer).(*contract.Object)
		if t := node.Text("type"); t != "" || !node.Has("$ref") {
			return t
		}
		pointer = strings.TrimPrefix(node.Text("$ref"), "#")
	}
}

// Find returns the operation that a request is for, and the values of its path parameters. GET stands for HEAD.
func (v *Validator) Find(service, method, escapedPath string) (*contract.Operation, map[string]string) {
	op, values := v.find(service, method, escapedPath)
	if op == nil {
		return nil, nil
	}
	return &op.Operation, values
}

func (v *Validator) find(service, method, escapedPath string) (*operation, map[string]string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(escapedPath, "/")
	var best *operation
	var values map[string]string
	for _, op := range v.operations {
		if op.Method != method || !slices.Contains(op.Services, service) {
			continue
		}
		if m, ok := op.match(segments); ok && (best == nil || op.before(best)) {
			best, values = op, m
		}
	}
	return best, values
}

// before tells whether an operation comes before another that matches the same path: what is written out comes
// before a parameter.
func (op *operation) before(other *operation) bool {
	for i, segment := range op.segments {
		mine, others := strings.HasPrefix(segment, "{"), strings.HasPrefix(other.segments[i], "{")
		if mine != others {
			return others
		}
	}
	return false
}

// match compares the segments of a path, escaped. What is written out must stand there as it is; the control API
// alone also finds it where letters are escaped.
func (op *operation) match(segments []string) (map[string]string, bool) {
	if len(op.segments) != len(segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, want := range op.segments {
		got, err := url.PathUnescape(segments[i])
		if err != nil {
			return nil, false
		}
		if name, ok := strings.CutPrefix(want, "{"); ok {
			if got == "" {
				return nil, false
			}
			values[strings.TrimSuffix(name, "}")] = got
		} else if want != segments[i] && (want != got || op.segments[1] != "admin") {
			return nil, false
		}
	}
	return values, true
}

// hasPath tells whether a service has the path, with whatever method.
func (v *Validator) hasPath(service, escapedPath string) bool {
	segments := strings.Split(escapedPath, "/")
	return slices.ContainsFunc(v.operations, func(op *operation) bool {
		_, ok := op.match(segments)
		return ok && slices.Contains(op.Services, service)
	})
}

// Check reports everything about the exchange that is against the document: the response, and a request that
// should not have been answered with success. Responses that a fault rule tampered with are passed over.
func (v *Validator) Check(x *Exchange) error {
	if x.Header.Get(fault.Header) != "" {
		return nil
	}
	errs := []error{v.Response(x)}
	if x.Status >= 200 && x.Status < 300 && x.Method != http.MethodOptions && !refused(x) {
		if err := v.Request(x); err != nil {
			errs = append(errs, fmt.Errorf("the request was taken, though %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", x, err)
	}
	return nil
}

// refused tells whether a success says that what was asked for was not done, as bulk calls do.
func refused(x *Exchange) bool { return bytes.HasPrefix(x.Body, []byte(`{"success":false`)) }
