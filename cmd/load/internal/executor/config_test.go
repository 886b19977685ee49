package executor_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/cmd/load/internal/executor"
)

// fromJSON reads a scenario's object from k6's options.
func fromJSON(name, text string) (executor.Config, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	return executor.FromYAML(name, &document)
}

// What k6 prints of the same options.
func TestDescriptions(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{`{"executor":"constant-vus","vus":100,"duration":"15m"}`, "100 looping VUs for 15m0s (gracefulStop: 30s)"},
		{`{"executor":"ramping-vus","startVUs":0,"stages":[{"duration":"5m","target":100},{"duration":"10m","target":200}],"gracefulRampDown":"10s","startTime":"46m"}`,
			"Up to 200 looping VUs for 15m0s over 2 stages (gracefulRampDown: 10s, startTime: 46m0s, gracefulStop: 30s)"},
		{`{"executor":"constant-arrival-rate","rate":50,"duration":"10m","preAllocatedVUs":50,"maxVUs":200}`,
			"50.00 iterations/s for 10m0s (maxVUs: 50-200, gracefulStop: 30s)"},
		{`{"executor":"constant-arrival-rate","rate":90,"timeUnit":"1m","duration":"10m","preAllocatedVUs":5,"gracefulStop":0}`, "1.50 iterations/s for 10m0s (maxVUs: 5)"},
		{`{"executor":"ramping-arrival-rate","startRate":50,"stages":[{"duration":"5m","target":300},{"duration":"1m","target":0}],"preAllocatedVUs":100,"maxVUs":500,"exec":"db"}`,
			"Up to 300.00 iterations/s for 6m0s over 2 stages (maxVUs: 100-500, exec: db, gracefulStop: 30s)"},
		{`{"executor":"per-vu-iterations","vus":3,"iterations":7}`, "7 iterations for each of 3 VUs (maxDuration: 10m0s, gracefulStop: 30s)"},
		{`{"executor":"shared-iterations","vus":3,"iterations":7,"maxDuration":"1m"}`, "7 iterations shared among 3 VUs (maxDuration: 1m0s, gracefulStop: 30s)"},
		{`{"executor":"externally-controlled","vus":3,"maxVUs":7,"duration":"0s"}`, "Externally controlled execution with 3 VUs, 7 max VUs, infinite duration"},
	} {
		got, err := fromJSON("s", c.options)
		if err != nil {
			t.Errorf("%s: %v", c.options, err)
			continue
		}
		if got.Describe() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.options, got.Describe(), c.want)
		}
		// Written and read again, it is the same.
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := fromJSON("s", string(data))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s is written as %s, which is read as %v, %v", c.options, data, again, err)
		}
	}
}

func TestEverythingWrongIsReported(t *testing.T) {
	for _, c := range []struct {
		name, options string
		want          []string
	}{
		{"s", `{"executor":"constant-vu","vus":1}`, []string{`there is no executor "constant-vu", did you mean constant-vus?`}},
		{"s", `{"vus":1}`, []string{"executor is missing"}},
		{"s", `[1]`, []string{"is not an object"}},
		{"s", `{"executor":7}`, []string{"executor is 7, it should be text"}},
		{"s", `{"executor":"constant-vus","VUs":1,"duraton":"1m","colour":"red"}`, []string{
			`has no option "VUs", did you mean vus?`, `has no option "duraton", did you mean duration?`, `no option "colour"`, "needs duration",
		}},
		{"bad name!", `{"executor":"constant-vus","vus":0,"duration":"900ms","startTime":"-1s","gracefulStop":"-1s","tags":{"":"x"}}`, []string{
			`"bad name!"`, "vus is 0", "duration is 900ms", "startTime is -1s", "gracefulStop is -1s", "a tag has no name",
		}},
		{"s", `{"executor":"ramping-vus","stages":[]}`, []string{"stages is empty"}},
		{"s", `{"executor":"ramping-vus","startVUs":-1,"gracefulRampDown":"-3s","stages":[{"duration":"-1s","target":-5},{"duration":"5s","target":-1}]}`, []string{
			"startVUs is -1", "stage 1 has the duration -1s", "stage 1 has the target -5", "stage 2 has the target -1", "gracefulRampDown is -3s",
		}},
		{"s", `{"executor":"ramping-vus","startVUs":0,"stages":[{"duration":"5s","target":0}]}`, []string{"one of them must be more"}},
		{"s", `{"executor":"ramping-vus","stages":[{"duration":"5s","traget":2}]}`, []string{`a stage has no option "traget", did you mean target?`, "a stage needs target"}},
		{"s", `{"executor":"ramping-vus","stages":[{"duration":"5 apples","target":2.5}]}`, []string{`"5 apples" is not a duration`, "target is 2.5, it should be a whole number"}},
		{"s", `{"executor":"constant-arrival-rate","preAllocatedVUs":null}`, []string{"needs rate", "needs duration", "needs preAllocatedVUs"}},
		{"s", `{"executor":"constant-arrival-rate","rate":0,"timeUnit":0,"duration":"1m","preAllocatedVUs":-1,"maxWait":"-1s"}`, []string{
			"rate is 0", "timeUnit is 0s", "preAllocatedVUs is -1", "maxWait is -1s",
		}},
		{"s", `{"executor":"constant-arrival-rate","rate":10,"duration":"1m","preAllocatedVUs":10,"maxVUs":5}`, []string{"maxVUs is 5, it can't be less than preAllocatedVUs, 10"}},
		{"s", `{"executor":"constant-arrival-rate","rate":10,"duration":"1m","preAllocatedVUs":0}`, []string{"nobody would do the iterations"}},
		{"s", `{"executor":"constant-arrival-rate","rate":1000000000,"timeUnit":"1us","duration":"1m","preAllocatedVUs":1}`, []string{"at most"}},
		{"s", `{"executor":"ramping-arrival-rate","startRate":-1,"stages":[{"duration":"5s","target":0}],"preAllocatedVUs":1}`, []string{"startRate is -1"}},
		{"s", `{"executor":"per-vu-iterations","vus":0,"iterations":0,"maxDuration":0}`, []string{"vus is 0", "iterations is 0", "maxDuration is 0s"}},
		{"s", `{"executor":"shared-iterations","vus":5,"iterations":4}`, []string{"iterations is 4, it can't be less than vus, 5"}},
		{"s", `{"executor":"externally-controlled","vus":5,"maxVUs":4,"duration":"-1s","gracefulStop":"1s"}`, []string{
			"maxVUs is 4", "duration is -1s", "gracefulStop is not for externally-controlled",
		}},
	} {
		_, err := fromJSON(c.name, c.options)
		if err == nil {
			t.Errorf("%s is taken", c.options)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s:\n%v\ndoes not say %q", c.options, err, want)
			}
		}
	}
}

