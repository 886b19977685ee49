package fault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/fault"
)

const body = `{"success":true,"data":[1,2,3]}`

// hello is the real server: it counts its requests.
type hello struct{ served atomic.Int64 }

func (h *hello) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := h.served.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/count" {
		_ = json.NewEncoder(w).Encode(n)
		return
	}
	_, _ = io.WriteString(w, body)
}

func writeError(w http.ResponseWriter, _ *http.Request, e *mockapi.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", mockapi.RetryAfterSeconds(e.RetryAfter))
	}
	w.WriteHeader(e.HTTPStatus())
	_ = json.NewEncoder(w).Encode(map[string]any{"success": false, "error": map[string]any{"code": e.Code}})
}

func newEngine(t *testing.T) *fault.Engine {
	e := fault.New(fault.Options{WriteError: writeError, DropPool: func() {}})
	t.Cleanup(e.Clear)
	return e
}

func add(t *testing.T, e *fault.Engine, rules ...fault.Rule) {
	t.Helper()
	if _, err := e.Add(rules...); err != nil {
		t.Fatal(err)
	}
}

// serve runs a request against the engine without a network, for what needs no connection.
func serve(e *fault.Engine, next http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	e.Wrap("api", next).ServeHTTP(w, r)
	return w
}

func share(f float64) *float64 { return &f }

func TestMatching(t *testing.T) {
	for _, c := range []struct {
		name  string
		match fault.Match
		hit   bool
	}{
		{"everything", fault.Match{}, true},
		{"method", fault.Match{Method: "GET"}, true},
		{"other method", fault.Match{Method: "POST"}, false},
		{"path", fault.Match{Path: "/api/v1/media/7"}, true},
		{"one segment", fault.Match{Path: "/api/v1/media/*"}, true},
		{"too few segments", fault.Match{Path: "/api/v1/*"}, false},
		{"any depth", fault.Match{Path: "/api/**"}, true},
		{"any depth with a pattern", fault.Match{Path: "/*/v1/**"}, true},
		{"any depth elsewhere", fault.Match{Path: "/other/**"}, false},
		{"service", fault.Match{Service: "api"}, true},
		{"other service", fault.Match{Service: "auth"}, false},
		{"header", fault.Match{Headers: map[string]string{"X-Test": "yes"}}, true},
		{"other header", fault.Match{Headers: map[string]string{"X-Test": "no"}}, false},
		{"nobody", fault.Match{Share: share(0)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			add(t, e, fault.Rule{Match: c.match, Status: &fault.Status{Code: 503}})
			got := serve(e, &hello{}, "GET", "/api/v1/media/7", "X-Test", "yes").Code == 503
			if got != c.hit {
				t.Errorf("hit %v, want %v", got, c.hit)
			}
		})
	}
}

func TestShareIsSeededAndRepeatable(t *testing.T) {
	fates := func(seed uint64) (string, int) {
		e := newEngine(t)
		add(t, e, fault.Rule{Match: fault.Match{Share: share(0.2)}, Seed: seed, Status: &fault.Status{Code: 503}})
		var b strings.Builder
		hits := 0
		for range 10_000 {
			if serve(e, &hello{}, "GET", "/").Code == 503 {
				b.WriteByte('x')
				hits++
			} else {
				b.WriteByte('.')
			}
		}
		return b.String(), hits
	}
	first, hits := fates(7)
	if again, _ := fates(7); again != first {
		t.Error("the same seed gave another fate")
	}
	if other, _ := fates(8); other == first {
		t.Error("another seed gave the same fate")
	}
	// 2,000 expected with a standard deviation of 40: five of them either way.
	if hits < 1800 || hits > 2200 {
		t.Errorf("%d of 10000 hit, want about 2000", hits)
	}
}

func TestLatencyDistributions(t *testing.T) {
	ms := func(n float64) fault.Duration { return fault.Duration(n * float64(time.Millisecond)) }
	for _, c := range []struct {
		name     string
		latency  fault.Latency
		p50, p99 float64 // ms
	}{
		{"fixed", fault.Latency{Fixed: ms(30)}, 30, 30},
		{"uniform", fault.Latency{Uniform: &fault.Uniform{Min: ms(10), Max: ms(110)}}, 60, 109},
		{"log-normal", fault.Latency{LogNormal: &fault.LogNormal{P50: ms(20), P99: ms(400)}}, 20, 400},
		{"percentiles", fault.Latency{Percentiles: map[string]fault.Duration{"0": ms(5), "50": ms(40), "99": ms(900), "100": ms(1000)}}, 40, 900},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t)
				add(t, e, fault.Rule{Latency: &c.latency, Seed: 3})
				const n = 20_000
				var within50, within99 float64
				for range n {
					start := time.Now()
					serve(e, &hello{}, "GET", "/")
					took := float64(time.Since(start)) / 1e6
					if took <= c.p50 {
						within50++
					}
					if took <= c.p99 {
						within99++
					}
				}
				if c.latency.Fixed != 0 {
					if within50 != n {
						t.Errorf("%v of %v took %v ms", within50, n, c.p50)
					}
					return
				}
				// Five standard deviations of a binomial share of 20,000 draws.
				if math.Abs(within50/n-0.50) > 0.018 || math.Abs(within99/n-0.99) > 0.0036 {
					t.Errorf("%.3f within %v ms and %.4f within %v ms, want 0.50 and 0.99", within50/n, c.p50, within99/n, c.p99)
				}
			})
		})
	}
}

