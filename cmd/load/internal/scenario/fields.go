package scenario

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/threshold"
)

// read reads a whole test.
func (r *reader) read(root *yaml.Node) {
	o := r.options
	var logins string
	var sets []string
	ignore := func(_ *yaml.Node, field string) { r.ignored(field) }
	r.object(root, "", map[string]func(*yaml.Node, string){
		"name":        r.text(&o.Name),
		"description": r.text(&o.Description),
		"suite":       r.text(&o.Suite),
		"logins":      r.text(&logins),
		"verifyData":  r.number(&o.VerifyData),
		"dataset":     r.dataset,
		"targets":     r.texts(&sets),
		"allowNoData": r.boolean(&o.AllowNoData),
		"search":      r.search,
		"recovery":    r.recovery,
		"trends":      r.trends,
		"seed":        r.seed(&o.Seed),
		"thinkTime":   r.number(&o.ThinkTime),
		"timeout":     r.duration(&o.Timeout),
		"http2":       r.boolean(&o.HTTP2),

		"scenarios":             r.scenarios,
		"thresholds":            r.thresholds,
		"vus":                   r.shorthand.number(r, "vus"),
		"iterations":            r.shorthand.number(r, "iterations"),
		"duration":              r.shorthand.length(r),
		"stages":                r.shorthand.ramp(r),
		"tags":                  r.tags(&o.Tags),
		"setupTimeout":          r.duration(&o.SetupTimeout),
		"teardownTimeout":       r.duration(&o.TeardownTimeout),
		"userAgent":             r.text(&o.UserAgent),
		"noConnectionReuse":     r.boolean(&o.NoConnectionReuse),
		"noVUConnectionReuse":   r.boolean(&o.NoVUConnectionReuse),
		"insecureSkipTLSVerify": r.boolean(&o.InsecureSkipTLSVerify),
		"noSetup":               r.boolean(&o.NoSetup),
		"noTeardown":            r.boolean(&o.NoTeardown),
		"summaryTrendStats":     r.texts(&o.SummaryTrendStats),
		"summaryTimeUnit":       r.text(&o.SummaryTimeUnit),

		// Of k6's, without a meaning here: suites send one request after another, follow no redirects, keep no
		// cookies, and have their own errors and tags.
		"batch": ignore, "batchPerHost": ignore, "cloud": ignore, "ext": ignore, "httpDebug": ignore, "linger": ignore,
		"maxRedirects": ignore, "metricSamplesBufferSize": ignore, "noCookiesReset": ignore, "noUsageReport": ignore,
		"systemTags": ignore, "throw": ignore,
		// Of k6's, and leaving them out would make another test of it.
		"blacklistIPs": nil, "blockHostnames": nil, "discardResponseBodies": nil, "dns": nil, "executionSegment": nil,
		"executionSegmentSequence": nil, "hosts": nil, "localIPs": nil, "minIterationDuration": nil, "paused": nil, "rps": nil,
		"tlsAuth": nil, "tlsCipherSuites": nil, "tlsVersion": nil,
	})
	if logins != "" {
		o.Logins = Logins(logins)
	}
	if problem := r.shorthand.into(o, r.lines["scenarios"] > 0); problem != "" {
		r.problems = append(r.problems, Problem{Line: r.shorthand.line, Message: problem})
	}
	o.sort()
	if s := o.Search; s != nil && s.Scenario == "" && len(o.Scenarios) == 1 {
		s.Scenario = o.Scenarios[0].Common().Name
	}
	if len(sets) > 0 {
		if err := o.addTargets(sets); err != nil {
			r.problems = append(r.problems, Problem{Line: r.lines["targets"], Field: "targets", Message: err.Error()})
		}
	}
	if o.VerifyData > 0 {
		o.requireVerified()
	}
}

func (r *reader) dataset(n *yaml.Node, field string) {
	d := &r.options.Dataset
	r.object(n, field, map[string]func(*yaml.Node, string){
		"profile": r.text(&d.Profile),
		"seed": func(n *yaml.Node, field string) {
			d.Seed = new(uint64)
			r.seed(d.Seed)(n, field)
		},
		"asOf": func(n *yaml.Node, field string) {
			at, err := time.Parse(time.RFC3339, n.Value)
			if err != nil {
				r.add(n, field, "%s, it should be a time such as 2026-01-31T12:00:00Z", saw(n))
				return
			}
			d.AsOf = &at
		},
		"bcryptCost": r.whole(&d.BcryptCost),
	})
}

