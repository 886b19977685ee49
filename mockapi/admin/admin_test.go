package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/admin"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/journal"
)

const token = "a-token-for-tests"

// control is a server that is wired as a mock is: the journal around the faults around the API.
type control struct {
	t       *testing.T
	url     string
	options admin.Options
	resets  int
	broken  error // of the next reset
}

func newControl(t *testing.T) *control {
	c := &control{t: t}
	writeError := func(w http.ResponseWriter, _ *http.Request, e *mockapi.Error) {
		w.WriteHeader(e.HTTPStatus())
		_ = json.NewEncoder(w).Encode(map[string]any{"success": false, "error": map[string]any{"code": e.Code, "message": e.Message}})
	}
	faults := fault.New(fault.Options{WriteError: writeError})
	t.Cleanup(faults.Clear)
	j := journal.New(100, "X-Correlation-ID", fault.Header)
	c.options = admin.Options{
		Token: token, Version: "test", Faults: faults, Journal: j, WriteError: writeError,
		Dataset: func(context.Context) (mockapi.Dataset, error) { return mockapi.Dataset{Fingerprint: "f00d"}, nil },
		Pool:    func() mockapi.PoolStats { return mockapi.PoolStats{Max: 8, Busy: 3} },
		Reset:   func(context.Context) error { c.resets++; return c.broken },
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/", admin.Handler(c.options))
	mux.Handle("/", j.Wrap("api", faults.Wrap("api", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

// do sends a request with the token and returns the status and the data or the error of the answer.
func (c *control) do(method, path, body string, headers ...string) (int, map[string]json.RawMessage) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("X-Admin-Token", token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		c.t.Fatalf("%s %s: the answer is not JSON: %v", method, path, err)
	}
	return resp.StatusCode, answer
}

func (c *control) want(status int, method, path, body string) json.RawMessage {
	c.t.Helper()
	got, answer := c.do(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, answer["error"])
	}
	return answer["data"]
}

func TestTokenAndAddress(t *testing.T) {
	c := newControl(t)
	for _, headers := range [][]string{{"X-Admin-Token", "wrong"}, {"X-Admin-Token", ""}, {"X-Admin-Token", "", "Authorization", "Bearer wrong"}} {
		if status, _ := c.do("GET", "/admin/state", "", headers...); status != 401 {
			t.Errorf("%v: status %d, want 401", headers, status)
		}
	}
	if status, _ := c.do("GET", "/admin/state", "", "X-Admin-Token", "", "Authorization", "Bearer "+token); status != 200 {
		t.Errorf("bearer token: status %d", status)
	}
	r := httptest.NewRequest("GET", "/admin/state", nil)
	r.Header.Set("X-Admin-Token", token)
	r.RemoteAddr = "192.0.2.7:1234"
	w := httptest.NewRecorder()
	admin.Handler(c.options).ServeHTTP(w, r)
	if w.Code != 403 {
		t.Errorf("another machine: status %d, want 403", w.Code)
	}
	c.options.Remote = true
	w = httptest.NewRecorder()
	admin.Handler(c.options).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("another machine that is welcome: status %d", w.Code)
	}
	c.options.Token = ""
	r.Header.Set("X-Admin-Token", "")
	w = httptest.NewRecorder()
	admin.Handler(c.options).ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("no token set and none given: status %d, want 401", w.Code)
	}
}

func TestFaultsComeAndGo(t *testing.T) {
	c := newControl(t)
	var rules []fault.Rule
	if err := json.Unmarshal(c.want(201, "POST", "/admin/faults", `{"path":"/x","status":{"code":503}}`), &rules); err != nil {
		t.Fatal(err)
	}
	status := func(path string) int {
		resp, err := http.Get(c.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status("/x") != 503 || status("/y") != 200 {
		t.Error("the rule is not applied as it says")
	}
	var list []fault.State
	if err := json.Unmarshal(c.want(200, "GET", "/admin/faults", ""), &list); err != nil || len(list) != 1 || list[0].Fired != 1 {
		t.Errorf("list %+v, %v", list, err)
	}
	c.want(200, "DELETE", "/admin/faults/"+rules[0].ID, "")
	c.want(404, "DELETE", "/admin/faults/"+rules[0].ID, "")
	if status("/x") != 200 {
		t.Error("the rule outlives its removal")
	}
	c.want(201, "POST", "/admin/faults", `[{"reset":true,"path":"/r"},{"empty":true,"path":"/e"}]`)
	c.want(200, "DELETE", "/admin/faults", "")
	if status("/r") != 200 {
		t.Error("rules outlive their clearing")
	}
	for _, bad := range []string{`{`, `{"stauts":{"code":500}}`, `{}`, `[{"reset":true},{"latency":{}}]`, `{"reset":true} {}`, `{"ttl":"soon","reset":true}`} {
		c.want(400, "POST", "/admin/faults", bad)
	}
	c.want(413, "POST", "/admin/faults", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`)
	if len(c.options.Faults.List()) != 0 {
		t.Error("a wrong body left a rule")
	}
}

func TestPresets(t *testing.T) {
	c := newControl(t)
	c.want(201, "PUT", "/admin/presets/rate-limit", "")
	c.want(201, "PUT", "/admin/presets/rate-limit?ttl=1h", "")
	if list := c.options.Faults.List(); len(list) != 1 || list[0].Expires == nil {
		t.Errorf("started twice, %d rules live, the last for an hour: %+v", len(list), list)
	}
	var presets []struct {
		Name string
		On   bool
	}
	if err := json.Unmarshal(c.want(200, "GET", "/admin/presets", ""), &presets); err != nil {
		t.Fatal(err)
	}
	on := 0
	for _, p := range presets {
		if p.On {
			on++
		}
	}
	if on != 1 || len(presets) < 5 {
		t.Errorf("%d of %d presets on, want 1", on, len(presets))
	}
	c.want(200, "DELETE", "/admin/presets/rate-limit", "")
	c.want(404, "PUT", "/admin/presets/nonsense", "")
	c.want(400, "PUT", "/admin/presets/rate-limit?ttl=soon", "")
	if len(c.options.Faults.List()) != 0 {
		t.Error("a preset outlives its end")
	}
}

func TestJournal(t *testing.T) {
	c := newControl(t)
	for range 3 {
		if resp, err := http.Get(c.url + "/media/7"); err != nil {
			t.Fatal(err)
		} else {
			resp.Body.Close()
		}
	}
	var entries []journal.Entry
	if err := json.Unmarshal(c.want(200, "GET", "/admin/journal?path=/media/*&limit=2", ""), &entries); err != nil || len(entries) != 2 || entries[0].Status != 200 {
		t.Errorf("entries %+v, %v", entries, err)
	}
	if data := c.want(200, "GET", "/admin/journal/count?status=2", ""); string(data) != `{"complete":true,"count":3}` {
		t.Errorf("count %s", data)
	}
	if data := c.want(200, "POST", "/admin/journal/verify", `{"path":"/media/*","exactly":3}`); !strings.Contains(string(data), `"passed":true`) {
		t.Errorf("verify %s", data)
	}
	if data := c.want(200, "POST", "/admin/journal/verify", `{"path":"/media/*","atMost":2}`); !strings.Contains(string(data), `"passed":false`) {
		t.Errorf("verify %s", data)
	}
	for _, bad := range []string{"?status=many", "?status=42", "?path=[", "?since=yesterday", "?limit=0"} {
		c.want(400, "GET", "/admin/journal"+bad, "")
	}
	c.want(400, "POST", "/admin/journal/verify", `{"path":"/"}`)
	c.want(200, "DELETE", "/admin/journal", "")
	if n, _ := c.options.Journal.Count(journal.Filter{}); n != 0 {
		t.Errorf("%d entries after clearing", n)
	}
}

func TestStateAndReset(t *testing.T) {
	c := newControl(t)
	c.want(201, "POST", "/admin/faults", `{"name":"slow","latency":{"fixed":"1ms"}}`)
	state := string(c.want(200, "GET", "/admin/state", ""))
	for _, want := range []string{`"fingerprint":"f00d"`, `"busy":3`, `"name":"slow"`, `"goroutines":`, `"version":"test"`} {
		if !strings.Contains(state, want) {
			t.Errorf("the state lacks %s: %s", want, state)
		}
	}
	c.broken = errors.New("no snapshot")
	if c.want(503, "POST", "/admin/reset", ""); len(c.options.Faults.List()) != 1 {
		t.Error("a failed reset ended the rules")
	}
	c.broken = nil
	if c.want(200, "POST", "/admin/reset", ""); c.resets != 2 || len(c.options.Faults.List()) != 0 {
		t.Error("the reset left rules")
	}
	c.want(404, "GET", "/admin/nonsense", "")
}
