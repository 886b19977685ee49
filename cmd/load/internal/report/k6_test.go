package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// script does in k6 what iterate does here.
const script = `import http from 'k6/http';
import { check, group } from 'k6';
import { Trend, Counter, Rate, Gauge } from 'k6/metrics';
const t = new Trend('my_trend', true), c = new Counter('my_counter'), r = new Rate('my_rate'), g = new Gauge('my_gauge');
export const options = {
  scenarios: { one: { executor: 'per-vu-iterations', vus: 1, iterations: 2 } },
  thresholds: { http_req_duration: ['p(95)<5000', 'avg<0.0000001'], 'http_req_duration{scenario:one}': ['p(99)<5000'], http_reqs: ['count>1'] },
  tags: { run: 'x y' },
};
export default function () {
  group('outer', () => {
    const x = http.get(__ENV.TARGET + '/ok', { tags: { name: 'ok' } });
    check(x, { 'is ok': (x) => x.status === 200, never: () => false });
    group('inner', () => { http.get(__ENV.TARGET + '/bad', { tags: { name: 'bad' } }); });
  });
  check(1, { root: () => true });
  t.add(1.5); c.add(2); r.add(true); r.add(false); g.add(4);
}
`

const handleSummary = `export function handleSummary(data) { return { 'summary.json': JSON.stringify(data) }; }
`

func iterate(v *vu.VU, host *client.Host, m map[string]*metrics.Metric) {
	v.Group("outer", func() {
		x := v.Do(&vu.Call{Method: "GET", Host: host, Path: "/ok", Name: "ok"})
		v.Check("is ok", x.Status == 200)
		v.Check("never", false)
		v.Group("inner", func() { v.Do(&vu.Call{Method: "GET", Host: host, Path: "/bad", Name: "bad"}) })
	})
	v.Check("root", true)
	v.Add(m["my_trend"], 1.5)
	v.Add(m["my_counter"], 2)
	v.AddRate(m["my_rate"], true)
	v.AddRate(m["my_rate"], false)
	v.Add(m["my_gauge"], 4)
}

func stub(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, "body")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// runHere runs two iterations and returns the result, and the streams as they were written.
func runHere(t *testing.T) (r *Result, ndjson, commas []byte) {
	host, err := client.NewHost(context.Background(), stub(t))
	if err != nil {
		t.Fatal(err)
	}
	reg := metrics.NewRegistry()
	m := make(map[string]*metrics.Metric)
	for name, kind := range map[string]metrics.Type{"my_trend": metrics.Trend, "my_counter": metrics.Counter, "my_rate": metrics.Rate, "my_gauge": metrics.Gauge} {
		contains := metrics.Default
		if kind == metrics.Trend {
			contains = metrics.Time
		}
		if m[name], err = reg.New(name, kind, contains); err != nil {
			t.Fatal(err)
		}
	}
	var thresholds []threshold.Threshold
	for _, x := range [][2]string{
		{"http_req_duration", "p(95)<5000"}, {"http_req_duration", "avg<0.0000001"}, {"http_req_duration{scenario:one}", "p(99)<5000"}, {"http_reqs", "count>1"},
	} {
		parsed, err := threshold.Parse(x[0], x[1])
		if err != nil {
			t.Fatal(err)
		}
		thresholds = append(thresholds, parsed)
	}
	dir := t.TempDir()
	lines, err := NewJSON(Target{Path: filepath.Join(dir, "out.json")}, thresholds)
	if err != nil {
		t.Fatal(err)
	}
	table, err := NewCSV(Target{Path: filepath.Join(dir, "out.csv")})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	store := metrics.NewStore(reg, start, func(s []metrics.Sample) { lines.Add(s); table.Add(s) })
	timeline := store.Timeline(nil)
	set, err := threshold.NewSet(reg, store, thresholds)
	if err != nil {
		t.Fatal(err)
	}
	rec := store.Recorder()
	tags := reg.Tags("scenario", "one", "run", "x y")
	v := vu.New(vu.Config{ID: 1, Registry: reg, Recorder: rec, Client: client.NewRaw(client.Options{}), Sleep: func(context.Context, time.Duration) {}})
	for range 2 {
		v.Begin(context.Background(), tags)
		iterate(v, host, m)
		rec.Add(reg.Builtin.Iterations, tags.With("group", ""), 1)
		rec.Add(reg.Builtin.IterationDuration, tags.With("group", ""), 1)
	}
	v.Close()
	end := start.Add(1500 * time.Millisecond)
	store.Tick(end)
	set.Evaluate(end)
	r = &Result{
		Complete: true, Test: Test{Name: "one", TrendStats: DefaultTrendStats(), Targets: map[string]string{"api": host.URL}},
		Run: Run{Start: start, End: end, Elapsed: end.Sub(start), Ended: "completed"},
	}
	r.Health.Valid = true
	r.SetThresholds(set.Results(), false)
	r.Collect(store, timeline)
	r.Judge(Findings{})
	for _, s := range []*Stream{lines, table} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return r, read(t, lines.Path()), read(t, table.Path())
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// runK6 runs the script in k6 and returns its outputs by file name.
func runK6(t *testing.T) map[string][]byte {
	path, err := exec.LookPath("k6")
	if err != nil {
		home, _ := os.UserHomeDir()
		if path = filepath.Join(home, "go", "bin", "k6"); !exists(path) {
			t.Skip("k6 is not installed: its formats can't be compared; go install go.k6.io/k6@latest gets it")
		}
	}
	dir, target := t.TempDir(), stub(t)
	outputs := make(map[string][]byte)
	for source, args := range map[string][]string{
		script + handleSummary: {"--out", "json=out.json"},
		script:                 {"--out", "csv=out.csv", "--summary-export", "export.json"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "script.js"), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, slices.Concat([]string{"run", "--quiet", "--no-usage-report"}, args, []string{"script.js"})...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TARGET="+target)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != ExitThresholdsCrossed {
			t.Fatalf("k6 ended with %d, %v:\n%s", code, err, out)
		}
	}
	for _, name := range []string{"summary.json", "export.json", "out.json", "out.csv"} {
		outputs[name] = read(t, filepath.Join(dir, name))
	}
	return outputs
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// shape lists every path of a JSON document with its type, and the value where that does not depend on time.
func shape(t *testing.T, data []byte) []string {
	t.Helper()
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	var paths []string
	var walk func(path string, x any)
	walk = func(path string, x any) {
		switch x := x.(type) {
		case map[string]any:
			paths = append(paths, path+" object")
			for k, v := range x {
				walk(path+"/"+k, v)
			}
		case []any:
			paths = append(paths, path+" list")
			for _, v := range x {
				key := "[]"
				if m, ok := v.(map[string]any); ok {
					key = fmt.Sprint("[", m["name"], "]")
				}
				walk(path+"/"+key, v)
			}
		case float64:
			last := path[strings.LastIndexByte(path, '/')+1:]
			if last == "passes" || last == "fails" || last == "count" && !strings.Contains(path, "data_") || strings.Contains(path, "/my_") && last != "rate" {
				paths = append(paths, fmt.Sprint(path, " ", x))
			} else {
				paths = append(paths, path+" number")
			}
		case bool, string, nil:
			paths = append(paths, fmt.Sprintf("%s %v", path, x))
		}
	}
	walk("", doc)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// same compares two lists and tells what either has alone.
func same(t *testing.T, what string, ours, k6s []string) {
	t.Helper()
	for _, x := range ours {
		if !slices.Contains(k6s, x) {
			t.Errorf("%s: only here: %s", what, x)
		}
	}
	for _, x := range k6s {
		if !slices.Contains(ours, x) {
			t.Errorf("%s: only in k6: %s", what, x)
		}
	}
}

// TestFormatsAreThoseOfK6 holds everything that claims to be in k6's format against what k6 itself writes for
// the same traffic: keys, types, names, ids, paths, counts, thresholds.
func TestFormatsAreThoseOfK6(t *testing.T) {
	k6 := runK6(t)
	r, lines, table := runHere(t)
	summary, err := r.Summary(Terminals{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "summary", shape(t, summary), shape(t, k6["summary.json"]))
	export, err := r.SummaryExport()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "summary export", shape(t, export), shape(t, k6["export.json"]))
	same(t, "JSON stream", lineShapes(t, lines), lineShapes(t, k6["out.json"]))
	same(t, "CSV stream", rowShapes(t, table), rowShapes(t, k6["out.csv"]))
}

// lineShapes describes the different lines of a stream, and checks that a metric's line comes first.
func lineShapes(t *testing.T, data []byte) []string {
	t.Helper()
	var all []string
	known := map[string]bool{}
	for text := range bytes.Lines(data) {
		var l struct {
			Type, Metric string
			Data         struct {
				Time  time.Time
				Value float64
				Tags  map[string]string
			}
		}
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if l.Metric == "data_sent" || l.Metric == "data_received" {
			continue // k6 counts them by iteration, this runner by request
		}
		if l.Type == "Metric" {
			if known[l.Metric] {
				t.Errorf("a second line for %s", l.Metric)
			}
			known[l.Metric] = true
			all = append(all, l.Metric+": "+strings.Join(shape(t, text), "; "))
			continue
		}
		if !known[l.Metric] {
			t.Errorf("a point of %s before its metric", l.Metric)
		}
		if l.Data.Time.IsZero() {
			t.Errorf("a point without a time: %s", text)
		}
		for _, name := range []string{"url", "proto", "error_code"} { // the url names the port; k6 has codes for errors
			if name != "error_code" && l.Data.Tags[name] != "" {
				l.Data.Tags[name] = "..."
			} else {
				delete(l.Data.Tags, name)
			}
		}
		all = append(all, fmt.Sprint("point of ", l.Metric, l.Data.Tags))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func rowShapes(t *testing.T, data []byte) []string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{strings.Join(rows[0], ",")}
	for _, row := range rows[1:] {
		cells := make(map[string]string)
		for i, name := range rows[0] {
			cells[name] = row[i]
		}
		if strings.HasPrefix(cells["metric_name"], "data_") {
			continue
		}
		if len(cells["timestamp"]) != 10 || !strings.Contains(cells["metric_value"], ".") {
			t.Errorf("row %v", row)
		}
		for _, name := range []string{"timestamp", "metric_value", "url", "error_code", "proto"} {
			delete(cells, name)
		}
		if cells["group"] == "" {
			delete(cells, "group")
		}
		keys := slices.Sorted(maps.Keys(cells))
		var b strings.Builder
		for _, k := range keys {
			fmt.Fprintf(&b, "%s=%s ", k, cells[k])
		}
		all = append(all, b.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}
