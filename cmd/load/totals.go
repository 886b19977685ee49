package main

import (
	"errors"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// shareTotals opens the outputs that get the totals of the run's store.
func (s *session) shareTotals(store *metrics.Store) error {
	for _, out := range s.out.Out {
		switch kind, where, _ := strings.Cut(out, "="); kind {
		case outPrometheus:
			e, err := report.Export(where, store)
			if err != nil {
				return err
			}
			s.exporters = append(s.exporters, e)
			s.log.Info("Prometheus can scrape", "url", "http://"+e.Addr().String()+"/metrics")
		case outOTLP, outRemote:
			tell := func(err error) { s.log.Error("an output fails, the run goes on and it is tried again", "error", err) }
			var p *report.Pusher
			var err error
			if kind == outOTLP {
				p, err = report.PushOTLP(where, store, s.started, tell)
			} else {
				p, err = report.PushRemoteWrite(where, store, tell)
			}
			if err != nil {
				return err
			}
			s.pushers = append(s.pushers, p)
		}
	}
	return nil
}

// pushTroubles are the outputs that failed when they were last sent, in words.
func (s *session) pushTroubles() []string {
	var all []string
	for _, p := range s.pushers {
		if err := p.Err(); err != nil {
			all = append(all, err.Error())
		}
	}
	return all
}

// stopSharing ends the outputs that get the totals and the API, after the last totals have been sent.
func (s *session) stopSharing() error {
	var errs []error
	for _, e := range s.exporters {
		errs = append(errs, e.Close())
	}
	for _, p := range s.pushers {
		if err := p.Close(); err != nil {
			s.streams.lost = append(s.streams.lost, report.Trouble{Output: p.URL(), Error: err.Error()})
		}
	}
	if s.control != nil {
		errs = append(errs, s.control.close())
	}
	return errors.Join(errs...)
}
