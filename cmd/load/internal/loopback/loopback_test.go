package loopback

import (
	"net"
	"testing"
)

func TestListenWithoutAHostIsForThisMachine(t *testing.T) {
	l, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if host, _, err := net.SplitHostPort(l.Addr().String()); err != nil || host != "127.0.0.1" {
		t.Errorf("listens at %s, %v", l.Addr(), err)
	}
	if l, err := Listen("127.0.0.1"); err == nil {
		_ = l.Close()
		t.Error("an address without a port was taken")
	}
}

func TestIs(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "localhost.example.com": false, "127.0.0.1:80": false,
	} {
		if Is(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
