package client_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
)

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
	nobody := host(t, "http://127.0.0.1:1")
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
	both(t, client.Options{MaxBody: 4000}, func(t *testing.T, c client.Client) {
		for _, x := range []struct {
			name   string
			host   *client.Host
			path   string
			method string
			want   client.Kind
		}{
			{"nobody listens", nobody, "/", "GET", client.Refused},
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
	both(t, client.Options{Timeout: 100 * time.Millisecond}, func(t *testing.T, c client.Client) {
		var resp client.Response
		err := c.Do(t.Context(), &client.Request{Method: "GET", Host: h, Path: "/hang"}, &resp)
		if client.KindOf(err) != client.Timeout || resp.Status != 0 {
			t.Errorf("no answer: status %d, %v", resp.Status, err)
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

func TestBadTargets(t *testing.T) {
	for _, base := range []string{"localhost:3000", "ftp://localhost", "http://", "http://localhost/?q=1", "http://user:secret@localhost", "http://no.such.host.invalid"} {
		if _, err := client.NewHost(t.Context(), base); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", base, err)
		}
	}
	if client.KindOf(nil) != "" {
		t.Error("no error has a kind")
	}
}
