package contract_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/admin"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/contract/contracttest"
	"github.com/medianest/testbed/mockapi/dashboard"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/journal"
	"github.com/medianest/testbed/mockapi/metrics"
	"github.com/medianest/testbed/mockapi/monitor"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema/schematest"
	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// secret signs the tokens of the world, so that a test can sign others.
var secret = []byte("a secret of the tests of the contract")

const adminToken = "control of the tests of the contract"

// world is a whole MediaNest on real servers and a seeded database.
type world struct {
	t         testing.TB
	validator *contracttest.Validator
	conn      *pgx.Conn         // to the database, behind the API's back
	urls      map[string]string // by service
	control   http.Handler      // the control API, to be called from elsewhere
	// unresettable is a control API of a mock that cannot bring its data back, for the reason given.
	unresettable http.Handler
	reason       error
	faults       *fault.Engine // what the control API controls
	monitor      *monitor.Monitor
	client       *http.Client
	tokens       map[string]string // by who: "member", "admin"
	// pairs are keys of rows that belong together, by the operation whose path names both.
	pairs map[string][][2]string
}

// newWorld seeds a database and serves it. Fault rules disturb requests only where the world is to be disturbed.
func newWorld(t testing.TB, disturbed bool) *world {
	t.Helper()
	dsn := seeded(t)
	w := &world{t: t, validator: validator(t), urls: map[string]string{}, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4},
	}}
	t.Cleanup(w.client.CloseIdleConnections)
	silent := slog.New(slog.DiscardHandler)
	var err error
	if w.conn, err = pgx.Connect(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conn.Close(context.Background()) })
	st, err := store.Open(t.Context(), dsn, store.Options{PoolSize: 4, Timeout: time.Minute, HeavyTimeout: time.Minute, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)

	tokens := auth.New(auth.Options{Secret: secret, HashCost: 4})
	var first *handler.API
	writeError := func(w http.ResponseWriter, r *http.Request, e *mockapi.Error) { first.WriteError(w, r, e) }
	w.faults = fault.New(fault.Options{WriteError: writeError, DropPool: st.DropConnections})
	t.Cleanup(w.faults.Clear)
	requests := journal.New(1000, "X-Correlation-Id", fault.Header)
	measured := metrics.New(st.PoolStats, w.faults)
	w.monitor = monitor.New(monitor.Options{Pool: st.PoolStats})
	go w.monitor.Run(t.Context())
	doc := w.validator.Document()
	for _, name := range handler.Services() {
		api := handler.NewAPI(st, tokens, handler.Options{
			Version: "test", RequestTimeout: time.Minute, Middleware: []handler.Middleware{measured.Middleware(name)},
			Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError})),
		})
		h := api.Handler(api.Service(name))
		if disturbed {
			h = w.faults.Wrap(name, h)
		}
		h = requests.Wrap(name, w.monitor.Wrap(name, nil, h))
		if first == nil {
			first = api
			o := admin.Options{
				Token: adminToken, Version: "test", Faults: w.faults, Journal: requests,
				Dataset: st.Dataset, Pool: st.PoolStats, WriteError: writeError,
				Reset: func(context.Context) error { return nil },
			}
			w.control = admin.Handler(o)
			o.Remote, o.Reset = true, func(context.Context) error { return w.reason }
			w.unresettable = admin.Handler(o)
			page, err := dashboard.New(dashboard.Options{Version: "test", Monitor: w.monitor, Faults: w.faults, Dataset: st.Dataset, Rows: st.Rows})
			if err != nil {
				t.Fatal(err)
			}
			pages := page.Routes()
			pages["/metrics"] = measured.Handler()
			h = doc.Beside(h, contract.Own{Pages: pages, Performance: api.Handler(api.Performance(w.monitor)), Control: w.control})
		}
		srv := httptest.NewServer(h)
		t.Cleanup(srv.Close)
		w.urls[name] = srv.URL
	}
	w.tokens = map[string]string{
		"member": w.login("perf.user1@medianest.test", "Performance123!"),
		"admin":  w.login("admin@medianest.test", "Administrator123!"),
	}
	return w
}

// testWriter shows what a server logs beside the test that it belongs to.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(bytes.TrimSpace(p)))
	return len(p), nil
}

// seeded returns a database with the rows of the profile smoke.
func seeded(t testing.TB) string {
	t.Helper()
	dsn := schematest.New(t)
	p, err := profile.Load("smoke", nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gen.New(p, gen.Options{Seed: 1, AsOf: time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC), BcryptCost: gen.DefaultBcryptCost})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seed.Load(t.Context(), dsn, seed.FromGen(g), seed.Options{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// exec changes the database behind the API's back.
func (w *world) exec(sql string) {
	w.t.Helper()
	if _, err := w.conn.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
}

// readPairs reads rows of two texts.
func (w *world) readPairs(sql string) [][2]string {
	w.t.Helper()
	rows, err := w.conn.Query(w.t.Context(), sql)
	if err != nil {
		w.t.Fatal(err)
	}
	pairs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p [2]string, err error) { return p, row.Scan(&p[0], &p[1]) })
	if err != nil {
		w.t.Fatal(err)
	}
	return pairs
}

// login returns a token.
func (w *world) login(email, password string) string {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"email": email, "password": password})
	x := w.do("api", request{method: "POST", path: "/api/v1/auth/login", body: body, header: http.Header{"Content-Type": {"application/json"}}})
	var answer struct{ Token string }
	if err := json.Unmarshal(x.Body, &answer); err != nil || answer.Token == "" {
		w.t.Fatalf("%s: %s", x, x.Body)
	}
	return answer.Token
}

// maxRead bounds what is read of content, in bytes.
const maxRead = 4 << 20

// request is what is sent. The path stands in the URL as it is.
type request struct {
	method, path, query string
	header              http.Header
	body                []byte
}

// do sends a request and returns what was exchanged, unchecked.
func (w *world) do(service string, r request) *contracttest.Exchange {
	w.t.Helper()
	base, err := url.Parse(w.urls[service])
	if err != nil {
		w.t.Fatal(err)
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), r.method, base.String(), body)
	if err != nil {
		w.t.Fatalf("%s %q: %v", r.method, r.path, err)
	}
	// Opaque stands in the request line as it is, where a path would be escaped.
	req.URL = &url.URL{Scheme: "http", Host: base.Host, Opaque: r.path, RawQuery: r.query}
	if strings.HasPrefix(r.path, "//") {
		req.URL.Opaque = "//" + base.Host + r.path
	}
	if r.header != nil {
		req.Header = r.header
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatalf("%s %s?%s: %v", r.method, r.path, r.query, err)
	}
	defer resp.Body.Close()
	x := &contracttest.Exchange{
		Service: service, Method: r.method, Path: r.path, Query: r.query, RequestHeader: req.Header, RequestBody: r.body,
		Status: resp.StatusCode, Header: resp.Header,
	}
	if resp.Header.Get("Content-Type") == "text/event-stream" && r.method != http.MethodHead {
		x.Body = firstEvent(w.t, resp.Body)
	} else if x.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxRead)); err != nil {
		w.t.Fatalf("%s: read the body: %v", x, err)
	}
	return x
}

// firstEvent reads a stream, which would not end, to the end of its first event.
func firstEvent(t testing.TB, stream io.Reader) []byte {
	t.Helper()
	var event []byte
	for lines := bufio.NewReader(stream); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("read the first event after %q: %v", event, err)
		}
		event = append(event, line...)
		if string(line) == "\n" {
			return event
		}
	}
}
