package pgcopy_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/medianest/testbed/seed/pgcopy"
)

// nasty are texts that a careless encoder gets wrong.
var nasty = []string{
	"", " ", "plain", "a,b", `say "hi"`, `"`, `""`, `"""`, ",", "line\nbreak", "carriage\rreturn", "crlf\r\nend",
	`\.`, `\N`, `\x41`, `back\slash`, "tab\there", "NULL", "null", "'", "ünïcödé 中文 🎉", "\u0001\u001f\u007f", " lead and trail ",
	"x,\"y\",\r\n\\.", "ends with quote\"", "\"starts with quote", ";--", "{}",
}

// nastyRow appends row i of a table of (bigint, text, text, integer, boolean, bytea, jsonb, timestamptz).
func nastyRow(e pgcopy.Encoder, i int64) {
	text := nasty[i%int64(len(nasty))]
	e.BeginRow(8)
	e.Int64(i - 5)
	e.String(text)
	if i%3 == 0 {
		e.Null()
	} else {
		e.Text([]byte(text))
	}
	e.Int32(int32(-i * 1_000_003))
	e.Bool(i%2 == 0)
	if i%5 == 0 {
		e.Null()
	} else {
		e.Bytes([]byte(text)[:len(text)/2])
	}
	e.JSON([]byte(`{"a": [1, "x,\"y\"\n"], "bb": null}`))
	e.Time((i*86_400_000_000*365 + i*7_654_321) % (4_000 * 365 * 86_400_000_000))
	e.EndRow()
}

func TestBinaryRowBytes(t *testing.T) {
	var b pgcopy.Binary
	b.BeginRow(3)
	b.Int64(-2)
	b.Null()
	b.JSON([]byte("{}"))
	b.EndRow()
	want := "\x00\x03" + "\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xfe" + "\xff\xff\xff\xff" + "\x00\x00\x00\x03\x01{}"
	if got := string(b.Swap(nil)); got != want {
		t.Errorf("row is %q, want %q", got, want)
	}
	if got, want := b.Checksum(), xxhash.Sum64String(want); got != want {
		t.Errorf("checksum is %x, want that of the row's bytes, %x", got, want)
	}
	b.Restart()
	if b.Rows() != 0 || b.Checksum() != 0 {
		t.Error("Restart leaves rows or checksum")
	}
}

func TestBinaryTimeCountsFrom2000(t *testing.T) {
	var b pgcopy.Binary
	b.Time(time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC).UnixMicro())
	if got := binary.BigEndian.Uint64(b.Swap(nil)[4:]); got != 1_000_000 {
		t.Errorf("one second past 2000-01-01 is %d, want 1000000", got)
	}
}

func TestChecksumIsTheSameHoweverRowsAreCut(t *testing.T) {
	const rows = 200
	var whole pgcopy.Binary
	for i := range int64(rows) {
		nastyRow(&whole, i)
	}
	for _, size := range []int64{1, 7, 199} {
		var sum uint64
		for first := int64(0); first < rows; first += size {
			var part pgcopy.Binary
			for i := first; i < min(first+size, rows); i++ {
				nastyRow(&part, i)
			}
			sum += part.Checksum()
		}
		if sum != whole.Checksum() {
			t.Errorf("in pieces of %d rows the checksum is %x, in one %x", size, sum, whole.Checksum())
		}
	}
}

func TestSummerSeesRowsHoweverBytesAreCut(t *testing.T) {
	const rows = 60
	var enc pgcopy.Binary
	enc.Swap(pgcopy.AppendBinaryHeader(nil))
	for i := range int64(rows) {
		nastyRow(&enc, i)
	}
	data := pgcopy.AppendBinaryTrailer(enc.Swap(nil))
	rng := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 2, 3, 50, 500, len(data)} {
		var s pgcopy.Summer
		for rest := data; len(rest) > 0; {
			n := min(1+rng.IntN(most), len(rest))
			// A copy, scribbled over afterwards: a Summer must not keep what it is given.
			piece := bytes.Clone(rest[:n])
			if _, err := s.Write(piece); err != nil {
				t.Fatalf("pieces of up to %d bytes: %v", most, err)
			}
			clear(piece)
			rest = rest[n:]
		}
		if err := s.Close(); err != nil {
			t.Errorf("pieces of up to %d bytes: %v", most, err)
		}
		if s.Rows() != rows || s.Checksum() != enc.Checksum() {
			t.Errorf("pieces of up to %d bytes: %d rows, checksum %x; want %d, %x", most, s.Rows(), s.Checksum(), rows, enc.Checksum())
		}
	}
}

