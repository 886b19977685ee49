package suite_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/suite"
)

// BenchmarkCore is an iteration of the core suite against a server on this machine that answers with bodies of
// the real size from memory. client-us is the CPU time of the whole process for an iteration, the server's part,
// some four microseconds a request, included.
func BenchmarkCore(b *testing.B) {
	url := cannedServer(b)
	w := newWorld(b, suite.Core, url, nil)
	if err := w.suite.Setup(w.user(0, nil)); err != nil {
		b.Fatal(err)
	}
	v := w.user(1, w.store.Recorder())
	tags := w.registry.Tags("scenario", "default")
	iterate := func() {
		v.Begin(context.Background(), tags, time.Time{})
		if err := w.suite.Iterate(v); err != nil {
			b.Fatal(err)
		}
	}
	for range 100 {
		iterate()
	}
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		iterate()
	}
	b.ReportMetric(float64(cpu()-before)/float64(b.N)/1e3, "process-us/op")
	w.store.Tick(time.Now())
	b.ReportMetric(w.total("http_reqs").Sum/float64(b.N+100), "requests/op")
	if failed := w.total("http_req_failed"); failed.Passes > 0 {
		b.Fatalf("%d requests failed", failed.Passes)
	}
}

func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// cannedServer answers HTTP/1.1 from memory with next to no work, so that it does not hide what the client takes.
func cannedServer(tb testing.TB) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	item := func(id int) string {
		return fmt.Sprintf(`{"id":%d,"userId":31,"filename":"IMG_40141781.jpg","originalName":"IMG_5756.JPG","title":"View from the hotel","description":null,"mimeType":"image/jpeg","size":1094845,"width":2400,"height":1600,"duration":null,"viewCount":8082,"isPublic":true,"createdAt":"2026-08-30T22:02:28.923Z","updatedAt":"2026-08-30T22:02:28.923Z","lastAccessed":null}`, id)
	}
	var items []string
	for i := range 20 {
		items = append(items, item(1000+i))
	}
	const meta = `,"meta":{"timestamp":"2026-11-23T12:00:00.000Z","requestId":"abc-1"}}`
	list := func(key string) string {
		return `{"success":true,"` + key + `":[` + strings.Join(items, ",") + `]` + meta
	}
	bodies := []struct {
		start        []byte
		status, body string
	}{
		{[]byte("POST /api/v1/auth/login"), "200 OK", `{"success":true,"token":"` + strings.Repeat("t", 220) + `","refreshToken":"` + strings.Repeat("r", 220) + `","data":` + item(1) + meta},
		{[]byte("POST /api/v1/media/upload"), "201 Created", `{"success":true,"id":7,"data":` + item(7) + meta},
		{[]byte("POST /api/v1/collections"), "201 Created", `{"success":true,"id":7,"data":` + item(7) + meta},
		{[]byte("GET /api/v1/media/"), "200 OK", `{"success":true,"data":` + item(1001) + meta},
		{[]byte("GET /api/v1/search"), "200 OK", list("results")},
		{[]byte("GET /api/v1/user/profile"), "200 OK", `{"success":true,"data":` + item(1) + meta},
		{nil, "200 OK", list("data")},
	}
	answers := make([][]byte, len(bodies))
	for i, a := range bodies {
		answers[i] = fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n"+
			"Server-Timing: app;dur=0.4, db;dur=0.2, pool;dur=0.01, pool-use;dur=25\r\nX-Request-Id: abc-1\r\nX-Content-Type-Options: nosniff\r\n\r\n%s",
			a.status, len(a.body), a.body)
	}
	serve := func(c net.Conn) {
		defer c.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf) // every request of the client comes in one write
			if err != nil {
				return
			}
			for i, a := range bodies {
				if bytes.HasPrefix(buf[:n], a.start) {
					if _, err := c.Write(answers[i]); err != nil {
						return
					}
					break
				}
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return "http://" + l.Addr().String()
}