// thresholds reads k6's: by metric, a list of conditions or of objects. One condition alone need not be a list.
func (r *reader) thresholds(n *yaml.Node, field string) {
	r.entries(n, field, func(key, value *yaml.Node, path string) {
		list := []*yaml.Node{value}
		switch {
		case isNull(value):
			return
		case value.Kind == yaml.SequenceNode:
			list = value.Content
		}
		for _, item := range list {
			r.threshold(key.Value, item, path)
		}
	})
}

func (r *reader) threshold(selector string, n *yaml.Node, field string) {
	var source string
	var abort bool
	var delay executor.Duration
	if n.Kind == yaml.MappingNode {
		before := len(r.problems)
		r.object(n, field, map[string]func(*yaml.Node, string){
			"threshold": r.text(&source), "abortOnFail": r.boolean(&abort), "delayAbortEval": r.duration(&delay),
		})
		if source == "" && len(r.problems) == before {
			r.add(n, field, "there is no threshold in it, such as p(95)<1000")
		}
		if len(r.problems) > before {
			return
		}
	} else {
		r.text(&source)(n, field)
	}
	t, err := threshold.Parse(selector, source)
	if err != nil {
		r.add(n, field, "%v", err)
		return
	}
	t.AbortOnFail, t.DelayAbortEval = abort, time.Duration(delay)
	r.options.Thresholds = append(r.options.Thresholds, t)
}

// shorthand is k6's way of having one scenario without naming it.
type shorthand struct {
	vus, iterations *int
	duration        *executor.Duration
	stages          []executor.Stage
	line            int
}

func (s *shorthand) seen(n *yaml.Node) {
	if s.line == 0 {
		s.line = n.Line
	}
}

func (s *shorthand) number(r *reader, which string) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		s.seen(n)
		into := new(int)
		r.whole(into)(n, field)
		if which == "vus" {
			s.vus = into
		} else {
			s.iterations = into
		}
	}
}

func (s *shorthand) length(r *reader) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		s.seen(n)
		s.duration = new(executor.Duration)
		r.duration(s.duration)(n, field)
	}
}

func (s *shorthand) ramp(r *reader) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		s.seen(n)
		if n.Kind != yaml.SequenceNode {
			r.add(n, field, "%s, it should be a list of {duration, target}", saw(n))
			return
		}
		for i, item := range n.Content {
			var stage executor.Stage
			r.object(item, fmt.Sprintf("%s.%d", field, i), map[string]func(*yaml.Node, string){
				"duration": r.duration(&stage.Duration), "target": r.whole(&stage.Target),
			})
			s.stages = append(s.stages, stage)
		}
	}
}

// defaultScenario is what k6 calls the scenario of the shorthand.
const defaultScenario = "default"

// into makes the scenario, as k6 does; others tells that the test has scenarios. It returns what is wrong.
func (s *shorthand) into(o *Options, others bool) string {
	if s.line == 0 {
		if !others { // k6 does one iteration then; a test file that says nothing is a mistake
			return "there is no scenario: give scenarios, or duration, iterations or stages"
		}
		return ""
	}
	if others {
		return "there are scenarios, and vus, duration, iterations or stages beside them: give one or the other"
	}
	if len(s.stages) > 0 && (s.duration != nil || s.iterations != nil) {
		return "stages go with neither duration nor iterations: give one or the other"
	}
	switch {
	case len(s.stages) > 0:
		c := executor.NewRampingVUs(defaultScenario)
		c.Stages = s.stages
		if s.vus != nil {
			c.StartVUs = *s.vus
		}
		o.Scenarios = append(o.Scenarios, c)
	case s.iterations != nil:
		c := executor.NewSharedIterations(defaultScenario)
		c.Iterations = *s.iterations
		if s.vus != nil {
			c.VUs = *s.vus
		}
		if s.duration != nil {
			c.MaxDuration = *s.duration
		}
		o.Scenarios = append(o.Scenarios, c)
	case s.duration != nil:
		c := executor.NewConstantVUs(defaultScenario)
		c.Duration = *s.duration
		if s.vus != nil {
			c.VUs = *s.vus
		}
		o.Scenarios = append(o.Scenarios, c)
	default:
		return "vus alone do not say how long: give duration, iterations or stages too"
	}
	return ""
}

// timeUnits of summaries.
func timeUnits() []string { return []string{"s", "ms", "us"} }

func knownTimeUnit(unit string) bool { return unit == "" || slices.Contains(timeUnits(), unit) }
