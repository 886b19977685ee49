package answer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/medianest/testbed/mockapi/answer"
)

func TestRecorder(t *testing.T) {
	for name, c := range map[string]struct {
		handle func(w http.ResponseWriter)
		want   answer.Recorder
	}{
		"nothing written": {func(http.ResponseWriter) {}, answer.Recorder{}},
		"a body alone":    {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "hello") }, answer.Recorder{Status: 200, Bytes: 5}},
		"in pieces": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "lo")
		}, answer.Recorder{Status: 404, Bytes: 5}},
		"after early hints": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		}, answer.Recorder{Status: 204}},
		"ended": {func(w http.ResponseWriter) {
			w.(*answer.Recorder).End(httptest.NewRequest("GET", "/", nil))
		}, answer.Recorder{Status: 200}},
		"taken over": {func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
		}, answer.Recorder{Hijacked: true}},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := make(chan answer.Recorder, 1)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				r := answer.Recorder{ResponseWriter: w}
				c.handle(&r)
				r.ResponseWriter = nil
				recorded <- r
			}))
			defer s.Close()
			resp, err := s.Client().Get(s.URL)
			if (err != nil) != c.want.Hijacked {
				t.Fatalf("the client: %v", err)
			}
			got := <-recorded
			if got != c.want {
				t.Errorf("recorded %+v, want %+v", got, c.want)
			}
			if err != nil {
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || int64(len(body)) != got.Bytes || got.Status != 0 && resp.StatusCode != got.Status {
				t.Errorf("the client was answered %d with %q, %v", resp.StatusCode, body, err)
			}
		})
	}
}
