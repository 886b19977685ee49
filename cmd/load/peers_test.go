package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/client/tiny"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// BenchmarkPeers puts load beside k6, vegeta and wrk, which have to be on PATH. The generator has core 0 to itself, and
// a target that costs next to nothing has core 1 and counts what it answers, so that nobody's own count is taken for
// granted. All of it takes half an hour, 20 minutes of them for growth:
//
//		make bench-load
//		make bench-load PEERS='get|workflow|users'
//
//	  - get: small GETs by 50 connections as fast as they go. load and k6 have a tag, a check and a threshold on.
//	  - workflow: the core suite by 50 users without pauses: logins, lists, details, uploads, searches, with their checks.
//	  - users: 1,000 and 10,000 users of the core suite who pause ten times as long as usual; the peak of resident memory.
//	  - growth: the workflow for ten minutes; resident memory after 1, 3 and 10.
//	  - arrivals: 2,000 requests a second for 20 s; by how many percent too few or too many were answered.
//	  - stalled: the same at 50 users, where the target answers nothing for 200 ms of every second. The truth is
//	    p90 100 ms, and what it takes to work off 400 requests after each stall.
//	  - slow: 200 a second for 60 s, where answers take 20 ms at the mean, exponentially distributed: p50 13.9 ms, p95
//	    59.9 ms, and what the target's timers are late.
func BenchmarkPeers(b *testing.B) {
	if os.Getenv("MEDIANEST_BENCH_PEERS") == "" {
		b.Skip("takes half an hour: make bench-load")
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		b.Skip("pinning to cores needs taskset, of Linux")
	}
	bin := filepath.Join(b.TempDir(), "load")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("build load: %v\n%s", err, out)
	}
	p := &peers{url: tiny.Start(b, "taskset", "-c", "1"), load: bin, dir: b.TempDir()}
	k6Core, err := filepath.Abs("../../fixtures/k6/core.js")
	if err != nil {
		b.Fatal(err)
	}
	coreTest := func(vus int, length time.Duration) string {
		return p.write(b, "core.yaml", fmt.Sprintf(`suite: core
scenarios:
  users: {executor: constant-vus, vus: %d, duration: %s, gracefulStop: 0s}
thresholds:
  http_req_duration: ["p(95)<1000"]
`, vus, length))
	}
	loadCore := func(vus int, length time.Duration, think string) []string {
		return []string{p.load, "run", coreTest(vus, length), "--quiet", "--target", p.url, "--think-time", think,
			"--summary", filepath.Join(p.dir, "summary.json")}
	}
	k6 := func(args ...string) []string {
		return append([]string{"k6", "run", "--quiet", "--no-usage-report"}, args...)
	}
	k6Users := func(vus int, length time.Duration, think string) []string {
		return k6("--vus", strconv.Itoa(vus), "--duration", length.String(), "-e", "BASE_URL="+p.url, "-e", "THINK_SCALE="+think, k6Core)
	}
	vegeta := func(args ...string) []string {
		return append([]string{"vegeta", "attack", "-targets", p.write(b, "targets", "GET "+p.url+"/400\n"), "-output", os.DevNull}, args...)
	}

	const short, long = 10 * time.Second, 20 * time.Second
	b.Run("get", func(b *testing.B) {
		script := p.write(b, "get.js", k6Get)
		p.run(b, "load", p.rates, p.engine(b, peerSpec{Path: "/400", VUs: 50, Seconds: 10})...)
		p.run(b, "k6", p.rates, k6("--vus", "50", "--duration", short.String(), "-e", "URL="+p.url+"/400", script)...)
		p.run(b, "vegeta", p.rates, vegeta("-rate", "0", "-max-workers", "50", "-connections", "50", "-duration", short.String())...)
		p.run(b, "wrk", p.rates, "wrk", "-t1", "-c50", "-d"+short.String(), p.url+"/400")
	})
	b.Run("workflow", func(b *testing.B) {
		p.run(b, "load", p.rates, loadCore(50, short, "0")...)
		p.run(b, "k6", p.rates, k6Users(50, short, "0")...)
	})
	for _, vus := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("users-%d", vus), func(b *testing.B) {
			memory := func(b *testing.B, m measured) {
				b.ReportMetric(m.peak/1e6, "MB")
				b.ReportMetric((m.peak)/1e3/float64(vus), "KB/user")
			}
			p.run(b, "load", memory, loadCore(vus, 3*long/2, "10")...)
			p.run(b, "k6", memory, k6Users(vus, 3*long/2, "10")...)
		})
	}
	b.Run("growth", func(b *testing.B) {
		growth := func(b *testing.B, m measured) {
			for _, minute := range growthMinutes() {
				b.ReportMetric(m.memory[minute]/1e6, fmt.Sprintf("MB-after-%dm", minute))
			}
			b.ReportMetric(float64(m.served)/m.took.Seconds(), "req/s")
		}
		ten := 10*time.Minute + 5*time.Second
		p.run(b, "load", growth, loadCore(50, ten, "0")...)
		p.run(b, "k6", growth, k6Users(50, ten, "0")...)
	})
	b.Run("arrivals", func(b *testing.B) {
		const asked = 2000 * 20
		missed := func(b *testing.B, m measured) {
			b.ReportMetric(100*math.Abs(float64(m.served)-asked)/asked, "%-off")
			b.ReportMetric(float64(m.served)/m.cpu.Seconds(), "req/cpu-s")
		}
		p.run(b, "load", missed, p.engine(b, peerSpec{Path: "/400", VUs: 50, Rate: 2000, Seconds: 20})...)
		p.run(b, "k6", missed, k6("-e", "URL="+p.url+"/400", p.write(b, "arrivals.js", strings.Replace(k6Get, "{}", k6Arrivals(2000, long), 1)))...)
		p.run(b, "vegeta", missed, vegeta("-rate", "2000/s", "-duration", long.String())...)
	})
	b.Run("stalled", func(b *testing.B) {
		p90 := func(of func(m measured) float64) func(*testing.B, measured) {
			return func(b *testing.B, m measured) { b.ReportMetric(of(m), "p90-ms") }
		}
		p.run(b, "load", p90(func(m measured) float64 { return number(b, m.output, "p90") }),
			p.engine(b, peerSpec{Path: "/stalled", VUs: 50, Rate: 2000, Seconds: 20})...)
		summary := filepath.Join(p.dir, "k6.json")
		p.run(b, "k6", p90(func(measured) float64 {
			return number(b, read(b, summary), "metrics", "http_req_duration", "p(90)")
		}), k6("--summary-export", summary, "-e", "URL="+p.url+"/stalled", p.write(b, "stalled.js", strings.Replace(k6Get, "{}", k6Arrivals(2000, long), 1)))...)
		results := filepath.Join(p.dir, "vegeta.bin")
		p.run(b, "vegeta", p90(func(measured) float64 {
			out, err := exec.Command("vegeta", "report", "-type", "json", results).Output()
			if err != nil {
				b.Fatalf("vegeta report: %v", err)
			}
			return number(b, out, "latencies", "90th") / 1e6
		}), "vegeta", "attack", "-targets", p.write(b, "stalled", "GET "+p.url+"/stalled\n"), "-output", results, "-rate", "2000/s",
			"-max-workers", "50", "-connections", "50", "-duration", long.String())
	})
	b.Run("slow", func(b *testing.B) {
		percentiles := func(of func(m measured) (p50, p95 float64)) func(*testing.B, measured) {
			return func(b *testing.B, m measured) {
				p50, p95 := of(m)
				b.ReportMetric(p50, "p50-ms")
				b.ReportMetric(p95, "p95-ms")
			}
		}
		p.run(b, "load", percentiles(func(m measured) (float64, float64) {
			return number(b, m.output, "p50"), number(b, m.output, "p95")
		}), p.engine(b, peerSpec{Path: "/slow", VUs: 50, Rate: 200, Seconds: 60})...)
		summary := filepath.Join(p.dir, "k6.json")
		p.run(b, "k6", percentiles(func(measured) (float64, float64) {
			data := read(b, summary)
			return number(b, data, "metrics", "http_req_duration", "med"), number(b, data, "metrics", "http_req_duration", "p(95)")
		}), k6("--summary-export", summary, "-e", "URL="+p.url+"/slow", p.write(b, "slow.js", strings.Replace(k6Get, "{}", k6Arrivals(200, time.Minute), 1)))...)
	})
}

