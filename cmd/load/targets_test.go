package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

// A certificate that nobody vouches for is no server that is down.
func TestUnknownCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail, as they should
	server.StartTLS()
	defer server.Close()
	h, err := client.NewHost(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string][]*client.Host{"api": {h}}
	_, err = new(targetFlags).probe(t.Context(), hosts, &scenario.Options{})
	if err == nil || !strings.Contains(err.Error(), "/health: connect: tls: failed to verify certificate: ") ||
		!strings.HasSuffix(err.Error(), "(--insecure takes any certificate; --target or BASE_URL names another)") {
		t.Errorf("got %v", err)
	}
	if _, err := new(targetFlags).probe(t.Context(), hosts, &scenario.Options{InsecureSkipTLSVerify: true}); err != nil {
		t.Errorf("with --insecure: %v", err)
	}
}
