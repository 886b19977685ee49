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
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Stall is how long of every second GET /stalled is not answered.
const Stall = 200 * time.Millisecond

const child = "MEDIANEST_TINY_SERVER"

// Start starts the server until the benchmark's end and returns its URL. It answers GET /<n> with a JSON document
// of about n bytes, GET /stalled with a small one, but in the first 200 ms of every second of the clock only after
// these, and anything with a body with a token.
func Start(tb testing.TB) (url string) {
	tb.Helper()
	executable, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(executable)
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
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// serve answers requests that come one at a time and in one piece, as those of a test on the loopback do.
func serve(conn net.Conn) {
	defer conn.Close()
	in := make([]byte, 4<<10)
	var answers [2][]byte
	answers[1] = answer([]byte(`{"success":true,"token":"` + strings.Repeat("t", 160) + `","user":{"id":7}}`))
	size := -1
	for {
		n, err := conn.Read(in)
		if err != nil {
			return
		}
		out := answers[1]
		if bytes.HasPrefix(in[:n], []byte("GET ")) {
			path, _, _ := bytes.Cut(in[5:n], []byte{' '})
			if string(path) == "stalled" {
				time.Sleep(Stall - time.Duration(time.Now().Nanosecond()))
			}
			if asked, _ := strconv.Atoi(string(path)); asked != size {
				size = asked
				answers[0] = answer([]byte(document(size)))
			}
			out = answers[0]
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

func answer(body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
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
