package vu_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// What is kept of a request is a copy, of the first one after each refresh that was answered as expected.
func TestRecentRequests(t *testing.T) {
	registry := metrics.NewRegistry()
	recent := vu.NewRecent()
	a := &answers{status: 200}
	v := vu.New(vu.Config{Registry: registry, Recorder: metrics.NewStore(registry, time.Now(), nil).Recorder(), Client: a, Recent: recent})
	h := host(t)
	send := func(method, path, body string) {
		b := []byte(body)
		v.Do(&vu.Call{Method: method, Host: h, Path: path, Name: h.URL + "/files/{id}", Header: []string{"Authorization", "Bearer " + body}, Body: b})
		clear(b) // a user's buffer is used again
	}
	kept := func() string {
		var all []string
		for _, c := range recent.Calls() {
			all = append(all, fmt.Sprintf("%s %s %s %s", c.Method, strings.TrimPrefix(c.Name, h.URL), c.Path, c.Body))
			if !slices.Equal(c.Header, []string{"Authorization", "Bearer " + string(c.Body)}) {
				t.Errorf("header %q", c.Header)
			}
		}
		return strings.Join(all, "\n")
	}

	a.status = 500
	send("GET", "/files/1", "a")
	if got := kept(); got != "" {
		t.Errorf("a failed request was kept: %s", got)
	}
	a.status = 200
	send("GET", "/files/2", "b")
	send("GET", "/files/3", "c")
	send("DELETE", "/files/4", "d")
	if got := kept(); got != "DELETE /files/{id} /files/4 d\nGET /files/{id} /files/2 b" {
		t.Errorf("kept\n%s", got)
	}
	recent.Refresh()
	send("GET", "/files/5", "e")
	send("GET", "/files/6", "f")
	send("DELETE", "/files/7", strings.Repeat("g", 1<<18+1)) // too large, the one before stays
	if got := kept(); got != "DELETE /files/{id} /files/4 d\nGET /files/{id} /files/5 e" {
		t.Errorf("kept\n%s", got)
	}
	for i := range 1000 {
		v.Do(&vu.Call{Method: "GET", Host: h, Path: fmt.Sprintf("/%d", i)})
	}
	if n := len(recent.Calls()); n > 100 {
		t.Errorf("%d requests are kept", n)
	}
}

func TestSetUpIsNotKept(t *testing.T) {
	recent := vu.NewRecent()
	v := vu.New(vu.Config{Registry: metrics.NewRegistry(), Client: &answers{status: 200}, Recent: recent})
	v.Do(&vu.Call{Method: "GET", Host: host(t), Path: "/"})
	if n := len(recent.Calls()); n != 0 {
		t.Errorf("%d requests of set-up are kept", n)
	}
}

// BenchmarkRecent is what a request costs that is not kept, which nearly all are.
func BenchmarkRecent(b *testing.B) {
	for _, recent := range []*vu.Recent{nil, vu.NewRecent()} {
		b.Run(fmt.Sprintf("kept=%v", recent != nil), func(b *testing.B) {
			registry := metrics.NewRegistry()
			store := metrics.NewStore(registry, time.Now(), nil)
			v := vu.New(vu.Config{Registry: registry, Recorder: store.Recorder(), Client: &answers{status: 200}, Recent: recent})
			c := &vu.Call{Method: "GET", Host: host(b), Path: "/files/1", Name: "http://127.0.0.1:3000/files/{id}"}
			for b.Loop() {
				v.Do(c)
			}
		})
	}
}