// An M/M/1 queue at 80 % load keeps a request 5 times its service time on average, and one at 40 % 1.67 times.
func TestQueueLatencyGrowsWithLoad(t *testing.T) {
	mean := func(load float64) (ms float64) {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine(t)
			add(t, e, fault.Rule{Seed: 5, Latency: &fault.Latency{Queue: &fault.Queue{Servers: 1, Service: fault.Duration(10 * time.Millisecond)}}})
			const n = 50_000
			var total atomic.Int64
			// Exponential gaps from a fixed sequence make the arrivals a Poisson process.
			x := uint64(1)
			for range n {
				x = x*6364136223846793005 + 1442695040888963407
				gap := -math.Log((float64(x>>11)+0.5)/(1<<53)) * 10 / load
				time.Sleep(time.Duration(gap * 1e6))
				go func() {
					start := time.Now()
					serve(e, &hello{}, "GET", "/")
					total.Add(int64(time.Since(start)))
				}()
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			ms = float64(total.Load()) / n / 1e6
		})
		return ms
	}
	low, high := mean(0.4), mean(0.8)
	if math.Abs(low-16.7) > 1.5 || math.Abs(high-50) > 10 {
		t.Errorf("a request stayed %.1f ms at 40 %% load and %.1f ms at 80 %%, want 16.7 and 50", low, high)
	}
}

func TestOverloadRefusesWhoWouldWaitTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		add(t, e, fault.Rule{Latency: &fault.Latency{Queue: &fault.Queue{
			Servers: 1, Service: fault.Duration(time.Second), MaxWait: fault.Duration(2 * time.Second)}}})
		var refused atomic.Int64
		for range 50 {
			go func() {
				if w := serve(e, &hello{}, "GET", "/"); w.Code == 503 && w.Header().Get("Retry-After") == "1" {
					refused.Add(1)
				}
			}()
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := refused.Load(); n < 40 || n == 50 {
			t.Errorf("%d of 50 refused, want most", n)
		}
	})
}

func TestTimeToLiveScheduleAndSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		add(t, e, fault.Rule{TTL: fault.Duration(time.Minute), Status: &fault.Status{Code: 500}})
		time.Sleep(59 * time.Second)
		if c := serve(e, &hello{}, "GET", "/").Code; c != 500 {
			t.Errorf("status %d within the time to live", c)
		}
		time.Sleep(2 * time.Second)
		if c := serve(e, &hello{}, "GET", "/").Code; c != 200 || len(e.List()) != 0 {
			t.Errorf("status %d after the time to live, %d rules left", c, len(e.List()))
		}

		add(t, e, fault.Rule{Status: &fault.Status{Code: 500}, Schedule: &fault.Schedule{
			After: fault.Duration(10 * time.Second), For: fault.Duration(5 * time.Second), Every: fault.Duration(20 * time.Second)}})
		var on []int
		for s := range 60 {
			if serve(e, &hello{}, "GET", "/").Code == 500 {
				on = append(on, s)
			}
			time.Sleep(time.Second)
		}
		want := []int{10, 11, 12, 13, 14, 30, 31, 32, 33, 34, 50, 51, 52, 53, 54}
		if len(on) != len(want) || on[0] != 10 || on[5] != 30 || on[14] != 54 {
			t.Errorf("on at %v, want %v", on, want)
		}
		e.Clear()

		add(t, e, fault.Rule{SlowDown: &fault.SlowDown{PerMinute: fault.Duration(10 * time.Millisecond), Max: fault.Duration(time.Second)}})
		for _, c := range []struct{ at, delay time.Duration }{{0, 0}, {30 * time.Minute, 300 * time.Millisecond}, {3 * time.Hour, time.Second}} {
			time.Sleep(c.at)
			start := time.Now()
			serve(e, &hello{}, "GET", "/")
			if d := time.Since(start) - c.delay; d < 0 || d > 10*time.Millisecond {
				t.Errorf("after another %v a request took %v, want %v", c.at, time.Since(start), c.delay)
			}
		}
	})
}

