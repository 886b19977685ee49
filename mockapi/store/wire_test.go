package store_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// wire is a TCP proxy before PostgreSQL that can be cut and stopped.
type wire struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	flows    chan struct{} // closed while bytes pass
	conns    map[net.Conn]bool
}

// newWire returns a proxy and the DSN that leads through it. addr is where it listens, "" for anywhere.
func newWire(t *testing.T, dsn, addr string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	for limit := time.Now().Add(time.Minute); err != nil && time.Now().Before(limit); {
		// A port that was given back may be somebody's source port for a while.
		<-time.After(10 * time.Millisecond)
		l, err = net.Listen("tcp", addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, target: u.Host, flows: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(w.flows)
	go w.accept()
	t.Cleanup(w.cut)
	u.Host = l.Addr().String()
	q := u.Query()
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return w, u.String()
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.target)
		if err != nil {
			client.Close()
			continue
		}
		w.mu.Lock()
		w.conns[client], w.conns[server] = true, true
		w.mu.Unlock()
		go w.copy(server, client)
		go w.copy(client, server)
	}
}

func (w *wire) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		flows := w.flows
		w.mu.Unlock()
		<-flows
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// stop lets connections be made, but no byte through, until the returned function is called.
func (w *wire) stop() (resume func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	flows := make(chan struct{})
	w.flows = flows
	return sync.OnceFunc(func() { close(flows) })
}

// hangUp closes the connections there are.
func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

// cut closes all connections and refuses new ones.
func (w *wire) cut() {
	w.listener.Close()
	w.hangUp()
}

// ear is a log handler that tells when a message comes.
type ear struct {
	slog.Handler
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

func newEar() *ear {
	return &ear{Handler: slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}), waiting: map[string]chan struct{}{}}
}

// next returns a channel that is closed when a message that begins so comes after this call.
func (e *ear) next(message string) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := make(chan struct{})
	e.waiting[message] = c
	return c
}

func (e *ear) Handle(_ context.Context, r slog.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for m, c := range e.waiting {
		if strings.HasPrefix(r.Message, m) {
			close(c)
			delete(e.waiting, m)
		}
	}
	return nil
}

// stopProcesses stops processes until the test ends. A shell does it, which sets them going again when its
// input ends, as it does when the test is killed: other tests share the server.
func stopProcesses(t *testing.T, pids []int32) {
	t.Helper()
	sh := exec.Command("sh", "-c", `trap "" INT TERM HUP; kill -STOP "$@" && echo stopped; read end; kill -CONT "$@"`, "sh")
	for _, pid := range pids {
		sh.Args = append(sh.Args, strconv.Itoa(int(pid)))
	}
	sh.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := sh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := sh.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = sh.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Skipf("the server's processes can't be stopped from here: %q, %v", line, err)
	}
}
