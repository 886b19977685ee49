package environment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How a target is asked whether it is healthy.
const (
	healthEvery   = 500 * time.Millisecond
	healthTimeout = 5 * time.Second
	maxAnswer     = 1 << 20
)

// Await waits until every base URL answers its /health well, and no longer than the timeout.
func Await(ctx context.Context, c *http.Client, bases []string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errLate)
	defer cancel()
	for _, base := range bases {
		address := strings.TrimSuffix(base, "/") + "/health"
		last := errNoAnswer // what it said when it was asked last, if the time did not end meanwhile
		for {
			err := Request(ctx, c, http.MethodGet, address, "")
			if err == nil {
				break
			}
			if ctx.Err() == nil {
				last = err
			}
			select {
			case <-time.After(healthEvery):
				continue
			case <-ctx.Done():
			}
			if context.Cause(ctx) == errLate {
				return fmt.Errorf("%s was not healthy within %s: %w", address, timeout, last)
			}
			return context.Cause(ctx)
		}
	}
	return nil
}

var (
	errLate     = errors.New("too late")
	errNoAnswer = errors.New("it does not answer")
)

// Request sends a request, with a body of JSON where there is one, and wants it answered with 2xx.
func Request(ctx context.Context, c *http.Client, method, address, body string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(r)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			return of.Err // which address it was, the caller says
		}
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
