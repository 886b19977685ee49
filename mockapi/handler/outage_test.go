package handler_test

import (
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/schema/schematest"
)

// link is a TCP proxy in front of PostgreSQL that can be cut and stalled.
type link struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	stalled chan struct{} // closed while bytes may pass
	cut     bool
	open    map[net.Conn]bool
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	flowing := make(chan struct{})
	close(flowing)
	p := &link{listener: l, target: target, stalled: flowing, open: map[net.Conn]bool{}}
	go p.accept()
	t.Cleanup(func() { l.Close(); p.resume(); p.setCut(true) })
	return p
}

func (p *link) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse := p.cut
		p.mu.Unlock()
		if refuse {
			in.Close()
			continue
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		p.open[in], p.open[out] = true, true
		p.mu.Unlock()
		go p.copy(in, out)
		go p.copy(out, in)
	}
}

func (p *link) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		flowing := p.stalled
		p.mu.Unlock()
		<-flowing
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

// setCut closes all connections and refuses new ones, or lets them in again.
func (p *link) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for c := range p.open {
			c.Close()
		}
		clear(p.open)
	}
}

// stall keeps all bytes back, as a stopped server or a dead network does.
func (p *link) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = make(chan struct{})
}

func (p *link) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.stalled:
	default:
		close(p.stalled)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	direct := schematest.New(t)
	dsn, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	p := newLink(t, dsn.Host)
	dsn.Host = p.listener.Addr().String()
	secret := []byte("the secret of both servers, long enough")
	patient := serve(t, newHandler(t, direct, auth.Options{Secret: secret}, handler.Options{}))
	before := &world{client: patient}
	before.alice, _ = before.join("alice@medianest.test")
	id := before.alice.upload("a.jpg", true)

	hasty := newHandler(t, dsn.String(), auth.Options{Secret: secret}, handler.Options{RequestTimeout: 300 * time.Millisecond})
	w := &world{client: serve(t, hasty)}
	w.alice = w.as(before.alice.token)

	away := func() {
		t.Helper()
		for _, a := range []*answer{
			w.alice.get(media(id)), w.get(v1 + "/media"), w.alice.get(v1 + "/user/profile"),
			w.alice.post(v1+"/media/upload", map[string]any{"filename": "b.jpg", "size": 1}),
			w.post(v1+"/auth/login", credentials("alice@medianest.test", password)), w.get("/ready"),
		} {
			a.fails(mockapi.CodeUnavailable)
			if a.header.Get("Retry-After") != "1" || a.at("error", "retryAfter") != 1.0 {
				t.Errorf("%s: Retry-After %q, %s", a.what, a.header.Get("Retry-After"), a.raw)
			}
		}
		w.get("/health").ok(http.StatusOK) // this process lives
	}
	back := func() {
		t.Helper()
		// The pool finds its way by itself; until then the answer is 503 and nothing else.
		for {
			a := w.get("/ready")
			if a.status == http.StatusOK {
				break
			}
			a.fails(mockapi.CodeUnavailable)
		}
		for { // other connections of the pool may still be found broken
			a := w.alice.get(media(id))
			if a.status == http.StatusOK {
				break
			}
			a.fails(mockapi.CodeUnavailable)
		}
	}

	back()
	p.setCut(true) // refuses
	away()
	p.setCut(false)
	back()

	p.stall() // does not answer
	away()
	p.resume()
	back()
}
