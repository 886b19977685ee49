// Package answer learns what a handler answers, for those who count and write down requests.
package answer

import (
	"bufio"
	"net"
	"net/http"
)

// Recorder passes an answer on and learns what it is. It is for the one goroutine that serves the request.
type Recorder struct {
	http.ResponseWriter
	// Status is that of the answer, 0 as long as there is none; see End.
	Status int
	// Bytes is how much of the body was written.
	Bytes int64
	// Hijacked tells that the connection was taken over: the request got no answer.
	Hijacked bool
}

// End notes that the handler has returned: net/http says 200 for one that wrote nothing, where the connection is still
// the server's and the client of the request has not gone.
func (r *Recorder) End(of *http.Request) {
	if r.Status == 0 && !r.Hijacked && of.Context().Err() == nil {
		r.Status = http.StatusOK
	}
}

// WriteHeader implements http.ResponseWriter.
func (r *Recorder) WriteHeader(status int) {
	if r.Status == 0 && status >= 200 { // 1xx come before the answer
		r.Status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *Recorder) Write(p []byte) (int, error) {
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.Bytes += int64(n)
	return n, err
}

// Hijack implements http.Hijacker.
func (r *Recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.Hijacked = true
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController reach the connection.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush implements http.Flusher.
func (r *Recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }
