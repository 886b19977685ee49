package fault_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/medianest/testbed/mockapi/fault"
)

// pipes is a listener whose connections stay in memory, so that a server's timeouts pass in a bubble's time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.done); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A server's timeouts are for slow clients: what a rule holds up for longer is still answered, and read.
func TestRulesOutlastTheServersTimeouts(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(b)
	})
	for name, rule := range map[string]fault.Rule{
		"latency":        {Latency: &fault.Latency{Fixed: fault.Duration(2 * time.Minute)}},
		"slow trickle":   {Trickle: &fault.Trickle{BytesPerSecond: 100}},
		"slower trickle": {Trickle: &fault.Trickle{BytesPerSecond: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t)
				add(t, e, rule)
				l := newPipes()
				s := &http.Server{Handler: e.Wrap("api", echo), ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second}
				ended := make(chan error, 1)
				go func() { ended <- s.Serve(l) }()
				t.Cleanup(func() {
					_ = s.Close()
					if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
						t.Error(err)
					}
				})
				client := &http.Client{Transport: &http.Transport{DialContext: l.dial, DisableKeepAlives: true}}

				// More than the server reads ahead, so that some of it comes after the wait.
				sent := strings.Repeat("MediaNest ", 1000)
				start := time.Now()
				resp, err := client.Post("http://mock/", "text/plain", strings.NewReader(sent))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK || string(got) != sent {
					t.Errorf("status %d, %d of %d bytes, %v", resp.StatusCode, len(got), len(sent), err)
				}
				if took := time.Since(start); took < time.Minute {
					t.Errorf("it took %v, too short to tell", took)
				}
			})
		})
	}
}
