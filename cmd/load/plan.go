package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/engine"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// plan is a test that is ready to be run.
type plan struct {
	*scenario.Options
	commit string // of what is tested, "" where it is not known
	// written is the options as JSON, under k6's names.
	written   json.RawMessage
	registry  *metrics.Registry
	scenarios []engine.Scenario
	targets   map[string]string   // the first base URL of each service that is used
	hosts     map[string][]string // all of them, of the services that have several
	spread    int                 // over how many hosts of a service the users are spread, at least
	newClient func() client.Client
	dataset   *verify.Served
	verifier  *verify.Verifier // nil where nothing is verified
	logins    *suite.Logins    // nil where the document's accounts are used
}

// plan makes a test of the options ready: it finds the target and its dataset, and makes the suites.
func (c *runCmd) plan(ctx context.Context, o *scenario.Options, log *slog.Logger) (*plan, error) {
	p := &plan{Options: o, commit: c.Commit, registry: metrics.NewRegistry()}
	var err error
	if p.written, err = json.Marshal(o); err != nil {
		return nil, fmt.Errorf("write the test's options: %w", err)
	}
	config := suite.Config{Registry: p.registry, Share: o.VerifyData}
	hosts, err := c.resolve(ctx, o.Suites())
	if err != nil {
		return nil, err
	}
	p.name(hosts)
	probed, err := c.probe(ctx, hosts, o)
	if err != nil {
		return nil, err
	}
	for _, err := range probed.down {
		log.Error("a target is down, and what its users ask for will fail", "error", err)
	}
	p.dataset, config.Targets = probed.served, targets(hosts, probed.lead)
	if o.VerifyData > 0 || o.Logins == scenario.UniqueLogins || o.Dataset != (verify.Wanted{}) {
		data, err := verify.Dataset(o.Dataset, p.dataset)
		if err != nil {
			return nil, err
		}
		if p.dataset == nil {
			d := data.Options()
			p.dataset = &verify.Served{Fingerprint: data.Fingerprint(), Profile: data.Profile().Name, Seed: d.Seed, AsOf: d.AsOf, Complete: true}
		}
		if o.Logins == scenario.UniqueLogins {
			p.logins = suite.NewLogins(data)
		}
		if o.VerifyData > 0 {
			p.verifier = verify.New(data, func(m verify.Mismatch) { log.Warn("wrong data", "mismatch", m.String()) })
		}
	}
	config.Logins, config.Verifier = p.logins, p.verifier
	p.newClient = clients(o)

	suites := make(map[string]vu.Suite)
	for _, x := range o.Scenarios {
		name := o.SuiteOf(x)
		if suites[name] == nil {
			made, err := suite.New(name, config)
			if err != nil {
				return nil, usageError{err}
			}
			suites[name] = &wrapped{made, o, p.registry}
		}
		p.scenarios = append(p.scenarios, engine.Scenario{Config: x, Suite: suites[name]})
	}
	var errs []error
	for i := range o.Thresholds {
		errs = append(errs, o.Thresholds[i].Check(p.registry))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

// name says which hosts there are.
func (p *plan) name(hosts map[string][]*client.Host) {
	p.targets, p.hosts, p.spread = make(map[string]string), make(map[string][]string), math.MaxInt
	for service, all := range hosts {
		p.targets[service] = all[0].URL
		p.spread = min(p.spread, len(all))
		if len(all) == 1 {
			continue
		}
		for _, h := range all {
			p.hosts[service] = append(p.hosts[service], h.URL)
		}
	}
}

// target is the first of the base URLs, for a line that has no room for more.
func (p *plan) target() string {
	service := "api"
	if p.targets[service] == "" {
		service = "auth"
	}
	target := p.targets[service]
	if more := len(p.hosts[service]) - 1; more > 0 {
		target += fmt.Sprintf(" and %d more", more)
	}
	return target
}

// clients returns what makes the client of one user.
func clients(o *scenario.Options) func() client.Client {
	options := client.Options{Timeout: time.Duration(o.Timeout), Insecure: o.InsecureSkipTLSVerify, UserAgent: o.UserAgent}
	return func() client.Client {
		var c client.Client
		if o.HTTP2 {
			c = client.NewStd(options)
		} else {
			c = client.NewRaw(options)
		}
		if o.NoConnectionReuse {
			c = fresh{c}
		}
		return c
	}
}

// test is what a result tells of the plan.
func (p *plan) test(args []string) report.Test {
	return report.Test{
		Name: cmp.Or(p.Name, p.Source), Source: p.Source, Options: p.written, Scaled: p.Scaled, TrendStats: p.trendStats(),
		Tags: maps.Clone(p.Tags), Seed: p.Seed, Targets: p.targets, Hosts: p.hosts, Args: slices.Clone(args), TimeUnit: p.SummaryTimeUnit,
		Commit: p.commit,
	}
}

func (p *plan) trendStats() []string {
	if len(p.SummaryTrendStats) == 0 {
		return report.DefaultTrendStats()
	}
	return p.SummaryTrendStats
}

// thinkTime is the factor as the engine takes it, where 0 is 1.
func (p *plan) thinkTime() float64 {
	if p.ThinkTime == 0 {
		return -1
	}
	return p.ThinkTime
}
