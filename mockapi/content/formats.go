package content

import (
	"encoding/binary"
	"fmt"
	"math"
)

// dimensions returns the picture's size in pixels, with something sensible where the metadata has none.
func (f File) dimensions() (w, h int) {
	if f.Width <= 0 || f.Height <= 0 {
		return 640, 480
	}
	return min(int(f.Width), math.MaxUint16), min(int(f.Height), math.MaxUint16)
}

// jpeg lays out a grey baseline picture of one shade. Its Huffman tables give "no change from the block
// before" and "nothing else in this block" one zero bit each, so that all blocks but the first are zero
// bytes: 4 blocks of 64 pixels in each. The filling follows the end-of-image marker, where decoders stop.
func (s *Source) jpeg(f File) []segment {
	w, h := f.dimensions()
	b := []byte{0xff, 0xd8} // SOI
	b = append(b, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0)
	stamp := fmt.Sprintf("MediaNest file %d", f.ID)
	b = append(b, 0xff, 0xfe, 0, byte(2+len(stamp)))
	b = append(b, stamp...)
	b = append(b, 0xff, 0xdb, 0, 67, 0) // DQT: one table of 64 ones
	for range 64 {
		b = append(b, 1)
	}
	b = append(b, 0xff, 0xc0, 0, 11, 8, byte(h>>8), byte(h), byte(w>>8), byte(w), 1, 1, 0x11, 0) // SOF0
	// DHT: the DC table says category 0 with the code 0 and category 10 with the code 10; the AC table says
	// end of block with the code 0.
	b = append(b, 0xff, 0xc4, 0, 21, 0x00, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10)
	b = append(b, 0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, 0xff, 0xda, 0, 8, 1, 1, 0x00, 0, 63, 0) // SOS

	// The first block: code 10, ten bits of a level, end of block: 13 bits. A level whose highest bit is
	// set is positive (512 to 1023), and brightens the grey.
	level := 512 + mix(s.key^uint64(f.ID))%512
	first := uint16(0b10<<14) | uint16(level)<<4
	blocks := int64((w+7)/8) * int64((h+7)/8)
	total := 13 + 2*(blocks-1) // bits
	scan := []byte{byte(first >> 8), byte(first)}
	var tail []byte
	if total > 16 {
		if rest := total % 8; rest != 0 { // the last byte is filled up with ones
			tail = []byte{0xff >> rest}
		}
	} else {
		scan[1] |= 0xff >> (total - 8)
	}
	b = append(b, scan...)
	return []segment{literal(b), zeros(max(total/8-2, 0)), literal(append(tail, 0xff, 0xd9))} // EOI
}

// png lays out a picture of one colour, with the filling in an ancillary chunk before the end chunk.
func (s *Source) png(f File) []segment {
	w, h := f.dimensions()
	colour := mix(s.key ^ uint64(f.ID))
	b := []byte("\x89PNG\r\n\x1a\n")
	header := binary.BigEndian.AppendUint32(nil, uint32(w))
	header = binary.BigEndian.AppendUint32(header, uint32(h))
	b = pngChunk(b, "IHDR", append(header, 1, 3, 0, 0, 0)) // depth 1, palette
	b = pngChunk(b, "PLTE", []byte{byte(colour), byte(colour >> 8), byte(colour >> 16)})
	b = pngChunk(b, "tEXt", fmt.Appendf(nil, "Title\x00MediaNest file %d", f.ID))
	b = pngChunk(b, "IDAT", zlibZeros(((w+7)/8+1)*h))
	end := pngChunk(nil, "IEND", nil)

	fill := f.Size - int64(len(b)+len(end)+12)
	if fill < 0 || fill > math.MaxInt32 {
		return []segment{literal(append(b, end...))}
	}
	const name = "fiLl" // ancillary, private, safe to copy
	b = binary.BigEndian.AppendUint32(b, uint32(fill))
	b = append(b, name...)
	seg := s.filling(f, fill)
	sum := crcIEEE.join(crcIEEE.of([]byte(name)), s.checksum(crcIEEE, &s.ieee, seg), fill)
	return []segment{literal(b), seg, literal(append(binary.BigEndian.AppendUint32(nil, sum), end...))}
}

func pngChunk(b []byte, name string, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	from := len(b)
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crcIEEE.of(b[from:]))
}

// zlibZeros returns n zero bytes, n > 0, compressed in a single block with the fixed Huffman codes: one
// literal, then runs of up to 258 bytes copied from one byte back.
func zlibZeros(n int) []byte {
	b := []byte{0x78, 0x01}
	var acc uint64
	var held int
	put := func(v uint64, bits int) { // least significant bit first
		acc |= v << held
		for held += bits; held >= 8; held -= 8 {
			b = append(b, byte(acc))
			acc >>= 8
		}
	}
	put(0b011, 3)      // last block, fixed codes
	put(0b00001100, 8) // literal 0: code 00110000, Huffman codes are sent from their highest bit
	left := n - 1
	for ; left >= 258; left -= 258 {
		put(0b10100011, 8) // length 258: symbol 285, code 11000101
		put(0, 5)          // distance 1: symbol 0
	}
	for ; left > 0; left-- {
		put(0b00001100, 8)
	}
	put(0, 7) // end of block: symbol 256
	if held > 0 {
		put(0, 8-held)
	}
	// Adler-32 of zeros: the first sum stays 1, the second counts the bytes.
	return binary.BigEndian.AppendUint32(b, uint32(n%65521)<<16|1)
}

