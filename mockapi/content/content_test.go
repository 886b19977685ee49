package content_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"testing/iotest"

	"github.com/medianest/testbed/mockapi/content"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func file(mime string, size int64) content.File {
	f := content.File{ID: 42, MimeType: mime, Size: size, Width: 1920, Height: 1080, Duration: 75}
	return f
}

var mimeTypes = []string{"image/jpeg", "image/png", "video/mp4", "video/avi", "application/pdf", "application/octet-stream"}

func read(t *testing.T, s *content.Source, f content.File) []byte {
	t.Helper()
	b, err := io.ReadAll(s.Open(f))
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != f.Size {
		t.Fatalf("%s of %d bytes has %d", f.MimeType, f.Size, len(b))
	}
	return b
}

func TestSizeAndChecksumHold(t *testing.T) {
	s := content.NewSource("test")
	sizes := []int64{0, 1, 7, 100, 700, 5_000, 49_999, 262_143, 262_144, 262_145, 1_000_003, 5<<20 + 11}
	for _, mime := range mimeTypes {
		for _, size := range sizes {
			f := file(mime, size)
			if got, want := s.CRC32C(f), crc32.Checksum(read(t, s, f), castagnoli); got != want {
				t.Errorf("%s of %d bytes: CRC32C %08x, its bytes have %08x", mime, size, got, want)
			}
		}
	}
}

func TestReader(t *testing.T) {
	s := content.NewSource("test")
	for _, mime := range mimeTypes {
		f := file(mime, 600_001)
		want := read(t, s, f)
		if err := iotest.TestReader(s.Open(f), want); err != nil {
			t.Errorf("%s: %v", mime, err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			from := rng.Int64N(f.Size)
			p := make([]byte, 1+rng.Int64N(f.Size-from))
			if _, err := s.Open(f).ReadAt(p, from); err != nil || !bytes.Equal(p, want[from:from+int64(len(p))]) {
				t.Fatalf("%s: ReadAt %d bytes from %d differ, %v", mime, len(p), from, err)
			}
		}
	}
}

func TestBytesDependOnDatasetAndFile(t *testing.T) {
	a, b := content.NewSource("one"), content.NewSource("two")
	f, g := file("video/mp4", 300_000), file("video/mp4", 300_000)
	g.ID++
	if !bytes.Equal(read(t, a, f), read(t, content.NewSource("one"), f)) {
		t.Error("the same file of the same dataset differs")
	}
	if bytes.Equal(read(t, a, f), read(t, b, f)) {
		t.Error("the same file of two datasets is the same")
	}
	if bytes.Equal(read(t, a, f), read(t, a, g)) {
		t.Error("two files are the same")
	}
}

func TestPicturesDecode(t *testing.T) {
	s := content.NewSource("test")
	for _, d := range [][2]int32{{1, 1}, {8, 8}, {9, 16}, {640, 480}, {1080, 1920}, {4096, 3072}, {801, 601}} {
		files := int64(20)
		if d[0] > 1000 { // each takes a while to decode
			files = 2
		}
		for id := range files {
			f := content.File{ID: id, MimeType: "image/jpeg", Size: 60_000, Width: d[0], Height: d[1]}
			img, err := jpeg.Decode(bytes.NewReader(read(t, s, f)))
			if err != nil {
				t.Fatalf("jpeg %dx%d, file %d: %v", d[0], d[1], id, err)
			}
			if b := img.Bounds(); b.Dx() != int(d[0]) || b.Dy() != int(d[1]) {
				t.Fatalf("jpeg %v is %v", d, b)
			}
			first, _, _, _ := img.At(0, 0).RGBA()
			last, _, _, _ := img.At(int(d[0])-1, int(d[1])-1).RGBA()
			if first != last || first < 0xb000 {
				t.Fatalf("jpeg %v: corners %x and %x, want one bright grey", d, first, last)
			}
		}
		f := content.File{ID: 3, MimeType: "image/png", Size: 60_000, Width: d[0], Height: d[1]}
		img, err := png.Decode(bytes.NewReader(read(t, s, f)))
		if err != nil {
			t.Fatalf("png %v: %v", d, err)
		}
		if b := img.Bounds(); b.Dx() != int(d[0]) || b.Dy() != int(d[1]) {
			t.Fatalf("png %v is %v", d, b)
		}
	}
}

func TestPDFCrossReferences(t *testing.T) {
	b := read(t, content.NewSource("test"), file("application/pdf", 80_000))
	m := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no startxref at the end: %q", b[len(b)-80:])
	}
	at, _ := strconv.Atoi(string(m[1]))
	if !bytes.HasPrefix(b[at:], []byte("xref\n0 7\n")) {
		t.Fatalf("startxref leads to %q", b[at:at+20])
	}
	entries := regexp.MustCompile(`(\d{10}) 00000 n `).FindAllSubmatch(b[at:], -1)
	if len(entries) != 6 {
		t.Fatalf("%d objects in the table, want 6", len(entries))
	}
	for i, e := range entries {
		o, _ := strconv.Atoi(string(e[1]))
		if want := fmt.Sprintf("%d 0 obj\n", i+1); !bytes.HasPrefix(b[o:], []byte(want)) {
			t.Errorf("object %d: the table leads to %q", i+1, b[o:o+10])
		}
	}
	l := regexp.MustCompile(`6 0 obj\n<< /Length (\d+) >>\nstream\n`).FindSubmatchIndex(b)
	n, _ := strconv.Atoi(string(b[l[2]:l[3]]))
	if !bytes.HasPrefix(b[l[1]+n:], []byte("\nendstream")) {
		t.Error("the stream's length does not lead to its end")
	}
}

