// Package content makes the bytes of media files on the fly: a library of hundreds of gigabytes without a
// disk. A file's bytes are a pure function of the dataset and the file's metadata, have exactly the declared
// size, start as a file of the declared type does, and have a CRC-32C that is worked out without making them.
//
// A file is a short list of segments: bytes made for this file (headers, picture data, trailers), a run of
// one repeated byte, and a filling cut from one block of noise that all files of a dataset share. Reading
// copies from these, so that serving costs little more than the copy into the socket.
package content

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
)

// File is the metadata that decides a file's bytes.
type File struct {
	ID       int64
	MimeType string
	Size     int64 // bytes
	Width    int32 // pixels, 0 where there is no picture
	Height   int32 // pixels
	Duration int32 // seconds, 0 for what does not play
}

// Source makes the files of one dataset. It is safe for concurrent use.
type Source struct {
	key   uint64
	noise []byte // noiseSize bytes, followed by themselves so that any window of noiseSize is contiguous
	// The checksums of the whole noise and of its first i*noiseStep bytes, for each polynomial that is needed.
	castagnoli, ieee prefixSums
}

const (
	noiseSize = 1 << 18
	noiseStep = 1 << 12
)

// NewSource returns the Source of the dataset with the given fingerprint.
func NewSource(fingerprint string) *Source {
	s := &Source{key: 14695981039346656037, noise: make([]byte, 2*noiseSize)}
	for _, c := range []byte(fingerprint) { // FNV-1a
		s.key = (s.key ^ uint64(c)) * 1099511628211
	}
	for i := 0; i < noiseSize; i += 8 {
		v := mix(s.key + uint64(i))
		for j := range 8 {
			s.noise[i+j] = byte(v >> (8 * j))
		}
	}
	copy(s.noise[noiseSize:], s.noise[:noiseSize])
	s.castagnoli = newPrefixSums(crcCastagnoli, s.noise[:noiseSize])
	s.ieee = newPrefixSums(crcIEEE, s.noise[:noiseSize])
	return s
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014): 64 bits that look unrelated for
// neighbouring inputs.
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// segment is a piece of a file: literal bytes, or n bytes of zeros, or n bytes of noise from offset on.
type segment struct {
	literal []byte
	noise   bool
	offset  int64 // into the noise, below noiseSize
	n       int64
}

func literal(b []byte) segment { return segment{literal: b, n: int64(len(b))} }
func zeros(n int64) segment    { return segment{n: n} }

// filling is n bytes of the noise, from a place that depends on the file.
func (s *Source) filling(f File, n int64) segment {
	return segment{noise: true, offset: int64(mix(s.key^uint64(f.ID)) % noiseSize), n: n}
}

// Open returns a reader of the file's bytes.
func (s *Source) Open(f File) *Reader {
	return &Reader{source: s, segments: s.segments(f), size: max(f.Size, 0)}
}

// CRC32C returns the CRC-32 with the Castagnoli polynomial of the file's bytes, in a time that does not
// grow with the size.
func (s *Source) CRC32C(f File) uint32 {
	var sum uint32
	for _, seg := range s.segments(f) {
		sum = crcCastagnoli.join(sum, s.checksum(crcCastagnoli, &s.castagnoli, seg), seg.n)
	}
	return sum
}

func (s *Source) checksum(c *crc, p *prefixSums, seg segment) uint32 {
	switch {
	case seg.literal != nil:
		return c.of(seg.literal[:seg.n])
	case seg.noise:
		return p.run(c, s.noise, seg.offset, seg.n)
	default:
		return c.zeros(seg.n)
	}
}

// segments lays out a file. What is too small for its type's headers is cut off: the size always holds.
func (s *Source) segments(f File) []segment {
	var segs []segment
	switch f.MimeType {
	case "image/jpeg":
		segs = s.jpeg(f)
	case "image/png":
		segs = s.png(f)
	case "video/mp4":
		segs = s.mp4(f)
	case "video/avi":
		segs = s.avi(f)
	case "application/pdf":
		segs = s.pdf(f)
	default:
		segs = []segment{literal(fmt.Appendf(nil, "MediaNest file %d\n", f.ID))}
	}
	left := max(f.Size, 0)
	for i := range segs {
		if segs[i].n >= left {
			segs[i].n = left
			return segs[:i+1]
		}
		left -= segs[i].n
	}
	return append(segs, s.filling(f, left))
}

// Reader reads a file's bytes. It implements io.ReadSeeker and io.ReaderAt.
type Reader struct {
	source   *Source
	segments []segment
	size     int64
	at       int64
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.ReadAt(p, r.at)
	r.at += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.at, errors.New("content: seek before the start")
	}
	r.at = offset
	return offset, nil
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, errors.New("content: read before the start")
	}
	n := 0
	for n < len(p) {
		piece := r.piece(at + int64(n))
		if piece == nil {
			return n, io.EOF
		}
		n += copy(p[n:], piece)
	}
	return n, nil
}

