package scenario_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

func parse(t *testing.T, text string) *scenario.Options {
	t.Helper()
	o, err := scenario.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const everything = `
name: all
description: all that there is
suite: database
logins: unique
verifyData: 1/4
dataset: {profile: ci, seed: 7, asOf: 2026-01-31T12:00:00Z, bcryptCost: 6}
targets: [medianest]
allowNoData: true
scenarios:
  second: {executor: per-vu-iterations, startTime: 1m, vus: 3, iterations: 4, exec: core, tags: {kind: b}}
  first: &first
    executor: constant-vus
    vus: 10
    duration: 1m30s
    gracefulStop: 5s
thresholds:
  http_req_duration: p(95)<500
  http_req_failed: [rate<0.01, {threshold: rate<0.5, abortOnFail: true, delayAbortEval: 10s}]
  "checks{scenario:first}": ["rate>0.9 over 30s"]
recovery: {at: 30s, hold: 5s, within: 1m, p95: 200, failed: 1%}
tags: {team: a, build: 12}
seed: 18446744073709551615
thinkTime: 50%
setupTimeout: 2m
teardownTimeout: 1500 # milliseconds, as in k6
timeout: 5s
userAgent: me
noConnectionReuse: true
noVUConnectionReuse: true
insecureSkipTLSVerify: true
http2: true
noSetup: true
noTeardown: true
summaryTrendStats: [avg, p(99.9), count]
summaryTimeUnit: ms
batch: 20
`

func TestEverythingIsRead(t *testing.T) {
	o := parse(t, everything)
	seed, asOf := uint64(7), time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	want := &scenario.Options{
		Name: "all", Description: "all that there is", Source: "test.yaml", Suite: "database", Logins: scenario.UniqueLogins,
		VerifyData: 0.25, Targets: []string{"medianest"}, AllowNoData: true, Tags: map[string]string{"team": "a", "build": "12"},
		Recovery: &scenario.Recovery{At: executor.Duration(30 * time.Second), Hold: executor.Duration(5 * time.Second), Within: executor.Duration(60 * time.Second), P95: 200, Failed: 0.01},
		Seed:     1<<64 - 1, ThinkTime: 0.5, SetupTimeout: executor.Duration(120 * time.Second), TeardownTimeout: executor.Duration(1500 * time.Millisecond), Timeout: executor.Duration(5 * time.Second),
		UserAgent: "me", NoConnectionReuse: true, NoVUConnectionReuse: true, InsecureSkipTLSVerify: true, HTTP2: true, NoSetup: true,
		NoTeardown: true, SummaryTrendStats: []string{"avg", "p(99.9)", "count"}, SummaryTimeUnit: "ms",
		Warnings: []string{"the option batch has no effect here"},
	}
	want.Dataset.Profile, want.Dataset.Seed, want.Dataset.AsOf, want.Dataset.BcryptCost = "ci", &seed, &asOf, 6
	first, second := executor.NewConstantVUs("first"), executor.NewPerVUIterations("second")
	first.VUs, first.Duration, first.GracefulStop = 10, executor.Duration(90*time.Second), executor.Duration(5*time.Second)
	second.StartTime, second.VUs, second.Iterations, second.Exec, second.Tags = executor.Duration(60*time.Second), 3, 4, "core", map[string]string{"kind": "b"}
	want.Scenarios = []executor.Config{first, second}
	want.Thresholds = o.Thresholds // below
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
	if got := strings.Join(conditions(o), ", "); got != "checks{scenario:first} rate>0.9 over 30s, data_verified rate==1, "+
		"http_req_duration p(50)<=300, http_req_duration p(95)<500, http_req_duration p(95)<=1000, http_req_duration p(99)<=2000, "+
		"http_req_failed rate<0.01, http_req_failed rate<0.5, http_req_failed rate<=0.001, http_reqs rate>=1000" {
		t.Errorf("thresholds %s", got)
	}
	for _, c := range o.Thresholds {
		if abort := c.Source == "rate<0.5"; c.AbortOnFail != abort || abort != (c.DelayAbortEval == 10*time.Second) {
			t.Errorf("%s: abortOnFail %v, delayAbortEval %s", c.Source, c.AbortOnFail, c.DelayAbortEval)
		}
	}
	if a, b := o.SuiteOf(first), o.SuiteOf(second); a != "database" || b != "core" {
		t.Errorf("suites %s and %s", a, b)
	}
}

// What MarshalJSON writes, Parse reads, and it is the same test.
func TestWrittenTestsAreReadAgain(t *testing.T) {
	texts := map[string]*scenario.Options{"everything": parse(t, everything)}
	for _, name := range scenario.Names() {
		texts[name] = named(t, name)
	}
	for name, o := range texts {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		again, err := scenario.Parse(name, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again.Targets, again.Warnings, again.Source = o.Targets, o.Warnings, o.Source // the thresholds are in the text by themselves
		if a, b := write(t, again), write(t, o); a != b {
			t.Errorf("%s: read again as %s\nit was %s", name, a, b)
		}
		if again.Length() != o.Length() || len(again.Thresholds) != len(o.Thresholds) || !reflect.DeepEqual(again.Scenarios, o.Scenarios) {
			t.Errorf("%s: read again, it is another test", name)
		}
	}
}

func TestShorthand(t *testing.T) {
	ramp := executor.NewRampingVUs("default")
	ramp.StartVUs, ramp.Stages = 2, []executor.Stage{{Duration: executor.Duration(10 * time.Second), Target: 5}, {Duration: executor.Duration(5 * time.Second)}}
	ramp1 := executor.NewRampingVUs("default")
	ramp1.Stages = []executor.Stage{{Duration: executor.Duration(10 * time.Second), Target: 5}}
	shared := executor.NewSharedIterations("default")
	shared.VUs, shared.Iterations = 3, 30
	bounded := executor.NewSharedIterations("default")
	bounded.Iterations, bounded.MaxDuration = 5, executor.Duration(20*time.Second)
	constant := executor.NewConstantVUs("default")
	constant.VUs, constant.Duration = 4, executor.Duration(60*time.Second)
	for text, want := range map[string]executor.Config{
		"{vus: 2, stages: [{duration: 10s, target: 5}, {duration: 5s, target: 0}]}": ramp,
		`{"stages":[{"duration":"10s","target":5}]}`:                                ramp1,
		"{vus: 3, iterations: 30}":                                                  shared,
		"{iterations: 5, duration: 20s}":                                            bounded,
		`{"vus":4,"duration":"1m"}`:                                                 constant,
		"{duration: 60000, vus: 4}":                                                 constant,
		// Options that this runner does not have, with the values that switch them off.
		`{"vus":4,"duration":"1m","rps":0,"discardResponseBodies":false,"hosts":{},"blacklistIPs":[],"paused":null}`: constant,
	} {
		o, err := scenario.Parse("x", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if len(o.Scenarios) != 1 || !reflect.DeepEqual(o.Scenarios[0], want) {
			t.Errorf("%s: %s\nwant %s", text, write(t, o.Scenarios), write(t, want))
		}
	}
}

// TestAllThatIsWrongIsSaidAtOnce wants every problem of a file, each at its line, with what was probably meant.
func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	const text = `suite: core
scenario: x
loggins: unique
scenarios:
  load:
    executor: ramping-vus
    vus: 10
    stages:
      - {duration: 1m, target: many}
  burst:
    executor: constant-arival-rate
    rate: 5
thresholds:
  http_req_duration: ["p(95)<fast"]
  checks:
    - {treshold: rate>0.9}
thinkTime: slow
timeout: soon
rps: 100
seed: -1
seed: 2
tags: [a]
recovery:
  within: {a: 1}
  hld: 5s
`
	_, err := scenario.Parse("mine.yaml", []byte(text))
	if err == nil {
		t.Fatal("accepted")
	}
	got := err.Error()
	for _, want := range []string{
		"mine.yaml",
		"line 2: scenario: there is no such option, did you mean scenarios?",
		"line 3: loggins: there is no such option, did you mean logins?",
		`line 7: scenarios.load: ramping-vus has no option "vus"`,
		"line 8: scenarios.load: stages",
		`line 11: scenarios.burst: there is no executor "constant-arival-rate", did you mean constant-arrival-rate?`,
		"line 14: thresholds.http_req_duration: ",
		"line 16: thresholds.checks.treshold: there is no such option, did you mean threshold?",
		`line 17: thinkTime: is "slow", it should be a number`,
		`line 18: timeout: "soon" is not a duration`,
		"line 19: rps: is an option of k6's that this runner does not have",
		`line 20: seed: is "-1"`,
		"line 21: seed: is given twice",
		"line 22: tags: is a list, it should be an object",
		"line 24: recovery.within: is an object",
		"line 25: recovery.hld: there is no such option, did you mean hold?",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 15 {
		t.Errorf("%d problems, want 15:\n%s", n, got)
	}
}

// What could be read is judged beside what could not, unless it may only look wrong because of that.
func TestSoundPartsAreJudged(t *testing.T) {
	_, err := scenario.Parse("mine.yaml", []byte(`suite: cor
logins: mine
unheard: 5
scenarios:
  a: {executor: constant-vus}
  b: {executor: constant-vus, vus: -2, duration: 1m}
  c: {executor: constant-vus, vus: 0}
thresholds: {db_query_time: avg<1}
timeout: 0
recovery: {hold: x, failed: 5}
`))
	want := `test mine.yaml:
line 1: suite: there is no suite "cor", did you mean core?
line 2: logins: is "mine", it should be document or unique
line 3: unheard: there is no such option
line 5: scenarios.a: constant-vus needs duration
line 6: scenarios.b: vus is -2, it must be 1 or more
line 7: scenarios.c: constant-vus needs duration
line 9: timeout: is 0s, it should be more than 0
line 10: recovery.hold: "x" is not a duration such as 30s, 1m30s or 2d`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestWhatDoesNotFitTogether is found once everything can be read.
func TestWhatDoesNotFitTogether(t *testing.T) {
	for text, hints := range map[string][]string{
		"suite: core": {"there is no scenario"},
		"vus: 5":      {"line 1: vus alone do not say how long"},
		"{duration: 1m, scenarios: {a: {executor: constant-vus, duration: 1m}}}": {"give one or the other"},
		"{duration: 1m, stages: [{duration: 1m, target: 1}]}":                    {"stages go with neither"},
		"duration: 1ms":                                                       {"scenarios.default: duration is 1ms, it must be at least 1s"},
		"vus: 0\nduration: 1m":                                                {"vus is 0"},
		"duration: 1m\nsuite: cor":                                            {"line 2: suite", "did you mean core?"},
		"duration: 1m\nlogins: mine":                                          {"line 2: logins", "document or unique"},
		"duration: 1m\nverifyData: 2":                                         {"line 2: verifyData", "share from 0 to 1"},
		"duration: 1m\nsummaryTimeUnit: min":                                  {"line 2: summaryTimeUnit", "s, ms, us"},
		"duration: 1m\nsummaryTrendStats: [p95]":                              {"line 2: summaryTrendStats", "p(N)"},
		"duration: 1m\nsummaryTrendStats: [avg, p(101)]":                      {"line 2: summaryTrendStats", `"p(101)"`},
		"duration: 1m\ntimeout: 0":                                            {"line 2: timeout", "more than 0"},
		"duration: 1m\nthresholds: {eror_rate: rate<1}":                       {"line 2: thresholds.eror_rate", "did you mean error_rate?"},
		"duration: 1m\nthresholds: {db_query_time: avg<1}":                    {"there is no metric db_query_time", "suite: database has it"},
		"duration: 1m\nthresholds: {checks: avg<1}":                           {`asks a rate for avg`},
		"duration: 1m\nthresholds: {\"http_reqs{scenario:defalt}\": count>1}": {"did you mean default?"},
		"duration: 1m\nthresholds: {data_verified: rate==1}":                  {"there is no metric data_verified", "verifyData makes it"},
		"duration: 1m\nsearch: {start: 1, max: 10}":                           {"search.scenario", "constant-arrival-rate", "no thresholds"},
		"duration: 1m\nrecovery: {hold: 0}":                                   {"recovery.hold"},
		"scenarios: {a: {executor: constant-vus, duration: 1m, exec: cor}}":   {"scenarios.a.exec", "did you mean core?"},
		"scenarios: {a b: {executor: constant-vus, duration: 1m}}":            {"letters, digits, - and _"},
		"scenarios: {}":                      {"there is no scenario"},
		"scenarios: 5":                       {"line 1: scenarios: is \"5\", it should be an object"},
		"targets: [mdianest]\nduration: 1m":  {"line 1: targets", "did you mean medianest?"},
		"dataset: {asOf: now}\nduration: 1m": {"line 1: dataset.asOf", "2026-01-31T12:00:00Z"},
		"":                                   {"it is empty"},
		"a: [":                               {"test x"},
		"{\"vus\": 1,\n \"duration\": }":     {"line 2"},
		"{\"vus\": 1} {}":                    {"follows"},
		"a: 1\n---\nb: 2":                    {"more than one"},
		"- a":                                {"is a list, it should be an object"},
		strings.Repeat("[", 100_000):         {"test x"},
		`{"a":` + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 101): {"nested"},
		"duration: 1m #" + strings.Repeat("x", 1<<20):                           {"more than"},
	} {
		_, err := scenario.Parse("x", []byte(text))
		if err == nil {
			t.Errorf("%.80s: accepted", text)
			continue
		}
		for _, hint := range hints {
			if !strings.Contains(err.Error(), hint) {
				t.Errorf("%.80s: want %q in: %v", text, hint, err)
			}
		}
	}
}

// JSON has tabs and escapes that YAML does not read alike, and lines too.
func TestJSONIsReadAsJSON(t *testing.T) {
	o, err := scenario.Parse("x", []byte("{\n\t\"duration\": \"1m\",\n\t\"name\": \"\\u00e4\\ud83d\\ude00\\/\",\n\t\"tags\": {\"t\": \"yes\"}\n}"))
	if err != nil {
		t.Fatal(err)
	}
	if o.Name != "ä\U0001F600/" || o.Tags["t"] != "yes" {
		t.Errorf("got %q, %v", o.Name, o.Tags)
	}
	_, err = scenario.Parse("x", []byte("{\n\t\"duration\": \"1m\",\n\n\t\"tgas\": {}\n}"))
	if err == nil || !strings.Contains(err.Error(), "line 4: tgas") {
		t.Errorf("want line 4: %v", err)
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]float64{"0.1": 0.1, "10%": 0.1, "1/10": 0.1, " 1 / 60 ": 1.0 / 60, "1e3": 1000, "0": 0} {
		if got, err := scenario.ParseNumber(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1/0", "1/-2", "x", "NaN", "Inf", "1/2/3", "%"} {
		if got, err := scenario.ParseNumber(text); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}
