package client_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
)

func host(t testing.TB, url string) *client.Host {
	t.Helper()
	h, err := client.NewHost(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// both runs a test with each Client.
func both(t *testing.T, o client.Options, test func(t *testing.T, c client.Client)) {
	t.Run("raw", func(t *testing.T) {
		c := client.NewRaw(o)
		defer c.Close()
		test(t, c)
	})
	t.Run("std", func(t *testing.T) {
		c := client.NewStd(o)
		defer c.Close()
		test(t, c)
	})
}

// echo answers with what it was sent, in the way that the path names.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	answer := fmt.Sprintf("%s %s %s auth=%s agent=%s length=%d\n%s", r.Method, r.URL.RequestURI(), r.Host, r.Header.Get("Authorization"), r.UserAgent(), r.ContentLength, body)
	w.Header().Set("X-Echo", "yes")
	switch {
	case strings.HasPrefix(r.URL.Path, "/chunked"):
		for piece := range strings.SplitSeq(answer, " ") {
			_, _ = io.WriteString(w, piece+" ")
			w.(http.Flusher).Flush()
		}
		return
	case strings.HasPrefix(r.URL.Path, "/close"):
		w.Header().Set("Connection", "close")
	case strings.HasPrefix(r.URL.Path, "/empty"):
		w.WriteHeader(http.StatusNoContent)
		return
	case strings.HasPrefix(r.URL.Path, "/redirect"):
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
		return
	case strings.HasPrefix(r.URL.Path, "/early"):
		w.WriteHeader(http.StatusEarlyHints)
	}
	_, _ = io.WriteString(w, answer)
}

func TestRequestsArriveAndAnswersReturn(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(s.Close)
	h := host(t, s.URL+"/")
	authority := strings.TrimPrefix(s.URL, "http://")
	both(t, client.Options{UserAgent: "tester"}, func(t *testing.T, c client.Client) {
		for _, x := range []struct {
			method, path, body string
			status             int
			want               string
		}{
			{"GET", "/plain?a=b%20c", "", 200, "GET /plain?a=b%20c " + authority + " auth=Bearer t agent=tester length=0\n"},
			{"POST", "/plain", `{"a":1}`, 200, "POST /plain " + authority + " auth=Bearer t agent=tester length=7\n{\"a\":1}"},
			{"POST", "/plain", "", 200, "POST /plain " + authority + " auth=Bearer t agent=tester length=0\n"},
			{"DELETE", "/plain", "", 200, "DELETE /plain " + authority + " auth=Bearer t agent=tester length=0\n"},
			{"GET", "/chunked", "", 200, "GET /chunked " + authority + " auth=Bearer t agent=tester length=0\n "},
			{"GET", "/close", "", 200, "GET /close " + authority + " auth=Bearer t agent=tester length=0\n"},
			{"GET", "/early", "", 200, "GET /early " + authority + " auth=Bearer t agent=tester length=0\n"},
			{"HEAD", "/plain", "", 200, ""},
			{"GET", "/empty", "", 204, ""},
			{"GET", "/redirect", "", 302, "<a href=\"/elsewhere\">Found</a>.\n\n"},
		} {
			var resp client.Response
			err := c.Do(t.Context(), &client.Request{Method: x.method, Host: h, Path: x.path, Header: []string{"Authorization", "Bearer t"}, Body: []byte(x.body)}, &resp)
			if err != nil || resp.Status != x.status || string(resp.Body) != x.want || resp.Header("x-echo") != "yes" {
				t.Errorf("%s %s: status %d, %q, %v, want %q", x.method, x.path, resp.Status, resp.Body, err, x.want)
			}
			c.Release()
		}
	})
}

// The two clients read the same out of answers of all sizes and cuts.
func TestRawReadsWhatNetHTTPReads(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	answers := make([][]byte, 60)
	for i := range answers {
		answers[i] = make([]byte, rng.IntN(1<<rng.IntN(18)))
		for j := range answers[i] {
			answers[i][j] = byte(rng.Uint32())
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i, cut int
		fmt.Sscanf(r.URL.Path, "/%d/%d", &i, &cut)
		for b := answers[i]; len(b) > 0; {
			n := len(b)
			if cut > 0 {
				n = min(n, cut)
			}
			_, _ = w.Write(b[:n])
			if b = b[n:]; cut > 0 {
				w.(http.Flusher).Flush()
			}
		}
	}))
	t.Cleanup(s.Close)
	h := host(t, s.URL)
	both(t, client.Options{}, func(t *testing.T, c client.Client) {
		for i, want := range answers {
			for _, cut := range []int{0, 1000, len(want) / 2} {
				var resp client.Response
				err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: fmt.Sprintf("/%d/%d", i, cut)}, &resp)
				if err != nil || !bytes.Equal(resp.Body, want) {
					t.Fatalf("answer %d of %d bytes, cut by %d: %d bytes, %v", i, len(want), cut, len(resp.Body), err)
				}
				if i%3 == 0 {
					c.Release()
				}
			}
		}
	})
}

func TestTLSAndHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes are to fail below
	s.StartTLS()
	t.Cleanup(s.Close)
	h := host(t, s.URL)
	both(t, client.Options{Insecure: true}, func(t *testing.T, c client.Client) {
		var resp client.Response
		if err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: "/"}, &resp); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "HTTP/1.1", false: "HTTP/2.0"}[strings.HasSuffix(t.Name(), "raw")]
		if string(resp.Body) != want || resp.Proto != want || resp.Timings.TLSHandshaking <= 0 {
			t.Errorf("server saw %s, client %s, handshake %v", resp.Body, resp.Proto, resp.Timings.TLSHandshaking)
		}
	})
	both(t, client.Options{}, func(t *testing.T, c client.Client) {
		var resp client.Response
		if err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: "/"}, &resp); client.KindOf(err) != client.TLS {
			t.Errorf("a certificate that nobody vouches for: %v", err)
		}
	})
}

func TestTimingsAddUp(t *testing.T) {
	const pause = 50 * time.Millisecond
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(pause)
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-time.After(pause)
		_, _ = io.WriteString(w, "second")
	}))
	t.Cleanup(s.Close)
	h := host(t, s.URL)
	both(t, client.Options{}, func(t *testing.T, c client.Client) {
		// On a busy machine a client may be late to see that its request is on its way, or that the answer has begun.
		for attempt := 1; ; attempt++ {
			var resp client.Response
			start := time.Now()
			if err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: "/"}, &resp); err != nil {
				t.Fatal(err)
			}
			took, x := time.Since(start), resp.Timings
			if x.Duration() < 2*pause || x.Connecting <= 0 || x.Blocked+x.Connecting+x.Duration() > took {
				t.Fatalf("of %v: %+v", took, x)
			}
			if x.Waiting >= pause*9/10 && x.Receiving >= pause*9/10 {
				break
			}
			if attempt == 20 {
				t.Fatalf("the server paused for %v before the answer and in it: %+v", pause, x)
			}
			c.Close() // the next one connects, too
		}
	})
}