var zeroPage [4096]byte

// piece returns bytes from at on, as many as are contiguous in memory, or nil at the end of the file.
func (r *Reader) piece(at int64) []byte {
	for _, seg := range r.segments {
		if at >= seg.n {
			at -= seg.n
			continue
		}
		left := seg.n - at
		switch {
		case seg.literal != nil:
			return seg.literal[at:seg.n]
		case seg.noise:
			from := (seg.offset + at) % noiseSize
			return r.source.noise[from : from+min(left, noiseSize)]
		default:
			return zeroPage[:min(left, int64(len(zeroPage)))]
		}
	}
	return nil
}

// CRC32C returns the checksum of b that Source.CRC32C gives for a file.
func CRC32C(b []byte) uint32 { return crcCastagnoli.of(b) }

// crc does arithmetic on CRC-32 checksums: the checksum of a joined or repeated text from those of its
// parts. A checksum is a polynomial over GF(2) modulo the CRC's own; the lowest bit holds the highest power.
type crc struct {
	table *crc32.Table
	poly  uint32
	// powers[i] is x^(2^i) modulo poly.
	powers [64]uint32
}

var (
	crcCastagnoli = newCRC(crc32.Castagnoli)
	crcIEEE       = newCRC(crc32.IEEE)
)

func newCRC(poly uint32) *crc {
	c := &crc{table: crc32.MakeTable(poly), poly: poly}
	p := uint32(1) << 30 // x^1
	for i := range c.powers {
		c.powers[i] = p
		p = c.multiply(p, p)
	}
	return c
}

// multiply returns a*b modulo the polynomial.
func (c *crc) multiply(a, b uint32) uint32 {
	var p uint32
	for m := uint32(1) << 31; m != 0 && a != 0; m >>= 1 {
		if a&m != 0 {
			p ^= b
			a &^= m
		}
		b = b>>1 ^ c.poly&-(b&1)
	}
	return p
}

// shift returns sum * x^(8n): what appending n bytes does to the checksum of what stands before them.
func (c *crc) shift(sum uint32, n int64) uint32 {
	for e := uint64(n) * 8; e != 0; e &= e - 1 {
		sum = c.multiply(c.powers[bits.TrailingZeros64(e)], sum)
	}
	return sum
}

// join returns the checksum of two texts one after the other; n is the length of the second in bytes.
func (c *crc) join(first, second uint32, n int64) uint32 { return c.shift(first, n) ^ second }

// of returns the checksum of b.
func (c *crc) of(b []byte) uint32 { return crc32.Checksum(b, c.table) }

// zeros returns the checksum of n zero bytes. The checksum's register starts at, and is at last inverted by,
// all ones: that is the difference to a plain remainder, which would be nought.
func (c *crc) zeros(n int64) uint32 { return ^c.shift(^uint32(0), n) }

// repeat returns the checksum of a text of n bytes written times over.
func (c *crc) repeat(sum uint32, n, times int64) uint32 {
	var all uint32
	for ; times > 0; times >>= 1 {
		if times&1 != 0 {
			all = c.join(all, sum, n)
		}
		sum, n = c.join(sum, sum, n), 2*n
	}
	return all
}

// prefixSums are checksums of the beginnings of the noise, every noiseStep bytes.
type prefixSums [noiseSize/noiseStep + 1]uint32

func newPrefixSums(c *crc, noise []byte) (p prefixSums) {
	for i := 1; i < len(p); i++ {
		p[i] = crc32.Update(p[i-1], c.table, noise[(i-1)*noiseStep:i*noiseStep])
	}
	return p
}

// prefix returns the checksum of the first n bytes of the noise, n <= noiseSize.
func (p *prefixSums) prefix(c *crc, noise []byte, n int64) uint32 {
	whole := n / noiseStep
	return crc32.Update(p[whole], c.table, noise[whole*noiseStep:n])
}

// span returns the checksum of noise[from:to], to <= noiseSize.
func (p *prefixSums) span(c *crc, noise []byte, from, to int64) uint32 {
	return p.prefix(c, noise, to) ^ c.shift(p.prefix(c, noise, from), to-from)
}

// run returns the checksum of n bytes of the endlessly repeated noise from offset on.
func (p *prefixSums) run(c *crc, noise []byte, offset, n int64) uint32 {
	if offset+n <= noiseSize {
		return p.span(c, noise, offset, offset+n)
	}
	sum := p.span(c, noise, offset, noiseSize)
	n -= noiseSize - offset
	sum = c.join(sum, c.repeat(p.span(c, noise, 0, noiseSize), noiseSize, n/noiseSize), n/noiseSize*noiseSize)
	return c.join(sum, p.prefix(c, noise, n%noiseSize), n%noiseSize)
}
