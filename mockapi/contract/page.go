package contract

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/medianest/testbed/mockapi/query"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var style string

// page is what the template shows.
type page struct {
	Title, Version, Summary string
	Description             template.HTML
	Style                   template.CSS
	Servers                 []server
	Login                   string      // how to get a token
	Headers                 []fieldView // that every answer of the API has
	Groups                  []group
	Schemas                 []schemaView
	Grammar                 string
}

type server struct{ Name, URL string }

type group struct {
	ID, Name, Description string
	Operations            []operationView
}

type operationView struct {
	ID, Method, Path, Summary string
	Description               template.HTML
	Access                    string
	Servers                   []server
	Parameters                []fieldView
	Bodies                    []bodyView
	Successes, Failures       []responseView
	Curl                      string
	Grammar                   bool
}

// fieldView is a parameter, a property or a header.
type fieldView struct {
	Name, In    string
	Required    bool
	Type        template.HTML
	Description string
}

type bodyView struct {
	ContentType string
	Schema      template.HTML
	Sample      string
}

type responseView struct {
	Status, Phrase, Description string
	Schema                      template.HTML
	Headers                     []fieldView
	Sample                      string
}

type schemaView struct {
	Name, Description string
	Type              template.HTML
	Fields            []fieldView
	Sample            string
}

