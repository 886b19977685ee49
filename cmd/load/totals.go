package main

import (
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// shareTotals opens the outputs that get the totals of the run's store.
func (s *session) shareTotals(store *metrics.Store) error {
	for _, out := range s.out.Out {
		switch kind, where, _ := strings.Cut(out, "="); kind {
		case outPrometheus:
			var err error
			if s.exporter, err = report.Export(where, store); err != nil {
				return err
			}
			s.log.Info("Prometheus can scrape", "url", "http://"+s.exporter.Addr().String()+"/metrics")
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

// closePushers sends the last totals.
func (s *session) closePushers() {
	for _, p := range s.pushers {
		if err := p.Close(); err != nil {
			s.streams.lost = append(s.streams.lost, report.Trouble{Output: p.URL(), Error: err.Error()})
		}
	}
}
