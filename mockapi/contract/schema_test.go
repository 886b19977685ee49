package contract_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi/contract"
)

// node is a part of the document as JSON's decoder returns it, numbers as json.Number.
type node map[string]any

func decoded(t testing.TB, doc *contract.Document) node {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc.JSON()))
	d.UseNumber()
	var root node
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	return root
}

func (n node) text(key string) string { s, _ := n[key].(string); return s }

func (n node) list(key string) []any { l, _ := n[key].([]any); return l }

func (n node) node(key string) node { m, _ := n[key].(map[string]any); return m }

func (n node) keys() []string { return slices.Sorted(maps.Keys(n)) }

// number returns a member that is a whole number; those beyond int64 are cut.
func (n node) number(key string, absent int64) int64 {
	v, ok := n[key].(json.Number)
	if !ok {
		return absent
	}
	if i, err := v.Int64(); err == nil {
		return i
	}
	return math.MaxInt64
}

// resolve follows references; what stands beside one comes before what it refers to.
func (n node) resolve(root node) node {
	ref := n.text("$ref")
	if ref == "" {
		return n
	}
	to := root
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		to = to.node(strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
	}
	beside := maps.Clone(n)
	delete(beside, "$ref")
	return overlay(to.resolve(root), beside)
}

// overlay joins two schemas that hold at once.
func overlay(under, over node) node {
	joined := maps.Clone(under)
	maps.Copy(joined, over)
	if required := slices.Concat(under.list("required"), over.list("required")); required != nil {
		joined["required"] = required
	}
	if under["properties"] != nil && over["properties"] != nil {
		properties := maps.Clone(under.node("properties"))
		maps.Copy(properties, over.node("properties"))
		joined["properties"] = map[string]any(properties)
	}
	return joined
}

// kinds returns the types that a schema names.
func (n node) kinds() []string {
	var all []string
	for _, v := range n.list("type") {
		all = append(all, v.(string))
	}
	switch {
	case all != nil:
		return all
	case n["type"] == nil && n["properties"] != nil:
		return []string{"object"}
	default:
		return []string{n.text("type")}
	}
}
