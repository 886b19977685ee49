package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/medianest/testbed/mockapi/journal"
)

// handler answers with the status that the path ends in; /abort and /hijack answer nothing.
func handler(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Correlation-ID", r.Header.Get("X-Correlation-ID"))
	switch {
	case strings.HasSuffix(r.URL.Path, "/abort"):
		panic(http.ErrAbortHandler)
	case strings.HasSuffix(r.URL.Path, "/hijack"):
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_ = conn.Close()
	case strings.HasSuffix(r.URL.Path, "/faulty"):
		w.Header().Add("X-Fault", "slow")
		w.Header().Add("X-Fault", "broken")
		fallthrough
	default:
		var status int
		if _, err := fmt.Sscanf(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "%d", &status); err == nil {
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, "hello")
	}
}

func newServer(t *testing.T, capacity int) (*journal.Journal, string) {
	j := journal.New(capacity, "X-Correlation-ID", "X-Fault")
	s := httptest.NewServer(j.Wrap("api", http.HandlerFunc(handler)))
	t.Cleanup(s.Close)
	return j, s.URL
}

// client never sends a request twice, as one with idle connections does when it finds one closed.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func send(t *testing.T, method, url string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Correlation-ID", "test-7")
	resp, err := client.Do(req)
	if err != nil {
		return // an aborted connection is among the cases
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func TestEntries(t *testing.T) {
	j, url := newServer(t, 10)
	send(t, "POST", url+"/a/201?x=1")
	send(t, "GET", url+"/a/faulty")
	send(t, "GET", url+"/a/abort")
	send(t, "GET", url+"/a/hijack")
	for n := 0; n < 4; n, _ = j.Count(journal.Filter{}) {
		runtime.Gosched() // the client learns of a closed connection before the handler returns
	}
	got := j.Entries(journal.Filter{}, 10)
	if len(got) != 4 {
		t.Fatalf("%d entries, want 4", len(got))
	}
	first := got[3]
	if first.Sequence != 1 || first.Method != "POST" || first.Path != "/a/201" || first.Query != "x=1" || first.Status != 201 ||
		first.Service != "api" || first.RequestBytes != 4 || first.ResponseBytes != 5 || first.CorrelationID != "test-7" || first.Duration <= 0 {
		t.Errorf("the first entry is %+v", first)
	}
	if f := got[2]; f.Status != 200 || fmt.Sprint(f.Faults) != "[slow broken]" {
		t.Errorf("the faulty entry is %+v", f)
	}
	if got[1].Status != 0 || got[0].Status != 0 {
		t.Errorf("requests without an answer have status %d and %d", got[1].Status, got[0].Status)
	}
}

// A client that has gone while a fault rule let it wait got no answer.
func TestAClientThatHasGoneHasNoStatus(t *testing.T) {
	j := journal.New(10, "X-Correlation-ID", "X-Fault")
	ctx, cancel := context.WithCancel(t.Context())
	h := j.Wrap("api", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	if got := j.Entries(journal.Filter{}, 1); len(got) != 1 || got[0].Status != 0 {
		t.Errorf("the entry is %+v, want the status 0", got)
	}
}

// Entries do not keep the whole of long requests in memory, of which they tell a part.
func TestEntriesOfLongRequestsAreSmall(t *testing.T) {
	const entries, size = 500, 60_000 // bytes; the server takes 64 KiB
	j := journal.New(entries, "X-Correlation-ID", "X-Fault")
	h := j.Wrap("api", http.NotFoundHandler())
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range entries {
		lines := []string{"GET /?q=" + strings.Repeat("x", size), "GET /" + strings.Repeat("x", size), strings.Repeat("X", size) + " /", "GET http://" + strings.Repeat("x", size) + "/"}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(lines[i%len(lines)] + " HTTP/1.1\r\nHost: x\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if grown := int64(heap() - before); grown > entries*size/10 {
		t.Errorf("%d entries keep %d bytes", entries, grown)
	}
	if got := j.Entries(journal.Filter{}, 4); len(got[3].Query) != 1024 || len(got[2].Path) != 1024 || len(got[1].Method) != 1024 || got[0].Path != "/" {
		t.Error("the entries do not tell the beginning of what was sent")
	}
}

func TestFilterCountAndVerify(t *testing.T) {
	j, url := newServer(t, 100)
	for _, path := range []string{"/a/200", "/a/201", "/a/404", "/b/500", "/b/faulty"} {
		send(t, "GET", url+path)
	}
	send(t, "POST", url+"/a/200")
	one, three := 1, 3
	for _, c := range []struct {
		filter journal.Filter
		count  int
	}{
		{journal.Filter{}, 6},
		{journal.Filter{Method: "POST"}, 1},
		{journal.Filter{Path: "/a/*"}, 4},
		{journal.Filter{Path: "/*"}, 0},
		{journal.Filter{Path: "/**"}, 6},
		{journal.Filter{Path: "/b/**"}, 2},
		{journal.Filter{Status: 404}, 1},
		{journal.Filter{Status: 2}, 4},
		{journal.Filter{Service: "auth"}, 0},
		{journal.Filter{CorrelationID: "test-7", Method: "GET"}, 5},
		{journal.Filter{Fault: "slow"}, 1},
		{journal.Filter{Fault: "*"}, 1},
		{journal.Filter{Fault: "fast"}, 0},
		{journal.Filter{Since: j.Entries(journal.Filter{}, 1)[0].Time}, 1},
	} {
		if n, complete := j.Count(c.filter); n != c.count || !complete {
			t.Errorf("%+v: count %d (complete %v), want %d", c.filter, n, complete, c.count)
		}
	}
	for _, c := range []struct {
		x      journal.Expectation
		passed bool
	}{
		{journal.Expectation{Filter: journal.Filter{Status: 404}, Exactly: &one}, true},
		{journal.Expectation{Filter: journal.Filter{Status: 2}, Exactly: &three}, false},
		{journal.Expectation{Filter: journal.Filter{Status: 2}, AtLeast: &three}, true},
		{journal.Expectation{Filter: journal.Filter{Status: 2}, AtMost: &three}, false},
		{journal.Expectation{Filter: journal.Filter{Status: 5}, AtLeast: &three}, false},
	} {
		v, err := j.Verify(c.x)
		if err != nil || v.Passed != c.passed || v.Passed == (v.Reason != "") {
			t.Errorf("%+v: %+v, %v, want passed %v", c.x, v, err, c.passed)
		}
	}
	for _, x := range []journal.Expectation{{}, {Filter: journal.Filter{Path: "["}, AtMost: &one}, {Filter: journal.Filter{Status: 42}, AtMost: &one}} {
		if _, err := j.Verify(x); err == nil {
			t.Errorf("%+v is accepted", x)
		}
	}
	j.Clear()
	if n, _ := j.Count(journal.Filter{}); n != 0 {
		t.Errorf("%d entries after Clear", n)
	}
}

func TestForgettingIsBoundedAndAdmitted(t *testing.T) {
	j, url := newServer(t, 5)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				send(t, "GET", url+"/x/200")
			}
		})
	}
	wg.Wait()
	got := j.Entries(journal.Filter{}, 100)
	if len(got) != 5 || got[0].Sequence != 20 || got[4].Sequence != 16 {
		t.Fatalf("kept %d entries, %d to %d", len(got), got[len(got)-1].Sequence, got[0].Sequence)
	}
	five := 5
	if v, _ := j.Verify(journal.Expectation{Exactly: &five}); v.Passed || v.Complete {
		t.Errorf("an exact count of a journal that has forgotten: %+v", v)
	}
	if v, _ := j.Verify(journal.Expectation{AtLeast: &five}); !v.Passed {
		t.Errorf("a bound from below: %+v", v)
	}
}

func BenchmarkWrap(b *testing.B) {
	j := journal.New(10_000, "X-Correlation-ID", "X-Fault")
	h := j.Wrap("api", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	r := httptest.NewRequest("GET", "/api/v1/media/7?x=1", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