// connections runs requests over TCP: what happens to a connection shows nowhere else.
func TestConnectionsAndBodies(t *testing.T) {
	get := func(t *testing.T, rule fault.Rule) (string, *http.Response, error) {
		e := newEngine(t)
		add(t, e, rule)
		s := httptest.NewServer(e.Wrap("api", &hello{}))
		t.Cleanup(s.Close)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(s.URL)
		if err != nil {
			return "", nil, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), resp, err
	}
	t.Run("reset", func(t *testing.T) {
		if _, _, err := get(t, fault.Rule{Reset: true}); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a connection reset", err)
		}
	})
	t.Run("empty", func(t *testing.T) {
		if _, _, err := get(t, fault.Rule{Empty: true}); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want EOF", err)
		}
	})
	t.Run("truncated", func(t *testing.T) {
		b, _, err := get(t, fault.Rule{Truncate: &fault.Truncate{AfterBytes: 10}})
		if !errors.Is(err, io.ErrUnexpectedEOF) || b != body[:10] {
			t.Errorf("got %q, %v, want the first 10 bytes and an unexpected EOF", b, err)
		}
	})
	t.Run("malformed", func(t *testing.T) {
		b, resp, err := get(t, fault.Rule{Name: "bad-json", Malformed: true})
		if err != nil || resp.StatusCode != 200 || json.Valid([]byte(b)) {
			t.Errorf("got status %d, %q, %v, want a complete body that is not JSON", resp.StatusCode, b, err)
		}
		if resp.Header.Get(fault.Header) != "bad-json" {
			t.Errorf("header %q does not name the rule", resp.Header.Get(fault.Header))
		}
	})
	t.Run("status", func(t *testing.T) {
		_, resp, err := get(t, fault.Rule{Status: &fault.Status{Code: 502, RetryAfter: fault.Duration(1500 * time.Millisecond)}})
		if err != nil || resp.StatusCode != 502 || resp.Header.Get("Retry-After") != "2" {
			t.Errorf("got %v, %v, want 502 with Retry-After 2", resp, err)
		}
	})
	t.Run("status with a body", func(t *testing.T) {
		b, resp, err := get(t, fault.Rule{Status: &fault.Status{Code: 418, Body: `{"teapot":true}`}})
		if err != nil || resp.StatusCode != 418 || b != `{"teapot":true}` {
			t.Errorf("got %v %q, %v", resp, b, err)
		}
	})
}

func TestTrickleKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		add(t, e, fault.Rule{Trickle: &fault.Trickle{BytesPerSecond: 1000}})
		start := time.Now()
		w := serve(e, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 5000)) }), "GET", "/")
		if d := time.Since(start); d != 5*time.Second || w.Body.Len() != 5000 {
			t.Errorf("%d bytes in %v, want 5000 in 5s", w.Body.Len(), d)
		}
	})
}

func TestStretchMultipliesTheTimeToTheFirstByte(t *testing.T) {
	const own = 10 * time.Millisecond
	e := newEngine(t)
	// Two rules multiply: three times as long. Real time, since the last of it is not slept through; only the lower
	// bound is certain on a busy machine.
	add(t, e, fault.Rule{Stretch: &fault.Stretch{Factor: 2}}, fault.Rule{Stretch: &fault.Stretch{Factor: 1.5}})
	for name, next := range map[string]http.HandlerFunc{
		"an answer":          func(w http.ResponseWriter, _ *http.Request) { time.Sleep(own); _, _ = io.WriteString(w, body) },
		"a status alone":     func(w http.ResponseWriter, _ *http.Request) { time.Sleep(own); w.WriteHeader(204) },
		"nothing of its own": func(http.ResponseWriter, *http.Request) { time.Sleep(own) },
	} {
		start := time.Now()
		serve(e, next, "GET", "/")
		if took := time.Since(start); took < 3*own {
			t.Errorf("%s took %v, want three times %v at least", name, took, own)
		}
	}
}

func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		add(t, e, fault.Rule{Quota: &fault.Quota{Limit: 3, Window: fault.Duration(10 * time.Second)}})
		for i := range 3 {
			if w := serve(e, &hello{}, "GET", "/", "Authorization", "a"); w.Code != 200 {
				t.Errorf("request %d: status %d", i, w.Code)
			}
		}
		w := serve(e, &hello{}, "GET", "/", "Authorization", "a")
		if w.Code != 429 || w.Header().Get("Retry-After") != "10" || w.Header().Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("beyond the quota: %d %v", w.Code, w.Header())
		}
		if w := serve(e, &hello{}, "GET", "/", "Authorization", "b"); w.Code != 200 {
			t.Errorf("another client: status %d", w.Code)
		}
		time.Sleep(10 * time.Second)
		if w := serve(e, &hello{}, "GET", "/", "Authorization", "a"); w.Code != 200 {
			t.Errorf("in the next window: status %d", w.Code)
		}
	})
}

func TestStaleAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, h := newEngine(t), &hello{}
		add(t, e, fault.Rule{Stale: &fault.Stale{For: fault.Duration(time.Minute)}})
		first := serve(e, h, "GET", "/count", "Authorization", "a").Body.String()
		time.Sleep(59 * time.Second)
		if again := serve(e, h, "GET", "/count", "Authorization", "a").Body.String(); again != first {
			t.Errorf("got %q within the minute, want the old %q", again, first)
		}
		if other := serve(e, h, "GET", "/count", "Authorization", "b").Body.String(); other == first {
			t.Error("another caller got the first one's answer")
		}
		time.Sleep(2 * time.Second)
		if later := serve(e, h, "GET", "/count", "Authorization", "a").Body.String(); later == first {
			t.Error("still stale after the minute")
		}
	})
}

func TestLockoutsAndTokenLifeReachAuthentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		add(t, e, fault.Rule{Lockout: &fault.Lockout{Failures: 2, For: fault.Duration(time.Minute)}, TokenLife: fault.Duration(time.Hour)})
		var auth fault.Auth
		serve(e, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { auth = fault.AuthFrom(r.Context()) }), "POST", "/login")
		if auth.TokenLife != time.Hour || auth.Lockouts == nil {
			t.Fatalf("authentication learns %+v", auth)
		}
		l := auth.Lockouts
		l.Failed("a")
		if l.Locked("a") != 0 {
			t.Error("locked after one failure")
		}
		l.Failed("a")
		if l.Locked("a") != time.Minute || l.Locked("b") != 0 {
			t.Errorf("locked for %v after two failures, another account for %v", l.Locked("a"), l.Locked("b"))
		}
		time.Sleep(time.Minute)
		l.Failed("a")
		l.Succeeded("a")
		l.Failed("a")
		if l.Locked("a") != 0 {
			t.Error("failures before the lock or before a success still count")
		}
	})
	if fault.AuthFrom(context.Background()) != (fault.Auth{}) {
		t.Error("without rules authentication is asked for something")
	}
}

func TestDatabaseFaultsReachTheStore(t *testing.T) {
	dropped := 0
	e := fault.New(fault.Options{WriteError: writeError, DropPool: func() { dropped++ }})
	add(t, e, fault.Rule{DropPool: true, DBLatency: &fault.Latency{Fixed: fault.Duration(time.Second)}},
		fault.Rule{Match: fault.Match{Method: "GET"}, NPlusOne: true, RowLock: &fault.RowLock{Hold: fault.Duration(time.Minute)}},
		fault.Rule{Match: fault.Match{Method: "GET"}, RowLock: &fault.RowLock{Hold: fault.Duration(time.Second)}})
	var got mockapi.DBFaults
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = mockapi.DBFaultsFrom(r.Context()) })
	serve(e, h, "GET", "/")
	if want := (mockapi.DBFaults{Delay: time.Second, RowLock: 61 * time.Second, NPlusOne: true}); dropped != 1 || got != want {
		t.Errorf("pool dropped %d times, the store asked for %+v; want %+v", dropped, got, want)
	}
	serve(e, h, "POST", "/")
	if want := (mockapi.DBFaults{Delay: time.Second}); got != want {
		t.Errorf("a request that not every rule is for asks for %+v; want %+v", got, want)
	}
}

func TestLeakGrowsAtItsRateAndGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		add(t, e, fault.Rule{Leak: &fault.Leak{BytesPerSecond: 1 << 20, Max: 5 << 20}})
		time.Sleep(3*time.Second + time.Millisecond)
		if held := e.List()[0].Leaked; held < 2900<<10 || held > 3<<20 {
			t.Errorf("%d bytes after 3 s at 1 MiB/s", held)
		}
		time.Sleep(time.Minute)
		if held := e.List()[0].Leaked; held != 5<<20 {
			t.Errorf("%d bytes held, want the 5 MiB of the bound", held)
		}
		e.Clear()
		synctest.Wait() // the test fails if the leaking goroutine outlives its rule
	})
}

