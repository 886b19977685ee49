package client_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	h := host(t, s.URL)
	both(t, client.Options{}, func(t *testing.T, c client.Client) {
		opened.Store(0)
		var resp client.Response
		for i := range 50 {
			if err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: "/chunked"}, &resp); err != nil {
				t.Fatal(err)
			}
			if connecting := resp.Timings.Connecting > 0; connecting != (i == 0) {
				t.Errorf("request %d took %v to connect", i, resp.Timings.Connecting)
			}
		}
		if n := opened.Load(); n != 1 {
			t.Errorf("50 requests over %d connections", n)
		}
	})
}

// A server may close a kept connection while its client pauses; the next request must not fail for it.
func TestClosedKeptConnectionIsReplaced(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(s.Close)
	h := host(t, s.URL)
	both(t, client.Options{}, func(t *testing.T, c client.Client) {
		var resp client.Response
		for range 3 {
			if err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: "/plain"}, &resp); err != nil || resp.Status != 200 {
				t.Fatalf("status %d, %v", resp.Status, err)
			}
			s.CloseClientConnections()
		}
	})
}

// talk is a server that answers every connection's first request with the given bytes and closes it.
func talk(t *testing.T, answer string) *client.Host {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	return host(t, "http://"+l.Addr().String())
}

func TestKindsOfErrors(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := host(t, "http://"+closed.Addr().String())
	closed.Close()
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			<-hang
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/reset":
			conn, _, _ := http.NewResponseController(w).Hijack()
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		case "/big":
			_, _ = w.Write(make([]byte, 5000))
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(hang) })
	h := host(t, s.URL)
	both(t, client.Options{Timeout: 300 * time.Millisecond, MaxBody: 4000}, func(t *testing.T, c client.Client) {
		for _, x := range []struct {
			name   string
			host   *client.Host
			path   string
			method string
			want   client.Kind
		}{
			{"nobody listens", nobody, "/", "GET", client.Refused},
			{"no answer", h, "/hang", "GET", client.Timeout},
			{"closed without an answer", h, "/abort", "POST", client.Closed},
			{"reset", h, "/reset", "POST", client.Reset},
			{"too large", h, "/big", "GET", client.TooLarge},
			{"cut body", talk(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), "/", "GET", client.Closed},
			{"cut chunk", talk(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nshort"), "/", "GET", client.Closed},
		} {
			var resp client.Response
			err := c.Do(t.Context(), &client.Request{Method: x.method, Host: x.host, Path: x.path}, &resp)
			if got := client.KindOf(err); got != x.want || resp.Status != 0 {
				t.Errorf("%s: kind %q, status %d (%v), want %q", x.name, got, resp.Status, err, x.want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		var resp client.Response
		err := c.Do(ctx, &client.Request{Method: "GET", Host: h, Path: "/hang"}, &resp)
		if client.KindOf(err) != client.Canceled {
			t.Errorf("canceled: %v", err)
		}
	})
}

func TestMalformedAnswersAreRefused(t *testing.T) {
	for _, answer := range []string{
		"hello\r\n\r\n",
		"HTTP/1.1 two hundred\r\n\r\n",
		"HTTP/1.1 99 Low\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nmore than two",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: zip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n",
	} {
		c := client.NewRaw(client.Options{})
		var resp client.Response
		err := c.Do(t.Context(), &client.Request{Method: "GET", Host: talk(t, answer), Path: "/"}, &resp)
		if client.KindOf(err) != client.Malformed {
			t.Errorf("%.60q: %v", answer, err)
		}
		c.Close()
	}
	// Ends with the connection, as HTTP/1.0 allows.
	var resp client.Response
	c := client.NewRaw(client.Options{})
	defer c.Close()
	if err := c.Do(t.Context(), &client.Request{Method: "GET", Host: talk(t, "HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nall of it"), Path: "/"}, &resp); err != nil ||
		string(resp.Body) != "all of it" || resp.Header("X-A") != "b" {
		t.Errorf("%q, %v", resp.Body, err)
	}
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
		var resp client.Response
		start := time.Now()
		if err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: "/"}, &resp); err != nil {
			t.Fatal(err)
		}
		took, x := time.Since(start), resp.Timings
		if x.Waiting < pause || x.Receiving < pause*9/10 || x.Duration() > took || x.Connecting <= 0 || x.Blocked+x.Connecting+x.Duration() > took {
			t.Errorf("of %v: %+v", took, x)
		}
	})
}

