// Package scenario is tests as people write them: which scenarios run, what their users do, and what must hold,
// in YAML or as k6's JSON options, under k6's names. It reads them and says at once all that is wrong with
// them; it has the tests that come with the program; and it makes shorter, smaller or partial tests of them,
// which are marked as such. Nothing here runs anything.
//
// Beyond k6's options a test has
//
//	suite        what the users do: core, database, microservices, synthetic or volume; a scenario's exec overrides it
//	logins       document (the few accounts of the k6 scripts) or unique (an account for every user)
//	verifyData   the share of answers that are held against the rows that must be there
//	dataset      profile, seed, asOf and bcryptCost, where the target's /health does not tell them
//	targets      named sets of thresholds: see Targets
//	search       look for the highest rate that meets the thresholds: see Search
//	recovery     work out how long the target takes to get over a spike: see Recovery
//	trends       judge whether the target drifts while the load is the same: see Trends
//	thinkTime    multiplies the users' pauses
//	allowNoData  thresholds that nothing was sampled for do not fail
//	timeout      of a request; http2, seed, name and description
package scenario

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// Logins says whom the users log in as.
type Logins string

// The ways to log in.
const (
	DocumentLogins Logins = "document" // the few accounts that the k6 scripts have
	UniqueLogins   Logins = "unique"   // an account of the dataset for every user
)

// Defaults of Options. The timeouts are k6's.
const (
	DefaultSuite           = suite.Core
	DefaultLogins          = DocumentLogins
	DefaultSetupTimeout    = executor.Duration(time.Minute)
	DefaultTeardownTimeout = executor.Duration(time.Minute)
	DefaultTimeout         = executor.Duration(time.Minute)
	DefaultThinkTime       = 1.0
)

// Options are a test. Its methods return changed copies and leave the receiver as it is.
type Options struct {
	Name        string
	Description string
	// Source is the file that it was read from, "" for one that comes with the program.
	Source string

	// Suite is what the users of scenarios without an exec do.
	Suite string
	// Scenarios are in the order of their start times, and of their names where these are the same.
	Scenarios  []executor.Config
	Thresholds []threshold.Threshold
	// Targets are the sets that some of the thresholds come from.
	Targets     []string
	AllowNoData bool
	Tags        map[string]string

	Logins Logins
	// VerifyData is the share of answers to verify, 0 to 1.
	VerifyData float64
	Dataset    verify.Wanted
	Search     *Search
	Recovery   *Recovery
	Trends     *Trends

	// Seed makes the users' random sources.
	Seed uint64
	// ThinkTime multiplies the users' pauses; 0 leaves them out.
	ThinkTime float64

	SetupTimeout, TeardownTimeout executor.Duration
	// Timeout bounds a request.
	Timeout   executor.Duration
	UserAgent string
	// NoConnectionReuse makes a connection for every request, NoVUConnectionReuse for every iteration.
	NoConnectionReuse, NoVUConnectionReuse bool
	InsecureSkipTLSVerify                  bool
	HTTP2                                  bool
	NoSetup, NoTeardown                    bool
	// SummaryTrendStats are the statistics of trends in summaries, empty for the default. SummaryTimeUnit is s,
	// ms, us, or "" for whichever fits.
	SummaryTrendStats []string
	SummaryTimeUnit   string

	// Scaled says how the test differs from what the file says, a line for each change. What is scaled can't
	// be compared with what is not.
	Scaled []string
	// Warnings say which options were read and have no effect here.
	Warnings []string
}

func defaults() *Options {
	return &Options{
		Suite: DefaultSuite, Logins: DefaultLogins, ThinkTime: DefaultThinkTime, SetupTimeout: DefaultSetupTimeout,
		TeardownTimeout: DefaultTeardownTimeout, Timeout: DefaultTimeout,
	}
}

// SuiteOf returns what the users of a scenario do.
func (o *Options) SuiteOf(c executor.Config) string {
	if exec := c.Common().Exec; exec != "" {
		return exec
	}
	return o.Suite
}

