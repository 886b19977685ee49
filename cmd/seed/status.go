package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/medianest/testbed/seed"
)

// statusCmd shows what the database holds.
type statusCmd struct{}

// Run prints the state of the database.
func (statusCmd) Run(a *app) error {
	return a.withDatabase(func(ctx context.Context, dsn string) error {
		state, err := seed.Status(ctx, dsn)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.printJSON(state)
		}
		return a.printState(dsn, state)
	})
}

func (a *app) printState(dsn string, s seed.State) error {
	fmt.Fprintf(a.stdout, "database   %s\n", withoutPassword(dsn))
	if len(s.Runs) == 0 {
		fmt.Fprintln(a.stdout, "seeded     no")
	}
	for _, r := range s.Runs {
		state := "unfinished: the same command goes on with it"
		if r.Finished() {
			state = "finished " + r.FinishedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(a.stdout, "run %d      %s, fingerprint %s, %s\n", r.ID, nameOf(r.Identity), r.Fingerprint, state)
	}
	for _, d := range s.Deferred {
		fmt.Fprintf(a.stdout, "missing    %s %s of %s\n", d.Kind, d.Name, d.Table)
	}
	if s.Snapshot != nil {
		fmt.Fprintf(a.stdout, "snapshot   %s, %s, of %s\n", s.Snapshot.Database, size(float64(s.Snapshot.Bytes)), s.Snapshot.TakenAt.UTC().Format(time.RFC3339))
	} else {
		fmt.Fprintln(a.stdout, "snapshot   none")
	}
	t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nTABLE\tPLANNED\tSEEDED\tROWS NOW\tMADE SINCE\t\n")
	for _, x := range s.Tables {
		now, made := count(x.Rows), count(x.Made)
		if x.Rows < 0 {
			now, made = "locked", ""
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", x.Table, count(x.Planned), count(x.Seeded), now, made)
	}
	return t.Flush()
}
