package main

import (
	"context"
	"time"

	"github.com/medianest/testbed/seed/verify"
)

// verifyCmd checks a seeded database.
type verifyCmd struct {
	Content bool          `name:"content" help:"Also work out the checksum of every row again: is everything exactly as seeded?"`
	All     bool          `name:"all" help:"List every table and invariant, not only what is off."`
	Timeout time.Duration `name:"timeout" env:"MEDIANEST_VERIFY_TIMEOUT" default:"10m" help:"Most time that one query may take."`
}

// Help is the long help of the command.
func (verifyCmd) Help() string {
	return "Rows that were made after seeding are left out and counted, so that a database can be verified after a load test too. Nothing is changed."
}

// Run prints the report and returns errVerdict if it is unfavourable.
func (c *verifyCmd) Run(a *app) error {
	return a.withDatabase(func(ctx context.Context, dsn string) error {
		report, err := verify.Run(ctx, dsn, verify.Options{Content: c.Content, StatementTimeout: c.Timeout})
		if err != nil {
			return err
		}
		switch {
		case a.JSON:
			err = a.printJSON(report)
		case a.Quiet && report.OK:
		default:
			err = report.WriteText(a.stdout, c.All)
		}
		if err == nil && !report.OK {
			err = errVerdict
		}
		return err
	})
}