func TestBadTargets(t *testing.T) {
	for _, base := range []string{"localhost:3000", "ftp://localhost", "http://", "http://localhost/?q=1", "http://user:secret@localhost", "http://no.such.host.invalid"} {
		if _, err := client.NewHost(t.Context(), base); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", base, err)
		}
	}
	if errors.Is(nil, io.EOF) || client.KindOf(nil) != "" {
		t.Error("no error has a kind")
	}
}

// A user's requests share a context for long, and now and then there is another one.
func TestContextsInterruptOnlyTheirOwnRequests(t *testing.T) {
	hanging := make(chan struct{})
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			hanging <- struct{}{}
			<-release
		}
	}))
	defer server.Close()
	defer close(release)
	h := host(t, server.URL)
	both(t, client.Options{}, func(t *testing.T, c client.Client) {
		get := func(ctx context.Context, path string) error {
			return c.Do(ctx, &client.Request{Method: "GET", Host: h, Path: path}, new(client.Response))
		}
		first, endFirst := context.WithCancel(t.Context())
		second, endSecond := context.WithCancel(t.Context())
		for _, ctx := range []context.Context{first, first, second, first, second} {
			if err := get(ctx, "/"); err != nil {
				t.Fatal(err)
			}
		}
		endFirst()
		if err := get(first, "/"); client.KindOf(err) != client.Canceled {
			t.Errorf("with an ended context: %v", err)
		}
		if err := get(second, "/"); err != nil {
			t.Errorf("the first context's end disturbs the second: %v", err)
		}
		go func() {
			<-hanging
			endSecond()
		}()
		if err := get(second, "/hang"); client.KindOf(err) != client.Canceled {
			t.Errorf("interrupted: %v", err)
		}
		if err := get(context.Background(), "/"); err != nil {
			t.Errorf("after all that: %v", err)
		}
		c.Close()
		if err := get(t.Context(), "/"); err != nil {
			t.Errorf("after Close: %v", err)
		}
	})
}

// A request that is larger than what a user keeps is sent again whole.
func TestALargeRequestIsRepeatedOnANewConnection(t *testing.T) {
	served := make(chan int, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		served <- len(body)
	}))
	defer server.Close()
	h := host(t, server.URL)
	c := client.NewRaw(client.Options{})
	defer c.Close()
	for range 2 {
		err := c.Do(t.Context(), &client.Request{Method: "PUT", Host: h, Path: "/", Body: make([]byte, 100_000)}, new(client.Response))
		if err != nil {
			t.Fatal(err)
		}
		if n := <-served; n != 100_000 {
			t.Fatalf("%d bytes arrived", n)
		}
		server.CloseClientConnections()
	}
}

// Users are spread by their numbers alone: evenly, and in every run alike.
func TestSpread(t *testing.T) {
	one := host(t, "http://127.0.0.1:1")
	if h := client.Spread([]*client.Host{one}, 0); h != one || h.Several() || h.Of(7) != one {
		t.Error("one host is spread")
	}
	all := []*client.Host{one, host(t, "http://127.0.0.1:2/api"), host(t, "http://127.0.0.1:3")}
	h := client.Spread(all, 2)
	if !h.Several() || h.URL != one.URL {
		t.Errorf("several: %v, URL %s", h.Several(), h.URL)
	}
	if h.Of(0) != all[2] {
		t.Errorf("set-up goes to %s", h.Of(0).URL)
	}
	users := map[*client.Host]int{}
	for id := 1; id <= 300; id++ {
		users[h.Of(id)]++
		if h.Of(id) != h.Of(id+3) {
			t.Errorf("users %d and %d do not share a host", id, id+3)
		}
	}
	for _, x := range all {
		if users[x] != 100 {
			t.Errorf("%s has %d of 300 users", x.URL, users[x])
		}
	}
}
