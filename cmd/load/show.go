package main

import (
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// showCmd is load show.
type showCmd struct {
	File string `arg:"" placeholder:"RESULT" help:"A result file, or the checkpoint of a run that goes on or was killed."`
}

// Run prints the result.
func (c *showCmd) Run(a *app) error {
	r, err := report.Read(c.File)
	if err != nil {
		return usageError{err}
	}
	return a.show(r, a.stdout)
}
