package monitor_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/monitor"
)

// Two hundred readers that never read hold up neither requests nor collections nor other readers, and take no more
// memory the longer they sit there.
func TestReadersThatNeverRead(t *testing.T) {
	const readers = 200
	m := monitor.New(monitor.Options{})
	api := handler.NewAPI(nil, auth.New(auth.Options{}), handler.Options{})
	mux := http.NewServeMux()
	mux.Handle("/api/v1/performance/", api.Handler(api.Performance(m)))
	mux.Handle("/", m.Wrap("api", []monitor.Route{{Method: "GET", Path: "/"}}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "answered")
	})))
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(4096) // so that it is full soon
		return ctx
	}
	srv.Start()
	defer srv.Close()

	for range readers {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetReadBuffer(4096)
		if _, err := fmt.Fprintf(conn, "GET /api/v1/performance/realtime HTTP/1.1\r\nHost: %s\r\n\r\n", conn.RemoteAddr()); err != nil {
			t.Fatal(err)
		}
	}
	for m.Readers() < readers {
		runtime.Gosched()
	}
	good, err := m.Subscribe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	collect := func(times int) {
		for range times {
			resp, err := srv.Client().Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(body) != "answered" {
				t.Fatalf("a request is answered %q (%v)", body, err)
			}
			m.Collect()
			if e, open := <-good.C; !open || e.Type != monitor.EventMetric || !strings.Contains(string(e.Data), `"requests":`) {
				t.Fatalf("a reader that reads gets %+v", e)
			}
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	collect(700) // buffers, rings and the readers' own queues are full
	before := heap()
	collect(1400)
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes by 1,400 events that nobody took", before, after)
	}
	if n := good.Missed(); n != 0 {
		t.Errorf("the reader that reads missed %d events", n)
	}
}
