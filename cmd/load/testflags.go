package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
	"github.com/medianest/testbed/seed/profile"
)

// testFlags change a test.
type testFlags struct {
	Scenario    []string           `name:"scenario" env:"MEDIANEST_SCENARIO" placeholder:"NAME" group:"Test:" help:"Run only these scenarios of the test; the first starts at once."`
	TimeScale   string             `name:"time-scale" env:"MEDIANEST_TIME_SCALE" placeholder:"FACTOR" group:"Test:" help:"Multiply all durations: 1/60 makes a second of a minute. Scaled runs say so and are no baselines."`
	Duration    *executor.Duration `name:"duration" short:"d" env:"MEDIANEST_DURATION" placeholder:"DURATION" group:"Test:" help:"Scale time so that the test takes this long; a search ends then."`
	VUs         *int               `name:"vus" short:"u" env:"MEDIANEST_VUS" placeholder:"N" group:"Test:" help:"Scale the users so that the largest scenario has this many."`
	Rate        *float64           `name:"rate" env:"MEDIANEST_RATE" placeholder:"N" group:"Test:" help:"Scale the rates so that the highest is this many iterations a second."`
	Targets     []string           `name:"targets" env:"MEDIANEST_TARGETS" placeholder:"SET" group:"Test:" help:"Thresholds by the name of a set: medianest is what MediaNest must reach; load list has all. Rates and counts in them are scaled with the test, as its own are."`
	Threshold   []string           `name:"threshold" env:"MEDIANEST_THRESHOLD" sep:"none" placeholder:"METRIC:CONDITION" group:"Test:" help:"One more threshold, such as 'http_req_duration:p(95)<500' or 'http_req_failed{endpoint:auth_login}:rate<0.01 over 1m'. May be repeated."`
	AllowNoData bool               `name:"allow-no-data" env:"MEDIANEST_ALLOW_NO_DATA" group:"Test:" help:"Thresholds that nothing was measured for do not fail."`
	Trends      bool               `name:"trends" env:"MEDIANEST_TRENDS" group:"Test:" help:"Judge whether the target gets slower, fails more or takes more memory while the load is the same, as volume and endurance do."`
	MemoryLimit string             `name:"memory-limit" env:"MEDIANEST_MEMORY_LIMIT" placeholder:"SIZE" group:"Test:" help:"What the target's memory must not reach, nor grow towards, such as 2GiB; judges trends, as --trends does."`
	Tag         map[string]string  `name:"tag" env:"MEDIANEST_TAGS" mapsep:"," placeholder:"NAME=VALUE" group:"Test:" help:"Tag for everything that is measured. May be repeated."`
	Seed        *uint64            `name:"seed" env:"MEDIANEST_LOAD_SEED" group:"Test:" help:"Seed of the users' random choices."`
	VerifyData  string             `name:"verify-data" env:"MEDIANEST_VERIFY_DATA" placeholder:"SHARE" group:"Test:" help:"Hold this share of the answers, such as 0.1 or 10%, against the rows that must be there."`
	Dataset     map[string]string  `name:"dataset" env:"MEDIANEST_DATASET" mapsep:"," placeholder:"profile=NAME,..." group:"Test:" help:"The dataset of a target whose /health tells none: profile=NAME|FILE,seed=N,as-of=TIME and, if it was seeded with another one, bcrypt-cost=N. Of one that tells it, it must be the same."`
	UniqueUsers bool               `name:"unique-logins" env:"MEDIANEST_UNIQUE_LOGINS" group:"Test:" help:"Every user logs in with an account of the dataset of its own."`
	ThinkTime   string             `name:"think-time" env:"MEDIANEST_THINK_TIME" placeholder:"FACTOR" group:"Test:" help:"Multiply the users' pauses; 0 leaves them out."`
	Timeout     *time.Duration     `name:"timeout" env:"MEDIANEST_TIMEOUT" placeholder:"DURATION" group:"Test:" help:"How long a request may take."`
	HTTP2       bool               `name:"http2" env:"MEDIANEST_HTTP2" group:"Test:" help:"Speak HTTP/2 where an https target does, at several times the CPU time per request."`
	Insecure    bool               `name:"insecure" env:"MEDIANEST_INSECURE" group:"Test:" help:"Take any certificate of the target's."`
	TrendStats  []string           `name:"summary-trend-stats" env:"MEDIANEST_SUMMARY_TREND_STATS" placeholder:"STAT" group:"Output:" help:"What summaries tell of trends: avg, min, med, max, count, p(N); ${stats} where neither this nor the test says."`
}

