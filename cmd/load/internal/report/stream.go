package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// Stream writes every sample of a run to a file as it comes. What is not written yet is at most some hundred
// kilobytes: virtual users wait for a slow disk rather than filling the memory. After an error, such as a full disk,
// it writes nothing more, and tells how much is missing; the run goes on.
type Stream struct {
	path   string
	encode encoder

	mu      sync.Mutex
	file    io.WriteCloser
	buffer  *bufio.Writer
	line    []byte
	samples uint64
	lost    uint64
	err     error
}

// encoder appends the lines of a sample.
type encoder interface {
	header(out []byte) []byte
	sample(out []byte, s *metrics.Sample) []byte
}

const streamBuffer = 256 << 10

// Target is where a stream goes.
type Target struct {
	Path string
	// Stdout is written to where Path is "-".
	Stdout io.Writer
	// Append goes on with the file of a run that goes on.
	Append bool
}

// create opens a stream.
func create(t Target, e encoder) (*Stream, error) {
	path := t.Path
	s := &Stream{path: path, encode: e}
	if path == "-" {
		s.file = keepOpen{t.Stdout}
	} else {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|map[bool]int{false: os.O_TRUNC, true: os.O_APPEND}[t.Append], 0o644)
		if err != nil {
			return nil, fmt.Errorf("open output: %w", err)
		}
		s.file = f
	}
	s.buffer = bufio.NewWriterSize(s.file, streamBuffer)
	switch cut, err := endsWithin(path); {
	case !t.Append:
		s.write(e.header(nil))
	case err != nil:
		return nil, errors.Join(fmt.Errorf("open output: %w", err), s.file.Close())
	case cut:
		s.write([]byte{'\n'})
	}
	return s, nil
}

// endsWithin tells whether a file's last line has no end, as a killed run may leave it.
func endsWithin(path string) (bool, error) {
	if path == "-" {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil || info.Size() == 0 || !info.Mode().IsRegular() {
		return false, err
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// Add writes samples. It is safe for concurrent use.
func (s *Stream) Add(samples []metrics.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples += uint64(len(samples))
	for i := range samples {
		if s.err != nil {
			s.lost += uint64(len(samples) - i)
			return
		}
		s.line = s.encode.sample(s.line[:0], &samples[i])
		s.write(s.line)
	}
}

func (s *Stream) write(line []byte) {
	if _, err := s.buffer.Write(line); err != nil && s.err == nil {
		s.err = err
	}
}

// Flush hands what is buffered to the file; it is to be called about once a second. It returns the first error
// of the stream.
func (s *Stream) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush()
}

func (s *Stream) flush() error {
	if s.err == nil {
		s.err = s.buffer.Flush()
	}
	return s.err
}

// Close ends the stream. The error tells how much is missing in the file, where something is.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.flush(), s.file.Close())
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; it is incomplete: %d of %d samples came after that, and some before it are missing too", err, s.lost, s.samples)
}

// Path is where the stream is written to.
func (s *Stream) Path() string { return s.path }
