package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// parseText reads YAML, or JSON where the text begins with a brace and a quote, into a tree that knows its lines.
// JSON is not left to the YAML parser: the two differ on tabs and on escapes.
func parseText(text []byte) (*yaml.Node, error) {
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 {
		return nil, errors.New("it is empty")
	}
	if inside, ok := bytes.CutPrefix(trimmed, []byte{'{'}); ok && bytes.HasPrefix(bytes.TrimSpace(inside), []byte{'"'}) {
		return parseJSON(text)
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one YAML document")
	}
	if len(doc.Content) == 0 {
		return nil, errors.New("it is empty")
	}
	return doc.Content[0], nil
}

// jsonReader builds a tree from JSON.
type jsonReader struct {
	*json.Decoder
	text []byte
}

func parseJSON(text []byte) (*yaml.Node, error) {
	r := &jsonReader{json.NewDecoder(bytes.NewReader(text)), text}
	r.UseNumber()
	node, err := r.value()
	if err == nil {
		if _, more := r.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the JSON object")
		}
	}
	if err != nil {
		at := r.InputOffset()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset
		}
		return nil, fmt.Errorf("line %d: %w", r.line(at), err)
	}
	return node, nil
}

func (r *jsonReader) line(offset int64) int {
	return 1 + bytes.Count(r.text[:min(offset, int64(len(r.text)))], []byte{'\n'})
}

// maxNesting bounds the depth of the JSON that is read; options have five levels.
const maxNesting = 50

func (r *jsonReader) value() (*yaml.Node, error) { return r.valueAt(0) }

func (r *jsonReader) valueAt(depth int) (*yaml.Node, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("it is nested more than %d deep", maxNesting)
	}
	token, err := r.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line(r.InputOffset())}
	switch t := token.(type) {
	case json.Delim:
		node.Kind, node.Tag = yaml.MappingNode, "!!map"
		if t == '[' {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.More() {
			child, err := r.valueAt(depth + 1)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err = r.Token() // the end
		return node, err
	case string:
		node.Tag, node.Value, node.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		node.Tag, node.Value = "!!float", t.String()
		if _, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			node.Tag = "!!int"
		}
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(t)
	default:
		node.Tag, node.Value = "!!null", "null"
	}
	return node, nil
}

// isNull tells of a value that it says nothing: null, or an object of such, as k6 writes options that are not set.
func isNull(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return n.ShortTag() == "!!null"
	}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return false
	}
	for i := 1; i < len(n.Content); i += 2 {
		if !isNull(n.Content[i]) {
			return false
		}
	}
	return true
}

// isOff tells of a value with which k6 does nothing: false, 0, "", or an empty list or object.
func isOff(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return n.Value == "" || n.Value == "0" || n.ShortTag() == "!!bool" && n.Value == "false"
	}
	return len(n.Content) == 0
}
