package handler

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/mockapi"
)

const (
	// uploadBlock is how much of an upload is in memory at a time.
	uploadBlock = 64 << 10
	// maxFormField bounds each field beside the file, in bytes; maxFormParts their number.
	maxFormField = 64 << 10
	maxFormParts = 32
	// uploadPatience is how long an upload may go without a block arriving.
	uploadPatience = 30 * time.Second
)

// uploadMedia adds a file: its metadata as JSON, or its bytes as multipart/form-data, of which the size and
// the SHA-256 are kept.
func (a *API) uploadMedia(c *Call) error {
	var m mockapi.NewMedia
	var err error
	if contentType, params, _ := mime.ParseMediaType(c.gin.GetHeader("Content-Type")); contentType == "multipart/form-data" {
		m, err = c.readMultipart(params["boundary"])
	} else {
		m, err = c.readMetadata()
	}
	if err != nil {
		return err
	}
	created, err := a.store.CreateMedia(c.Context(), c.viewer(), m)
	if err != nil {
		return err
	}
	return replyCreated(c, created.ID, &created, appendMedia)
}

func (c *Call) readMetadata() (mockapi.NewMedia, error) {
	var in mediaInput
	if err := c.readJSON(&in); err != nil {
		return mockapi.NewMedia{}, err
	}
	return in.read()
}

// newMedia fills in what can be told from the rest, and checks it all.
func (p *problems) newMedia(m *mockapi.NewMedia) error {
	if m.OriginalName == "" {
		m.OriginalName = m.Filename
	}
	if m.Title == "" {
		m.Title = strings.TrimSuffix(m.Filename, path.Ext(m.Filename))
		if m.Title == "" {
			m.Title = m.Filename
		}
	}
	if m.MimeType == "" {
		m.MimeType = typeByExtension(m.Filename)
	}
	m.MimeType = strings.ToLower(m.MimeType)
	p.filename("filename", m.Filename)
	if m.OriginalName != m.Filename {
		p.filename("originalName", m.OriginalName)
	}
	p.text("title", m.Title, 0, mockapi.MaxTitle)
	p.optionalText("description", m.Description, 0, mockapi.MaxDescription)
	if t, params, err := mime.ParseMediaType(m.MimeType); err != nil || len(params) > 0 || t != m.MimeType ||
		len(t) > mockapi.MaxMimeType || strings.Count(t, "/") != 1 {
		p.add("mimeType", "is %.40q, want a type like image/jpeg", m.MimeType)
	}
	if m.Size < 0 || m.Size > mockapi.MaxNumber {
		p.add("size", "is %d, want 0 to %d bytes", m.Size, int64(mockapi.MaxNumber))
	}
	if (m.Width == nil) != (m.Height == nil) {
		p.add("width", "and height go together")
	}
	for _, dimension := range []struct {
		field string
		v     *int32
		least int32
	}{{"width", m.Width, 1}, {"height", m.Height, 1}, {"duration", m.Duration, 0}} {
		if dimension.v != nil && *dimension.v < dimension.least {
			p.add(dimension.field, "is %d, want at least %d", *dimension.v, dimension.least)
		}
	}
	return p.err()
}

// typeByExtension names the type of the files that MediaNest's users have. Unlike mime.TypeByExtension it
// does not depend on the machine.
func typeByExtension(filename string) string {
	switch strings.ToLower(path.Ext(filename)) {
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".mp4":
		return "video/mp4"
	case ".webm":
		return "video/webm"
	case ".mov":
		return "video/quicktime"
	case ".mp3":
		return "audio/mpeg"
	case ".pdf":
		return "application/pdf"
	case ".txt":
		return "text/plain"
	default:
		return "application/octet-stream"
	}
}

