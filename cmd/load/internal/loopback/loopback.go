// Package loopback knows what is on this machine alone.
package loopback

import (
	"cmp"
	"net"
)

// Listen listens at an address, HOST:PORT, at 127.0.0.1 where it has no host; of port 0 it takes a free one.
func Listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
}

// Is tells whether a host, without a port, is this machine by its very name: nothing is looked up.
func Is(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