// mp4 lays out an ISO base media file: one video track whose header gives the picture's size and duration,
// with no samples, and the filling as media data.
func (s *Source) mp4(f File) []segment {
	w, h := f.dimensions()
	const scale = 1000 // time units a second
	duration := uint32(max(f.Duration, 0)) * scale
	u16 := func(v ...uint16) (b []byte) {
		for _, x := range v {
			b = binary.BigEndian.AppendUint16(b, x)
		}
		return b
	}
	u32 := func(v ...uint32) (b []byte) {
		for _, x := range v {
			b = binary.BigEndian.AppendUint32(b, x)
		}
		return b
	}
	box := func(name string, parts ...[]byte) (b []byte) {
		b = append(make([]byte, 4), name...)
		for _, p := range parts {
			b = append(b, p...)
		}
		binary.BigEndian.PutUint32(b, uint32(len(b)))
		return b
	}
	matrix := u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
	movie := box("moov",
		box("mvhd", u32(0, 0, 0, scale, duration, 0x10000), u16(0x0100), make([]byte, 10), matrix, make([]byte, 24), u32(2)),
		box("trak",
			box("tkhd", u32(7, 0, 0, 1, 0, duration), make([]byte, 16), matrix, u32(uint32(w)<<16, uint32(h)<<16)),
			box("mdia",
				box("mdhd", u32(0, 0, 0, scale, duration), u16(0x55c4, 0)),
				box("hdlr", u32(0, 0), []byte("vide"), make([]byte, 12), fmt.Appendf(nil, "MediaNest file %d\x00", f.ID)),
				box("minf",
					box("vmhd", u32(1), make([]byte, 8)),
					box("dinf", box("dref", u32(0, 1), box("url ", u32(1)))),
					box("stbl", box("stsd", u32(0, 0)), box("stts", u32(0, 0)), box("stsc", u32(0, 0)),
						box("stsz", u32(0, 0, 0)), box("stco", u32(0, 0)))))))
	b := append(box("ftyp", []byte("isom"), u32(512), []byte("isomiso2mp41")), movie...)
	b = append(b, u32(1)...)
	b = append(b, "mdat"...)
	data := max(f.Size-int64(len(b))+8, 16) // the box's own size: its 8 bytes so far, 8 more, the filling
	return []segment{literal(binary.BigEndian.AppendUint64(b, uint64(data)))}
}

// avi lays out a RIFF file of the AVI form: one video stream with no frames, and the filling as junk.
func (s *Source) avi(f File) []segment {
	w, h := f.dimensions()
	const frameRate = 25
	frames := uint32(max(f.Duration, 0)) * frameRate
	u32 := func(v ...uint32) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, x)
		}
		return b
	}
	chunk := func(name string, parts ...[]byte) (b []byte) {
		b = append([]byte(name), 0, 0, 0, 0)
		for _, p := range parts {
			b = append(b, p...)
		}
		binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
		if len(b)%2 != 0 {
			b = append(b, 0)
		}
		return b
	}
	hdrl := chunk("LIST", []byte("hdrl"),
		chunk("avih", u32(1e6/frameRate, 0, 0, 0x10, frames, 0, 1, 0, uint32(w), uint32(h), 0, 0, 0, 0)),
		chunk("LIST", []byte("strl"),
			chunk("strh", []byte("vidsMJPG"), u32(0, 0, 0, 1, frameRate, 0, frames, 0, 0, 0, 0, 0)),
			chunk("strf", u32(40, uint32(w), uint32(h), 24<<16|1), []byte("MJPG"), u32(0, 0, 0, 0, 0))))
	info := chunk("LIST", []byte("INFO"), chunk("INAM", fmt.Appendf(nil, "MediaNest file %d\x00", f.ID)))
	movi := chunk("LIST", []byte("movi"))
	body := append(append(append([]byte("AVI "), hdrl...), info...), movi...)
	size := uint32(min(max(f.Size-8, 0), math.MaxUint32))
	junk := uint32(max(int64(size)-int64(len(body))-8, 0))
	b := append(append([]byte("RIFF"), u32(size)...), body...)
	return []segment{literal(append(append(b, "JUNK"...), u32(junk)...))}
}

// pdf lays out a document of one page that names the file, with the filling in a stream that no page shows.
func (s *Source) pdf(f File) []segment {
	b := []byte("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, 0, 6)
	object := func(body string) {
		offsets = append(offsets, len(b))
		b = fmt.Appendf(b, "%d 0 obj\n%s\nendobj\n", len(offsets), body)
	}
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>")
	text := fmt.Sprintf("BT /F1 24 Tf 72 720 Td (MediaNest file %d) Tj ET", f.ID)
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")

	const opening = "6 0 obj\n<< /Length %012d >>\nstream\n"
	offsets = append(offsets, len(b))
	streamAt := int64(len(b) + len(fmt.Sprintf(opening, 0)))
	tail := func(fill int64) []byte {
		t := []byte("\nendstream\nendobj\n")
		xref := streamAt + fill + int64(len(t))
		t = append(t, "xref\n0 7\n0000000000 65535 f \n"...)
		for _, o := range offsets {
			t = fmt.Appendf(t, "%010d 00000 n \n", o)
		}
		return fmt.Appendf(t, "trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n%012d\n%%%%EOF\n", xref)
	}
	fill := max(f.Size-streamAt-int64(len(tail(0))), 0)
	b = fmt.Appendf(b, opening, fill)
	return []segment{literal(b), s.filling(f, fill), literal(tail(fill))}
}
