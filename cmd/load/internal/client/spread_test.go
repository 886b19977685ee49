package client_test

import (
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/client"
)

// Users are spread by their numbers alone: evenly, and in every run alike.
func TestSpread(t *testing.T) {
	one := host(t, "http://127.0.0.1:1")
	if h := client.Spread([]*client.Host{one}, 0); h != one || h.Several() || h.Of(7) != one {
		t.Error("one host is spread")
	}
	all := []*client.Host{one, host(t, "http://127.0.0.1:2/api"), host(t, "http://127.0.0.1:3")}
	h := client.Spread(all, 2)
	if !h.Several() || h.URL != one.URL {
		t.Errorf("several: %v, URL %s", h.Several(), h.URL)
	}
	if h.Of(0) != all[2] {
		t.Errorf("set-up goes to %s", h.Of(0).URL)
	}
	users := map[*client.Host]int{}
	for id := 1; id <= 300; id++ {
		users[h.Of(id)]++
		if h.Of(id) != h.Of(id+3) {
			t.Errorf("users %d and %d do not share a host", id, id+3)
		}
	}
	for _, x := range all {
		if users[x] != 100 {
			t.Errorf("%s has %d of 300 users", x.URL, users[x])
		}
	}
}
