package fault

import (
	"context"
	"hash/maphash"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// closeConnection ends the connection without an answer: by TCP reset, or in order. Where the connection
// can't be taken over, as with HTTP/2, the server ends the stream.
func closeConnection(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // unsent and unread bytes are thrown away: close sends RST
	}
	_ = conn.Close()
}

// bodyWriter spoils the body that passes through it.
type bodyWriter struct {
	http.ResponseWriter
	ctx       context.Context
	malformed bool
	cutAfter  int64 // bytes; -1 is never
	rate      int64 // bytes a second; 0 is as fast as possible
	stale     *answer
	stretch   float64   // how many times as long as since began the first byte takes; 0 is once
	began     time.Time // when the handler was called

	status int
	sent   int64
	held   []byte // the last byte so far of a body to be malformed
	cut    bool
}

func (w *bodyWriter) needed() bool {
	return w.malformed || w.cutAfter >= 0 || w.rate > 0 || w.stale != nil || w.stretch > 0
}

// Unwrap lets http.ResponseController reach the connection.
func (w *bodyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher.
func (w *bodyWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// WriteHeader implements http.ResponseWriter.
func (w *bodyWriter) WriteHeader(status int) {
	if w.status == 0 && w.stretch > 0 {
		stretch(w.ctx, w.ResponseWriter, w.began, w.stretch)
	}
	w.status = status
	if w.malformed {
		w.Header().Del("Content-Length")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *bodyWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.stale != nil {
		w.stale.add(p)
	}
	if !w.malformed || len(p) == 0 {
		return len(p), w.send(p)
	}
	if err := w.send(w.held); err != nil {
		return 0, err
	}
	last := len(p) - 1
	w.held = append(w.held[:0], p[last])
	return len(p), w.send(p[:last])
}

func (w *bodyWriter) send(p []byte) error {
	if w.cut {
		return http.ErrAbortHandler
	}
	if w.cutAfter >= 0 && w.sent+int64(len(p)) > w.cutAfter {
		p = p[:w.cutAfter-w.sent]
		w.cut = true
	}
	for len(p) > 0 {
		n := len(p)
		if w.rate > 0 {
			n = min(n, int(max(w.rate/10, 1)))
		}
		m, err := w.ResponseWriter.Write(p[:n])
		w.sent += int64(m)
		if err != nil {
			return err
		}
		if w.rate > 0 {
			w.Flush()
			pause := time.Duration(n) * time.Second / time.Duration(w.rate)
			postpone(w.ctx, w.ResponseWriter, pause)
			if !sleep(w.ctx, pause) {
				return w.ctx.Err()
			}
		}
		p = p[n:]
	}
	if w.cut {
		return http.ErrAbortHandler
	}
	return nil
}

// finish ends the body: a malformed one in a way that no JSON ends, a cut one with its connection.
func (w *bodyWriter) finish() {
	if w.status == 0 && w.stretch > 0 {
		w.WriteHeader(http.StatusOK)
	}
	if len(w.held) > 0 {
		_ = w.send([]byte(",]"))
	}
	if w.cut {
		w.Flush()
		panic(http.ErrAbortHandler)
	}
	if w.stale != nil && w.status == http.StatusOK {
		w.stale.keep(w.Header().Get("Content-Type"))
	}
}

// quota counts requests by client in a fixed window.
type quota struct {
	Quota
	mu     sync.Mutex
	start  time.Time
	counts map[uint64]int
}

// maxClients bounds what a quota and the stale answers remember.
const maxClients = 10_000

var hashSeed = maphash.MakeSeed()

// clientKey stands for the Authorization header, or for the address where there is none.
func clientKey(r *http.Request) uint64 {
	if a := r.Header.Get("Authorization"); a != "" {
		return maphash.String(hashSeed, a)
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return maphash.String(hashSeed, host)
}

// admit counts the request and tells whether it may pass; where not, it has been answered with 429.
func (q *quota) admit(w http.ResponseWriter, r *http.Request, now time.Time,
	writeError func(http.ResponseWriter, *http.Request, *mockapi.Error)) bool {
	key := clientKey(r)
	window := time.Duration(q.Window)
	q.mu.Lock()
	if q.counts == nil || now.Sub(q.start) >= window {
		q.start, q.counts = now, make(map[uint64]int)
	}
	if _, known := q.counts[key]; !known && len(q.counts) >= maxClients {
		key = 0 // the clients beyond the bound share one count
	}
	q.counts[key]++
	used, left := q.counts[key], q.start.Add(window).Sub(now)
	q.mu.Unlock()

	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(q.Limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(q.Limit-used, 0)))
	h.Set("X-RateLimit-Reset", mockapi.RetryAfterSeconds(left))
	if used <= q.Limit {
		return true
	}
	writeError(w, r, &mockapi.Error{Code: mockapi.CodeRateLimited, Message: "Too many requests.", RetryAfter: left})
	return false
}

// Lockouts remembers failed logins by account.
type Lockouts struct {
	Lockout
	mu       sync.Mutex
	accounts map[uint64]failures // by the hash of the address, which may be of any length
}

type failures struct {
	n     int
	until time.Time // locked until then; zero while it is not
}

// Locked tells how much longer the account is locked; 0 where it is not.
func (l *Lockouts) Locked(email string) time.Duration {
	key := maphash.String(hashSeed, email)
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.accounts[key]
	if !ok || f.until.IsZero() {
		return 0
	}
	left := time.Until(f.until)
	if left <= 0 {
		delete(l.accounts, key)
		return 0
	}
	return left
}

// Failed counts a failed login.
func (l *Lockouts) Failed(email string) {
	key := maphash.String(hashSeed, email)
	l.mu.Lock()
	defer l.mu.Unlock()
	f, known := l.accounts[key]
	if !known && len(l.accounts) >= maxClients {
		for other := range l.accounts { // whichever comes first: the bound matters, not the choice
			delete(l.accounts, other)
			break
		}
	}
	if f.n++; f.n >= l.Failures {
		f.until = time.Now().Add(time.Duration(l.For))
	}
	if l.accounts == nil {
		l.accounts = make(map[uint64]failures)
	}
	l.accounts[key] = f
}

// Succeeded forgets the account's failed logins.
func (l *Lockouts) Succeeded(email string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.accounts, maphash.String(hashSeed, email))
}

// staleAnswers remembers answers by caller and address.
type staleAnswers struct {
	Stale
	mu   sync.Mutex
	kept map[uint64]*answer
}

// Bounds on the answers that one rule remembers.
const (
	maxAnswers     = 1_000
	maxAnswerBytes = 64 << 10
)

type answer struct {
	of          *staleAnswers
	key         uint64
	at          time.Time
	contentType string
	body        []byte
	tooBig      bool
}

func staleKey(r *http.Request) uint64 {
	caller := r.Header.Get("Authorization") + "\n" + r.Header.Get("Cookie")
	return maphash.String(hashSeed, caller+"\n"+r.Host+r.URL.RequestURI())
}

// replay answers with what was remembered, where that is young enough.
func (s *staleAnswers) replay(w http.ResponseWriter, r *http.Request, now time.Time) bool {
	s.mu.Lock()
	a := s.kept[staleKey(r)]
	s.mu.Unlock()
	if a == nil || now.Sub(a.at) >= time.Duration(s.For) {
		return false
	}
	w.Header().Set("Content-Type", a.contentType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(a.body) // a client that has gone needs no answer
	return true
}

func (s *staleAnswers) record(r *http.Request, now time.Time) *answer {
	return &answer{of: s, key: staleKey(r), at: now}
}

func (a *answer) add(p []byte) {
	if a.tooBig = a.tooBig || len(a.body)+len(p) > maxAnswerBytes; !a.tooBig {
		a.body = append(a.body, p...)
	}
}

func (a *answer) keep(contentType string) {
	if a.tooBig {
		return
	}
	a.contentType = contentType
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	if a.of.kept == nil || len(a.of.kept) >= maxAnswers {
		a.of.kept = make(map[uint64]*answer)
	}
	a.of.kept[a.key] = a
}

// leak holds memory.
type leak struct {
	held  atomic.Int64 // bytes
	pages [][]byte     // what is held; only the leaking goroutine touches it
	done  chan struct{}
	once  sync.Once
}

// startLeak takes memory at the rate while on says so, until stop.
func startLeak(l Leak, on func() bool) *leak {
	k := &leak{done: make(chan struct{})}
	go func() {
		const tick, page = 100 * time.Millisecond, 4096
		var owed float64
		t := time.NewTicker(tick)
		defer t.Stop()
		last := time.Now()
		for {
			select {
			case <-k.done:
				k.pages = nil
				k.held.Store(0)
				debug.FreeOSMemory() // the process is to shrink at once, as it would after a restart
				return
			case now := <-t.C:
				if on() {
					owed += float64(l.BytesPerSecond) * now.Sub(last).Seconds()
				}
				last = now
			}
			n := min(int64(owed), l.Max-k.held.Load())
			if n < page {
				continue
			}
			owed -= float64(n)
			b := make([]byte, n)
			for i := 0; i < len(b); i += page {
				b[i] = 1 // an untouched page takes no memory
			}
			k.pages = append(k.pages, b)
			k.held.Add(n)
		}
	}()
	return k
}

func (k *leak) stop() { k.once.Do(func() { close(k.done) }) }
