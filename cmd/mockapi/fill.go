package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// progressEvery is how often the log tells how far seeding is.
const progressEvery = 3 * time.Second

// fill seeds the database with --profile: an empty one is filled, an interrupted load of the same dataset is
// finished, a finished one is left alone, and anything else is refused.
func (s *server) fill(ctx context.Context, dsn string, p *profile.Profile) error {
	asOf := time.Now().UTC().Truncate(time.Second)
	recorded, err := seed.Recorded(ctx, dsn)
	if err != nil {
		return err
	}
	if recorded != nil {
		asOf = recorded.AsOf
	}
	g, err := gen.New(p, s.cli.seedOptions(asOf))
	if err != nil {
		return usageError{err}
	}
	_, err = seed.Load(ctx, dsn, seed.FromGen(g), seed.Options{
		OnExisting: seed.Resume, Logger: s.log, Progress: s.seeding(), ProgressEvery: progressEvery,
	})
	if err != nil {
		return fmt.Errorf("seed the database: %w", err)
	}
	return nil
}

// keepSnapshot makes a snapshot of the seeded data unless there is one of this dataset.
func (s *server) keepSnapshot(ctx context.Context, dsn string) error {
	state, err := seed.Status(ctx, dsn)
	if err != nil {
		return err
	}
	runs := make([]string, len(state.Runs))
	for i, r := range state.Runs {
		runs[i] = r.Fingerprint
	}
	if state.Snapshot != nil && slices.Equal(state.Snapshot.Fingerprints, runs) {
		return nil
	}
	if n := state.Made(); n > 0 {
		s.log.Warn("the snapshot will keep rows that were added since seeding", "rows", n)
	}
	s.log.Info("making a snapshot for /admin/reset")
	_, err = seed.Snapshot(ctx, dsn)
	return err
}

// seeding returns what logs the progress of a load.
func (s *server) seeding() func(seed.Progress) {
	return func(p seed.Progress) {
		if p.Phase == seed.PhaseLoad || p.Phase == seed.PhaseBuild {
			s.log.Info("seeding", "phase", string(p.Phase), "rows", p.Rows, "of", p.Total, "elapsed", p.Elapsed.Round(100*time.Millisecond).String())
		}
	}
}
