//go:build !unix

package client

import "net"

// readiness is for systems on which a read can be tried.
type readiness struct{}

func newReadiness(net.Conn) *readiness { return nil }

func (*readiness) read() (*[]byte, error) { return nil, nil }
