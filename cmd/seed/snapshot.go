package main

import (
	"context"
	"fmt"
	"time"

	"github.com/medianest/testbed/seed"
)

// snapshotCmd keeps a copy of the seeded database.
type snapshotCmd struct{}

// Help is the long help of the command.
func (snapshotCmd) Help() string {
	return "The copy is a database of its own on the same server. Taking it ends the other sessions of the database."
}

// Run takes the snapshot.
func (snapshotCmd) Run(a *app) error {
	return a.withDatabase(func(ctx context.Context, dsn string) error {
		if state, err := seed.Status(ctx, dsn); err == nil && state.Made() > 0 {
			a.log.Warn("the snapshot keeps rows that were added since seeding", "rows", state.Made())
		}
		start := time.Now()
		info, err := seed.Snapshot(ctx, dsn)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.printJSON(info)
		}
		if a.Quiet {
			return nil
		}
		_, err = fmt.Fprintf(a.stdout, "kept %s as %s in %.1f s\n\nNext, after a test: seed reset%s\n",
			size(float64(info.Bytes)), info.Database, time.Since(start).Seconds(), a.databaseFlags())
		return err
	})
}

// resetCmd returns to the snapshot.
type resetCmd struct{}

// Help is the long help of the command.
func (resetCmd) Help() string {
	return "Its time does not grow with what tests have done. It ends the other sessions of the database; programs that reconnect carry on."
}

// resetReport is the JSON of a reset. Its field names are stable.
type resetReport struct {
	Snapshot seed.SnapshotInfo `json:"snapshot"`
	// SwapSeconds is the time until the database was back, ElapsedSeconds that including the preparation
	// of the next reset.
	SwapSeconds    float64 `json:"swap_seconds"`
	ElapsedSeconds float64 `json:"elapsed_seconds"`
}

// Run resets the database.
func (resetCmd) Run(a *app) error {
	return a.withDatabase(func(ctx context.Context, dsn string) error {
		res, err := seed.Reset(ctx, dsn)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.printJSON(resetReport{res.Snapshot, res.Swap.Seconds(), res.Elapsed.Seconds()})
		}
		if a.Quiet {
			return nil
		}
		_, err = fmt.Fprintf(a.stdout, "back in the seeded state after %.2f s; ready for the next reset after %.2f s\n",
			res.Swap.Seconds(), res.Elapsed.Seconds())
		return err
	})
}