func TestAddReportsEverythingAndAddsNothing(t *testing.T) {
	e := newEngine(t)
	_, err := e.Add(
		fault.Rule{Status: &fault.Status{Code: 503}},
		fault.Rule{Match: fault.Match{Method: "get", Path: "/[", Service: "api2", Share: share(1.5)}, TTL: -1,
			Latency: &fault.Latency{Fixed: 1, Uniform: &fault.Uniform{Min: 2, Max: 1}}, Trickle: &fault.Trickle{},
			Quota: &fault.Quota{Limit: -1}, Leak: &fault.Leak{}, Status: &fault.Status{Code: 42}, Stretch: &fault.Stretch{Factor: 0.5}, RowLock: &fault.RowLock{}},
		fault.Rule{},
	)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"method:", "path:", "service:", "share:", "ttl:", "latency.uniform:", "latency: 2 of", "trickle.bytesPerSecond",
		"quota.limit", "quota.window", "leak.bytesPerSecond", "leak.max", "status.code", "stretch.factor", "rowLock.hold", "rule 3: nothing to do"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not speak of %q:\n%v", want, err)
		}
	}
	if len(e.List()) != 0 {
		t.Error("the right rule was added beside wrong ones")
	}
}

func TestRemove(t *testing.T) {
	e := newEngine(t)
	rules, err := e.Add(fault.Rule{Name: "a", Reset: true}, fault.Rule{Name: "a", Empty: true}, fault.Rule{Name: "b", Malformed: true})
	if err != nil {
		t.Fatal(err)
	}
	if !e.Remove(rules[0].ID) || e.Remove(rules[0].ID) || e.Remove("nonsense") {
		t.Error("Remove does not tell what it found")
	}
	if n := e.RemoveNamed("a"); n != 1 || len(e.List()) != 1 {
		t.Errorf("RemoveNamed ended %d rules, %d left", n, len(e.List()))
	}
}

func TestPresetsAreRightAndListed(t *testing.T) {
	all, err := fault.Presets()
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t)
	for _, p := range all {
		if p.Description == "" {
			t.Errorf("%s has no description", p.Name)
		}
		add(t, e, p.Rules...)
		if n := e.RemoveNamed(p.Name); n != len(p.Rules) {
			t.Errorf("%s: %d rules by its name, want %d", p.Name, n, len(p.Rules))
		}
	}
	for _, name := range []string{"slow-db", "flaky-network", "overload", "memory-leak", "gradual-slowdown"} {
		if _, err := fault.Find(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := fault.Find("slowdb"); err == nil || !strings.Contains(err.Error(), "slow-db") {
		t.Errorf("an unknown preset: %v", err)
	}
	if _, err := fault.ParsePresets([]byte("x:\n  rules:\n    - {stauts: {code: 500}}\ny: {rules: []}\n")); err == nil ||
		!strings.Contains(err.Error(), "stauts") || !strings.Contains(err.Error(), "y: no rules") {
		t.Errorf("a bad file: %v", err)
	}
}

func TestRuleFilesHaveThreeForms(t *testing.T) {
	for _, file := range []string{
		"mine:\n  rules:\n    - {status: {code: 503}}\n", "- {status: {code: 503}}\n", "status: {code: 503}\n", `[{"status":{"code":503}}]`,
	} {
		presets, err := fault.ParsePresets([]byte(file))
		if err != nil || len(presets) != 1 || len(presets[0].Rules) != 1 || presets[0].Rules[0].Status.Code != 503 {
			t.Errorf("%q: %+v, %v", file, presets, err)
		}
	}
	for _, file := range []string{"", "[]", "7", "stauts: {code: 503}", "- {reset: true}\n- {}"} {
		if _, err := fault.ParsePresets([]byte(file)); err == nil {
			t.Errorf("%q is accepted", file)
		}
	}
}

func TestRulesSurviveJSON(t *testing.T) {
	all, err := fault.Presets()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back fault.Preset
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if !bytes.Equal(b, again) {
			t.Errorf("%s became %s", b, again)
		}
	}
}

// BenchmarkWrap shows what the engine costs a request: nothing to speak of without rules, little with a rule
// that is for others.
func BenchmarkWrap(b *testing.B) {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("GET", "/api/v1/media", nil)
	run := func(name string, h http.Handler) {
		b.Run(name, func(b *testing.B) {
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
	e := fault.New(fault.Options{WriteError: writeError})
	run("bare", next)
	run("no rules", e.Wrap("api", next))
	if _, err := e.Add(fault.Rule{Match: fault.Match{Path: "/api/v1/search/**"}, Reset: true}); err != nil {
		b.Fatal(err)
	}
	run("a rule for others", e.Wrap("api", next))
}
