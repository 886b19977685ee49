package main

import (
	"errors"
	"fmt"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/schema/local"
)

// dbCmd is about the private local server.
type dbCmd struct {
	Start   dbStartCmd   `cmd:"" help:"Start it and keep it running until stop."`
	Run     dbRunCmd     `cmd:"" help:"Run it until Ctrl-C, or as long as other commands use it."`
	Stop    dbStopCmd    `cmd:"" help:"Stop it; its data stay."`
	Status  dbStatusCmd  `cmd:"" help:"Show whether and where it runs."`
	Migrate dbMigrateCmd `cmd:"" help:"Bring the schema of the database to its newest version, without rows."`
	URL     dbURLCmd     `cmd:"" name:"url" help:"Print the URL of the database, password included, for psql and other programs."`
}

// Help is the long help of the command.
func (dbCmd) Help() string {
	return `Every command starts the server when it needs it, and the last to end stops it; start keeps it for other programs, and run does as long as it runs itself.
It is here and not in mockapi because the database comes first: it is filled before anything serves it.

    seed db start; psql "$(seed db url)"`
}

type dbStartCmd struct{}

// Run starts the local server, with the database that the other commands use.
func (dbStartCmd) Run(a *app) error {
	st, err := local.Start(a.ctx, a.localOptions())
	if err != nil {
		return err
	}
	_, release, err := local.Open(a.ctx, "", a.localOptions())
	if err != nil {
		return err
	}
	if err := release(a.ctx); err != nil {
		return err
	}
	return a.showServer(st)
}

type dbRunCmd struct{}

// Run uses the local server until it is interrupted: it is there as long as this command is.
func (dbRunCmd) Run(a *app) error {
	_, release, err := local.Open(a.ctx, "", a.localOptions())
	if err != nil {
		return err
	}
	st, err := local.Inspect(a.ctx, a.localOptions())
	if err == nil {
		err = a.showServer(st)
	}
	if err == nil {
		<-a.ctx.Done()
	}
	return errors.Join(err, release(a.ctx))
}

type dbStopCmd struct{}

// Run stops the local server.
func (dbStopCmd) Run(a *app) error {
	if err := local.Stop(a.ctx, a.localOptions()); err != nil {
		return err
	}
	st, err := local.Inspect(a.ctx, a.localOptions())
	if err != nil {
		return err
	}
	return a.showServer(st)
}

type dbStatusCmd struct{}

// Run shows the local server.
func (dbStatusCmd) Run(a *app) error {
	st, err := local.Inspect(a.ctx, a.localOptions())
	if err != nil {
		return err
	}
	return a.showServer(st)
}

type dbMigrateCmd struct{}

// Run migrates the database.
func (dbMigrateCmd) Run(a *app) error {
	return a.withDatabase(schema.Up)
}

type dbURLCmd struct{}

// Run prints the URL of the database that the other commands would use.
func (dbURLCmd) Run(a *app) error {
	dsn := a.DatabaseURL
	if dsn == "" {
		st, err := local.Inspect(a.ctx, a.localOptions())
		if err != nil {
			return err
		}
		if !st.Running {
			return errors.New("the local PostgreSQL does not run: seed db start starts it")
		}
		dsn = st.DSN(local.Database)
	}
	if a.JSON {
		return a.printJSON(map[string]string{"url": dsn})
	}
	_, err := fmt.Fprintln(a.stdout, dsn)
	return err
}

func (a *app) showServer(st local.Status) error {
	if a.JSON {
		return a.printJSON(st)
	}
	if a.Quiet {
		return nil
	}
	if !st.Running {
		_, err := fmt.Fprintf(a.stdout, "stopped\ndata in  %s\n", st.Dir)
		return err
	}
	kept := "until the last command that uses it ends"
	if st.Kept {
		kept = "until seed db stop"
	}
	_, err := fmt.Fprintf(a.stdout, "running  PostgreSQL %s on 127.0.0.1:%d, pid %d, %s\ndata in  %s\n", st.Version, st.Port, st.PID, kept, st.Dir)
	for _, c := range st.Clients {
		fmt.Fprintf(a.stdout, "used by  %s\n", c)
	}
	return err
}
