package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/medianest/testbed/schema"
)

// Range is which bytes of a file were asked for.
type Range struct {
	From, Length int64 // Length 0 is the whole file
	// CRC32C is the checksum that the file's page told, in hex; "" where it is not known.
	CRC32C string
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Content holds a file's bytes against its row: their number, their type, the checksums that the server tells
// of them (ETag, Repr-Digest, and the one of the file's page), and, of the whole file, the checksum of what came.
func (v *Verifier) Content(a *Answer, id int64, r Range) bool {
	return v.hold(a, func(c *check) {
		i, seeded := c.index(schema.MediaFiles, id)
		if !seeded {
			return
		}
		m := &c.media
		c.data.MediaFile(i, m)
		want, from := m.Size, int64(0)
		if a.Status == 206 {
			from = r.From
			want = min(r.Length, m.Size-from)
			c.header("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+want-1, m.Size))
		}
		if n := int64(len(a.Body)); n != want {
			c.differs("body", fmt.Sprintf("%d bytes", want), fmt.Sprintf("%d bytes", n))
		}
		c.header("Content-Type", m.MIMEType)
		tag := a.Header("ETag")
		sum, size, ok := strings.Cut(strings.Trim(tag, `"`), "-")
		if !ok || size != fmt.Sprintf("%x", m.Size) {
			c.differs("ETag", fmt.Sprintf(`"checksum-%x"`, m.Size), tag)
		}
		if r.CRC32C != "" && sum != r.CRC32C {
			c.differs("ETag", fmt.Sprintf(`"%s-%x"`, r.CRC32C, m.Size), tag)
		}
		if digest := a.Header("Repr-Digest"); digest != "" {
			if told := digestSum(digest); told != sum {
				c.differs("Repr-Digest", "crc32c "+sum+", as the ETag", digest)
			}
		}
		if a.Status == 200 {
			if got := fmt.Sprintf("%08x", crc32.Checksum(a.Body, castagnoli)); got != sum {
				c.differs("body", "checksum "+sum+", as the ETag", "checksum "+got)
			}
		}
		if from == 0 {
			if at, magic := magicOf(m.MIMEType); int64(len(a.Body)) == want && want >= 16 && !bytes.HasPrefix(a.Body[min(at, len(a.Body)):], []byte(magic)) {
				c.differs("body", fmt.Sprintf("%q at byte %d, as in all of type %s", magic, at, m.MIMEType), fmt.Sprintf("%q", a.Body[:min(16, len(a.Body))]))
			}
		}
	})
}

func (c *check) header(name, want string) {
	if got := c.answer.Header(name); got != want {
		c.differs(name, want, got)
	}
}

// digestSum reads "crc32c=:base64:" as hex.
func digestSum(digest string) string {
	text, _ := strings.CutPrefix(digest, "crc32c=:")
	b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, ":"))
	if err != nil || len(b) != 4 {
		return ""
	}
	return fmt.Sprintf("%08x", binary.BigEndian.Uint32(b))
}

// magicOf returns how files of a type begin, and at which byte; "" for types that have no such sign.
func magicOf(mimeType string) (at int, magic string) {
	switch mimeType {
	case "image/jpeg":
		return 0, "\xff\xd8"
	case "image/png":
		return 0, "\x89PNG\r\n\x1a\n"
	case "video/mp4":
		return 4, "ftyp"
	case "video/avi":
		return 0, "RIFF"
	case "application/pdf":
		return 0, "%PDF-"
	}
	return 0, ""
}
