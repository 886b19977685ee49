package main

import (
	"github.com/medianest/testbed/cmd/load/internal/analysis/recommend"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// recommendCmd is load recommend.
type recommendCmd struct {
	File string `arg:"" placeholder:"RESULT" help:"A result file, or the checkpoint of a run that goes on or was killed."`
}

// Run prints what the result gives reason to do.
func (c *recommendCmd) Run(a *app) error {
	r, err := report.Read(c.File)
	if err != nil {
		return usageError{err}
	}
	found := recommend.Of(r)
	if a.JSON {
		return a.printJSON(struct {
			Recommendations []recommend.Recommendation `json:"recommendations"`
		}{found})
	}
	return recommend.Text(a.stdout, found)
}
