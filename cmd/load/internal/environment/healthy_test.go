package environment

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// Why a target is not healthy is what it said, not that the time was up while it was asked once more.
func TestAwaitTellsWhatTheTargetSaidLast(t *testing.T) {
	hangs := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	asked := 0
	for want, a := range map[string]answers{
		"http://target/health was not healthy within 1s: status 500": func(r *http.Request) (*http.Response, error) {
			if asked++; asked > 1 {
				return hangs(r)
			}
			return &http.Response{StatusCode: http.StatusInternalServerError, Body: http.NoBody, Request: r}, nil
		},
		"http://target/health was not healthy within 1s: it does not answer": hangs,
	} {
		synctest.Test(t, func(t *testing.T) {
			err := Await(t.Context(), &http.Client{Transport: a}, []string{"http://target/"}, time.Second)
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