// Suites returns the suites that the test needs, each once.
func (o *Options) Suites() []string {
	var names []string
	for _, c := range o.Scenarios {
		if name := o.SuiteOf(c); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Length returns how long the test starts iterations for, 0 where a scenario has no end. A search takes
// MaxDuration at most.
func (o *Options) Length() time.Duration {
	if o.Search != nil {
		return time.Duration(o.Search.MaxDuration)
	}
	return lengthOf(o.Scenarios)
}

func lengthOf(scenarios []executor.Config) time.Duration {
	var longest time.Duration
	for _, c := range scenarios {
		if c.Length() == 0 {
			return 0
		}
		longest = max(longest, time.Duration(c.Common().StartTime)+c.Length())
	}
	return longest
}

// clone returns a copy that shares nothing that anybody changes.
func (o *Options) clone() *Options {
	c := *o
	c.Scenarios = make([]executor.Config, len(o.Scenarios))
	for i, s := range o.Scenarios {
		c.Scenarios[i] = s.Scale(1)
	}
	c.Thresholds, c.Targets = slices.Clone(o.Thresholds), slices.Clone(o.Targets)
	c.Tags, c.Scaled, c.Warnings = maps.Clone(o.Tags), slices.Clone(o.Scaled), slices.Clone(o.Warnings)
	if o.Search != nil {
		s := *o.Search
		c.Search = &s
	}
	if o.Recovery != nil {
		r := *o.Recovery
		c.Recovery = &r
	}
	if o.Trends != nil {
		t := *o.Trends
		c.Trends = &t
	}
	return &c
}

func (o *Options) sort() {
	slices.SortStableFunc(o.Scenarios, func(a, b executor.Config) int {
		x, y := a.Common(), b.Common()
		return cmp.Or(cmp.Compare(x.StartTime, y.StartTime), cmp.Compare(x.Name, y.Name))
	})
}

// MarshalJSON writes the test as it runs, under the names that Parse reads.
func (o *Options) MarshalJSON() ([]byte, error) {
	type long struct {
		Threshold      string            `json:"threshold"`
		AbortOnFail    bool              `json:"abortOnFail"`
		DelayAbortEval executor.Duration `json:"delayAbortEval,omitzero"`
	}
	thresholds := map[string][]any{}
	for _, t := range o.Thresholds {
		key := t.Selector.String()
		if t.AbortOnFail {
			thresholds[key] = append(thresholds[key], long{t.Source, true, executor.Duration(t.DelayAbortEval)})
		} else {
			thresholds[key] = append(thresholds[key], t.Source)
		}
	}
	scenarios := make(map[string]executor.Config, len(o.Scenarios))
	for _, s := range o.Scenarios {
		scenarios[s.Common().Name] = s
	}
	var dataset *verify.Wanted
	if o.Dataset != (verify.Wanted{}) {
		dataset = &o.Dataset
	}
	return json.Marshal(struct {
		Name                  string                     `json:"name,omitempty"`
		Description           string                     `json:"description,omitempty"`
		Suite                 string                     `json:"suite"`
		Logins                Logins                     `json:"logins"`
		VerifyData            float64                    `json:"verifyData,omitempty"`
		Dataset               *verify.Wanted             `json:"dataset,omitempty"`
		Scenarios             map[string]executor.Config `json:"scenarios"`
		Thresholds            map[string][]any           `json:"thresholds,omitempty"`
		AllowNoData           bool                       `json:"allowNoData,omitempty"`
		Search                *Search                    `json:"search,omitempty"`
		Recovery              *Recovery                  `json:"recovery,omitempty"`
		Trends                *Trends                    `json:"trends,omitempty"`
		Tags                  map[string]string          `json:"tags,omitempty"`
		Seed                  uint64                     `json:"seed,omitempty"`
		ThinkTime             float64                    `json:"thinkTime"`
		SetupTimeout          executor.Duration          `json:"setupTimeout"`
		TeardownTimeout       executor.Duration          `json:"teardownTimeout"`
		Timeout               executor.Duration          `json:"timeout"`
		UserAgent             string                     `json:"userAgent,omitempty"`
		NoConnectionReuse     bool                       `json:"noConnectionReuse,omitempty"`
		NoVUConnectionReuse   bool                       `json:"noVUConnectionReuse,omitempty"`
		InsecureSkipTLSVerify bool                       `json:"insecureSkipTLSVerify,omitempty"`
		HTTP2                 bool                       `json:"http2,omitempty"`
		NoSetup               bool                       `json:"noSetup,omitempty"`
		NoTeardown            bool                       `json:"noTeardown,omitempty"`
		SummaryTrendStats     []string                   `json:"summaryTrendStats,omitempty"`
		SummaryTimeUnit       string                     `json:"summaryTimeUnit,omitempty"`
	}{
		o.Name, o.Description, o.Suite, o.Logins, o.VerifyData, dataset, scenarios, thresholds, o.AllowNoData, o.Search, o.Recovery, o.Trends,
		o.Tags, o.Seed, o.ThinkTime, o.SetupTimeout, o.TeardownTimeout, o.Timeout, o.UserAgent, o.NoConnectionReuse,
		o.NoVUConnectionReuse, o.InsecureSkipTLSVerify, o.HTTP2, o.NoSetup, o.NoTeardown, o.SummaryTrendStats, o.SummaryTimeUnit,
	})
}
