package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

// targetFlags say what is tested. Each flag takes several base URLs.
type targetFlags struct {
	Target          []string `name:"target" short:"t" env:"BASE_URL" default:"http://localhost:3000" placeholder:"URL" group:"Target:" help:"Base URL of the API, ${default} where it is not given. Over several, separated by commas, the users are spread evenly; so they are for the services."`
	AuthURL         []string `name:"auth-url" env:"AUTH_SERVICE_URL" default:"http://localhost:3001" placeholder:"URL" group:"Target:" help:"Base URL of the auth service, ${default} where it is not given."`
	MediaURL        []string `name:"media-url" env:"MEDIA_SERVICE_URL" default:"http://localhost:3002" placeholder:"URL" group:"Target:" help:"Base URL of the media service, ${default} where it is not given."`
	UserURL         []string `name:"user-url" env:"USER_SERVICE_URL" default:"http://localhost:3003" placeholder:"URL" group:"Target:" help:"Base URL of the user service, ${default} where it is not given."`
	NotificationURL []string `name:"notification-url" env:"NOTIFICATION_SERVICE_URL" default:"http://localhost:3004" placeholder:"URL" group:"Target:" help:"Base URL of the notification service, ${default} where it is not given."`
}

// service is what one of the flags says.
type service struct {
	name, flag, env string
	urls            []string
}

func (f *targetFlags) services() []service {
	return []service{
		{"api", "--target", "BASE_URL", f.Target}, {"auth", "--auth-url", "AUTH_SERVICE_URL", f.AuthURL},
		{"media", "--media-url", "MEDIA_SERVICE_URL", f.MediaURL}, {"user", "--user-url", "USER_SERVICE_URL", f.UserURL},
		{"notification", "--notification-url", "NOTIFICATION_SERVICE_URL", f.NotificationURL},
	}
}

func (f *targetFlags) checkTargets() error {
	var errs []error
	for _, s := range f.services() {
		if len(s.urls) == 0 {
			errs = append(errs, fmt.Errorf("%s: there is no URL", s.flag))
		}
		seen := make(map[string]bool)
		for _, base := range s.urls {
			u, err := client.BaseURL(base)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.flag, err))
				continue
			}
			if seen[u.String()] {
				errs = append(errs, fmt.Errorf("%s: %s is there twice", s.flag, base))
			}
			seen[u.String()] = true
		}
	}
	return errors.Join(errs...)
}

// resolve resolves the hosts that a test of the suites needs, by service.
func (f *targetFlags) resolve(ctx context.Context, suites []string) (map[string][]*client.Host, error) {
	micro := slices.Contains(suites, suite.Microservices)
	others := slices.ContainsFunc(suites, func(s string) bool { return s != suite.Microservices })
	hosts := make(map[string][]*client.Host)
	var errs []error
	for _, s := range f.services() {
		if needed := map[bool]bool{true: others, false: micro}[s.name == "api"]; !needed {
			continue
		}
		for _, base := range s.urls {
			h, err := client.NewHost(ctx, base)
			errs = append(errs, err)
			hosts[s.name] = append(hosts[s.name], h)
		}
	}
	return hosts, errors.Join(errs...)
}

// targets are the hosts as the suites take them. Set-up goes to the one of the API that leads.
func targets(hosts map[string][]*client.Host, lead int) suite.Targets {
	spread := func(service string, lead int) *client.Host {
		if len(hosts[service]) == 0 {
			return nil
		}
		return client.Spread(hosts[service], lead)
	}
	return suite.Targets{
		API: spread("api", lead), Auth: spread("auth", 0), Media: spread("media", 0), User: spread("user", 0), Notification: spread("notification", 0),
	}
}

// What bounds the question to a target's /health.
const (
	maxHealth     = 1 << 20
	healthTimeout = 10 * time.Second
)

// probed is what the hosts say of themselves.
type probed struct {
	served *verify.Served // nil where none names a dataset
	lead   int            // the first of the API's, or of another service's where it is not used, that answers
	down   []error        // of those that do not, as long as another of the same service does
}

// probe asks all hosts how they are, and which dataset they serve. It fails where none of a service answers, or
// where they do not serve the same.
func (f *targetFlags) probe(ctx context.Context, hosts map[string][]*client.Host, o *scenario.Options) (*probed, error) {
	type answer struct {
		served *verify.Served
		err    error
	}
	answers := make(map[string][]answer)
	var all sync.WaitGroup
	for service, of := range hosts {
		got := make([]answer, len(of))
		answers[service] = got
		for i, h := range of {
			all.Go(func() { got[i].served, got[i].err = ask(ctx, h, o) })
		}
	}
	all.Wait()
	p := &probed{lead: -1}
	var errs []error
	for _, s := range f.services() {
		if hosts[s.name] == nil {
			continue
		}
		lead := -1
		var down []error
		for i, h := range hosts[s.name] {
			switch d, err := answers[s.name][i].served, answers[s.name][i].err; {
			case errors.As(err, new(*client.Error)):
				down = append(down, err)
				continue
			case err != nil:
				errs = append(errs, err)
			case d != nil && p.served == nil:
				p.served = d
			case d != nil && d.Fingerprint != p.served.Fingerprint:
				errs = append(errs, fmt.Errorf("the hosts do not serve the same: %s has dataset %s, one before it %s", h.URL, d, p.served))
			}
			if lead < 0 {
				lead = i
			}
		}
		if lead < 0 {
			err, hint := errors.Join(down...), "is it up? mockapi --profile dev starts one"
			if errors.As(err, new(*tls.CertificateVerificationError)) {
				hint = "--insecure takes any certificate"
			}
			errs = append(errs, fmt.Errorf("%w (%s; %s or %s names another)", err, hint, s.flag, s.env))
		}
		if p.lead < 0 { // the API comes first
			p.lead = lead
		}
		p.down = append(p.down, down...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// ask asks one host.
func ask(ctx context.Context, h *client.Host, o *scenario.Options) (*verify.Served, error) {
	c := client.NewStd(client.Options{Timeout: healthTimeout, Insecure: o.InsecureSkipTLSVerify, UserAgent: o.UserAgent, MaxBody: maxHealth})
	defer c.Close()
	var resp client.Response
	if err := c.Do(ctx, &client.Request{Method: http.MethodGet, Host: h, Path: "/health"}, &resp); err != nil {
		return nil, fmt.Errorf("ask %s/health: %w", h.URL, err)
	}
	if resp.Status != http.StatusOK {
		return nil, nil // not every target has one
	}
	d, err := verify.ReadHealth(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", h.URL, err)
	}
	return d, nil
}
