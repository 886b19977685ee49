package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// NewJSON opens a stream of k6's --out json: a line for every sample, and one for every metric before its first
// sample, which names the thresholds on it.
func NewJSON(t Target, thresholds []threshold.Threshold) (*Stream, error) {
	return create(t, &ndjson{
		thresholds: thresholds, known: make(map[*metrics.Metric][]byte), tags: make(map[*metrics.TagSet][]byte),
	})
}

type ndjson struct {
	thresholds []threshold.Threshold
	known      map[*metrics.Metric][]byte // the name as JSON, of metrics that have had their line
	tags       map[*metrics.TagSet][]byte // tags as JSON without the braces, bounded by metrics.MaxTagSets
}

func (*ndjson) header(out []byte) []byte { return out }

func (e *ndjson) sample(out []byte, s *metrics.Sample) []byte {
	name := e.known[s.Metric]
	if name == nil {
		name = marshal(s.Metric.Name)
		e.known[s.Metric] = name
		out = append(out, marshal(e.metric(s.Metric))...)
		out = append(out, '\n')
	}
	tags := e.tags[s.Tags]
	if tags == nil {
		members := make(map[string]string)
		s.Tags.Each(func(name, value string) { members[name] = value })
		tags = marshal(members)
		tags = tags[1 : len(tags)-1]
		e.tags[s.Tags] = tags
	}
	out = append(out, `{"metric":`...)
	out = append(out, name...)
	out = append(out, `,"type":"Point","data":{"time":"`...)
	out = s.Time.AppendFormat(out, time.RFC3339Nano)
	out = append(out, `","value":`...)
	out = strconv.AppendFloat(out, s.Value, 'g', -1, 64)
	out = append(out, `,"tags":{`...)
	out = append(out, tags...)
	if s.URL != "" {
		if len(tags) > 0 {
			out = append(out, ',')
		}
		out = append(out, `"url":`...)
		out = appendString(out, s.URL)
	}
	return append(out, "}}}\n"...)
}

// metric is the line of a metric.
func (e *ndjson) metric(m *metrics.Metric) any {
	type submetric struct {
		Name   string            `json:"name"`
		Suffix string            `json:"suffix"`
		Tags   map[string]string `json:"tags"`
	}
	type data struct {
		Name       string      `json:"name"`
		Type       string      `json:"type"`
		Contains   string      `json:"contains"`
		Thresholds []string    `json:"thresholds"`
		Submetrics []submetric `json:"submetrics"`
	}
	d := data{Name: m.Name, Type: m.Type.String(), Contains: m.Contains.String(), Thresholds: []string{}}
	add := func(sel metrics.Selector) {
		name := sel.String()
		if !slices.ContainsFunc(d.Submetrics, func(x submetric) bool { return x.Name == name }) {
			suffix := strings.TrimSuffix(strings.TrimPrefix(name, m.Name+"{"), "}")
			d.Submetrics = append(d.Submetrics, submetric{name, suffix, sel.Tags})
		}
	}
	for _, t := range e.thresholds {
		switch {
		case t.Selector.Metric != m.Name:
		case len(t.Selector.Tags) == 0:
			d.Thresholds = append(d.Thresholds, t.Source)
		default:
			add(t.Selector)
		}
	}
	if m.Name == "http_req_duration" {
		add(metrics.Selector{Metric: m.Name, Tags: map[string]string{"expected_response": "true"}})
	}
	return struct {
		Type   string `json:"type"`
		Data   data   `json:"data"`
		Metric string `json:"metric"`
	}{"Metric", d, m.Name}
}

// appendString is marshal for strings that hardly ever need escapes.
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return append(out, marshal(s)...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}

// marshal writes what can't fail: strings, and structs of them. It escapes no <, which conditions have.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
