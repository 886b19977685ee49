package handler

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose only connection is one end of a pipe.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, open := <-p; open {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A client that stops in the middle of its form is told so, and holds no goroutine of the server's for ever.
func TestUploadThatStalls(t *testing.T) {
	const boundary = "boundary"
	field := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nv\r\n"
	file := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\nbytes\r\n"
	for name, sent := range map[string]string{
		"in the file":           file,
		"after too many fields": strings.Repeat(field, maxFormParts+2),
		"after two files":       file + file + field,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, token := uploadServer(t)
				s := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second}
				listener := make(pipes, 1)
				var served sync.WaitGroup
				served.Go(func() { _ = s.Serve(listener) })
				client, server := net.Pipe()
				listener <- server
				defer func() {
					close(listener)
					served.Wait()
					_ = client.Close()
				}()
				start := time.Now()
				_ = client.SetDeadline(start.Add(time.Hour))
				go fmt.Fprintf(client, "POST /api/v1/media/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
					"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s", token, boundary, len(sent)+1000, sent)
				answer, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatalf("no answer after %v: %v", time.Since(start), err)
				}
				body, err := io.ReadAll(answer.Body)
				if err != nil || answer.StatusCode != http.StatusBadRequest || !answer.Close {
					t.Errorf("answered %d, the connection to be closed: %v: %s, %v", answer.StatusCode, answer.Close, body, err)
				}
				if _, err := client.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("the connection is still open: %v", err)
				}
				if took := time.Since(start); took > uploadPatience+5*time.Second { // of the bubble's clock
					t.Errorf("that took %v", took)
				}
			})
		})
	}
}
