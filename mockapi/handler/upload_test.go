package handler_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/handler"
)

func TestUploadOfMetadata(t *testing.T) {
	w := newWorld(t)
	up := func(body any) *answer { t.Helper(); return w.alice.post(v1+"/media/upload", body) }
	up(map[string]any{
		"filename": "Summer.MP4", "originalName": "DSC 1.mp4", "title": "Summer", "description": "At the lake", "mimeType": "Video/MP4",
		"size": 9007199254740991, "width": 1920, "height": 1080, "duration": 61, "isPublic": true, "invented": "by the client",
	}).ok(http.StatusCreated).field("Summer.MP4", "data", "filename").field("DSC 1.mp4", "data", "originalName").
		field("video/mp4", "data", "mimeType").field(9007199254740991.0, "data", "size").field(61.0, "data", "duration").
		field(true, "data", "isPublic").field(float64(w.aliceID), "data", "userId").field(0.0, "data", "viewCount")
	// What is not said is filled in.
	up(map[string]any{"filename": "Notes of May.pdf", "size": 0}).ok(http.StatusCreated).field("application/pdf", "data", "mimeType").
		field("Notes of May", "data", "title").field("Notes of May.pdf", "data", "originalName").
		field(nil, "data", "width").field(nil, "data", "description").field(false, "data", "isPublic")
	up(map[string]any{"filename": "unknown", "size": 1}).ok(http.StatusCreated).field("application/octet-stream", "data", "mimeType").field("unknown", "data", "title")

	for _, tc := range []struct {
		field string
		value any
	}{
		{"filename", ""}, {"filename", nil}, {"filename", strings.Repeat("f", 256)}, {"filename", "../etc/passwd"}, {"filename", "a/b"},
		{"filename", `a\b`}, {"filename", "a\nb"}, {"filename", ".."}, {"filename", 5},
		{"size", nil}, {"size", -1}, {"size", 1 << 53}, {"size", "10"}, {"size", 1.5}, {"size", true},
		{"mimeType", "jpeg"}, {"mimeType", "a/b/c"}, {"mimeType", "image/"}, {"mimeType", "text/html; charset=utf-8"}, {"mimeType", strings.Repeat("a", 70) + "/" + strings.Repeat("b", 70)},
		{"width", 10}, {"duration", -1}, {"duration", 1 << 31}, {"title", strings.Repeat("t", 501)}, {"originalName", "a/b"}, {"isPublic", "true"},
	} {
		body := map[string]any{"filename": "a.jpg", "size": 1, tc.field: tc.value}
		up(body).fails(mockapi.CodeValidation).complains(tc.field)
	}
	up(map[string]any{"filename": "a.jpg", "size": 1, "width": 0, "height": 5}).fails(mockapi.CodeValidation).complains("width")
	up(map[string]any{"filename": "", "size": -1, "mimeType": "x"}).fails(mockapi.CodeValidation).complains("filename").complains("size").complains("mimeType")
	w.post(v1+"/media/upload", map[string]any{"filename": "a.jpg", "size": 1}).fails(mockapi.CodeUnauthorized)
}