func TestYAMLAndJSONAreTheSame(t *testing.T) {
	var document map[string]yaml.Node
	err := yaml.Unmarshal([]byte(`
stress_test:
  executor: ramping-vus
  startTime: 46m
  startVUs: 0
  stages:
    - { duration: 5m, target: 200 }
    - { duration: 1500, target: 0 }   # milliseconds
  tags: { test_type: stress }
wrong:
  executor: ramping-vus
  stages: 5
`), &document)
	if err != nil {
		t.Fatal(err)
	}
	node := document["stress_test"]
	fromYAML, err := executor.FromYAML("stress_test", &node)
	if err != nil {
		t.Fatal(err)
	}
	again, err := fromJSON("stress_test", `{"executor":"ramping-vus","startTime":"46m","startVUs":0,
		"stages":[{"duration":"5m","target":200},{"duration":"1s500ms","target":0}],"tags":{"test_type":"stress"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fromYAML, again) {
		t.Errorf("YAML %+v, JSON %+v", fromYAML, again)
	}
	node = document["wrong"]
	if _, err := executor.FromYAML("wrong", &node); err == nil || !strings.Contains(err.Error(), "stages is 5, it should be a list") {
		t.Error(err)
	}
}

func TestDefaultsAreK6s(t *testing.T) {
	c, err := fromJSON("s", `{"executor":"ramping-arrival-rate","stages":[{"duration":"5s","target":7}],"preAllocatedVUs":2}`)
	if err != nil {
		t.Fatal(err)
	}
	a := c.(*executor.RampingArrivalRate)
	if a.TimeUnit != second || a.GracefulStop != 30*second || a.PeakVUs() != 2 || a.StartRate != 0 {
		t.Errorf("%+v", a)
	}
	c, err = fromJSON("s", `{"executor":"ramping-vus","stages":[{"duration":"5s","target":7}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.(*executor.RampingVUs); r.StartVUs != 1 || r.GracefulRampDown != 30*second {
		t.Errorf("%+v", r)
	}
	c, err = fromJSON("s", `{"executor":"shared-iterations"}`)
	if err != nil {
		t.Fatal(err)
	}
	if s := c.(*executor.SharedIterations); s.VUs != 1 || s.Iterations != 1 || s.MaxDuration != 600*second {
		t.Errorf("%+v", s)
	}
}

func TestScalingTimeLeavesTheLoadAlone(t *testing.T) {
	c := ramp(0, stage(300*second, 100), stage(0, 50), stage(600*second, 200))
	c.StartTime = 46 * 60 * second
	c.Tags = map[string]string{"a": "b"}
	before := steps(c)
	s := c.Scale(1.0 / 60).(*executor.RampingVUs)
	if s.Length() != 15*time.Second || s.StartTime != 46*second || s.PeakVUs() != 200 || s.Stages[1].Duration != 0 {
		t.Errorf("scaled: %s", s.Describe())
	}
	if s.GracefulStop != 30*second || s.GracefulRampDown != 30*second {
		t.Errorf("the time that an iteration may take was scaled: %s", s.Describe())
	}
	if s.Tags["a"] = "changed"; steps(c) != before || c.Tags["a"] != "b" || c.StartTime != 46*60*second {
		t.Error("scaling changed the original")
	}
	o := executor.NewConstantArrivalRate("open")
	o.Rate, o.Duration, o.PreAllocatedVUs = 50, 600*second, 5
	if s := o.Scale(0.1).(*executor.ConstantArrivalRate); s.Arrivals().Total() != 3000 || s.PreAllocatedVUs != 5 || s.MaxWait != o.MaxWait {
		t.Errorf("scaled: %s", s.Describe())
	}
	for _, kind := range executor.Types() {
		c, err := executor.New("s", kind)
		if err != nil || c.Scale(2) == c || c.Scale(2).Common().Type != kind {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10s": 10 * time.Second, "1m30s": 90 * time.Second, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "1500": 1500 * time.Millisecond,
		"0": 0, "1.5": 1500 * time.Microsecond, " 5m ": 5 * time.Minute, "-3s": -3 * time.Second,
	} {
		if got, err := executor.ParseDuration(text); err != nil || time.Duration(got) != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5 m", "m5", "d", "-1d", "1d-2h", "1.5d", "ten", "NaN", "-Inf", "1e13", "-1e13", "65535d2000000h"} {
		if got, err := executor.ParseDuration(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
