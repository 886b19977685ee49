package contract

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/mockapi"
)

// Document is the OpenAPI document. It does not change once it is made.
type Document struct {
	root       *Object
	operations []Operation
	everywhere *Object // headers of every answer of the API
	json, page []byte
}

// Operation is one operation of the document.
type Operation struct {
	ID      string // operationId
	Method  string // in capitals
	Path    string // with {name} for parameters
	Summary string
	Tag     string
	// Services are those that have the operation: "api", "auth", "media", "user", "notification".
	Services []string
	Access   Access
	// Pointer is the JSON pointer of the operation in the document.
	Pointer string
	// Node is the operation as it stands in the document.
	Node *Object
	// Parameters are its own and its path's, resolved.
	Parameters []*Object
}

// Access is which tokens an operation wants.
type Access string

// The kinds of access.
const (
	Open     Access = "open"     // none
	Optional Access = "optional" // one of the API that is sent must be good
	Member   Access = "member"   // one of the API
	Control  Access = "control"  // the control API's own
)

// methods are the keys of a path item that are operations, in the order in which they are shown.
var methods = []string{"get", "post", "put", "patch", "delete"}

// Load reads the document as it was written.
func Load() (*Document, error) { return Serve(nil) }

// Serve reads the document for services that listen at the given URLs, by name ("api", "auth", "media", "user",
// "notification"); those that are not named keep the document's.
func Serve(urls map[string]string) (*Document, error) {
	return parse(mockapi.OpenAPI, urls)
}

func parse(text []byte, urls map[string]string) (*Document, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	v, err := fromYAML(&node)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	root, ok := v.(*Object)
	if !ok {
		return nil, fmt.Errorf("read the OpenAPI document: it is no object")
	}
	for _, anchors := range []string{"x-security", "x-servers"} { // they only spare the YAML repetition
		root.remove(anchors)
	}
	components := root.Object("components")
	d := &Document{root: root, everywhere: components.Object("x-headers").Object("success")}
	components.remove("x-headers")
	d.move(root, urls)
	if d.operations, err = d.readOperations(); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	var b bytes.Buffer
	if err := appendJSON(&b, root); err != nil {
		return nil, fmt.Errorf("write the OpenAPI document as JSON: %w", err)
	}
	d.json = b.Bytes()
	if d.page, err = d.render(); err != nil {
		return nil, fmt.Errorf("write the OpenAPI document as a page: %w", err)
	}
	return d, nil
}

// move puts the services' URLs into the servers of the document and of its paths.
func (d *Document) move(root *Object, urls map[string]string) {
	lists := [][]any{root.List("servers")}
	for _, path := range root.Object("paths").Keys() {
		lists = append(lists, root.Object("paths").Object(path).List("servers"))
	}
	for _, servers := range lists {
		for _, s := range servers {
			server, _ := s.(*Object)
			if url, ok := urls[server.Text("x-service")]; ok {
				server.set("url", url)
			}
		}
	}
}

// JSON returns the document as JSON. It may not be changed.
func (d *Document) JSON() []byte { return d.json }

// Root returns the document.
func (d *Document) Root() *Object { return d.root }

// Operations returns the operations in the order of the document.
func (d *Document) Operations() []Operation { return d.operations }

// Resolve returns what v refers to where it is a reference, and v itself otherwise, as an object; nil where it is
// neither.
func (d *Document) Resolve(v any) *Object {
	o, _ := v.(*Object)
	for range 10 { // longer chains are circles
		ref := o.Text("$ref")
		if ref == "" {
			return o
		}
		o = d.at(ref)
	}
	return nil
}

// At returns what is at a JSON pointer into the document, nil where there is nothing.
func (d *Document) At(pointer string) any {
	var v any = d.root
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch at := v.(type) {
		case *Object:
			v = at.Get(part)
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// at returns the object that a reference names.
func (d *Document) at(ref string) *Object {
	o, _ := d.At(strings.TrimPrefix(ref, "#")).(*Object)
	return o
}

// Escape writes a key as a part of a JSON pointer.
func Escape(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

func (d *Document) readOperations() ([]Operation, error) {
	var all []Operation
	paths := d.root.Object("paths")
	for _, path := range paths.Keys() {
		item := paths.Object(path)
		servers := item.List("servers")
		if servers == nil {
			servers = d.root.List("servers")
		}
		for _, method := range methods {
			node := item.Object(method)
			if node == nil {
				continue
			}
			op := Operation{
				ID: node.Text("operationId"), Method: strings.ToUpper(method), Path: path, Summary: node.Text("summary"),
				Pointer: "/paths/" + Escape(path) + "/" + method, Node: node,
			}
			for _, s := range servers {
				op.Services = append(op.Services, d.Resolve(s).Text("x-service"))
			}
			if tags := node.List("tags"); len(tags) == 1 {
				op.Tag, _ = tags[0].(string)
			}
			for _, p := range slices.Concat(item.List("parameters"), node.List("parameters")) {
				op.Parameters = append(op.Parameters, d.Resolve(p))
			}
			var err error
			if op.Access, err = d.access(node); err != nil {
				return nil, fmt.Errorf("%s %s: %w", op.Method, path, err)
			}
			if op.ID == "" || op.Tag == "" || slices.Contains(op.Services, "") {
				return nil, fmt.Errorf("%s %s lacks an operationId, a tag or an x-service of its servers", op.Method, path)
			}
			all = append(all, op)
		}
	}
	return all, nil
}

// access reads the security requirements of an operation.
func (d *Document) access(op *Object) (Access, error) {
	wanted := d.root.List("security")
	if op.Has("security") {
		wanted = op.List("security")
	}
	var schemes []string
	for _, w := range wanted {
		requirement, _ := w.(*Object)
		schemes = append(schemes, strings.Join(requirement.Keys(), "+"))
	}
	switch strings.Join(schemes, " ") {
	case "":
		if len(schemes) == 0 {
			return Open, nil
		}
	case " bearer cookie":
		return Optional, nil
	case "bearer cookie":
		return Member, nil
	case "adminToken adminBearer":
		return Control, nil
	}
	return "", fmt.Errorf("wants tokens in a way that is not known: %q", schemes)
}
