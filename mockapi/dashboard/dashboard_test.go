package dashboard_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/dashboard"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/monitor"
)

// world is a page with what it shows.
type world struct {
	http.Handler
	monitor *monitor.Monitor
	faults  *fault.Engine
	asked   atomic.Int64 // how often the database was
	err     error        // of the database
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		monitor: monitor.New(monitor.Options{Pool: func() mockapi.PoolStats { return mockapi.PoolStats{Max: 8, Busy: 3, Use: 1, Full: 3} }}),
		faults:  fault.New(fault.Options{}),
	}
	t.Cleanup(w.faults.Clear)
	d, err := dashboard.New(dashboard.Options{
		Version: "v1<2", Monitor: w.monitor, Faults: w.faults,
		Dataset: func(context.Context) (mockapi.Dataset, error) {
			w.asked.Add(1)
			return mockapi.Dataset{Fingerprint: "f00d", Profile: "smoke", Complete: true}, w.err
		},
		Rows: func(context.Context) ([]mockapi.TableRows, error) {
			return []mockapi.TableRows{{Table: "tags", Seeded: 30}, {Table: "users", Seeded: 60, Now: 61, Counted: true}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, h := range d.Routes() {
		mux.Handle("GET "+path, h)
	}
	w.Handler = mux
	return w
}

func (w *world) get(t testing.TB, target string, status int) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, target, nil))
	if rec.Code != status {
		t.Fatalf("GET %s is answered %d %s, want %d", target, rec.Code, rec.Body, status)
	}
	return rec
}

// Whatever the page refers to is there, and its policy allows nothing else.
func TestPage(t *testing.T) {
	w := newWorld(t)
	page := w.get(t, "/dashboard", http.StatusOK)
	html := page.Body.String()
	for _, m := range regexp.MustCompile(`(?:src|href)="(dashboard/[^"]+)"`).FindAllStringSubmatch(html, -1) {
		if a := w.get(t, "/"+m[1], http.StatusOK); a.Body.Len() == 0 {
			t.Errorf("%s is empty", m[1])
		}
	}
	for _, refused := range []string{"style=", "<style", "onclick", "http:", "https:", "<script>"} {
		if strings.Contains(html, refused) {
			t.Errorf("the page holds %s", refused)
		}
	}
	if policy := page.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	for _, want := range []string{"v1&lt;2", "f00d", "<td class=\"number\">61</td>", "not counted", `aria-current="page">5 minutes`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if ids[m[1]] {
			t.Errorf("the id %s comes twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?:href="#|aria-labelledby="|aria-describedby="|for=")([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !ids[m[1]] {
			t.Errorf("something refers to #%s, which is not there", m[1])
		}
	}
	w.get(t, "/dashboard/live?window=6h", http.StatusOK)
	if e := w.get(t, "/dashboard?window=forever", http.StatusBadRequest).Body.String(); !strings.Contains(e, `"forever" is none of 1m, 5m, 10m, 1h, 6h`) {
		t.Errorf("a wrong window is answered %s", e)
	}
}

func TestFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, stop := context.WithCancel(t.Context())
		defer func() { stop(); synctest.Wait() }()
		go w.monitor.Run(ctx)
		op := w.monitor.Operation("GET /api/v1/<media>", monitor.Tags{"service": "api"})
		time.Sleep(500 * time.Millisecond)
		for i := range 40 {
			span := op.Start()
			status := http.StatusOK
			if i%4 == 0 {
				status = http.StatusInternalServerError
			}
			time.Sleep(10 * time.Millisecond)
			span.End(status)
		}
		w.monitor.RecordVital(monitor.Vital{Name: "LCP", Value: 5000, Page: "/media/7"})
		time.Sleep(time.Second)
		html := w.get(t, "/dashboard/live?window=1m", http.StatusOK).Body.String()
		for _, want := range []string{
			"<dt>Failed</dt><dd class=\"fail\">25 %</dd>", "40 in all", "<dd class=\"warn\">3</dd><dd>of 8 in use</dd>", "a pool of 3 is full", // the cards
			"<code>GET /api/v1/&lt;media&gt;</code>", "5xx 10", // the table
			"failed: 25 % at the end", "Limit: pool size, 8. Limit: a pool was full, 3.", "in use: 3 at the end", // the charts
			"<code>/media/:id</code>", `<span class="fail">poor</span>`, "5 s", // what browsers saw
			`data-announce="Alerts: critical: Errors."`,
		} {
			if !strings.Contains(html, want) {
				t.Errorf("the page does not say %s", want)
			}
		}
	})
}

// Readers share what is made; what changes shows at once all the same.
func TestReadersShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var readers sync.WaitGroup
		answers := make([]string, 50)
		for i := range answers {
			readers.Go(func() {
				rec := httptest.NewRecorder()
				w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/dashboard/live", nil))
				answers[i] = rec.Body.String()
			})
		}
		readers.Wait()
		for _, a := range answers {
			if a != answers[0] { // which tells the number of goroutines
				t.Fatal("two readers of one moment saw different pages")
			}
		}
		if n := w.asked.Load(); n != 1 {
			t.Errorf("50 readers asked the database %d times", n)
		}
		share := .25
		rules, err := w.faults.Add(fault.Rule{Name: "<mine>", Match: fault.Match{Method: "GET", Path: "/api/**", Service: "api", Share: &share}, Status: &fault.Status{Code: 503}, Reset: true})
		if err != nil {
			t.Fatal(err)
		}
		html := w.get(t, "/dashboard/live", http.StatusOK).Body.String()
		for _, want := range []string{`<tr id="` + rules[0].ID + `">`, "&lt;mine&gt;", "GET /api/**, service api, 25 % of them", "status 503, connection reset"} {
			if !strings.Contains(html, want) {
				t.Errorf("the new rule does not show: no %s", want)
			}
		}
		if _, err := w.faults.Add(presets(t)...); err != nil {
			t.Fatal(err)
		}
		if html = w.get(t, "/dashboard/live", http.StatusOK).Body.String(); strings.Contains(html, `aria-pressed="false"`) || strings.Contains(html, "<td></td>") {
			t.Error("all presets are on, and one does not look so or does nothing")
		}
	})
}

// presets are the rules of all of them.
func presets(t *testing.T) []fault.Rule {
	all, err := fault.Presets()
	if err != nil {
		t.Fatal(err)
	}
	var rules []fault.Rule
	for _, p := range all {
		rules = append(rules, p.Rules...)
	}
	return rules
}

func TestWithoutADataset(t *testing.T) {
	for want, err := range map[string]error{
		"The database was never seeded.":                      mockapi.Errorf(mockapi.CodeNotFound, "none"),
		"The database does not answer (SERVICE_UNAVAILABLE).": mockapi.Errorf(mockapi.CodeUnavailable, "away"),
		"The database does not answer (INTERNAL_ERROR).":      errors.New("a secret of the database"),
	} {
		w := newWorld(t)
		w.err = err
		if html := w.get(t, "/dashboard", http.StatusOK).Body.String(); !strings.Contains(html, want) || strings.Contains(html, "a secret") {
			t.Errorf("%v: the page does not say %s", err, want)
		}
	}
}

// BenchmarkLive is one second of a page that is watched, by however many.
func BenchmarkLive(b *testing.B) {
	w := newWorld(b)
	for i := 0; b.Loop(); i++ {
		w.faults.Clear()
		if _, err := w.faults.Add(fault.Rule{Reset: true}); err != nil { // so that it is made anew
			b.Fatal(err)
		}
		b.SetBytes(int64(w.get(b, "/dashboard/live", http.StatusOK).Body.Len()))
	}
}
