// Package page makes pages for people: reports of what runs came to and histories of many runs, each one HTML file
// that fetches nothing, and a page that is served while a run goes on. All of them work without their script.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"github.com/medianest/testbed/mockapi/look"
)

//go:embed *.tmpl page.css sort.js live.js
var files embed.FS

// embedded returns an embedded file.
func embedded(name string) string {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the name is one of those above
	}
	return string(data)
}

// templates parses the named files.
func templates(names ...string) (*template.Template, error) {
	t := template.New(names[0]).Funcs(template.FuncMap{
		"ms": look.Milliseconds.Format, "perSecond": look.PerSecond.Format, "share": look.Ratio.Format, "bytes": look.Bytes.Format,
		"seconds": look.Seconds.Format, "number": look.Count.Format, "bar": look.Bar, "count": count, "took": took, "shareOf": shareOf,
		"quantity": quantity, "clip": clip, "gist": gist, "trim": strings.TrimPrefix, "size": size[int64], "usize": size[uint64], "changed": changed, "typical": typical, "noise": noise, "plural": plural, "join": strings.Join,
	})
	return t.ParseFS(files, names...)
}

// Stylesheet is what every page here looks like.
func Stylesheet() template.CSS { return look.Stylesheet() + template.CSS(embedded("page.css")) }

// frame is what a file of its own has around its content.
type frame struct {
	Title   string
	Style   template.CSS
	Script  template.JS
	Policy  string
	Content template.HTML
}

// standalone renders a template as one file that fetches nothing, and that a browser lets fetch nothing: its
// Content-Security-Policy allows the stylesheet and the script in it, by their digests, and forbids all else.
func standalone(t *template.Template, name, title string, data any) ([]byte, error) {
	f := frame{Title: title, Style: Stylesheet(), Script: template.JS(embedded("sort.js"))}
	f.Policy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", digest(string(f.Style)), digest(string(f.Script)))
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	f.Content = template.HTML(b.String()) // which a template has escaped
	b.Reset()
	if err := t.ExecuteTemplate(&b, "standalone", f); err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	return b.Bytes(), nil
}

// digest is how a Content-Security-Policy names a text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
