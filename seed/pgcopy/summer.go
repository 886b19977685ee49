package pgcopy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// Summer is an io.Writer that takes the output of COPY ... TO STDOUT (FORMAT binary), in whatever pieces it
// comes, and sums up the checksum of its rows as Binary does. The zero value is ready for use.
type Summer struct {
	pending []byte
	started bool
	ended   bool
	rows    int64
	sum     uint64
}

// Rows returns the number of rows seen.
func (s *Summer) Rows() int64 { return s.rows }

// Checksum returns the checksum of the rows seen; see Binary.Checksum.
func (s *Summer) Checksum() uint64 { return s.sum }

// Close returns an error unless the data has come to its proper end.
func (s *Summer) Close() error {
	if !s.ended {
		return errors.New("binary COPY data ends before its trailer")
	}
	return nil
}

// Write takes the next piece of the data.
func (s *Summer) Write(p []byte) (int, error) {
	data := p
	if len(s.pending) > 0 {
		s.pending = append(s.pending, p...)
		data = s.pending
	}
	rest, err := s.take(data)
	if err != nil {
		return 0, err
	}
	// rest is the end of pending or of p; appending it to the start of pending moves it at worst onto itself.
	s.pending = append(s.pending[:0], rest...)
	return len(p), nil
}

// take consumes whole rows and returns what is left.
func (s *Summer) take(data []byte) ([]byte, error) {
	if !s.started {
		if len(data) < len(binaryHeader) {
			return data, nil
		}
		if string(data[:len(binaryHeader)]) != binaryHeader {
			return nil, errors.New("not binary COPY data, or with a header extension")
		}
		data, s.started = data[len(binaryHeader):], true
	}
	for len(data) > 0 {
		if s.ended {
			return nil, errors.New("binary COPY data goes on after its trailer")
		}
		n, err := rowLen(data)
		switch {
		case err != nil:
			return nil, err
		case n == 0:
			return data, nil
		case n == 2 && data[0] == 0xff:
			s.ended = true
		default:
			s.rows++
			s.sum += xxhash.Sum64(data[:n])
		}
		data = data[n:]
	}
	return nil, nil
}

// rowLen returns the length of the row or trailer that data starts with, 0 if data ends before it does.
func rowLen(data []byte) (int, error) {
	if len(data) < 2 {
		return 0, nil
	}
	fields := int16(binary.BigEndian.Uint16(data))
	if fields == -1 {
		return 2, nil
	}
	if fields < 0 {
		return 0, fmt.Errorf("binary COPY row of %d fields", fields)
	}
	at := 2
	for range fields {
		if len(data) < at+4 {
			return 0, nil
		}
		size := int32(binary.BigEndian.Uint32(data[at:]))
		at += 4
		if size < -1 {
			return 0, fmt.Errorf("binary COPY field of %d bytes", size)
		}
		if size > 0 {
			at += int(size)
		}
	}
	if len(data) < at {
		return 0, nil
	}
	return at, nil
}
