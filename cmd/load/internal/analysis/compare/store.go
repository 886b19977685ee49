package compare

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// DefaultDir is where baselines are kept, beside the code that they are of.
const DefaultDir = "performance-baselines"

// Store is a directory of baselines: NAME.json is the accepted one, NAME.candidate.json what was saved and not
// promoted yet, and history/NAME-TIME.json are those that were accepted before.
type Store struct{ Dir string }

const candidate = ".candidate"

// SaveOptions are what a baseline is saved with.
type SaveOptions struct {
	Name        string // "" for that of the test
	AllowScaled bool
}

// Save makes a candidate of the results in the files, which must be valid, complete and passed runs of one test, one
// dataset and one machine. It returns the candidate and its file; the error names all that is wrong with the results,
// with a Refused for every run that can be read and is no baseline, and then nothing was written; or it is NotWritten.
func (s Store) Save(files []string, o SaveOptions) (*Baseline, string, error) {
	b := &Baseline{Format: Format, Version: Version, Saved: time.Now().UTC().Truncate(time.Second)}
	var errs []error
	wrong := func(file, format string, args ...any) {
		errs = append(errs, Refused{[]string{fmt.Sprintf("%s is no baseline: %s", file, fmt.Sprintf(format, args...))}})
	}
	starts := make(map[time.Time]string)
	for i, file := range files {
		r, err := report.Read(file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		run := NewRun(r, filepath.Base(file))
		for _, reason := range noBaseline(r, run) {
			wrong(file, "%s", reason)
		}
		if len(r.Test.Scaled) > 0 && !o.AllowScaled {
			wrong(file, "it was %s; --allow-scaled makes a baseline of it for runs that are scaled in the same way", scaling(r.Test.Scaled))
		}
		if other, ok := starts[r.Run.Start]; ok {
			wrong(file, "it is the same run as %s", other)
		}
		starts[r.Run.Start] = file
		subject := SubjectOf(r)
		if i == 0 || b.Subject.Test == "" {
			b.Subject = subject
		}
		refusals, _ := subject.Differences(b.Subject)
		if subject.Machine.CPU != b.Subject.Machine.CPU {
			refusals = append(refusals, fmt.Sprintf("the machine's processor is %s, not %s", subject.Machine.CPU, b.Subject.Machine.CPU))
		}
		for _, refusal := range refusals {
			wrong(file, "it differs from %s: %s", files[0], refusal)
		}
		b.Runs = append(b.Runs, run)
	}
	b.Name = cmp.Or(o.Name, NameFor(b.Subject.Test))
	errs = append(errs, checkName(b.Name))
	if err := errors.Join(errs...); err != nil {
		return nil, "", err
	}
	slices.SortFunc(b.Runs, func(x, y *Run) int { return x.Start.Compare(y.Start) })
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, "", NotWritten{fmt.Errorf("save baseline: %w", err)}
	}
	path := s.path(b.Name + candidate)
	return b, path, b.write(path)
}

// NoBaseline tells why Save refuses a result; empty where it takes it. That it is scaled is a matter of SaveOptions.
func NoBaseline(r *report.Result) []string { return noBaseline(r, NewRun(r, "")) }

func noBaseline(r *report.Result, run *Run) []string {
	reasons := Unusable(r)
	if len(reasons) == 0 && r.Verdict.Word != report.Passed {
		reasons = append(reasons, "its verdict is "+r.Verdict.Word+": "+strings.Join(r.Verdict.Reasons, "; "))
	}
	if len(run.Stretches) < minBlocks {
		reasons = append(reasons, fmt.Sprintf("it is too short: %s, at least %s are needed", run.Length.Round(time.Second), minBlocks*run.Step))
	}
	return reasons
}

// Promote makes the candidate the accepted baseline in one step, and keeps the one before in the history. It returns
// the files of both, "" for the one before where there was none. The error is NotWritten where the candidate is fine.
func (s Store) Promote(name string) (b *Baseline, path, former string, err error) {
	if err := checkName(name); err != nil {
		return nil, "", "", err
	}
	from, path := s.path(name+candidate), s.path(name)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil, "", "", fmt.Errorf("promote: there is no candidate %s; load baseline save makes one", from)
	}
	if b, _, err = Read(from, false); err != nil {
		return nil, "", "", err
	}
	old, _, err := Read(path, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, "", "", err
	default:
		history := filepath.Join(s.Dir, "history")
		if err := os.MkdirAll(history, 0o755); err != nil {
			return nil, "", "", NotWritten{fmt.Errorf("promote: %w", err)}
		}
		former = filepath.Join(history, name+"-"+cmp.Or(old.Promoted, old.Saved).UTC().Format("20060102T150405Z")+".json")
		// The copy is there before the accepted one is replaced, so that a crash in between loses neither.
		if err := old.write(former); err != nil {
			return nil, "", "", err
		}
	}
	b.Promoted = time.Now().UTC().Truncate(time.Second)
	if err := b.write(path); err != nil {
		return nil, "", "", err
	}
	if err := os.Remove(from); err != nil {
		return nil, "", "", NotWritten{fmt.Errorf("promote: %w", err)}
	}
	return b, path, former, nil
}

