package report

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// columns are the tags that have columns of their own in k6's CSV, by name; all others are in extra_tags.
func columns() []string {
	return []string{
		"check", "error", "error_code", "expected_response", "group", "method", "name", "proto", "scenario", "service", "status",
		"subproto", "tls_version", "url",
	}
}

// NewCSV opens a stream of k6's --out csv, whose times are seconds.
func NewCSV(t Target) (*Stream, error) {
	return create(t, &commas{columns: columns(), tags: make(map[*metrics.TagSet][2][]byte)})
}

type commas struct {
	columns []string
	tags    map[*metrics.TagSet][2][]byte // what is before the url and after it, bounded by metrics.MaxTagSets
}

func (c *commas) header(out []byte) []byte {
	fields := append([]string{"metric_name", "timestamp", "metric_value"}, c.columns...)
	return append(append(out, record(append(fields, "extra_tags", "metadata"))...), '\n')
}

// record writes fields as one line without its end.
func record(fields []string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(fields) // into memory
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

func (c *commas) sample(out []byte, s *metrics.Sample) []byte {
	tags, ok := c.tags[s.Tags]
	if !ok {
		tags = c.split(s.Tags)
		c.tags[s.Tags] = tags
	}
	out = append(out, s.Metric.Name...)
	out = append(out, ',')
	out = strconv.AppendInt(out, s.Time.Unix(), 10)
	out = append(out, ',')
	out = strconv.AppendFloat(out, s.Value, 'f', 6, 64)
	out = append(out, ',')
	out = append(out, tags[0]...)
	if strings.ContainsAny(s.URL, "\",\r\n ") {
		out = append(out, record([]string{s.URL})...)
	} else {
		out = append(out, s.URL...)
	}
	out = append(out, tags[1]...)
	return append(out, '\n')
}

func (c *commas) split(t *metrics.TagSet) [2][]byte {
	var fields []string
	for _, name := range c.columns[:len(c.columns)-1] {
		fields = append(fields, t.Get(name))
	}
	var extra []string // as they are, as in k6
	t.Each(func(name, value string) {
		if !slices.Contains(c.columns, name) {
			extra = append(extra, name+"="+value)
		}
	})
	return [2][]byte{append(record(fields), ','), append([]byte{','}, record([]string{strings.Join(extra, "&"), ""})...)}
}