func growthMinutes() []int { return []int{1, 3, 10} }

const k6Get = `import http from 'k6/http';
import { check } from 'k6';
export const options = Object.assign({ thresholds: { http_req_duration: ['p(95)<1000'] } }, {});
export default function () {
  const response = http.get(__ENV.URL, { tags: { endpoint: 'home' } });
  check(response, { 'status is 200': (r) => r.status === 200 });
}
`

func k6Arrivals(rate int, length time.Duration) string {
	return fmt.Sprintf(`{ scenarios: { arrivals: { executor: 'constant-arrival-rate', rate: %d, duration: '%s', preAllocatedVUs: 50 } } }`, rate, length)
}

// peers runs generators against one target.
type peers struct {
	url  string // of the target
	load string // the built program
	dir  string // for their files
}

// measured is what a generator has done and taken.
type measured struct {
	served uint64 // requests, by the target's count
	took   time.Duration
	cpu    time.Duration
	peak   float64         // of resident memory, bytes
	memory map[int]float64 // resident memory after so many minutes
	output []byte
}

func (p *peers) write(tb testing.TB, name, text string) string {
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// run runs a generator on core 0, once for each of b.N, and reports the last with tell.
func (p *peers) run(b *testing.B, name string, tell func(*testing.B, measured), command ...string) {
	b.Run(name, func(b *testing.B) {
		if _, err := exec.LookPath(command[0]); err != nil {
			b.Skipf("%s is not on PATH", command[0])
		}
		for range b.N {
			tell(b, p.measure(b, command))
		}
		b.ReportMetric(0, "ns/op") // says nothing here, and is left out so
	})
}

func (p *peers) rates(b *testing.B, m measured) {
	b.ReportMetric(float64(m.served)/m.took.Seconds(), "req/s")
	b.ReportMetric(float64(m.served)/m.cpu.Seconds(), "req/cpu-s")
	b.ReportMetric(float64(m.cpu.Microseconds())/float64(m.served), "cpu-us/req")
}

func (p *peers) measure(b *testing.B, command []string) measured {
	cmd := exec.CommandContext(b.Context(), "taskset", append([]string{"-c", "0"}, command...)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "GITHUB_STEP_SUMMARY=")
	before, start := p.served(b), time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	memory := make(map[int]float64)
	var timers []*time.Timer
	samples := make(chan int, len(growthMinutes()))
	for _, minute := range growthMinutes() {
		timers = append(timers, time.AfterFunc(time.Duration(minute)*time.Minute, func() { samples <- minute }))
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for running := true; running; {
		select {
		case minute := <-samples:
			memory[minute] = residentOf(cmd.Process.Pid)
		case err := <-ended:
			running = false
			switch code := cmd.ProcessState.ExitCode(); {
			case err == nil, code == report.ExitThresholdsCrossed: // k6's and load's, and an answer too
			case code == report.ExitInvalid: // of load, whose one core was not enough; the target has counted all the same
				b.Logf("load calls its run invalid:\n%s", errs.String())
			default:
				b.Fatalf("%s: %v\n%s%s", strings.Join(command, " "), err, out.String(), errs.String())
			}
		}
	}
	for _, t := range timers {
		t.Stop()
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return measured{
		served: p.served(b) - before - 1, took: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peak: float64(usage.Maxrss) * 1024, memory: memory, output: []byte(out.String()),
	}
}

// served asks the target how many requests it has answered, this one not included.
func (p *peers) served(b *testing.B) uint64 {
	resp, err := http.Get(p.url + "/served")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.ParseUint(string(body), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// residentOf is the resident memory of a process in bytes, 0 where it has ended.
func residentOf(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(data))[1], 64)
	return pages * float64(os.Getpagesize())
}

func read(b *testing.B, path string) []byte {
	b.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// number reads a number of a JSON document.
func number(b *testing.B, document []byte, path ...string) float64 {
	b.Helper()
	var v any
	if err := json.Unmarshal(document, &v); err != nil {
		b.Fatalf("%v in %s", err, document)
	}
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	n, ok := v.(float64)
	if !ok {
		b.Fatalf("no number %v in %s", path, document)
	}
	return n
}

// peerSpec is what the engine is to do in a process of its own: the suites of load have no plain GET.
type peerSpec struct {
	URL, Path string
	VUs       int
	Rate      int // iterations a second; 0 for as many as the users can
	Seconds   int
}

const peerVariable = "MEDIANEST_PEER_ENGINE"

// engine is the command that runs the engine.
func (p *peers) engine(tb testing.TB, s peerSpec) []string {
	executable, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	s.URL = p.url
	spec, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return []string{"env", peerVariable + "=" + string(spec), executable}
}

// beEngineIfPeer runs the engine in the process that was started for that, and does not return there.
func beEngineIfPeer() {
	text := os.Getenv(peerVariable)
	if text == "" {
		return
	}
	if err := runPeer(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runPeer(text string) error {
	var s peerSpec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	h, err := client.NewHost(context.Background(), s.URL)
	if err != nil {
		return err
	}
	length := executor.Duration(time.Duration(s.Seconds) * time.Second)
	var config executor.Config
	if s.Rate > 0 {
		c := executor.NewConstantArrivalRate("arrivals")
		c.Rate, c.PreAllocatedVUs, c.Duration = s.Rate, s.VUs, length
		config = c
	} else {
		c := executor.NewConstantVUs("users")
		c.VUs, c.Duration = s.VUs, length
		config = c
	}
	limit, err := threshold.Parse("http_req_duration", "p(95)<1000")
	if err != nil {
		return err
	}
	e, err := engine.New(engine.Options{
		Scenarios: []engine.Scenario{{Config: config, Suite: &peerSuite{host: h, path: s.Path}}}, Registry: metrics.NewRegistry(),
		Thresholds: []threshold.Threshold{limit}, NewClient: func() client.Client { return client.NewRaw(client.Options{}) },
	})
	if err != nil {
		return err
	}
	if _, err := e.Run(context.Background()); err != nil {
		return err
	}
	durations := e.Store().Total(metrics.Selector{Metric: "http_req_duration"}).Values
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"p50": durations.Quantile(0.5), "p90": durations.Quantile(0.9), "p95": durations.Quantile(0.95),
	})
}

// peerSuite is one GET with a tag and a check.
type peerSuite struct {
	host *client.Host
	path string
}

func (s *peerSuite) Setup(*vu.VU) error { return nil }

func (s *peerSuite) Iterate(v *vu.VU) error {
	r := v.Do(&vu.Call{Method: "GET", Host: s.host, Path: s.path, Name: "home", Tags: []string{"endpoint", "home"}})
	v.Check("status is 200", r.Status == 200)
	return nil
}
