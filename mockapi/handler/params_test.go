package handler

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/medianest/testbed/mockapi"
)

func FuzzMediaQuery(f *testing.F) {
	for _, q := range []string{
		"", "page=2&limit=50&sort=-size", "pageSize=7&cursor=abc", "minSize=1&maxSize=2&isPublic=true&all=1",
		"createdAfter=2024-01-01&createdBefore=2024-01-31T00:00:00Z", "tag=%00&type=%ff", "page=99999999999&limit=0", "userId=+1&collectionId=-1",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		p := &params{values: values}
		q := p.mediaQuery()
		if p.err() != nil {
			if mockapi.CodeOf(p.err()) != mockapi.CodeValidation {
				t.Fatalf("%q: %v", raw, p.err())
			}
			return
		}
		if q.Page < 1 || q.Limit < 1 || q.Limit > mockapi.MaxLimit || q.Cursor == "" && (q.Page-1)*q.Limit > mockapi.MaxOffset {
			t.Fatalf("%q: page %d of %d", raw, q.Page, q.Limit)
		}
		if q.OwnerID < 0 || q.CollectionID < 0 || q.MinSize < 0 || q.MaxSize < 0 || q.CreatedAfter.Year() < 1 || q.CreatedBefore.Year() < 1 {
			t.Fatalf("%q: %+v", raw, q)
		}
		for _, s := range []string{q.Cursor, q.Type, q.Tag} {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Fatalf("%q: text %q", raw, s)
			}
		}
	})
}

func FuzzDecodeObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"\u0000"}`, `{"a":"\\u0000"}`, `{"a":[1,{"b":null}]}`, "[", "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v map[string]any
		if decodeObject(body, &v) != nil {
			return
		}
		var check func(any)
		check = func(v any) {
			switch v := v.(type) {
			case string:
				if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
					t.Fatalf("%q let %q through", body, v)
				}
			case []any:
				for _, e := range v {
					check(e)
				}
			case map[string]any:
				for k, e := range v {
					check(k)
					check(e)
				}
			}
		}
		check(v)
	})
}

// TestUploadsKeepNoBytes uploads far more than is allocated for it.
func TestUploadsKeepNoBytes(t *testing.T) {
	const size = 64 << 20
	h, token := uploadServer(t)
	upload(t, h, token, 1<<20) // fills the pools
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	upload(t, h, token, size)
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > size/64 {
		t.Errorf("%d bytes allocated for an upload of %d", allocated, size)
	}
}

// TestASlowBodyIsNotTheStoresFault sends a body slower than the request's deadline: the session has been asked
// for before it, the insert comes after it, and has the whole time of its own.
func TestASlowBodyIsNotTheStoresFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, token := uploadServer(t)
		for _, contentType := range []string{"application/json", "multipart/form-data; boundary=b"} {
			parts := []string{`{"filename":"slow.jpg",`, `"size":5}`}
			if contentType != "application/json" {
				parts = []string{"--b\r\nContent-Disposition: form-data; name=file; filename=slow.jpg\r\n\r\nbytes", "\r\n--b--\r\n"}
			}
			r := httptest.NewRequest(http.MethodPost, "/api/v1/media/upload", &slowReader{parts})
			r.Header.Set("Content-Type", contentType)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusCreated || !strings.Contains(w.Body.String(), `"size":5`) {
				t.Errorf("%s: status %d: %s", contentType, w.Code, w.Body)
			}
		}
	})
}

// slowReader lets longer than a deadline pass, on the bubble's clock, before each of its parts.
type slowReader struct{ parts []string }

func (s *slowReader) Read(p []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	time.Sleep(2 * DefaultRequestTimeout)
	n := copy(p, s.parts[0])
	s.parts[0] = s.parts[0][n:]
	if s.parts[0] == "" {
		s.parts = s.parts[1:]
	}
	return n, nil
}

func BenchmarkUpload(b *testing.B) {
	const size = 8 << 20
	h, token := uploadServer(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		upload(b, h, token, size)
	}
}
