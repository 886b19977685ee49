package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Write writes the result to a file, which holds the old or the new one at any moment, also when the program is
// killed meanwhile.
func (r *Result) Write(path string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return WriteFile(path, b.Bytes())
}

// WriteFile replaces a file in one step. What is no ordinary file, such as /dev/stdout, is written to.
func WriteFile(path string, data []byte) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeTo(path, data)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		if p, ok := errors.AsType[*os.PathError](err); ok {
			err = p.Err // its path is that of a file that nobody has asked for
		}
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error that matters is the first
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func writeTo(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// maxFile bounds a result file that is read, far above any that is written.
const maxFile = 1 << 30

// Read reads a result file or a checkpoint.
func Read(path string) (*Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	defer f.Close() // only read
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Format != Format {
		return nil, fmt.Errorf("read result: %s is no result file of load; load run --result FILE writes one", path)
	}
	if head.Version > Version {
		return nil, fmt.Errorf("read result: %s is of version %d, this program reads up to %d: use a newer one", path, head.Version, Version)
	}
	r := new(Result)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read result: %s: %w", path, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("read result: %s: %w", path, err)
	}
	return r, nil
}

// check refuses times that no run has and on which all that is worked out of a result rests.
func (r *Result) check() error {
	if r.Run.Elapsed < 0 {
		return fmt.Errorf("run.elapsed is %s, it can't be negative", r.Run.Elapsed)
	}
	end := time.Duration(0)
	for i, p := range r.Timeline {
		if p.Start < end || p.Length <= 0 || p.Start > math.MaxInt64-p.Length {
			return fmt.Errorf("timeline[%d] starts at %s and is %s long, after one that ends at %s", i, p.Start, p.Length, end)
		}
		end = p.Start + p.Length
	}
	return nil
}