func TestSummerRefusesBrokenData(t *testing.T) {
	header := string(pgcopy.AppendBinaryHeader(nil))
	for name, data := range map[string]string{
		"text":                "1\tabc\n and more than a header is long",
		"header extension":    header[:15] + "\x00\x00\x00\x04" + "abcd",
		"negative field":      header + "\x00\x01\xff\xff\xff\xfe",
		"negative count":      header + "\xff\xfe",
		"data after the end":  header + "\xff\xff" + "\x00\x00",
		"ends before trailer": header + "\x00\x01\xff\xff\xff\xff",
		"ends within a row":   header + "\x00\x01\x00\x00\x00\x04ab",
		"empty":               "",
	} {
		var s pgcopy.Summer
		_, err := s.Write([]byte(data))
		if err == nil {
			err = s.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCSVFields(t *testing.T) {
	var c pgcopy.CSV
	c.BeginRow(9)
	c.Int64(-9_223_372_036_854_775_808)
	c.Int32(7)
	c.Bool(true)
	c.Null()
	c.String("")
	c.Text([]byte(`a"b`))
	c.Bytes([]byte{0, 0xff})
	c.String(`\.`)
	c.Null()
	c.EndRow()
	c.BeginRow(1)
	c.Bool(false)
	c.EndRow()
	want := `-9223372036854775808,7,t,,"","a""b",\x00ff,"\.",` + "\nf\n"
	if got := string(c.Swap(nil)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestCSVTimeIsWhatTimeFormats(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
	check := func(micro int64) {
		t.Helper()
		var c pgcopy.CSV
		c.Time(micro)
		at := time.UnixMicro(micro).UTC()
		want := at.Format("2006-01-02 15:04:05.000000") + "+00"
		if at.Nanosecond() == 0 {
			want = at.Format("2006-01-02 15:04:05") + "+00"
		}
		if got := string(c.Swap(nil)); got != want {
			t.Fatalf("%d is %s, want %s", micro, got, want)
		}
	}
	for _, micro := range []int64{first, last, 0, -1, 1, 951_782_400_000_000 /* a leap day */, 999_999} {
		check(micro)
	}
	for range 10_000 {
		check(first + rng.Int64N(last-first))
	}
}

// BenchmarkEncode is how fast rows like those of media_files go into memory: the bound that encoding sets.
func BenchmarkEncode(b *testing.B) {
	for name, enc := range map[string]interface {
		pgcopy.Encoder
		Swap([]byte) []byte
		Len() int
	}{"binary": &pgcopy.Binary{}, "csv": &pgcopy.CSV{}} {
		b.Run(name, func(b *testing.B) {
			var bytes int64
			enc.Swap(make([]byte, 0, 1<<20))
			b.ReportAllocs()
			for i := range int64(b.N) {
				mediaLikeRow(enc, i)
				if enc.Len() > 900_000 {
					bytes += int64(enc.Len())
					enc.Swap(enc.Swap(nil)[:0])
				}
			}
			bytes += int64(enc.Len())
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1000, "krows/s")
			b.SetBytes(bytes / int64(b.N))
		})
	}
}

// mediaLikeRow appends a row for the columns of media_files; the work of making it up is next to nothing, so
// that a benchmark shows the encoder and what comes after it.
func mediaLikeRow(e pgcopy.Encoder, i int64) {
	created := 1_700_000_000_000_000 + i*1_234_567
	e.BeginRow(17)
	e.Int64(i + 1)
	e.Int64(i%50_000 + 1)
	e.String("IMG_12345678.jpg")
	e.String("Summer holiday at the lake (12).jpg")
	e.String("Summer holiday at the lake")
	if i%3 == 0 {
		e.Null()
	} else {
		e.String("The whole family by the water on the last warm day of the year, before the rain came.")
	}
	e.String("image/jpeg")
	e.Int64(i * 7919 % 10_000_000)
	e.Int32(4032)
	e.Int32(3024)
	e.Null()
	e.Int64(i % 1000)
	e.Bool(i%4 != 0)
	e.Null()
	e.Time(created)
	e.Time(created + 1_000_000)
	e.Null()
	e.EndRow()
}