// form writes a multipart form: fields first, then files by name and contents.
func form(t *testing.T, fields map[string]string, files ...string) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i+1 < len(files); i += 2 {
		part, err := w.CreateFormFile("file", files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func TestUploadOfBytes(t *testing.T) {
	w := newWorld(t)
	content := strings.Repeat("The quick brown fox. ", 300_000) // 6 MB
	sum := sha256.Sum256([]byte(content))
	body, contentType := form(t, map[string]string{"title": "Fox", "description": "It jumps", "isPublic": "true"}, "fox.mp4", content)
	a := w.alice.do(http.MethodPost, v1+"/media/upload", body, "Content-Type", contentType).ok(http.StatusCreated).
		field("fox.mp4", "data", "filename").field("Fox", "data", "title").field("It jumps", "data", "description").
		field(float64(len(content)), "data", "size").field("video/mp4", "data", "mimeType").field(true, "data", "isPublic").
		field(hex.EncodeToString(sum[:]), "data", "sha256")
	w.get(media(a.id())).ok(http.StatusOK).field(hex.EncodeToString(sum[:]), "data", "sha256")

	// Contents tell the type where name and client do not.
	body, contentType = form(t, nil, "picture", "\x89PNG\x0D\x0A\x1A\x0A and so on")
	w.alice.do(http.MethodPost, v1+"/media/upload", body, "Content-Type", contentType).ok(http.StatusCreated).field("image/png", "data", "mimeType")
	body, contentType = form(t, nil, "empty.txt", "")
	empty := sha256.Sum256(nil)
	w.alice.do(http.MethodPost, v1+"/media/upload", body, "Content-Type", contentType).ok(http.StatusCreated).
		field(0.0, "data", "size").field(hex.EncodeToString(empty[:]), "data", "sha256")
	// A path in the file name is the client's affair; only its last element is kept.
	body, contentType = form(t, nil, "/home/me/../a.jpg", "x")
	w.alice.do(http.MethodPost, v1+"/media/upload", body, "Content-Type", contentType).ok(http.StatusCreated).field("a.jpg", "data", "filename")
}

func TestBrokenUploads(t *testing.T) {
	w := newWorldWith(t, auth.Options{}, handler.Options{MaxUpload: 10_000})
	up := func(body io.Reader, contentType string) *answer {
		t.Helper()
		return w.alice.do(http.MethodPost, v1+"/media/upload", body, "Content-Type", contentType)
	}
	body, contentType := form(t, map[string]string{"title": "x"})
	up(body, contentType).fails(mockapi.CodeValidation).complains("file")
	body, contentType = form(t, nil, "a.jpg", "x", "b.jpg", "y")
	up(body, contentType).fails(mockapi.CodeValidation)
	body, contentType = form(t, map[string]string{"isPublic": "maybe"}, "a.jpg", "x")
	up(body, contentType).fails(mockapi.CodeValidation).complains("isPublic")
	body, contentType = form(t, map[string]string{"title": "\xff"}, "a.jpg", "x")
	up(body, contentType).fails(mockapi.CodeValidation).complains("title")
	body, contentType = form(t, map[string]string{"description": "\x00"}, "a.jpg", "x")
	up(body, contentType).fails(mockapi.CodeValidation).complains("description")
	body, contentType = form(t, nil, "a\x00.jpg", "x")
	if a := up(body, contentType); a.status != http.StatusBadRequest {
		t.Errorf("NUL in a file name: status %d", a.status)
	}

	body, contentType = form(t, nil, "a.jpg", "xyz")
	whole := body.String()
	for _, cut := range []int{0, 1, len(whole) / 2, len(whole) - 5} {
		up(strings.NewReader(whole[:cut]), contentType).fails(mockapi.CodeValidation)
	}
	up(strings.NewReader(whole), "multipart/form-data").fails(mockapi.CodeValidation)
	up(strings.NewReader(whole), "multipart/form-data; boundary=another").fails(mockapi.CodeValidation)

	body, contentType = form(t, nil, "a.jpg", strings.Repeat("x", 10_000))
	up(body, contentType).fails(mockapi.CodePayloadTooLarge)
	body, contentType = form(t, nil, "a.jpg", strings.Repeat("x", 10_000))
	up(io.MultiReader(body), contentType).fails(mockapi.CodePayloadTooLarge) // of unknown length
	body, contentType = form(t, nil, "a.jpg", strings.Repeat("x", 9_000))
	up(io.MultiReader(body), contentType).ok(http.StatusCreated)

	var many bytes.Buffer
	mw := multipart.NewWriter(&many)
	for i := range 40 {
		part, err := mw.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="f%d"`, i)}})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(part, "v")
	}
	if err := mw.Close(); err != nil {
		t.Fatal(err)
	}
	up(&many, mw.FormDataContentType()).fails(mockapi.CodeValidation)
}
