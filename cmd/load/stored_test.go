package main

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// storedResult is a result file of a minute that nobody had to wait for: 200 requests a second to two endpoints, whose
// times are drawn. Its fields are what a story can say of it.
type storedResult struct {
	requests    int // a second, to each endpoint
	seed        uint64
	slower      float64 // multiplies the times of GET /api/v1/media
	errors      float64 // share of all requests
	test        string
	rate        string // in the options
	fingerprint string
	scaled      string
	verdict     string
	cores       int
	cpu         string
	complete    bool
	endpoint    string // a third one, "" for none
	idle        float64
}

func newStoredResult() storedResult {
	return storedResult{requests: 100, slower: 1, test: "minute", rate: "200", fingerprint: "0123456789abcdef", verdict: report.Passed, cores: 2, cpu: "Test CPU", complete: true, idle: 0.5}
}

func (s *story) result(ts *testscript.TestScript, args []string) {
	r := newStoredResult()
	number := func(text string) float64 {
		n, err := strconv.ParseFloat(text, 64)
		ts.Check(err)
		return n
	}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "requests":
			r.requests = int(number(value))
		case "seed":
			r.seed = uint64(number(value))
		case "slower":
			r.slower = number(value)
		case "errors":
			r.errors = number(value)
		case "test":
			r.test = value
		case "rate":
			r.rate = value
		case "fingerprint":
			r.fingerprint = value
		case "scaled":
			r.scaled = value
		case "verdict":
			r.verdict = value
		case "cores":
			r.cores = int(number(value))
		case "cpu":
			r.cpu = value
		case "complete":
			r.complete = value == "true"
		case "idle":
			r.idle = number(value)
		case "endpoint":
			r.endpoint = value
		default:
			ts.Fatalf("a result has no %s", name)
		}
	}
	ts.Check(r.make().Write(ts.MkAbs(args[0])))
}

func (s storedResult) make() *report.Result {
	const seconds, base = 60, "http://target:3000"
	r := rand.New(rand.NewPCG(s.seed, 1))
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Add(time.Duration(s.seed) * time.Hour)
	result := &report.Result{
		Complete: s.complete, Written: start.Add(seconds * time.Second), Dataset: &report.Dataset{Fingerprint: s.fingerprint, Profile: "ci", Seed: 1},
		Machine: report.Machine{Hostname: "host", OS: "linux", Arch: "amd64", CPU: s.cpu, Cores: s.cores},
		Test: report.Test{
			Name: s.test, Options: json.RawMessage(`{"name":"minute","rate":` + s.rate + `}`), Targets: map[string]string{"api": base},
			TrendStats: report.DefaultTrendStats(),
		},
		Run:     report.Run{Start: start, End: start.Add(seconds * time.Second), Elapsed: seconds * time.Second, Planned: seconds * time.Second, Ended: "completed"},
		Verdict: report.Verdict{Word: s.verdict},
	}
	result.Health.Valid, result.Health.MachineIdle, result.Health.ProbeP99 = true, s.idle, 20*time.Millisecond
	if s.scaled != "" {
		result.Test.Scaled = []string{s.scaled}
	}
	medians := map[string]float64{"GET /api/v1/media": 20 * s.slower, "POST /api/v1/auth/login": 10}
	if s.endpoint != "" {
		medians[s.endpoint] = 5
	}
	registry := metrics.NewRegistry()
	store := metrics.NewStore(registry, start, nil)
	timeline, recorder, b := store.Timeline(nil), store.Recorder(), &registry.Builtin
	for second := range seconds {
		for _, name := range slices.Sorted(maps.Keys(medians)) {
			method, path, _ := strings.Cut(name, " ")
			tags := registry.Tags().With("method", method).With("name", base+path)
			for range s.requests {
				failed := 0.0
				if r.Float64() < s.errors {
					failed = 1
				}
				recorder.Add(b.HTTPReqs, tags, 1)
				recorder.Add(b.HTTPReqFailed, tags, failed)
				recorder.Add(b.HTTPReqDuration, tags, medians[name]*math.Exp(0.3*r.NormFloat64()))
			}
		}
		store.Tick(start.Add(time.Duration(second+1) * time.Second))
	}
	result.Collect(store, timeline)
	return result
}
