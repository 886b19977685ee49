package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/analysis/compare"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// baselineCmd is load baseline.
type baselineCmd struct {
	Save    saveCmd      `cmd:"" help:"Make a candidate of the results of one test."`
	List    baselinesCmd `cmd:"" help:"List the baselines."`
	Promote promoteCmd   `cmd:"" help:"Make the candidate the accepted baseline."`
}

// saveCmd is load baseline save.
type saveCmd struct {
	Results []string `arg:"" placeholder:"RESULT" help:"Result files of the same test, dataset and machine. Of several the spread is kept, and counts as noise."`

	storeFlags  `embed:""`
	Name        string `name:"name" placeholder:"NAME" help:"The baseline's name (default: the test's)."`
	AllowScaled bool   `name:"allow-scaled" help:"Take runs that are scaled; only runs that are scaled in the same way are compared with them."`
	Promote     bool   `name:"promote" help:"Make it the accepted baseline at once."`
}

// Run saves.
func (c *saveCmd) Run(a *app) error {
	b, path, err := c.store().Save(c.Results, compare.SaveOptions{Name: c.Name, AllowScaled: c.AllowScaled})
	if err != nil {
		return storeError(err)
	}
	if c.Promote {
		return promote(a, c.store(), b.Name)
	}
	if a.JSON {
		return a.printJSON(saved{Name: b.Name, File: path, Candidate: true, Runs: len(b.Runs)})
	}
	if !a.Quiet {
		fmt.Fprintf(a.stdout, "candidate %s: %s in %s; load baseline promote %s accepts it\n", b.Name, runs(len(b.Runs)), path, b.Name)
	}
	return nil
}

// saved is a baseline that was saved or promoted, as JSON.
type saved struct {
	Name      string `json:"name"`
	File      string `json:"file"`
	Candidate bool   `json:"candidate"`
	Runs      int    `json:"runs"`
	Former    string `json:"former,omitempty"` // the file of the one before
}

func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}

// promoteCmd is load baseline promote.
type promoteCmd struct {
	Name string `arg:"" placeholder:"NAME" help:"The name of the candidate."`

	storeFlags `embed:""`
}

// Run promotes.
func (c *promoteCmd) Run(a *app) error { return promote(a, c.store(), c.Name) }

func promote(a *app, store compare.Store, name string) error {
	b, path, former, err := store.Promote(name)
	if err != nil {
		return storeError(err)
	}
	if a.JSON {
		return a.printJSON(saved{Name: b.Name, File: path, Runs: len(b.Runs), Former: former})
	}
	if !a.Quiet {
		fmt.Fprintf(a.stdout, "baseline %s: %s in %s\n", b.Name, runs(len(b.Runs)), path)
		if former != "" {
			fmt.Fprintf(a.stdout, "the one before is kept in %s\n", former)
		}
	}
	return nil
}

// baselinesCmd is load baseline list.
type baselinesCmd struct {
	storeFlags `embed:""`
}

// Run lists.
func (c *baselinesCmd) Run(a *app) error {
	all, err := c.store().List()
	if err != nil {
		return err
	}
	if a.JSON {
		return a.printJSON(all)
	}
	if len(all) == 0 {
		fmt.Fprintf(a.stderr, "load: there are no baselines in %s; load baseline save makes one\n", c.Dir)
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "BASELINE\tTEST\tRUNS\tP95\tDATASET\tSAVED\tFORMER\t\n")
	for _, b := range all {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%d\t%s\n", b.Name, b.Test, b.Runs, report.Milliseconds(b.P95), b.Dataset,
			b.Saved.Format(time.DateTime), b.Former, strings.Join(b.Scaled, ", "))
	}
	return w.Flush()
}
