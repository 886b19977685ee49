package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
)

// JSON returns the report for programs: the results without timelines and series, which their files have, and what
// was made of them.
func (r Report) JSON() ([]byte, error) {
	type run struct {
		Result          any                        `json:"result"`
		Comparison      *compare.Analysis          `json:"comparison,omitempty"`
		NotCompared     string                     `json:"notCompared,omitempty"`
		Faults          []string                   `json:"faults,omitempty"`
		Recommendations []recommend.Recommendation `json:"recommendations,omitempty"`
	}
	runs := []run{}
	for _, x := range r.Runs {
		runs = append(runs, run{x.Result.Brief(), x.Comparison, x.NotCompared, x.Faults, x.Recommendations})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"runs": runs}); err != nil {
		return nil, fmt.Errorf("make the report: %w", err)
	}
	return b.Bytes(), nil
}

// Markdown returns the report as GitHub's Markdown.
func (r Report) Markdown() ([]byte, error) {
	var b bytes.Buffer
	for _, run := range r.Runs {
		b.Write(run.Result.Markdown())
		if len(run.Faults) > 0 {
			fmt.Fprintf(&b, "%s\n\n", cell(misbehaving(run.Faults)))
		}
		run.comparison(&b)
		run.recommendations(&b)
	}
	return b.Bytes(), nil
}

// misbehaving is a sentence on what the target did on purpose.
func misbehaving(faults []string) string {
	return "The mock was told to misbehave: " + strings.Join(faults, ", ") + "."
}

func (r *Run) comparison(b *bytes.Buffer) {
	if r.Comparison != nil {
		b.Write(r.Comparison.Markdown())
	} else if r.NotCompared != "" {
		fmt.Fprintf(b, "Not compared with the baseline: %s\n\n", cell(r.NotCompared))
	}
}

func (r *Run) recommendations(b *bytes.Buffer) {
	if len(r.Recommendations) == 0 {
		return
	}
	b.WriteString("### Recommendations\n\n")
	for i, x := range r.Recommendations {
		fmt.Fprintf(b, "%d. **%s** (%s priority, %s): %s %s\n", i+1, cell(x.Title), cell(x.Priority), cell(x.Category), cell(x.Description), cell(x.Impact))
		for _, e := range x.Evidence {
			fmt.Fprintf(b, "   - %s\n", cell(e))
		}
	}
	b.WriteByte('\n')
}

// cell keeps a text from being more than text, in a table or outside.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "`", "'", "*", `\*`, "[", `\[`).Replace(s)
}
