package main

import (
	"github.com/medianest/testbed/cmd/load/internal/page"
	"github.com/medianest/testbed/cmd/load/internal/ui"
)

// serveDashboard serves the page that shows the run, where an address asks for it.
func (s *session) serveDashboard(address string) error {
	if address == "" {
		return nil
	}
	var err error
	if s.live, err = page.ServeLive(address); err != nil {
		return err
	}
	s.log.Info("the run can be watched", "url", s.live.URL())
	return nil
}

// showNow shows a view to everybody who looks.
func (s *session) showNow(v ui.View) {
	if s.display != nil {
		s.display.Show(v)
	}
	if s.live != nil {
		s.live.Show(v, page.Source{Points: s.timeline.Totals, Metric: s.registry.Lookup})
	}
}

// endDashboard lets the pages that are open show the verdict, and ends.
func (s *session) endDashboard() {
	if s.live == nil {
		return
	}
	if err := s.live.End(s.judged); err != nil {
		s.log.Warn("the dashboard did not end well", "error", err)
	}
}
