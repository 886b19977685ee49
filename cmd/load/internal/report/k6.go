package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Terminals tells which outputs are terminals.
type Terminals struct{ Stdout, Stderr bool }

// Summary is the JSON that k6 gives to handleSummary.
func (r *Result) Summary(t Terminals) ([]byte, error) {
	type options struct {
		SummaryTrendStats []string `json:"summaryTrendStats"`
		SummaryTimeUnit   string   `json:"summaryTimeUnit"`
		NoColor           bool     `json:"noColor"`
	}
	type state struct {
		IsStdOutTTY       bool    `json:"isStdOutTTY"`
		IsStdErrTTY       bool    `json:"isStdErrTTY"`
		TestRunDurationMs float64 `json:"testRunDurationMs"`
	}
	return indented(struct {
		Root    Group             `json:"root_group"`
		Options options           `json:"options"`
		State   state             `json:"state"`
		Metrics map[string]Metric `json:"metrics"`
	}{
		r.Root, options{SummaryTrendStats: r.Test.TrendStats, SummaryTimeUnit: r.Test.TimeUnit},
		state{t.Stdout, t.Stderr, float64(r.Run.Elapsed) / float64(time.Millisecond)}, r.Metrics,
	})
}

// flatGroup is a Group in k6's --summary-export.
type flatGroup struct {
	Name   string               `json:"name"`
	Path   string               `json:"path"`
	ID     string               `json:"id"`
	Groups map[string]flatGroup `json:"groups"`
	Checks map[string]Check     `json:"checks"`
}

func flatten(g *Group) flatGroup {
	f := flatGroup{Name: g.Name, Path: g.Path, ID: g.ID, Groups: map[string]flatGroup{}, Checks: map[string]Check{}}
	for i := range g.Groups {
		f.Groups[g.Groups[i].Name] = flatten(&g.Groups[i])
	}
	for _, c := range g.Checks {
		f.Checks[c.Name] = c
	}
	return f
}

// SummaryExport is the JSON that k6 writes for --summary-export. Its thresholds tell whether they were crossed:
// false is passed.
func (r *Result) SummaryExport() ([]byte, error) {
	flat := make(map[string]map[string]any, len(r.Metrics))
	for name, m := range r.Metrics {
		values := make(map[string]any, len(m.Values)+1)
		for k, v := range m.Values {
			if m.Type == "rate" && k == "rate" {
				k = "value"
			}
			values[k] = v
		}
		if len(m.Thresholds) > 0 {
			crossed := make(map[string]bool)
			for source, status := range m.Thresholds {
				crossed[source] = !status.OK
			}
			values["thresholds"] = crossed
		}
		flat[name] = values
	}
	return indented(map[string]any{"root_group": flatten(&r.Root), "metrics": flat})
}

// indented writes JSON for programs and people, in which p(95)<500 stays what it is.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return b.Bytes(), nil
}
