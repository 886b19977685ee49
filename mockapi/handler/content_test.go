package handler

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
)

// slowStart is a store that takes its time, or fails, to say which dataset it holds.
type slowStart struct {
	stub
	takes time.Duration
	err   error
}

func (s *slowStart) Dataset(context.Context) (mockapi.Dataset, error) {
	time.Sleep(s.takes)
	return mockapi.Dataset{Fingerprint: "0123456789abcdef"}, s.err
}

// The bytes of a file depend on the dataset, so none go out before it is known which one there is: not to the
// second of two first requests, and not while the database does not say.
func TestContentWaitsForItsDataset(t *testing.T) {
	const target = "/api/v1/media/1/content"
	media := func(context.Context) (mockapi.Media, error) {
		return mockapi.Media{ID: 1, MimeType: "text/plain", Size: 100, IsPublic: true}, nil
	}
	get := func(h http.Handler, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		return w
	}
	synctest.Test(t, func(t *testing.T) {
		h := New(&slowStart{stub: stub{media: media}, takes: 100 * time.Millisecond}, auth.New(auth.Options{}), Options{})
		tags := make(chan string)
		for range 3 {
			go func() { tags <- get(h, target).Header().Get("ETag") }()
		}
		first := <-tags
		for range 2 {
			if tag := <-tags; tag != first || tag == "" {
				t.Errorf("ETags %s and %s of one file", first, tag)
			}
		}
		if tag := get(h, target).Header().Get("ETag"); tag != first {
			t.Errorf("ETag %s at first, then %s", first, tag)
		}
	})

	s := &slowStart{stub: stub{media: media}, err: errors.New("no answer")}
	h := New(s, auth.New(auth.Options{}), Options{})
	for _, path := range []string{target, "/api/v1/media/1", "/api/v1/media/1/thumbnail"} {
		if w := get(h, path); w.Code != http.StatusInternalServerError {
			t.Errorf("%s is answered %d without a dataset", path, w.Code)
		}
	}
	if w := get(h, "/health"); w.Code != http.StatusOK {
		t.Errorf("/health is answered %d without a dataset", w.Code)
	}
	s.err = nil
	if w := get(h, target); w.Code != http.StatusOK {
		t.Errorf("answered %d with a dataset", w.Code)
	}
}