// render writes the page.
func (d *Document) render() ([]byte, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	info := d.root.Object("info")
	p := page{
		Title: info.Text("title"), Version: info.Text("version"), Summary: info.Text("summary"),
		Description: prose(info.Text("description")), Style: template.CSS(style), Grammar: query.Grammar,
		Servers: d.allServers(),
	}
	if p.Groups, err = d.groups(); err != nil {
		return nil, err
	}
	for _, g := range p.Groups {
		for _, op := range g.Operations {
			if op.ID == "login" {
				p.Login = op.Curl
			}
		}
	}
	for _, name := range d.everywhere.Keys() {
		p.Headers = append(p.Headers, d.header(name, d.everywhere.Get(name)))
	}
	schemas := d.root.Object("components").Object("schemas")
	for _, name := range schemas.Keys() {
		s := schemas.Object(name)
		view := schemaView{Name: name, Description: s.Text("description"), Type: d.typeHTML(s), Fields: d.fields(s, "")}
		if len(view.Fields) > 0 {
			if view.Sample, err = indent(d.Sample(s)); err != nil {
				return nil, err
			}
		}
		p.Schemas = append(p.Schemas, view)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// allServers lists every address once.
func (d *Document) allServers() []server {
	var all []server
	paths := d.root.Object("paths")
	lists := slices.Clone(d.root.List("servers"))
	for _, path := range paths.Keys() {
		lists = append(lists, paths.Object(path).List("servers")...)
	}
	for _, v := range lists {
		o, _ := v.(*Object)
		s := server{o.Text("description"), o.Text("url")}
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func (d *Document) groups() ([]group, error) {
	var all []group
	for _, v := range d.root.List("tags") {
		tag, _ := v.(*Object)
		g := group{ID: strings.ReplaceAll(tag.Text("name"), " ", "-"), Name: tag.Text("name"), Description: tag.Text("description")}
		for i := range d.operations {
			if d.operations[i].Tag != g.Name {
				continue
			}
			op, err := d.operation(&d.operations[i])
			if err != nil {
				return nil, err
			}
			g.Operations = append(g.Operations, op)
		}
		all = append(all, g)
	}
	return all, nil
}

func (d *Document) operation(op *Operation) (operationView, error) {
	v := operationView{
		ID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: prose(op.Node.Text("description")),
		Access: accessInWords(op.Access), Grammar: op.Node.Bool("x-grammar"),
	}
	for _, s := range d.root.Object("paths").Object(op.Path).List("servers") {
		o, _ := s.(*Object)
		v.Servers = append(v.Servers, server{o.Text("description"), o.Text("url")})
	}
	for _, p := range op.Parameters {
		v.Parameters = append(v.Parameters, fieldView{
			Name: p.Text("name"), In: p.Text("in"), Required: p.Bool("required"),
			Type: d.typeHTML(p.Object("schema")), Description: p.Text("description"),
		})
	}
	var err error
	body := d.Resolve(op.Node.Get("requestBody")).Object("content")
	for _, contentType := range body.Keys() {
		b := bodyView{ContentType: contentType, Schema: d.typeHTML(body.Object(contentType).Object("schema"))}
		if strings.HasSuffix(contentType, "json") {
			if b.Sample, err = indent(d.Sample(body.Object(contentType).Object("schema"))); err != nil {
				return v, err
			}
		}
		v.Bodies = append(v.Bodies, b)
	}
	responses := op.Node.Object("responses")
	for _, status := range responses.Keys() {
		r, err := d.response(status, d.Resolve(responses.Get(status)))
		if err != nil {
			return v, err
		}
		if status < "400" {
			v.Successes = append(v.Successes, r)
		} else {
			v.Failures = append(v.Failures, r)
		}
	}
	v.Curl, err = d.curl(op)
	return v, err
}

func (d *Document) response(status string, node *Object) (responseView, error) {
	code, err := strconv.Atoi(status)
	if err != nil {
		return responseView{}, err
	}
	r := responseView{Status: status, Phrase: http.StatusText(code), Description: node.Text("description")}
	headers := node.Object("headers")
	for _, name := range headers.Keys() {
		if !d.everywhere.Has(name) {
			r.Headers = append(r.Headers, d.header(name, headers.Get(name)))
		}
	}
	content := node.Object("content")
	for _, contentType := range content.Keys() {
		schema := content.Object(contentType).Object("schema")
		if !strings.HasSuffix(contentType, "json") {
			r.Schema = template.HTML("<code>" + template.HTMLEscapeString(contentType) + "</code>")
			continue
		}
		r.Schema = d.typeHTML(schema)
		if codes := schema.Object("properties").Object("error").Object("properties").Object("code"); codes != nil {
			r.Schema = d.typeHTML(codes) + ", " + r.Schema
		}
		if code < 400 {
			if r.Sample, err = indent(d.Sample(schema)); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

func (d *Document) header(name string, v any) fieldView {
	h := d.Resolve(v)
	return fieldView{Name: name, Required: h.Bool("required"), Type: d.typeHTML(h.Object("schema")), Description: h.Text("description")}
}

func accessInWords(a Access) string {
	switch a {
	case Open:
		return "no token"
	case Optional:
		return "a token is optional"
	case Control:
		return "the control API's token"
	default:
		return "a token"
	}
}

// curl writes the example request for a shell.
func (d *Document) curl(op *Operation) (string, error) {
	r, err := d.Example(op)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("curl")
	if r.Method != http.MethodGet && (r.Method != http.MethodPost || r.Body == nil) {
		b.WriteString(" -X " + r.Method)
	}
	b.WriteString(" " + quoted(r.URL))
	switch op.Access {
	case Member, Optional:
		b.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
	case Control:
		b.WriteString(" \\\n  -H \"X-Admin-Token: $ADMIN_TOKEN\"")
	}
	for _, h := range r.Header {
		b.WriteString(" \\\n  -H " + quoted(h))
	}
	if r.Body != nil {
		b.WriteString(" \\\n  -d " + quoted(string(r.Body)))
	}
	if op.Tag == "content" || strings.HasSuffix(op.Path, "/content") || strings.HasSuffix(op.Path, "/thumbnail") {
		b.WriteString(" \\\n  -o file")
	}
	return b.String(), nil
}

// quoted quotes a word for a POSIX shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func indent(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// prose writes the little of Markdown that the document uses: paragraphs, **strong** and `code`.
func prose(s string) template.HTML {
	var b strings.Builder
	for _, paragraph := range strings.Split(strings.TrimSpace(s), "\n\n") {
		if paragraph == "" {
			continue
		}
		b.WriteString("<p>")
		b.WriteString(spans(spans(template.HTMLEscapeString(paragraph), "`", "code"), "**", "strong"))
		b.WriteString("</p>\n")
	}
	return template.HTML(b.String())
}

// spans puts what stands between pairs of marks into elements.
func spans(s, mark, element string) string {
	parts := strings.Split(s, mark)
	var b strings.Builder
	for i, part := range parts {
		if i%2 == 1 && i < len(parts)-1 {
			b.WriteString("<" + element + ">" + part + "</" + element + ">")
			continue
		}
		b.WriteString(part)
	}
	return b.String()
}
