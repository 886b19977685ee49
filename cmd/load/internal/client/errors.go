package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// newError finds the kind of a network error.
func newError(ctx context.Context, doing string, err error) *Error {
	e := &Error{Doing: doing, Err: err, Kind: Other}
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	isTimeout := func() bool {
		t, ok := errors.AsType[net.Error](err)
		return ok && t.Timeout()
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind = Canceled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout():
		e.Kind = Timeout
	case isTLS(err):
		e.Kind = TLS
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Kind = Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Kind = Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		e.Kind = Closed
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		e.Kind = Generator
	}
	return e
}

// isTLS tells whether the two sides could not agree on a secure connection.
func isTLS(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return unverified || alert || plain
}
