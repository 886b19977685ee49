// Package suite is what virtual users do: the suites of the MediaNest performance-testing document, request by
// request as the k6 scripts in fixtures/k6 have them, and two more that the named tests need.
//
//	core           log in, browse, upload, collect, search, mend the profile; 60, 25 and 15 of a hundred users do
//	               less or more of it
//	database       log in, then statistics, a hundred files in one call, a transaction and four advanced searches
//	microservices  the four services one after another, then two of them with a token of the first
//	synthetic      a few reads that change nothing and need no account
//	volume         a library of any size: pages to any depth, searches, statistics, content, rows of all tables
//
// Only those values are read from answers that the next request needs, by their paths; a suite that decoded
// whole bodies would spend most of its time on that. With a Verifier, a share of the answers is read in full and
// held against the rows that must be there.
package suite

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// The suites' names.
const (
	Core          = "core"
	Database      = "database"
	Microservices = "microservices"
	Synthetic     = "synthetic"
	Volume        = "volume"
)

// Names returns the names of all suites.
func Names() []string { return []string{Core, Database, Microservices, Synthetic, Volume} }

// ReadOnly tells of a suite that it changes nothing of its target, not even by logging in, so that it may be run
// against a server in use.
func ReadOnly(name string) bool { return name == Synthetic }

// Targets are the services of MediaNest. Suites use API, but for microservices, which uses the four others.
type Targets struct {
	API, Auth, Media, User, Notification *client.Host
}

// Config is what a suite is made of. Targets and Registry are needed.
type Config struct {
	Targets  Targets
	Registry *metrics.Registry
	// Logins gives every virtual user an account of its own; nil is the document's: five users take turns in
	// core, and one does everything in database and in microservices.
	Logins *Logins
	// Verifier checks a share of the answers; nil checks none.
	Verifier *verify.Verifier
	// Share of the answers to check, 0 to 1.
	Share float64
}

// DataVerified is the Rate of verified answers that were right. Only runs that verify have it.
const DataVerified = "data_verified"

// New returns a suite by its name.
func New(name string, c Config) (vu.Suite, error) {
	b, err := newBase(c)
	if err != nil {
		return nil, err
	}
	switch name {
	case Core:
		return newCore(b)
	case Database:
		return newDatabase(b)
	case Microservices:
		return newMicroservices(b)
	case Synthetic:
		return newSynthetic(b)
	case Volume:
		return newVolume(b)
	}
	return nil, fmt.Errorf("there is no suite %q; there are %s", name, strings.Join(Names(), ", "))
}

// base is what all suites share.
type base struct {
	Config
	verified *metrics.Metric
}

func newBase(c Config) (*base, error) {
	b := &base{Config: c}
	if c.Verifier != nil {
		var err error
		if b.verified, err = c.Registry.New(DataVerified, metrics.Rate, metrics.Default); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// user is what a suite keeps of a virtual user between iterations. All suites share it, so that a user may go
// from one to another.
type user struct {
	login  Login
	header []string // with the token of the last login, "" before it
	body   []byte
	path   []byte
	ids    []int64
	at     walk
	// sample decides which answers are verified. It is not the user's random source: verifying must not
	// change what the user does.
	sample *rand.PCG
}

func stateOf(v *vu.VU) *user {
	u, ok := v.State.(*user)
	if !ok {
		u = &user{header: []string{"Authorization", "", "Content-Type", "application/json"}, login: Login{User: verify.Unknown}}
		v.State = u
	}
	return u
}

// Headers that all suites send.
var jsonHeader = []string{"Content-Type", "application/json"}

// verifies tells whether an answer is to be verified.
func (b *base) verifies(v *vu.VU, u *user, r *vu.Response) bool {
	if b.Verifier == nil || r.Err != nil || r.Status < 200 || r.Status > 299 {
		return false
	}
	if b.Share >= 1 {
		return true
	}
	if u.sample == nil {
		u.sample = rand.NewPCG(uint64(v.ID), 0x7665726966793a)
	}
	return float64(u.sample.Uint64()>>11)/(1<<53) < b.Share
}

// answer describes an answer to the Verifier.
func (b *base) answer(v *vu.VU, u *user, c *vu.Call, r *vu.Response) *verify.Answer {
	viewer := u.login.User
	if len(c.Header) == 0 || c.Header[0] != "Authorization" {
		viewer = verify.Anonymous
	}
	return &verify.Answer{
		VU: v.ID, Host: c.Host.Of(v.ID).URL, Sent: r.Timings.Start, Received: time.Now(), Request: c.Method + " " + r.URL, Status: r.Status, Body: r.Body, Header: r.Header, Viewer: viewer,
	}
}

// right counts what the Verifier said.
func (b *base) right(v *vu.VU, ok bool) { v.AddRate(b.verified, ok) }

// newMetrics makes a suite's metrics and gives up at the first that is taken.
type newMetrics struct {
	registry *metrics.Registry
	err      error
}

func (n *newMetrics) metric(name string, t metrics.Type, c metrics.Contains) *metrics.Metric {
	m, err := n.registry.New(name, t, c)
	if err != nil && n.err == nil {
		n.err = err
	}
	return m
}

func (n *newMetrics) trend(name string) *metrics.Metric {
	return n.metric(name, metrics.Trend, metrics.Default)
}
func (n *newMetrics) rate(name string) *metrics.Metric {
	return n.metric(name, metrics.Rate, metrics.Default)
}

// call makes the fixed part of a request. Path is also the name that it is counted under, with the host's URL;
// it has {id} where ids go, which are then set for each request.
func call(h *client.Host, method, path string, header []string, tags ...string) vu.Call {
	return vu.Call{Method: method, Host: h, Path: path, Name: h.URL + path, Header: header, Tags: tags}
}
