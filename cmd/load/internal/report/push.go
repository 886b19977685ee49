package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Pushing is how and how often a Pusher sends.
const (
	// PushEvery is how often the totals are sent, as k6 does.
	PushEvery = 10 * time.Second
	// pushTimeout bounds one request; pushTries is how often the last totals are tried, pushPause apart.
	pushTimeout = 5 * time.Second
	pushTries   = 3
	pushPause   = time.Second
	// maxPoints is how many data points go into one request, and maxPushAnswer how much of an answer is read.
	maxPoints     = 2000
	maxPushAnswer = 64 << 10
)

// Pusher sends a store's totals to somebody who gathers them, every PushEvery and once more at the end. Totals that
// did not arrive are in those that do later, so that only what fails at the end is missing.
type Pusher struct {
	url    string // as it was given, for messages
	send   func(context.Context) error
	tell   func(error)
	cancel context.CancelFunc
	done   chan struct{}

	mu  sync.Mutex
	err error
}

// startPusher sends until Close. tell is called with the first error of a row of them.
func startPusher(to *url.URL, send func(context.Context) error, tell func(error)) *Pusher {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pusher{url: to.Redacted(), send: send, tell: tell, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		ticker := time.NewTicker(PushEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				p.push(ctx)
			}
		}
	}()
	return p
}

func (p *Pusher) push(ctx context.Context) {
	err := p.send(ctx)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	first := err != nil && p.err == nil
	p.err = err
	p.mu.Unlock()
	if first {
		p.tell(err)
	}
}

// URL is where it sends to, without a password.
func (p *Pusher) URL() string { return p.url }

// Err is why the last totals were not sent, nil where they were.
func (p *Pusher) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Close sends the last totals, and fails where they do not arrive.
func (p *Pusher) Close() error {
	p.cancel()
	<-p.done
	var err error
	for try := range pushTries {
		if try > 0 {
			time.Sleep(pushPause)
		}
		if err = p.send(context.Background()); err == nil || !errors.As(err, new(tryAgain)) {
			break
		}
	}
	return err
}

// tryAgain is an error that may be gone soon.
type tryAgain struct{ error }

func (e tryAgain) Unwrap() error { return e.error }

// pushClient is a client that follows no redirects: what names the sender is not for others, and what a GET finds in
// another place has taken no metrics.
func pushClient() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post sends one body and returns the answer's. Errors show neither headers nor a password.
func post(ctx context.Context, c *http.Client, to *url.URL, header http.Header, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header.Clone()
	resp, err := c.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, tryAgain{fmt.Errorf("send metrics to %s: %w", to.Redacted(), err)}
	}
	defer resp.Body.Close() // only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxPushAnswer))
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 && err == nil {
		return answer, nil
	}
	err = fmt.Errorf("send metrics to %s: %s %.200q", to.Redacted(), resp.Status, answer)
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return nil, tryAgain{err}
	}
	return nil, err
}

// checkPushURL tells what is wrong with a URL to send to.
func checkPushURL(to, example, instead string) error {
	u, err := url.Parse(to)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("that is no URL such as %s", example)
	case u.User != nil:
		return fmt.Errorf("a user and a password in the URL would be kept in results: set %s", instead)
	}
	return nil
}