func TestMP4Boxes(t *testing.T) {
	b := read(t, content.NewSource("test"), file("video/mp4", 123_457))
	var names []string
	for at := uint64(0); at < uint64(len(b)); {
		size := uint64(binary.BigEndian.Uint32(b[at:]))
		name := string(b[at+4 : at+8])
		if size == 1 {
			size = binary.BigEndian.Uint64(b[at+8:])
		}
		if name == "moov" {
			mvhd := b[at+8:]
			scale, duration := binary.BigEndian.Uint32(mvhd[20:]), binary.BigEndian.Uint32(mvhd[24:])
			if string(mvhd[4:8]) != "mvhd" || duration/scale != 75 {
				t.Errorf("movie header %q says %d/%d s, want 75", mvhd[4:8], duration, scale)
			}
		}
		names = append(names, name)
		at += size
		if at > uint64(len(b)) {
			t.Fatalf("box %s ends %d bytes after the file", name, at-uint64(len(b)))
		}
	}
	if fmt.Sprint(names) != "[ftyp moov mdat]" {
		t.Errorf("boxes %v", names)
	}
}

func TestAVIChunks(t *testing.T) {
	b := read(t, content.NewSource("test"), file("video/avi", 123_456))
	if string(b[:4]) != "RIFF" || string(b[8:12]) != "AVI " || binary.LittleEndian.Uint32(b[4:]) != 123_448 {
		t.Fatalf("starts with %q", b[:12])
	}
	var names []string
	for at := 12; at < len(b); {
		size := int(binary.LittleEndian.Uint32(b[at+4:]))
		name := string(b[at : at+4])
		if name == "LIST" {
			name = string(b[at+8 : at+12])
		}
		names = append(names, name)
		if at += 8 + size + size%2; at > len(b) {
			t.Fatalf("chunk %s ends after the file", name)
		}
	}
	if fmt.Sprint(names) != "[hdrl INFO movi JUNK]" {
		t.Errorf("chunks %v", names)
	}
}

func TestThumbnail(t *testing.T) {
	s := content.NewSource("test")
	for _, c := range []struct{ w, h, tw, th int32 }{{4000, 3000, 320, 240}, {1080, 1920, 180, 320}, {0, 0, 320, 240}, {30000, 2, 320, 1}} {
		f := content.File{ID: 9, MimeType: "image/jpeg", Width: c.w, Height: c.h}
		img, err := jpeg.Decode(bytes.NewReader(s.Thumbnail(f)))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != int(c.tw) || b.Dy() != int(c.th) {
			t.Errorf("thumbnail of %dx%d is %v, want %dx%d", c.w, c.h, b, c.tw, c.th)
		}
		if !bytes.Equal(s.Thumbnail(f), s.Thumbnail(f)) {
			t.Error("a thumbnail differs from itself")
		}
	}
}

func BenchmarkCRC32C(b *testing.B) {
	s := content.NewSource("bench")
	f := file("video/mp4", 100<<20)
	for b.Loop() {
		s.CRC32C(f)
	}
}

// BenchmarkRead copies each file's bytes once, as a response to a socket does.
func BenchmarkRead(b *testing.B) {
	s := content.NewSource("bench")
	buf := make([]byte, 64<<10)
	for _, mime := range mimeTypes {
		b.Run(mime, func(b *testing.B) {
			f := file(mime, 2<<20)
			b.SetBytes(f.Size)
			for b.Loop() {
				r := s.Open(f)
				for {
					if _, err := r.Read(buf); err == io.EOF {
						break
					}
				}
			}
		})
	}
}
