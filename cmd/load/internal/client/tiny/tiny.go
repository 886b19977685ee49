// Package tiny is an HTTP server that costs next to nothing, in a process of its own, for benchmarks that measure
// what a client costs: a test binary starts itself again and is the server then.
//
//	func TestMain(m *testing.M) {
//		tiny.ServeIfChild()
//		os.Exit(m.Run())
//	}
package tiny

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Stall is how long of every second GET /stalled is not answered.
const Stall = 200 * time.Millisecond

const child = "MEDIANEST_TINY_SERVER"

// Start starts the server until the benchmark's end and returns its URL. It answers GET /<n> with a JSON document
// of about n bytes, GET /stalled with a small one, but in the first 200 ms of every second of the clock only after
// these, GET /slow with a small one after a time that is 20 ms at the mean and exponentially distributed, GET /served
// with the number of requests answered so far, what the core suite asks for with bodies of the size that the API's
// have, and anything else that has a body with a token. The words in wrap, such as taskset and its arguments, go
// before the server's command.
func Start(tb testing.TB, wrap ...string) (url string) {
	tb.Helper()
	executable, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	words := append(slices.Clip(wrap), executable)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), child+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // the child ends with it, however this process ends
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		tb.Fatalf("the server did not start: %v", err)
	}
	return strings.TrimSpace(line)
}

// ServeIfChild is the server, in the process that Start has started, and does not return there.
func ServeIfChild() {
	if os.Getenv(child) == "" {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		canned := canned()
		var served, slow atomic.Uint64
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn, canned, &served, &slow)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// reply is the whole answer to requests that begin in a way.
type reply struct{ start, answer []byte }

// serve answers requests that come one at a time and in one piece, as those of a test on the loopback do.
func serve(conn net.Conn, canned []reply, served, slow *atomic.Uint64) {
	defer conn.Close()
	in := make([]byte, 64<<10)
	var sized []byte
	size := -1
	for {
		n, err := conn.Read(in)
		if err != nil {
			return
		}
		var out []byte
		for _, r := range canned {
			if bytes.HasPrefix(in[:n], r.start) {
				out = r.answer
				break
			}
		}
		if path, ok := bytes.CutPrefix(in[:n], []byte("GET /")); ok && out == nil {
			path, _, _ = bytes.Cut(path, []byte{' '})
			switch string(path) {
			case "served":
				out = answer("200 OK", strconv.FormatUint(served.Load(), 10))
			case "stalled":
				time.Sleep(Stall - time.Duration(time.Now().Nanosecond()))
			case "slow":
				time.Sleep(exponential(slow.Add(1)))
			}
			if asked, _ := strconv.Atoi(string(path)); asked != size && out == nil {
				size = asked
				sized = answer("200 OK", document(size))
			}
			if out == nil {
				out = sized
			}
		}
		if out == nil {
			out = canned[0].answer
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
		served.Add(1)
	}
}

// exponential is the nth of times with a mean of 20 ms. Multiples of the golden ratio spread more evenly than chance
// does, so that all who ask for some thousands of them get the same distribution.
func exponential(n uint64) time.Duration {
	_, u := math.Modf(float64(n) * math.Phi)
	return time.Duration(-math.Log1p(-u) * float64(20*time.Millisecond))
}

func answer(status, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json; charset=utf-8\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: %d\r\n"+
		"Server-Timing: total;dur=0.4, db;dur=0.2, pool;dur=0.01, pool-use;dur=25\r\nX-Request-Id: abc-1\r\n\r\n%s", status, len(body), body)
}

// canned are the answers to the requests of the core suite. The first one is a login's.
func canned() []reply {
	item := func(id int) string {
		return fmt.Sprintf(`{"id":%d,"userId":31,"filename":"IMG_40141781.jpg","originalName":"IMG_5756.JPG","title":"View from the hotel","description":null,"mimeType":"image/jpeg","size":1094845,"width":2400,"height":1600,"duration":null,"viewCount":8082,"isPublic":true,"createdAt":"2026-08-30T22:02:28.923Z","updatedAt":"2026-08-30T22:02:28.923Z","lastAccessed":null}`, id)
	}
	var items []string
	for i := range 20 {
		items = append(items, item(1000+i))
	}
	const meta = `,"meta":{"timestamp":"2026-11-23T12:00:00.000Z","requestId":"abc-1"}}`
	one := func(id int) string { return `"data":` + item(id) + meta }
	list := func(key string) string {
		return `{"success":true,"` + key + `":[` + strings.Join(items, ",") + `]` + meta
	}
	token := func(letter string) string { return strings.Repeat(letter, 220) }
	var all []reply
	for _, a := range []struct{ start, status, body string }{
		{"POST /api/v1/auth/login", "200 OK", `{"success":true,"token":"` + token("t") + `","refreshToken":"` + token("r") + `",` + one(1)},
		{"POST /api/v1/media/upload", "201 Created", `{"success":true,"id":7,` + one(7)},
		{"POST /api/v1/collections", "201 Created", `{"success":true,"id":7,` + one(7)},
		{"GET /api/v1/media/", "200 OK", `{"success":true,` + one(1001)},
		{"GET /api/v1/search", "200 OK", list("results")},
		{"GET /api/v1/user/profile", "200 OK", `{"success":true,` + one(1)},
		{"GET /api/v1/", "200 OK", list("data")},
	} {
		all = append(all, reply{[]byte(a.start), answer(a.status, a.body)})
	}
	return all
}

func document(size int) string {
	var b strings.Builder
	b.WriteString(`{"success":true,"data":[`)
	for i := 0; b.Len() < size-40; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"title":"A picture of the lake","size":%d,"public":true}`, i, i*1000)
	}
	b.WriteString(`],"meta":{"total":12345}}`)
	return b.String()
}
