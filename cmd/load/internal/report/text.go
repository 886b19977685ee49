package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
)

// textLimit is how many endpoints and kinds of errors the text shows; the result file has them all.
const textLimit = 20

// Text writes the summary for people, coloured where color is set.
func (r *Result) Text(w io.Writer, color bool) error {
	t := &text{Result: r, color: color}
	t.head()
	t.thresholds()
	t.checks()
	t.metrics()
	t.endpoints()
	t.hosts()
	t.errors()
	t.verified()
	t.findings()
	t.target()
	t.generator()
	t.verdict()
	_, err := w.Write(t.out.Bytes())
	return err
}

type text struct {
	*Result
	color bool
	out   bytes.Buffer
}

func (t *text) line(format string, args ...any) {
	fmt.Fprintf(&t.out, format+"\n", args...)
}

func (t *text) title(s string) { t.line("\n  %s\n", t.paint("1", s)) }

// paint sets a string in an ANSI colour or style.
func (t *text) paint(style, s string) string {
	if !t.color {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

const (
	green = "32"
	red   = "31"
)

func (t *text) mark(ok bool) string {
	if ok {
		return t.paint(green, "✓")
	}
	return t.paint(red, "✗")
}

func (t *text) head() {
	t.line("\n  %s  %s  %s", t.paint("1", "load "+t.Test.Name), t.Run.Elapsed.Round(100*time.Millisecond), strings.Join(t.TargetURLs(), ", "))
	for _, s := range t.Test.Scenarios {
		t.line("    %s: %s; %d iterations%s", s.Name, s.Description, s.Iterations, unwell(s))
	}
	if len(t.Test.Scaled) > 0 {
		t.line("    scaled: %s; not comparable with runs that are not", strings.Join(t.Test.Scaled, ", "))
	}
	if t.Dataset != nil {
		t.line("    dataset: %s, seed %d, fingerprint %s", t.Dataset.Profile, t.Dataset.Seed, t.Dataset.Fingerprint)
	}
	for _, g := range t.Run.Gaps {
		t.line("    gap at %s: nothing ran from %s to %s", g.At.Round(time.Second), g.From.Format(time.DateTime), g.To.Format(time.DateTime))
	}
	if !t.Complete {
		t.line("    %s", t.paint(red, "cut: this is a checkpoint of "+t.Written.Format(time.DateTime)+"; the run went on, or was killed"))
	}
}

func unwell(s Scenario) string {
	out := ""
	if s.Interrupted > 0 {
		out += fmt.Sprintf(", %d interrupted", s.Interrupted)
	}
	if s.Dropped > 0 {
		out += fmt.Sprintf(", %d dropped", s.Dropped)
	}
	return out
}

func (t *text) thresholds() {
	if len(t.Thresholds) == 0 {
		return
	}
	t.title("THRESHOLDS")
	told := make(map[string]bool)
	for i, first := range t.Thresholds {
		if told[first.Selector] {
			continue
		}
		told[first.Selector] = true
		t.line("    %s", first.Selector)
		for _, x := range t.Thresholds[i:] { // those of named targets and of flags come last
			if x.Selector == first.Selector {
				mark := t.mark(!x.Crossed())
				if x.Allowed {
					mark = "·"
				}
				t.line("    %s '%s' %s", mark, x.Source, t.Measured(x))
			}
		}
	}
}

func (t *text) checks() {
	var failed []Check
	var passes, fails uint64
	t.Root.Each(func(c Check) {
		passes, fails = passes+c.Passes, fails+c.Fails
		if c.Fails > 0 {
			failed = append(failed, c)
		}
	})
	total := passes + fails
	if total == 0 {
		return
	}
	t.title("CHECKS")
	t.line("    %s of %d succeeded, %d failed", Percent(float64(passes)/float64(total)), total, fails)
	for _, c := range failed {
		t.line("    %s %s: %s, ✓ %d / ✗ %d", t.mark(false), strings.TrimPrefix(c.Path, "::"), Percent(float64(c.Passes)/float64(c.Passes+c.Fails)), c.Passes, c.Fails)
	}
}

// section tells under which title a metric stands, as in k6's summary.
func section(name string) int {
	switch {
	case strings.HasPrefix(name, "http_"):
		return 1
	case strings.HasPrefix(name, "iteration"), strings.HasPrefix(name, "vus"), name == "dropped_iterations", name == "group_duration":
		return 2
	case name == "data_sent", name == "data_received":
		return 3
	}
	return 0
}

func (t *text) metrics() {
	names := slices.Sorted(maps.Keys(t.Metrics))
	for i, title := range []string{"CUSTOM", "HTTP", "EXECUTION", "NETWORK"} {
		var b bytes.Buffer
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, name := range names {
			if section(name) != i || name == "checks" {
				continue
			}
			fmt.Fprintf(w, "    %s\t%s\n", name, strings.Join(t.Words(t.Metrics[name]), "\t"))
		}
		_ = w.Flush() // into memory
		if b.Len() > 0 {
			t.title(title)
			t.out.Write(b.Bytes())
		}
	}
}

// Words are the values of a metric for people.
func (r *Result) Words(m Metric) []string {
	v := m.Values
	switch m.Type {
	case "counter":
		return []string{r.quantity(m.Contains, v["count"]), r.quantity(m.Contains, v["rate"]) + "/s"}
	case "gauge":
		return []string{r.quantity(m.Contains, v["value"]), "min=" + r.quantity(m.Contains, v["min"]), "max=" + r.quantity(m.Contains, v["max"])}
	case "rate":
		return []string{Percent(v["rate"]), fmt.Sprintf("%.0f out of %.0f", v["passes"], v["passes"]+v["fails"])}
	}
	var out []string
	for _, stat := range r.Test.TrendStats {
		word := r.quantity(m.Contains, v[stat])
		if stat == "count" {
			word = Number(v[stat])
		}
		out = append(out, stat+"="+word)
	}
	return out
}

func (t *text) endpoints() {
	if len(t.Endpoints) == 0 {
		return
	}
	t.title("ENDPOINTS")
	w := tabwriter.NewWriter(&t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "    endpoint\trequests\tper s\tfailed\tp50\tp95\tp99\tmax\n")
	for i, e := range t.Endpoints {
		if i == textLimit {
			fmt.Fprintf(w, "    and %d more\n", len(t.Endpoints)-i)
			break
		}
		fmt.Fprintf(w, "    %s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", shortened(e.Label), e.Requests, number(e.Rate, 1), Percent(share(e.Failed, e.Requests)),
			t.time(e.P50), t.time(e.P95), t.time(e.P99), t.time(e.Max))
	}
	_ = w.Flush() // into memory
}

func (t *text) hosts() {
	if len(t.Hosts) == 0 {
		return
	}
	t.title("HOSTS")
	w := tabwriter.NewWriter(&t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "    host\trequests\tper s\tfailed\tp50\tp95\tp99\tmax\n")
	for _, h := range t.Hosts {
		fmt.Fprintf(w, "    %s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", h.URL, h.Requests, number(h.Rate, 1), Percent(share(h.Failed, h.Requests)),
			t.time(h.P50), t.time(h.P95), t.time(h.P99), t.time(h.Max))
	}
	_ = w.Flush() // into memory
}

// labelWidth is how much of an endpoint's label the text shows.
const labelWidth = 64

func shortened(label string) string {
	if r := []rune(label); len(r) > labelWidth {
		return string(r[:labelWidth-1]) + "…"
	}
	return label
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func (t *text) errors() {
	if len(t.Errors) == 0 {
		return
	}
	t.title("ERRORS")
	for i, f := range t.Errors {
		if i == textLimit {
			t.line("    and %d more kinds", len(t.Errors)-i)
			break
		}
		t.line("    %d x %s: %s", f.Count, f.Endpoint, f.What())
	}
}

// What says how a request failed.
func (f Failure) What() string {
	if f.Kind != "" {
		return f.Kind
	}
	return "status " + f.Status
}

func (t *text) verified() {
	v := t.Verified
	if v == nil {
		return
	}
	t.title("DATA")
	t.line("    %s %d answers were held against the dataset, %d were wrong", t.mark(v.Wrong == 0), v.Checked, v.Wrong)
	for i, m := range v.Mismatches {
		if i == textLimit {
			t.line("    and more, in the result file")
			break
		}
		t.line("    %s", m)
	}
}

func (t *text) findings() {
	if t.Knee != nil {
		t.title("SEARCH")
		for _, step := range t.Knee.Steps {
			t.line("    %6d/s %s", step.Rate, strings.TrimSpace(string(step.Outcome)+" "+step.Why))
		}
		t.line("    %s", t.Knee)
	}
	if t.Recovery != nil {
		t.title("RECOVERY")
		t.line("    %s %s", t.mark(t.Recovery.InTime), t.Recovery)
	}
	if len(t.Trends) > 0 {
		t.title("TRENDS")
		for _, v := range t.Trends {
			t.line("    %s %s", t.trendMark(v), v.Reason)
		}
	}
}

// trendMark is a mark for what could be told.
func (t *text) trendMark(v trend.Verdict) string {
	if v.State == trend.TooShort {
		return "·"
	}
	return t.mark(!v.Bad)
}

func (t *text) generator() {
	h := &t.Health
	if h.Seconds > 0 {
		t.title("GENERATOR")
		t.line("    %s of %d cores at work, %s at the peak; lag p99 %s; memory %s", Percent(h.CPU), h.Cores, Percent(h.CPUPeak),
			h.LagP99.Round(time.Microsecond), Bytes(float64(h.MemoryBytes)))
	}
	for _, warning := range h.Warnings {
		t.line("    warning: %s", warning)
	}
	for _, o := range t.Outputs {
		t.line("    %s %s: %s", t.mark(false), o.Output, o.Error)
	}
}

func (t *text) verdict() {
	style, word := red, strings.ToUpper(t.Verdict.Word)
	if t.Verdict.Word == Passed {
		style = green
	}
	if !t.Complete {
		word = "INCOMPLETE"
	}
	t.line("\n  %s", t.paint("1;"+style, word))
	if !t.Complete {
		t.line("    written at %s, %s into the run; where it was killed, load resume with this file goes on", t.Written.Format(time.DateTime), t.Run.Elapsed.Round(time.Second))
	}
	for _, reason := range t.Verdict.Reasons {
		t.line("    %s", reason)
	}
	if len(t.Trends) > 0 {
		t.line("    trends: %s", trend.Summary(t.Trends))
	}
	t.line("")
}
