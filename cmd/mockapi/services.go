package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/admin"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/dashboard"
	"github.com/medianest/testbed/mockapi/fault"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/journal"
	"github.com/medianest/testbed/mockapi/metrics"
	"github.com/medianest/testbed/mockapi/monitor"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/seed"
)

// service is one of MediaNest's services on a port of its own.
type service struct {
	name     string
	listener net.Listener
	server   *http.Server
}

// url is where a client on this machine reaches the service.
func (s *service) url() string { return "http://" + reachable(s.listener.Addr()) }

// listenAll binds the port of every service of --services: the API's is that of --addr, and the others' are
// the four after it. With port 0 each takes a free one.
func (s *server) listenAll() (services []*service, err error) {
	defer func() {
		if err != nil {
			closeAll(services)
		}
	}()
	host, text, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, usageError{err}
	}
	port, err := net.LookupPort("tcp", text)
	if err != nil {
		return nil, usageError{fmt.Errorf("--addr: %w", err)}
	}
	for i, name := range handler.Services() {
		if !slices.Contains(s.Services, name) {
			continue
		}
		p := port
		if p != 0 {
			p += i
		}
		l, err := s.listen(name, net.JoinHostPort(host, strconv.Itoa(p)))
		if err != nil {
			return services, err
		}
		services = append(services, &service{name: name, listener: l})
	}
	return services, nil
}

func closeAll(services []*service) {
	for _, sv := range services {
		_ = sv.listener.Close()
	}
}

// listen binds an address, and warns where that lets other machines in.
func (s *server) listen(name, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s, for the service %s, is taken: is another mockapi running? Choose another port with --addr, or 0 for free ones", addr, name)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s for the service %s: %w", addr, name, err)
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		s.log.Warn("other machines can reach this mock, whose passwords everybody knows; --addr 127.0.0.1:PORT keeps them out", "service", name, "addr", tcp.String())
	}
	return l, nil
}

// assemble gives every service its server. What wraps a service, from the outside in: the journal, the monitor, the
// fault rules, the routes. The monitor stands outside of the rules, so that it sees what clients meet: latency that a
// rule adds, errors that it makes and connections that it ends, none of which comes to the routes or to Prometheus.
// The control API, metrics, the monitor's own routes, the dashboard and documents are the first service's, and are neither
// written down nor counted nor disturbed.
func (s *server) assemble(st *store.Store, dsn string, services []*service, watched *monitor.Monitor) (*fault.Engine, error) {
	tokens := auth.New(auth.Options{Secret: []byte(s.JWTSecret), HashCost: s.HashCost, RealLoginCost: s.RealLoginCost})
	// Errors made outside of the routes are written as the API writes them.
	var first *handler.API
	writeError := func(w http.ResponseWriter, r *http.Request, e *mockapi.Error) { first.WriteError(w, r, e) }
	faults := fault.New(fault.Options{WriteError: writeError, DropPool: st.DropConnections})
	if err := s.startFaults(faults); err != nil {
		return nil, err
	}
	urls := make(map[string]string)
	for _, sv := range services {
		urls[sv.name] = sv.url()
	}
	document, err := contract.Serve(urls)
	if err != nil {
		return nil, err
	}
	requests := journal.New(s.Journal, "X-Correlation-Id", fault.Header)
	measured := metrics.New(st.PoolStats, faults)
	page, err := dashboard.New(dashboard.Options{Version: version(), Monitor: watched, Faults: faults, Dataset: st.Dataset, Rows: st.Rows})
	if err != nil {
		return nil, err
	}

	for i, sv := range services {
		o := handler.Options{
			Version: version(), RequestTimeout: s.RequestTimeout, MaxUpload: s.MaxUpload, CORSOrigins: s.CORSOrigins,
			Logger: s.log.With("service", sv.name), AccessLog: s.AccessLog, SampleEvery: s.SampleEvery,
		}
		counted := o
		counted.Middleware = []handler.Middleware{measured.Middleware(sv.name)}
		api := handler.NewAPI(st, tokens, counted)
		routes := api.Service(sv.name)
		h := faults.Wrap(sv.name, api.Handler(routes))
		h = requests.Wrap(sv.name, watched.Wrap(sv.name, patterns(routes), h))
		if i == 0 {
			first = api
			own := handler.NewAPI(st, tokens, o)
			pages := page.Routes()
			pages["/metrics"] = measured.Handler()
			h = document.Beside(h, contract.Own{Pages: pages, Performance: own.Handler(own.Performance(watched)), Control: admin.Handler(admin.Options{
				Token: s.AdminToken, Remote: s.AdminRemote, Version: version(), Faults: faults, Journal: requests,
				Dataset: st.Dataset, Pool: st.PoolStats, WriteError: writeError,
				Reset: func(ctx context.Context) error { return s.reset(ctx, dsn) },
			})})
		}
		sv.server = &http.Server{
			Handler:           h,
			ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
			WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
			ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // clients that hang up, mostly
		}
	}
	return faults, nil
}

// patterns are what the monitor tells requests apart by.
func patterns(routes []handler.Route) []monitor.Route {
	list := make([]monitor.Route, len(routes))
	for i, rt := range routes {
		list[i] = monitor.Route{Method: rt.Method, Path: rt.Path}
	}
	return list
}

// startFaults lets the rules of every --fault live.
func (s *server) startFaults(e *fault.Engine) error {
	var rules []fault.Rule
	for _, name := range s.Faults {
		presets, err := readFault(name)
		if err != nil {
			return usageError{fmt.Errorf("--fault: %w", err)}
		}
		for _, p := range presets {
			rules = append(rules, p.Rules...)
			s.log.Warn("misbehaving on demand", "fault", p.Name, "rules", len(p.Rules))
		}
	}
	if _, err := e.Add(rules...); err != nil {
		return usageError{fmt.Errorf("--fault: %w", err)}
	}
	return nil
}

// readFault finds a preset by name, or reads the presets of a file.
func readFault(name string) ([]fault.Preset, error) {
	if !strings.ContainsAny(name, "./") {
		p, err := fault.Find(name)
		return []fault.Preset{p}, err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	presets, err := fault.ParsePresets(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return presets, nil
}

// reset returns the database to its snapshot. The store's connections end with it, and it opens new ones.
func (s *server) reset(ctx context.Context, dsn string) error {
	_, err := seed.Reset(ctx, dsn)
	if errors.Is(err, seed.ErrNoSnapshot) {
		return &mockapi.Error{
			Code: mockapi.CodeNotFound, Err: err,
			Message: "there is no snapshot to return to: start the mock with --snapshot, or run seed snapshot once",
		}
	}
	return err
}

// adminToken makes a token for the control API where none is given.
func adminToken() string { return rand.Text() }

// serveAll serves until one of the services fails, or stop is called.
func serveAll(services []*service) (failed <-chan error) {
	errs := make(chan error, len(services))
	for _, sv := range services {
		go func() {
			if err := sv.server.Serve(sv.listener); !errors.Is(err, http.ErrServerClosed) {
				errs <- fmt.Errorf("serve %s: %w", sv.name, err)
			}
		}()
	}
	return errs
}

// shutdownAll lets what is in flight at every service finish.
func shutdownAll(ctx context.Context, services []*service) error {
	errs := make([]error, len(services))
	var all sync.WaitGroup
	for i, sv := range services {
		all.Go(func() { errs[i] = sv.server.Shutdown(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// dropAll closes every connection of every service.
func dropAll(services []*service) error {
	var errs []error
	for _, sv := range services {
		errs = append(errs, sv.server.Close())
	}
	return errors.Join(errs...)
}
