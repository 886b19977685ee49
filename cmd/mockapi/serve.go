package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/handler"
	"github.com/medianest/testbed/mockapi/monitor"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/local"
	"github.com/medianest/testbed/seed/profile"
)

// Timeouts of the HTTP server. They bound clients that are slow or silent; what the server itself may take is
// --request-timeout.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second // of a whole JSON request; uploads put it off while they go on
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// shutdownTimeout bounds the finishing of what is in flight.
	shutdownTimeout = 25 * time.Second
	// gcPercent trades memory for fewer collections: it gains a tenth on lists.
	gcPercent = 400
)

// server is one run of the program.
type server struct {
	*cli
	stdout io.Writer
	log    *slog.Logger
}

// serve starts everything in order, serves until a signal, and stops everything in reverse.
func (s *server) serve() (err error) {
	var p *profile.Profile
	if s.Profile != "" {
		if p, err = profile.Load(s.Profile, nil); err != nil {
			return usageError{err}
		}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, second, ignore := notifyStop()
	defer ignore()
	if s.StopAtEOF {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end as well
			stop()
		}()
	}

	// The ports come first: where one is taken, nothing else need be started.
	services, err := s.listenAll()
	if err != nil {
		return err
	}
	defer closeAll(services)

	dsn, release, err := local.Open(ctx, s.DatabaseURL, local.Options{Dir: s.PGDir, Logger: s.log})
	if err != nil {
		return s.notReady(ctx, err)
	}
	defer func() {
		if releaseErr := release(context.Background()); err == nil {
			err = releaseErr
		}
	}()
	if err := s.prepare(ctx, dsn, p); err != nil {
		return s.notReady(ctx, err)
	}
	st, err := store.Open(ctx, dsn, store.Options{
		PoolSize: s.PoolSize, Timeout: s.RequestTimeout, SyncCommit: s.SyncCommit, SearchRefresh: s.SearchRefresh, Logger: s.log,
	})
	if err != nil {
		return s.notReady(ctx, err)
	}
	defer st.Close()
	return s.run(ctx, second, st, dsn, services)
}

// notReady turns the error of a start that a signal ended into none.
func (s *server) notReady(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	s.log.Warn("stopped before it was ready", "error", err)
	return nil
}

// prepare migrates the database, and seeds and keeps it where that is asked for.
func (s *server) prepare(ctx context.Context, dsn string, p *profile.Profile) error {
	if err := schema.Up(ctx, dsn); err != nil {
		return err
	}
	if p != nil {
		if err := s.fill(ctx, dsn, p); err != nil {
			return err
		}
	}
	if s.Snapshot {
		return s.keepSnapshot(ctx, dsn)
	}
	return nil
}

// run serves until the first signal.
func (s *server) run(ctx context.Context, second <-chan struct{}, st *store.Store, dsn string, services []*service) error {
	switch {
	case s.JWTSecret == "" && len(services) < len(handler.Services()):
		s.log.Warn("tokens are signed with a random secret, which services in other processes do not know: set JWT_SECRET to the same for all")
	case s.JWTSecret == "":
		s.log.Info("tokens are signed with a random secret and end with this process; set JWT_SECRET to keep them")
	case len(s.JWTSecret) < 32:
		s.log.Warn("JWT_SECRET has fewer than 32 bytes, which HS256 should have")
	}
	if s.AdminToken == "" {
		s.AdminToken = adminToken()
	}
	watched := monitor.New(monitor.Options{Pool: st.PoolStats})
	faults, err := s.assemble(st, dsn, services, watched)
	if err != nil {
		return err
	}
	defer faults.Clear()
	go watched.Run(ctx) // ends with the first signal, and with it the streams, which would hold up the shutdown
	failed := serveAll(services)
	d := s.dataset(st)
	if d != nil && !d.Complete {
		s.log.Warn("the database is only half filled: run seed again with the same profile to finish it", "profile", d.Profile)
	}
	if err := s.announce(services, d); err != nil {
		return errors.Join(fmt.Errorf("print the start: %w", err), dropAll(services))
	}
	select {
	case err := <-failed:
		return errors.Join(err, dropAll(services))
	case <-ctx.Done():
		return s.shutdown(services, second)
	}
}

// errDropped tells that a second signal came before all requests were answered.
var errDropped = errors.New("stopped at once, requests were dropped")

// shutdown lets what is in flight finish; a second signal drops it.
func (s *server) shutdown(services []*service, second <-chan struct{}) error {
	s.log.Info("stopping: no new requests; a second signal drops those under way")
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	finished := make(chan error, 1)
	go func() { finished <- shutdownAll(ctx, services) }()
	select {
	case err := <-finished:
		if err == nil {
			s.log.Info("stopped")
			return nil
		}
		return errors.Join(fmt.Errorf("requests did not finish within %v", shutdownTimeout), dropAll(services))
	case <-second:
		return errors.Join(errDropped, dropAll(services))
	}
}

// notifyStop returns a context that ends with the first SIGINT or SIGTERM, and a channel that the second one
// closes. The third ends the process, should stopping itself hang.
func notifyStop() (first context.Context, second <-chan struct{}, ignore func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	again, done := make(chan struct{}), make(chan struct{})
	go func() {
		for _, act := range []func(){cancel, func() { close(again) }} {
			select {
			case <-signals:
				act()
			case <-done:
				return
			}
		}
		signal.Stop(signals)
	}()
	return ctx, again, func() { signal.Stop(signals); close(done); cancel() }
}

// dataset asks what is being served; nil for a database that was never seeded.
func (s *server) dataset(st mockapi.Store) *mockapi.Dataset {
	ctx, cancel := context.WithTimeout(context.Background(), s.RequestTimeout)
	defer cancel()
	d, err := st.Dataset(ctx)
	if err != nil {
		if mockapi.CodeOf(err) != mockapi.CodeNotFound {
			s.log.Warn("the dataset is not known", "error", err)
		}
		return nil
	}
	return &d
}