// options reads the test and changes it as the flags say. All that is wrong comes back at once.
func (c *runCmd) options() (*scenario.Options, error) {
	o, err := scenario.Load(c.Test)
	if err != nil {
		return nil, err
	}
	var errs []error
	fail := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	change := func(flag string, given bool, with func() (*scenario.Options, error)) {
		if !given {
			return
		}
		changed, err := with()
		if fail(flag, err); err == nil {
			o = changed
		}
	}
	number := func(text string, use func(float64) (*scenario.Options, error)) func() (*scenario.Options, error) {
		return func() (*scenario.Options, error) {
			n, err := scenario.ParseNumber(text)
			if err != nil {
				return nil, err
			}
			return use(n)
		}
	}
	// Named targets are scaled with the test, as those are that it has itself; thresholds are what they say.
	change("targets", len(c.Targets) > 0, func() (*scenario.Options, error) { return o.WithTargets(c.Targets...) })
	change("scenario", len(c.Scenario) > 0, func() (*scenario.Options, error) { return o.Only(c.Scenario...) })
	change("time-scale", c.TimeScale != "", number(c.TimeScale, func(n float64) (*scenario.Options, error) { return o.TimeScaled(n) }))
	change("duration", c.Duration != nil, func() (*scenario.Options, error) { return o.Lasting(time.Duration(*c.Duration)) })
	change("vus", c.VUs != nil, func() (*scenario.Options, error) { return o.WithVUs(*c.VUs) })
	change("rate", c.Rate != nil, func() (*scenario.Options, error) { return o.WithRate(*c.Rate) })
	change("verify-data", c.VerifyData != "", number(c.VerifyData, func(n float64) (*scenario.Options, error) { return o.Verifying(n) }))
	dataset, err := datasetOf(o.Dataset, c.Dataset)
	if fail("dataset", err); dataset.Profile != "" {
		_, err := profile.Load(dataset.Profile, nil)
		fail("dataset", err)
	}
	own := *o // the methods above share what they do not change
	own.Trends = c.trends(o.Trends, func(err error) { fail("memory-limit", err) })
	own.Dataset = dataset
	own.Thresholds, own.Tags = slices.Clone(o.Thresholds), maps.Clone(o.Tags)
	for _, text := range c.Threshold {
		t, err := parseThreshold(text)
		if fail("threshold", err); err == nil {
			own.Thresholds = append(own.Thresholds, t)
		}
	}
	if c.ThinkTime != "" {
		n, err := scenario.ParseNumber(c.ThinkTime)
		fail("think-time", err)
		own.ThinkTime = n
	}
	if c.Timeout != nil && *c.Timeout <= 0 {
		fail("timeout", fmt.Errorf("is %s, it should be more than 0", *c.Timeout))
	}
	fail("summary-trend-stats", report.CheckTrendStats(c.TrendStats))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c.set(&own)
	if problems := own.Validate(); len(problems) > 0 {
		return nil, problems
	}
	return &own, nil
}

// trends returns what the flags make of the test's trends.
func (c *runCmd) trends(of *scenario.Trends, fail func(error)) *scenario.Trends {
	if !c.Trends && c.MemoryLimit == "" {
		return of
	}
	t := scenario.DefaultTrends()
	if of != nil {
		*t = *of
	}
	if c.MemoryLimit != "" {
		var err error
		t.MemoryLimit, err = scenario.ParseSize(c.MemoryLimit)
		fail(err)
	}
	return t
}

// set sets what needs no reading.
func (c *runCmd) set(o *scenario.Options) {
	o.AllowNoData = o.AllowNoData || c.AllowNoData
	if len(c.Tag) > 0 && o.Tags == nil {
		o.Tags = make(map[string]string)
	}
	for name, value := range c.Tag {
		o.Tags[name] = value
	}
	if c.Seed != nil {
		o.Seed = *c.Seed
	}
	if c.UniqueUsers {
		o.Logins = scenario.UniqueLogins
	}
	if c.Timeout != nil {
		o.Timeout = executor.Duration(*c.Timeout)
	}
	o.HTTP2 = o.HTTP2 || c.HTTP2
	o.InsecureSkipTLSVerify = o.InsecureSkipTLSVerify || c.Insecure
	if len(c.TrendStats) > 0 {
		o.SummaryTrendStats = c.TrendStats
	}
}

// datasetOf adds what the flag says to what the test says of the dataset.
func datasetOf(w verify.Wanted, flag map[string]string) (verify.Wanted, error) {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(flag)) {
		value, err := flag[key], error(nil)
		switch key {
		case "profile":
			w.Profile = value
		case "seed":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 64)
			w.Seed = &n
		case "as-of":
			var at time.Time
			at, err = time.Parse(time.RFC3339Nano, value)
			w.AsOf = &at
		case "bcrypt-cost":
			w.BcryptCost, err = strconv.Atoi(value)
		default:
			errs = append(errs, fmt.Errorf("there is no %q, only profile, seed, as-of and bcrypt-cost", key))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is %q, and is to be as in profile=ci,seed=1,as-of=2026-01-31T12:00:00Z", key, value))
		}
	}
	return w, errors.Join(errs...)
}

// parseThreshold reads METRIC:CONDITION or METRIC{tag:value}:CONDITION.
func parseThreshold(text string) (threshold.Threshold, error) {
	at := strings.IndexByte(text, '}') + 1 // colons in braces are the tags'
	colon := strings.IndexByte(text[at:], ':')
	if colon < 0 {
		return threshold.Threshold{}, fmt.Errorf("%q is not METRIC:CONDITION, such as http_req_duration:p(95)<500", text)
	}
	return threshold.Parse(text[:at+colon], text[at+colon+1:])
}
