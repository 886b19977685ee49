package report

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

func TestPrometheusScrapes(t *testing.T) {
	reg := metrics.NewRegistry()
	store := metrics.NewStore(reg, time.Now(), nil)
	rec := store.Recorder()
	rec.HTTP(&metrics.HTTPRequest{Tags: reg.Tags("name", "list \"all\"", "status", "200", "9-lives", "x"), Duration: 250})
	rec.HTTP(&metrics.HTTPRequest{Tags: reg.Tags("status", "500"), Duration: 250, Failed: true})
	rec.Add(reg.Builtin.VUs, reg.Tags(), 7)
	store.Tick(time.Now())
	e, err := Export(":0", store)
	if err != nil {
		t.Fatal(err)
	}
	if host := e.Addr().(*net.TCPAddr).IP; !host.IsLoopback() {
		t.Errorf("without a host it listens at %s, not on this machine alone", host)
	}
	resp, err := http.Get("http://" + e.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v:\n%s", resp.Status, err, body)
	}
	for _, want := range []string{
		`(?m)^k6_http_reqs_total\{name="list \\"all\\"",status="200",tag_9_lives="x"\} 1$`, `(?m)^k6_http_req_failed_passes_total\{status="500"\} 1$`,
		`(?m)^k6_http_req_duration_seconds\{status="500",quantile="0.99"\} 0.25$`, `(?m)^k6_http_req_duration_seconds_count\{status="500"\} 1$`, `(?m)^k6_vus 7$`,
	} {
		if !regexp.MustCompile(want).Match(body) {
			t.Errorf("%s is not in\n%s", want, body)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Export("127.0.0.1:-1", store); err == nil {
		t.Error("listens at port -1")
	}
}
