package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite"
)

// Validate returns all that is wrong with the test, with the fields but without lines.
func (o *Options) Validate() Problems {
	var ps Problems
	add := func(field, format string, args ...any) {
		ps = append(ps, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	unknownSuite := func(field, name string) {
		add(field, "there is no suite %q%s", name, didYouMean(name, suite.Names()))
	}
	if !slices.Contains(suite.Names(), o.Suite) {
		unknownSuite("suite", o.Suite)
	}
	if o.Logins != DocumentLogins && o.Logins != UniqueLogins {
		add("logins", "is %q, it should be %s or %s", o.Logins, DocumentLogins, UniqueLogins)
	}
	if o.VerifyData > 1 {
		add("verifyData", "is %v, it should be a share from 0 to 1", o.VerifyData)
	}
	var names []string
	for _, c := range o.Scenarios {
		b := c.Common()
		if slices.Contains(names, b.Name) {
			add("scenarios."+b.Name, "there are two scenarios of that name")
		}
		names = append(names, b.Name)
		for _, err := range c.Validate() {
			add("scenarios."+b.Name, "%v", err)
		}
		if b.Exec != "" && !slices.Contains(suite.Names(), b.Exec) {
			add("scenarios."+b.Name+".exec", "names what the users do, but there is no suite %q%s", b.Exec, didYouMean(b.Exec, suite.Names()))
		}
	}
	if o.Timeout <= 0 {
		add("timeout", "is %s, it should be more than 0", o.Timeout)
	}
	if o.SetupTimeout <= 0 {
		add("setupTimeout", "is %s, it should be more than 0", o.SetupTimeout)
	}
	if o.TeardownTimeout <= 0 {
		add("teardownTimeout", "is %s, it should be more than 0", o.TeardownTimeout)
	}
	if !knownTimeUnit(o.SummaryTimeUnit) {
		add("summaryTimeUnit", "is %q, it should be one of %s", o.SummaryTimeUnit, strings.Join(timeUnits(), ", "))
	}
	for _, stat := range o.SummaryTrendStats {
		if _, err := new(metrics.Histogram).Stat(stat); err != nil {
			add("summaryTrendStats", "has %q, it should have avg, min, med, max, count or p(N)", stat)
		}
	}
	ps = append(ps, o.validateThresholds(names)...)
	if o.Search != nil {
		ps = append(ps, o.Search.validate(o)...)
	}
	if o.Recovery != nil {
		ps = append(ps, o.Recovery.validate()...)
	}
	if o.Trends != nil {
		ps = append(ps, o.Trends.validate()...)
	}
	return ps
}

// validateThresholds finds metrics and scenarios that do not exist, which k6 finds out after the run or never.
func (o *Options) validateThresholds(scenarios []string) Problems {
	var ps Problems
	registry, err := o.registry()
	if err != nil {
		return nil // of an unknown suite, which is complained of already
	}
	for _, t := range o.Thresholds {
		field := "thresholds." + t.Selector.String()
		if err := t.Check(registry); err != nil {
			hint := ""
			if registry.Lookup(t.Selector.Metric) == nil {
				hint = o.elsewhere(t.Selector.Metric)
			}
			ps = append(ps, Problem{Field: field, Message: err.Error() + hint})
		}
		if s, ok := t.Selector.Tags["scenario"]; ok && !slices.Contains(scenarios, s) && o.Search == nil {
			ps = append(ps, Problem{Field: field, Message: fmt.Sprintf("there is no scenario %q%s", s, didYouMean(s, scenarios))})
		}
	}
	return ps
}

// elsewhere hints at a suite or an option with which a metric would be there.
func (o *Options) elsewhere(metric string) string {
	if metric == suite.DataVerified {
		return "; verifyData makes it"
	}
	for _, name := range suite.Names() {
		if r, err := metricsOf(name); err == nil && r.Lookup(metric) != nil && !slices.Contains(o.Suites(), name) {
			return "; suite: " + name + " has it"
		}
	}
	return ""
}

// metricsOf has the metrics that runs of the suites have.
func metricsOf(suites ...string) (*metrics.Registry, error) {
	r := metrics.NewRegistry()
	nowhere := &client.Host{}
	for _, name := range suites {
		_, err := suite.New(name, suite.Config{
			Registry: r, Targets: suite.Targets{API: nowhere, Auth: nowhere, Media: nowhere, User: nowhere, Notification: nowhere},
		})
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// registry has the metrics that the test will have.
func (o *Options) registry() (*metrics.Registry, error) {
	r, err := metricsOf(o.Suites()...)
	if err != nil {
		return nil, err
	}
	if o.VerifyData > 0 {
		if _, err := r.New(suite.DataVerified, metrics.Rate, metrics.Default); err != nil {
			return nil, err
		}
	}
	return r, nil
}
