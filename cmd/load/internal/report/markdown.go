package report

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/trend"
)

// Markdown is the result as GitHub's Markdown, for a step's summary.
func (r *Result) Markdown() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("## load %s: %s\n", cell(r.Test.Name), r.Verdict.Word)
	for _, reason := range r.Verdict.Reasons {
		line("- %s", cell(reason))
	}
	line("\n%s against %s, %s requests, %s failed", r.Run.Elapsed.Round(time.Second), cell(strings.Join(r.TargetURLs(), ", ")),
		Number(r.Metrics["http_reqs"].Values["count"]), Percent(r.Metrics["http_req_failed"].Values["rate"]))
	if len(r.Test.Scaled) > 0 {
		line("\nScaled: %s; not comparable with runs that are not.", cell(strings.Join(r.Test.Scaled, ", ")))
	}
	if r.Knee != nil {
		line("\nHighest rate: %s.", cell(r.Knee.String()))
	}
	if r.Recovery != nil {
		line("\nRecovery: %s.", cell(r.Recovery.String()))
	}
	if len(r.Trends) > 0 {
		line("\nTrends: %s.", cell(trend.Summary(r.Trends)))
		for _, v := range r.Trends {
			if v.State == trend.Drifting {
				line("%s %s", map[bool]string{false: "-", true: "- :x:"}[v.Bad], cell(v.Reason))
			}
		}
	}
	if len(r.Thresholds) > 0 {
		line("\n| | threshold | condition | observed |\n|---|---|---|---|")
		for _, t := range r.Thresholds {
			mark := emoji(!t.Crossed())
			if t.Allowed {
				mark = ":heavy_minus_sign:"
			}
			line("| %s | `%s` | `%s` | %s |", mark, code(t.Selector), code(t.Source), cell(r.Measured(t)))
		}
	}
	if len(r.Endpoints) > 0 {
		line("\n| endpoint | requests | per s | failed | p50 | p95 | p99 |\n|---|--:|--:|--:|--:|--:|--:|")
		for i, e := range r.Endpoints {
			if i == textLimit {
				line("| and %d more | | | | | | |", len(r.Endpoints)-i)
				break
			}
			line("| %s | %d | %s | %s | %s | %s | %s |", cell(e.Label), e.Requests, number(e.Rate, 1), Percent(share(e.Failed, e.Requests)),
				r.time(e.P50), r.time(e.P95), r.time(e.P99))
		}
	}
	first := true
	r.Root.Each(func(c Check) {
		if c.Fails == 0 {
			return
		}
		if first {
			line("\n| failed check | passed | failed |\n|---|--:|--:|")
			first = false
		}
		line("| %s | %d | %d |", cell(strings.TrimPrefix(c.Path, "::")), c.Passes, c.Fails)
	})
	if len(r.Errors) > 0 {
		line("\n| error | endpoint | count |\n|---|---|--:|")
		for _, f := range r.Errors[:min(len(r.Errors), textLimit)] {
			line("| %s | %s | %d |", cell(f.What()), cell(f.Endpoint), f.Count)
		}
	}
	line("")
	return b.Bytes()
}

func emoji(ok bool) string {
	if ok {
		return ":white_check_mark:"
	}
	return ":x:"
}

// cell keeps a text from breaking the table that it stands in.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "`", "'").Replace(s)
}

// code is cell for what stands in a code span, which has no entities.
func code(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ", "`", "'").Replace(s) }