// readMultipart reads one file, in whatever part has a file name, and the fields title, description,
// mimeType, originalName and isPublic around it.
func (c *Call) readMultipart(boundary string) (m mockapi.NewMedia, err error) {
	limit := c.api.opts.MaxUpload
	r := c.gin.Request
	if r.ContentLength > limit {
		return m, c.tooLarge(limit)
	}
	if boundary == "" {
		return m, mockapi.Errorf(mockapi.CodeValidation, "the Content-Type names no boundary")
	}
	body := &patientReader{r: r.Body, left: limit, control: http.NewResponseController(c.gin.Writer)}
	whole := false // the form was read to its end
	defer func() {
		body.done(whole)
		switch {
		case errors.Is(body.err, errTooLarge): // whatever the multipart reader made of it
			err = c.tooLarge(limit)
		case !whole:
			c.hangUp()
		}
	}()
	block, ok := c.api.blocks.Get().(*[]byte)
	if !ok {
		b := make([]byte, uploadBlock)
		block = &b
	}
	defer c.api.blocks.Put(block)

	form := multipart.NewReader(body, boundary)
	var file *uploadedFile
	var p problems
	for parts := 0; ; parts++ {
		part, err := form.NextPart()
		if err == io.EOF {
			whole = true
			break
		}
		if err != nil {
			return m, brokenForm(err)
		}
		if parts == maxFormParts {
			return m, mockapi.Errorf(mockapi.CodeValidation, "the form has more than %d parts", maxFormParts)
		}
		if part.FileName() != "" {
			if file != nil {
				return m, mockapi.Errorf(mockapi.CodeValidation, "the form has more than one file")
			}
			if file, err = receive(part, *block); err != nil {
				return m, brokenForm(err)
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFormField+1))
		if err != nil {
			return m, brokenForm(err)
		}
		if len(value) > maxFormField {
			p.add(part.FormName(), "is longer than %d bytes", maxFormField)
			continue
		}
		p.formField(&m, part.FormName(), string(value))
	}
	if file == nil {
		p.add("file", "is missing: no part of the form has a file name")
		return m, p.err()
	}
	m.Filename, m.Size, m.SHA256 = file.name, file.size, file.digest.Sum(nil)
	if m.MimeType == "" {
		m.MimeType = file.mimeType
	}
	c.waited()
	return m, p.newMedia(&m)
}

func (p *problems) formField(m *mockapi.NewMedia, name, value string) {
	switch name {
	case "title":
		m.Title = value
	case "description":
		m.Description = &value
	case "mimeType":
		m.MimeType = value
	case "originalName":
		m.OriginalName = value
	case "isPublic":
		v, err := strconv.ParseBool(value)
		if err != nil {
			p.add(name, "is %.40q, want true or false", value)
		}
		m.IsPublic = v
	}
}

type uploadedFile struct {
	name, mimeType string
	size           int64
	digest         hash.Hash
}

// receive reads a file through block and keeps none of its bytes.
func receive(part *multipart.Part, block []byte) (*uploadedFile, error) {
	f := &uploadedFile{name: part.FileName(), digest: sha256.New()}
	n, err := io.ReadFull(part, block[:512]) // what http.DetectContentType looks at
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	f.digest.Write(block[:n])
	f.size = int64(n)
	if declared, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); declared != "" && declared != "application/octet-stream" {
		f.mimeType = declared
	} else if f.mimeType = typeByExtension(f.name); f.mimeType == "application/octet-stream" {
		f.mimeType, _, _ = mime.ParseMediaType(http.DetectContentType(block[:n]))
	}
	rest, err := io.CopyBuffer(onlyWriter{f.digest}, part, block)
	f.size += rest
	return f, err
}

// onlyWriter hides everything but Write, so that io.CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

func brokenForm(err error) error {
	return &mockapi.Error{
		Code: mockapi.CodeValidation, Message: "the body is not a complete multipart form", Err: fmt.Errorf("read form: %w", err),
	}
}

var errTooLarge = errors.New("body is too large")

// patientReader reads a body of at most left bytes. As long as blocks arrive it may take any time: the
// server's own read timeout, meant for small bodies, is put off with each.
type patientReader struct {
	r       io.Reader
	left    int64
	control *http.ResponseController
	pushed  time.Time
	err     error
}

func (p *patientReader) Read(b []byte) (int, error) {
	if now := time.Now(); now.Sub(p.pushed) > time.Second {
		p.pushed = now
		// A writer that cannot do this leaves the server's timeout in force, which is safe.
		_ = p.control.SetReadDeadline(now.Add(uploadPatience))
		_ = p.control.SetWriteDeadline(now.Add(2 * uploadPatience))
	}
	if int64(len(b)) > p.left+1 {
		b = b[:p.left+1]
	}
	n, err := p.r.Read(b)
	if p.left -= int64(n); p.left < 0 {
		p.err = errTooLarge
		return 0, errTooLarge
	}
	return n, err
}

// done hands the connection back to the server, which sets its own timeouts for the next request, but first reads on
// where the body was not read to its end: what no deadline ends there waits for ever for a client that has stopped.
func (p *patientReader) done(whole bool) {
	patience := uploadPatience
	if !whole {
		patience = time.Second // the connection is closed
	}
	_ = p.control.SetReadDeadline(time.Now().Add(patience))
}
