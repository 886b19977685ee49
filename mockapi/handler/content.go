package handler

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/content"
)

// contentPatience is how long a download may go without the client taking a block.
const contentPatience = 30 * time.Second

// contentSource makes the bytes of the dataset that is served; it is made anew when that changes.
type contentSource struct {
	current atomic.Pointer[datasetContent]
}

type datasetContent struct {
	fingerprint string
	*content.Source
	sums checksums
}

// source returns what makes the bytes of the files that are served now. A database that was never seeded has
// files too.
func (a *API) source(c *Call) (*datasetContent, error) {
	ds, err := a.dataset.get(c.Context(), a.store, c.start)
	if err != nil {
		return nil, err
	}
	fingerprint := ""
	if ds != nil {
		fingerprint = ds.Fingerprint
	}
	d := a.content.current.Load()
	if d == nil || d.fingerprint != fingerprint {
		d = &datasetContent{fingerprint: fingerprint, Source: content.NewSource(fingerprint), sums: newChecksums(rememberedSums)}
		a.content.current.Store(d)
	}
	return d, nil
}

func contentFile(m *mockapi.Media) content.File {
	f := content.File{ID: m.ID, MimeType: m.MimeType, Size: m.Size}
	for _, v := range []struct{ from, to *int32 }{{m.Width, &f.Width}, {m.Height, &f.Height}, {m.Duration, &f.Duration}} {
		if v.from != nil {
			*v.to = *v.from
		}
	}
	return f
}

// visibleMedia returns the file of the path.
func (a *API) visibleMedia(c *Call) (mockapi.Media, error) {
	id, err := c.pathID("id")
	if err != nil {
		return mockapi.Media{}, err
	}
	return a.store.Media(c.Context(), c.viewer(), id)
}

// mediaContent sends the bytes of a file: whole or in ranges, if they have changed. They are made on the fly;
// of an upload, only the digest was kept.
func (a *API) mediaContent(c *Call) error {
	m, err := a.visibleMedia(c)
	if err != nil {
		return err
	}
	if m.SHA256 != nil {
		return mockapi.Errorf(mockapi.CodeNotFound, "the bytes of uploads are not kept, only their size and SHA-256")
	}
	source, err := a.source(c)
	if err != nil {
		return err
	}
	f := contentFile(&m)
	sum := source.checksum(f)
	h := c.gin.Writer.Header()
	h.Set("Repr-Digest", "crc32c=:"+base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))+":")
	h.Set("Content-Disposition", disposition(&m))
	return c.serveBytes(m.MimeType, fmt.Sprintf(`"%08x-%x"`, sum, f.Size), source.Open(f))
}

// mediaThumbnail sends a small picture that stands for a file.
func (a *API) mediaThumbnail(c *Call) error {
	m, err := a.visibleMedia(c)
	if err != nil {
		return err
	}
	source, err := a.source(c)
	if err != nil {
		return err
	}
	picture := source.Thumbnail(contentFile(&m))
	return c.serveBytes("image/jpeg", fmt.Sprintf(`"%08x-t"`, content.CRC32C(picture)), bytes.NewReader(picture))
}

// disposition shows what a browser can show and has everything else saved under its name.
func disposition(m *mockapi.Media) string {
	kind := "attachment"
	if strings.HasPrefix(m.MimeType, "image/") || strings.HasPrefix(m.MimeType, "video/") || m.MimeType == "application/pdf" {
		kind = "inline"
	}
	return mime.FormatMediaType(kind, map[string]string{"filename": m.Filename})
}

// serveBytes answers with content as HTTP asks: ranges, conditions, HEAD.
func (c *Call) serveBytes(mimeType, etag string, r io.ReadSeeker) error {
	h := c.gin.Writer.Header()
	h.Set("Content-Type", mimeType)
	h.Set("ETag", etag)
	h.Set("Cache-Control", "private, no-cache")
	h["Server-Timing"] = []string{c.serverTiming()}
	w := &contentWriter{ResponseWriter: c.gin.Writer, control: http.NewResponseController(c.gin.Writer)}
	http.ServeContent(w, c.gin.Request, "", time.Time{}, r)
	if !w.unsatisfiable {
		return nil
	}
	for _, name := range []string{"ETag", "Content-Disposition", "Repr-Digest"} { // these are the content's
		h.Del(name)
	}
	size, _ := r.Seek(0, io.SeekEnd) // a reader in memory seeks wherever it is told
	return mockapi.Errorf(mockapi.CodeRangeInvalid, "the range is outside the %d bytes of the content", size)
}

// contentWriter puts off the server's write timeout as long as the client takes what it is sent, and holds
// back the text that ServeContent answers a bad range with.
type contentWriter struct {
	http.ResponseWriter
	control       *http.ResponseController
	pushed        time.Time
	unsatisfiable bool
}

func (w *contentWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.unsatisfiable = true
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *contentWriter) Write(p []byte) (int, error) {
	if w.unsatisfiable {
		return len(p), nil
	}
	if now := time.Now(); now.Sub(w.pushed) > time.Second {
		w.pushed = now
		// A writer that cannot do this leaves the server's timeout in force, which is safe.
		_ = w.control.SetWriteDeadline(now.Add(contentPatience))
	}
	return w.ResponseWriter.Write(p)
}

// appendMediaDetail appends a file with what only its own page tells: the checksum of its content.
func (d *datasetContent) appendMediaDetail(b []byte, m *mockapi.Media) []byte {
	b = appendMedia(b, m)
	if m.SHA256 != nil {
		return b
	}
	b = append(b[:len(b)-1], `,"crc32c":"`...) // into the object just closed
	sum := strconv.FormatUint(uint64(d.checksum(contentFile(m))), 16)
	b = append(b, "00000000"[len(sum):]...)
	b = append(b, sum...)
	return append(b, `"}`...)
}
