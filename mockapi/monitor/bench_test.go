package monitor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a request costs more for being watched, while collections go on.
func BenchmarkWrap(b *testing.B) {
	routes := []Route{
		{"GET", "/health"}, {"GET", "/api/v1/media"}, {"POST", "/api/v1/media/upload"}, {"GET", "/api/v1/media/:id"},
		{"GET", "/api/v1/media/:id/tags"}, {"GET", "/api/v1/collections/:id/items"}, {"GET", "/api/v1/search"},
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for name, wrap := range map[string]func(*Monitor) http.Handler{
		"plain":   func(*Monitor) http.Handler { return answer },
		"watched": func(m *Monitor) http.Handler { return m.Wrap("api", routes, answer) },
	} {
		b.Run(name, func(b *testing.B) {
			m := New(Options{})
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			go m.Run(ctx)
			h := wrap(m)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w, r := silent{http.Header{}}, httptest.NewRequest(http.MethodGet, "/api/v1/media/4711/tags", nil)
				for pb.Next() {
					h.ServeHTTP(w, r)
				}
			})
		})
	}
}

// silent is a client that does not listen.
type silent struct{ header http.Header }

func (s silent) Header() http.Header         { return s.header }
func (s silent) Write(p []byte) (int, error) { return len(p), nil }
func (s silent) WriteHeader(int)             {}

func BenchmarkCollect(b *testing.B) {
	m := New(Options{})
	ops := make([]*Operation, 40)
	for i := range ops {
		ops[i] = m.Operation("GET /", Tags{"n": string(rune('a' + i))})
	}
	for b.Loop() {
		for i, op := range ops {
			for j := range 100 {
				op.series.add(0, int64(i*j*j), ok, 0, false)
			}
		}
		m.collect()
	}
}
