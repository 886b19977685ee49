package main

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
)

// faultHeader names the rules by which a mock has made an answer worse on purpose.
const faultHeader = "X-MediaNest-Fault"

// What bounds the names that are kept of what a server says.
const (
	maxFaults    = 16
	maxFaultName = 64 // bytes
)

// faultWatch is a transport that keeps which faults the answers tell of.
type faultWatch struct {
	http.RoundTripper

	mu   sync.Mutex
	seen []string
}

// RoundTrip implements http.RoundTripper.
func (w *faultWatch) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range resp.Header.Values(faultHeader) {
		if len(w.seen) < maxFaults && len(name) <= maxFaultName && !slices.Contains(w.seen, name) {
			w.seen = append(w.seen, name)
		}
	}
	return resp, nil
}

// take returns what has been seen since it was last called.
func (w *faultWatch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// inheritedFaults are those that a mock that the pipeline starts is told to make.
func (p *pipeline) inheritedFaults() []string {
	if len(p.Target) > 0 {
		return nil
	}
	return slices.DeleteFunc(strings.Split(os.Getenv("MEDIANEST_FAULTS"), ","), func(name string) bool { return name == "" })
}

// faults are all that concerned the tests.
func (p *pipeline) faults() []string {
	all := p.inheritedFaults()
	for _, o := range p.outcomes {
		all = union(all, o.Faults)
	}
	return all
}

// union adds what is new in b to a.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
