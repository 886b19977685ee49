// Package history keeps what many runs came to, and puts those side by side that can be compared.
//
// A history is a folder with one small file for each run. Adding a run is writing a file, so that several jobs can
// add to one folder at once, and a folder that is kept in git merges by itself.
package history

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/loopback"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// Format and Version mark the files of a history.
const (
	Format  = "medianest-load-history"
	Version = 1
)

// DefaultKeep is how many runs of each Line are kept.
const DefaultKeep = 500

// Entry is one run. Times of requests are milliseconds, rates per second.
type Entry struct {
	Format  string `json:"format"`
	Version int    `json:"version"`

	Start   time.Time     `json:"start"`
	Elapsed time.Duration `json:"elapsed"`
	Commit  string        `json:"commit,omitempty"`
	Subject
	// Verdict is report's word, such as passed.
	Verdict  string `json:"verdict"`
	ExitCode int    `json:"exitCode"`
	// Crossed are the thresholds that did not pass, of Thresholds.
	Crossed    int `json:"crossed"`
	Thresholds int `json:"thresholds"`

	Requests uint64  `json:"requests"`
	Failed   uint64  `json:"failed"`
	Rate     float64 `json:"rate"` // requests
	P50      float64 `json:"p50"`
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
	Dropped  int64   `json:"dropped,omitempty"`
}

// Subject is what two runs must have in common for their figures to be compared.
type Subject struct {
	Test string `json:"test"`
	// Scaled says how the run differs from the test as it is defined.
	Scaled string `json:"scaled,omitempty"`
	// Dataset is the profile and the fingerprint, "" where the target named none.
	Dataset string `json:"dataset,omitempty"`
	// Machine is the generator's processor, without the host's name, which is another one in every CI job.
	Machine string `json:"machine"`
	// Target is the host of the target, without the port.
	Target string `json:"target"`
}

// Comparable tells whether the figures are those of a whole run by a generator that kept up.
func (e *Entry) Comparable() bool {
	return e.ExitCode == report.ExitFine || e.ExitCode == report.ExitThresholdsCrossed
}

// Of returns what a history keeps of a result.
func Of(r *report.Result) Entry {
	e := Entry{
		Format: Format, Version: Version, Start: r.Run.Start.UTC(), Elapsed: r.Run.Elapsed, Commit: r.Test.Commit,
		Verdict: r.Verdict.Word, ExitCode: r.Verdict.ExitCode, Thresholds: len(r.Thresholds),
		Subject: Subject{Test: r.Test.Name, Scaled: strings.Join(r.Test.Scaled, ", "), Machine: machine(r.Machine), Target: target(r.TargetURLs())},
	}
	if d := r.Dataset; d != nil {
		e.Dataset = strings.TrimSpace(d.Profile + " " + d.Fingerprint)
	}
	for _, t := range r.Thresholds {
		if t.Crossed() {
			e.Crossed++
		}
	}
	for _, s := range r.Test.Scenarios {
		e.Dropped += s.Dropped
	}
	if s := r.Total(metrics.Selector{Metric: "http_req_failed"}); s != nil {
		e.Requests, e.Failed = s.Count, s.Passes
	}
	if seconds := r.Run.Elapsed.Seconds(); seconds > 0 {
		e.Rate = float64(e.Requests) / seconds
	}
	if s := r.Total(metrics.Selector{Metric: "http_req_duration"}); s != nil {
		h := s.Values
		e.P50, e.P95, e.P99, e.Max = h.Quantile(0.5), h.Quantile(0.95), h.Quantile(0.99), h.Max()
	}
	return e
}

func machine(m report.Machine) string {
	return fmt.Sprintf("%s/%s, %d cores, %s", m.OS, m.Arch, m.Cores, cmp.Or(m.CPU, "unknown processor"))
}

// target names the hosts of the target; all names of this machine are one.
func target(urls []string) string {
	var hosts []string
	for _, base := range urls {
		host := base
		if u, err := url.Parse(base); err == nil {
			host = u.Hostname()
		}
		if loopback.Is(host) {
			host = "this machine"
		}
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return strings.Join(slices.Compact(hosts), ", ")
}

const suffix = ".run.json"

// unfit are the characters that names of files do without.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// file is the name of the entry's file: adding a run twice writes it twice.
func (e *Entry) file() string {
	name := unfit.ReplaceAllString(e.Test, "-")
	return e.Start.UTC().Format("20060102T150405.000Z") + "-" + name[:min(len(name), 64)] + suffix
}

// Add writes the entry into the folder, which it makes where there is none, and removes the oldest runs of the same
// Line beyond keep.
func Add(dir string, e Entry, keep int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("add to the history: %w", err)
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("add to the history: %w", err)
	}
	if err := report.WriteFile(filepath.Join(dir, e.file()), append(data, '\n')); err != nil {
		return fmt.Errorf("add to the history: %w", err)
	}
	lines, _, err := Read(dir) // what can't be read is left alone
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l.Subject != e.Subject {
			continue
		}
		for i := range max(len(l.Runs)-keep, 0) {
			if err := os.Remove(filepath.Join(dir, l.Runs[i].file())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("add to the history: %w", err)
			}
		}
	}
	return nil
}

// Line is the comparable runs, oldest first.
type Line struct {
	Subject
	Runs []Entry `json:"runs"`
}

// maxEntry bounds an entry's file, far above any that is written.
const maxEntry = 1 << 20

// Read reads a history: its lines, that of the latest run first. Files that can't be read are told of in troubles,
// and the others are there all the same.
func Read(dir string) (lines []Line, troubles []error, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read the history: %w", err)
	}
	for _, f := range files { // in order of their names, and so of time
		if f.IsDir() || !strings.HasSuffix(f.Name(), suffix) {
			continue
		}
		e, err := read(filepath.Join(dir, f.Name()))
		if errors.Is(err, os.ErrNotExist) { // removed by another program a moment ago
			continue
		}
		if err != nil {
			troubles = append(troubles, err)
			continue
		}
		i := slices.IndexFunc(lines, func(l Line) bool { return l.Subject == e.Subject })
		if i < 0 {
			i = len(lines)
			lines = append(lines, Line{Subject: e.Subject})
		}
		lines[i].Runs = append(lines[i].Runs, e)
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return b.last().Start.Compare(a.last().Start) })
	return lines, troubles, nil
}

func (l *Line) last() *Entry { return &l.Runs[len(l.Runs)-1] }

func read(path string) (Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return Entry{}, err
	}
	defer f.Close() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxEntry))
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil || e.Format != Format {
		return Entry{}, fmt.Errorf("%s is no run of a history: remove it or mend it", path)
	}
	if e.Version > Version {
		return Entry{}, fmt.Errorf("%s is of version %d, this program reads up to %d: use a newer one", path, e.Version, Version)
	}
	return e, nil
}
