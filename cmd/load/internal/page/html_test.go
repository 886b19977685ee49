package page

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// parse parses a page and finds what a page must not have: something to fetch, something to run, a style that a
// policy would forbid, the same id twice, a link to nowhere.
func parse(t *testing.T, page []byte) *html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, links, scripts := map[string]bool{}, []string{}, 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "img", "link", "iframe", "object", "base":
			t.Errorf("there is a %s in the page", n.Data)
		case "script":
			scripts++
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("the id %s is there twice", a.Val)
				}
				ids[a.Val] = true
			case a.Key == "href":
				links = append(links, a.Val)
			case a.Key == "src", a.Key == "style", strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case a.Key == "aria-labelledby", a.Key == "aria-describedby":
				links = append(links, "#"+a.Val)
			}
		}
	}
	for _, l := range links {
		if !strings.HasPrefix(l, "#") || !ids[l[1:]] {
			t.Errorf("a link to %s", l)
		}
	}
	if scripts != 1 {
		t.Errorf("%d scripts", scripts)
	}
	return doc
}

// find returns the element with the id, nil where there is none.
func find(doc *html.Node, id string) *html.Node {
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" && a.Val == id {
				return n
			}
		}
	}
	return nil
}

func text(n *html.Node) string {
	var b strings.Builder
	if n != nil {
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				b.WriteString(c.Data + " ")
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
