package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// Format and Version mark baseline files. The version rises when something in them changes its meaning or goes
// away; readers ignore what they do not know.
const (
	Format  = "medianest-load-baseline"
	Version = 1
)

// Baseline is what runs are held against, and a baseline file as one JSON object: one run or several of the same
// subject, whose spread counts as noise. Durations are nanoseconds, times of requests milliseconds.
type Baseline struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Name    string `json:"name"`
	// Saved is when the file was made; Promoted when it became the accepted baseline, zero for a candidate.
	Saved    time.Time `json:"saved"`
	Promoted time.Time `json:"promoted,omitzero"`
	Subject  Subject   `json:"subject"`
	Runs     []*Run    `json:"runs"` // oldest first
}

// NewBaseline makes a baseline of one run, as it is, for Compare.
func NewBaseline(r *report.Result, source string) *Baseline {
	return &Baseline{
		Format: Format, Version: Version, Name: source, Saved: r.Written, Subject: SubjectOf(r), Runs: []*Run{NewRun(r, source)},
	}
}

// Read reads a baseline from a baseline file, or from a result file, which is then a baseline of one run. A run that
// says nothing of its target is refused, unless force is set; what was overlooked then is told.
func Read(path string, force bool) (b *Baseline, overlooked []string, err error) {
	data, err := readFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read baseline: %w", err)
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Format != Format && head.Format != report.Format {
		return nil, nil, fmt.Errorf("read baseline: %s is neither a result file nor a baseline; load run --result FILE and load baseline save make them", path)
	}
	if head.Format == report.Format {
		r, err := report.Read(path)
		if err != nil {
			return nil, nil, err
		}
		reasons := Unusable(r)
		if len(reasons) > 0 && !force {
			return nil, nil, Refused{[]string{fmt.Sprintf("%s can't be compared with: %s", path, strings.Join(reasons, "; "))}}
		}
		return NewBaseline(r, path), reasons, nil
	}
	if head.Version > Version {
		return nil, nil, fmt.Errorf("read baseline: %s is of version %d, this program reads up to %d: use a newer one", path, head.Version, Version)
	}
	b = new(Baseline)
	if err := json.Unmarshal(data, b); err != nil {
		return nil, nil, fmt.Errorf("read baseline: %s: %w", path, err)
	}
	if len(b.Runs) == 0 {
		return nil, nil, fmt.Errorf("read baseline: %s holds no run", path)
	}
	var errs []error
	for _, r := range b.Runs {
		errs = append(errs, r.check())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, fmt.Errorf("read baseline: %s: %w", path, err)
	}
	return b, nil, nil
}

// maxFile bounds a file that is read, far above any that is written.
const maxFile = 1 << 30

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// NotWritten is a baseline that is in order and that its folder did not take.
type NotWritten struct{ err error }

// Error implements error.
func (e NotWritten) Error() string { return e.err.Error() }

// Unwrap returns what went wrong.
func (e NotWritten) Unwrap() error { return e.err }

// write writes the baseline file, which holds the old or the new one at any moment.
func (b *Baseline) write(path string) error {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil {
		return NotWritten{fmt.Errorf("write baseline: %w", err)}
	}
	if err := report.WriteFile(path, out.Bytes()); err != nil {
		return NotWritten{err}
	}
	return nil
}