// Listed is a baseline of a Store.
type Listed struct {
	// Name is what load compare takes; that of a candidate ends in .candidate.
	Name      string    `json:"name"`
	Candidate bool      `json:"candidate"`
	File      string    `json:"file"`
	Test      string    `json:"test"`
	Scaled    []string  `json:"scaled,omitempty"`
	Dataset   string    `json:"dataset,omitempty"` // the fingerprint
	Runs      int       `json:"runs"`
	Saved     time.Time `json:"saved"`
	Commit    string    `json:"commit,omitempty"` // of the latest run
	P95       float64   `json:"p95"`              // of all requests, the median of the runs', ms
	// Former is how many baselines of the name were accepted before.
	Former int `json:"former"`
}

// List returns the baselines by name. A directory that is not there has none.
func (s Store) List() ([]Listed, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []Listed{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list baselines: %w", err)
	}
	all := []Listed{}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || entry.IsDir() {
			continue
		}
		path := filepath.Join(s.Dir, entry.Name())
		b, _, err := Read(path, true)
		if err != nil {
			return nil, err
		}
		l := Listed{
			Name: name, Candidate: strings.HasSuffix(name, candidate), File: path, Test: b.Subject.Test, Scaled: b.Subject.Scaled,
			Runs: len(b.Runs), Saved: b.Saved, Commit: b.Runs[len(b.Runs)-1].Commit,
		}
		if d := b.Subject.Dataset; d != nil {
			l.Dataset = d.Fingerprint
		}
		var p95 []float64
		for _, r := range b.Runs {
			p95 = append(p95, r.Figures[""].P95)
		}
		l.P95 = median(p95)
		if !l.Candidate {
			former, err := filepath.Glob(filepath.Join(s.Dir, "history", name+"-????????T??????Z.json"))
			if err != nil {
				return nil, fmt.Errorf("list baselines: %w", err)
			}
			l.Former = len(former)
		}
		all = append(all, l)
	}
	return all, nil
}

// Find reads what a command line names as a baseline: a file, the name of a baseline of the store, or "" for the
// accepted baseline of the test.
func (s Store) Find(which, test string, force bool) (*Baseline, []string, error) {
	if which != "" {
		if _, err := os.Stat(which); err == nil || strings.ContainsRune(which, os.PathSeparator) || strings.HasSuffix(which, ".json") {
			return Read(which, force)
		}
	}
	name := cmp.Or(which, NameFor(test))
	if err := checkName(name); err != nil {
		return nil, nil, err
	}
	b, overlooked, err := Read(s.path(name), force)
	if errors.Is(err, fs.ErrNotExist) {
		hint := "load baseline save makes a candidate of results, load baseline promote accepts it"
		if _, err := os.Stat(s.path(name + candidate)); err == nil {
			hint = "there is a candidate: load baseline promote " + name + " accepts it, load compare RESULT " + name + candidate + " compares with it as it is"
		}
		return nil, nil, fmt.Errorf("there is no baseline %s in %s: %s", name, s.Dir, hint)
	}
	return b, overlooked, err
}

// Has tells whether there is an accepted baseline of the test.
func (s Store) Has(test string) bool {
	_, err := os.Stat(s.path(NameFor(test)))
	return err == nil
}

func (s Store) path(name string) string { return filepath.Join(s.Dir, name+".json") }

// NameFor makes the name of a baseline from that of a test, which may be a file.
func NameFor(test string) string {
	name := strings.TrimSuffix(filepath.Base(test), filepath.Ext(test))
	return strings.Trim(regexp.MustCompile(`[^A-Za-z0-9_-]+`).ReplaceAllString(name, "-"), "-")
}

func checkName(name string) error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(name) {
		return fmt.Errorf("%q is no name for a baseline: letters, digits, dots, dashes and underscores make one", name)
	}
	return nil
}
