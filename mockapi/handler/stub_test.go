package handler

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
)

// stub stands for the store where a test is about HTTP alone, or about a store that misbehaves: what is not
// set panics.
type stub struct {
	mockapi.Store
	media   func(ctx context.Context) (mockapi.Media, error)
	page    mockapi.Page[mockapi.Media]
	account mockapi.Credentials
}

func (s *stub) Media(ctx context.Context, _ mockapi.Viewer, _ int64) (mockapi.Media, error) {
	return s.media(ctx)
}

func (s *stub) ListMedia(context.Context, mockapi.Viewer, mockapi.MediaQuery) (mockapi.Page[mockapi.Media], error) {
	return s.page, nil
}

func (s *stub) CredentialsByEmail(context.Context, string) (mockapi.Credentials, error) {
	return s.account, nil
}

func (s *stub) Dataset(context.Context) (mockapi.Dataset, error) {
	return mockapi.Dataset{Fingerprint: "0123456789abcdef"}, nil
}

func (s *stub) SessionRevoked(context.Context, [16]byte) (bool, error) { return false, nil }

func (s *stub) CreateMedia(ctx context.Context, _ mockapi.Viewer, m mockapi.NewMedia) (mockapi.Media, error) {
	if err := ctx.Err(); err != nil {
		return mockapi.Media{}, err
	}
	return mockapi.Media{ID: 1, Filename: m.Filename, Size: m.Size, SHA256: m.SHA256}, nil
}

func uploadServer(t testing.TB) (http.Handler, string) {
	t.Helper()
	a := auth.New(auth.Options{})
	pair, err := a.Start(mockapi.User{ID: 1, Email: "a@b", Role: mockapi.RoleUser})
	if err != nil {
		t.Fatal(err)
	}
	return New(&stub{}, a, Options{}), pair.Access
}

// upload sends a form with a file of so many bytes, none of which is kept on this side either.
func upload(t testing.TB, h http.Handler, token string, size int64) {
	t.Helper()
	const boundary = "boundary"
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n"
	r := httptest.NewRequest(http.MethodPost, "/api/v1/media/upload",
		io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), strings.NewReader("\r\n--"+boundary+"--\r\n")))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusCreated || !strings.Contains(w.Body.String(), fmt.Sprintf(`"size":%d,`, size)) {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
}

// zeros is as many zero bytes as anybody reads.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// discard is a ResponseWriter that costs as little as can be.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             { clear(d.header) }

// BenchmarkHandler is what the handlers cost without net/http and without a database.
func BenchmarkHandler(b *testing.B) {
	a := auth.New(auth.Options{HashCost: 4})
	hash, err := a.Hash(context.Background(), "Performance123!")
	if err != nil {
		b.Fatal(err)
	}
	user := mockapi.User{ID: 1, Email: "perf.user1@medianest.test", Role: mockapi.RoleUser, IsActive: true}
	pair, err := a.Start(user)
	if err != nil {
		b.Fatal(err)
	}
	page := testPage()
	store := &stub{
		page:    page,
		media:   func(context.Context) (mockapi.Media, error) { return page.Items[0], nil },
		account: mockapi.Credentials{User: user, PasswordHash: hash},
	}
	h := New(store, a, Options{AccessLog: LogSampled})
	for _, bb := range []struct{ name, method, path, token, body string }{
		{"media by id", http.MethodGet, "/api/v1/media/1", "", ""},
		{"media by id with token", http.MethodGet, "/api/v1/media/1", pair.Access, ""},
		{"media list", http.MethodGet, "/api/v1/media", pair.Access, ""},
		{"media list with filters", http.MethodGet, "/api/v1/media?page=2&limit=20&sort=-size&type=image", pair.Access, ""},
		{"login", http.MethodPost, "/api/v1/auth/login", "", `{"email":"perf.user1@medianest.test","password":"Performance123!"}`},
		{"not found", http.MethodGet, "/api/v1/nothing", "", ""},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := httptest.NewRequest(bb.method, bb.path, nil)
			if bb.token != "" {
				r.Header.Set("Authorization", "Bearer "+bb.token)
			}
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				if bb.body != "" {
					r.Body = io.NopCloser(strings.NewReader(bb.body))
				}
				h.ServeHTTP(w, r)
			}
		})
	}
}
