package client_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/client"
)

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
