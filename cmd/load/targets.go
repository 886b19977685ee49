package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/suite"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

// targetFlags say what is tested.
type targetFlags struct {
	Target          string `name:"target" short:"t" env:"BASE_URL" default:"http://localhost:3000" placeholder:"URL" group:"Target:" help:"Base URL of the API, ${default} where it is not given."`
	AuthURL         string `name:"auth-url" env:"AUTH_SERVICE_URL" default:"http://localhost:3001" placeholder:"URL" group:"Target:" help:"Base URL of the auth service, ${default} where it is not given."`
	MediaURL        string `name:"media-url" env:"MEDIA_SERVICE_URL" default:"http://localhost:3002" placeholder:"URL" group:"Target:" help:"Base URL of the media service, ${default} where it is not given."`
	UserURL         string `name:"user-url" env:"USER_SERVICE_URL" default:"http://localhost:3003" placeholder:"URL" group:"Target:" help:"Base URL of the user service, ${default} where it is not given."`
	NotificationURL string `name:"notification-url" env:"NOTIFICATION_SERVICE_URL" default:"http://localhost:3004" placeholder:"URL" group:"Target:" help:"Base URL of the notification service, ${default} where it is not given."`
}

// urls are the base URLs by service.
func (f *targetFlags) urls() map[string]string {
	return map[string]string{
		"api": f.Target, "auth": f.AuthURL, "media": f.MediaURL, "user": f.UserURL, "notification": f.NotificationURL,
	}
}

func (f *targetFlags) checkTargets() error {
	var errs []error
	for name, base := range f.urls() {
		if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, fmt.Errorf("%s: %q is not a URL such as http://localhost:3000", cmp.Or(map[string]string{"api": "--target"}[name], "--"+name+"-url"), base))
		}
	}
	return errors.Join(errs...)
}

// resolve resolves the hosts that a test of the suites needs.
func (f *targetFlags) resolve(ctx context.Context, suites []string) (suite.Targets, map[string]string, error) {
	var t suite.Targets
	used := make(map[string]string)
	var errs []error
	host := func(into **client.Host, name string) {
		if *into != nil {
			return
		}
		h, err := client.NewHost(ctx, f.urls()[name])
		errs = append(errs, err)
		*into, used[name] = h, f.urls()[name]
	}
	for _, s := range suites {
		if s != suite.Microservices {
			host(&t.API, "api")
			continue
		}
		host(&t.Auth, "auth")
		host(&t.Media, "media")
		host(&t.User, "user")
		host(&t.Notification, "notification")
	}
	return t, used, errors.Join(errs...)
}

// What bounds the question to a target's /health.
const (
	maxHealth     = 1 << 20
	healthTimeout = 10 * time.Second
)

// probe asks a target how it is, and which dataset it serves; it tells of none where the target does not.
func (f *targetFlags) probe(ctx context.Context, base string, o *scenario.Options) (*verify.Served, error) {
	h, err := client.NewHost(ctx, base)
	if err != nil {
		return nil, err
	}
	c := client.NewStd(client.Options{Timeout: healthTimeout, Insecure: o.InsecureSkipTLSVerify, UserAgent: o.UserAgent, MaxBody: maxHealth})
	defer c.Close()
	var resp client.Response
	if err := c.Do(ctx, &client.Request{Method: http.MethodGet, Host: h, Path: "/health"}, &resp); err != nil {
		return nil, fmt.Errorf("ask %s/health: %w (is it up? mockapi --profile dev starts one; --target or BASE_URL names another)", strings.TrimSuffix(base, "/"), err)
	}
	if resp.Status != http.StatusOK {
		return nil, nil // not every target has one
	}
	return verify.ReadHealth(resp.Body)
}
