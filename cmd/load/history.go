package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/medianest/testbed/cmd/load/internal/history"
	"github.com/medianest/testbed/cmd/load/internal/page"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// historyFlags say where runs are kept.
type historyFlags struct {
	History string `name:"history" env:"MEDIANEST_HISTORY" placeholder:"DIR" group:"Output:" help:"Keep what the run came to in this folder, in a file of a kilobyte, for load history."`
	Keep    int    `name:"history-keep" env:"MEDIANEST_HISTORY_KEEP" default:"${keep}" placeholder:"N" group:"Output:" help:"How many runs of the same test, dataset and machine a history keeps (${default})."`
}

// check tells what is wrong with the flags.
func (f *historyFlags) check() error {
	if f.Keep < 1 {
		return fmt.Errorf("--history-keep: %d runs are too few", f.Keep)
	}
	if f.History != "" {
		if err := checkFolder(f.History); err != nil {
			return fmt.Errorf("--history: %w", err)
		}
	}
	return nil
}

// historyCmd is load history.
type historyCmd struct {
	Show historyShowCmd `cmd:"" default:"withargs" help:"Show the runs that a folder keeps, those together that can be compared."`
	Add  historyAddCmd  `cmd:"" help:"Add results to a history, as load run --history DIR does by itself."`
}

type historyShowCmd struct {
	Dir    string `arg:"" optional:"" env:"MEDIANEST_HISTORY" placeholder:"DIR" help:"The folder."`
	Last   int    `name:"last" short:"n" default:"20" placeholder:"N" help:"How many runs of each line to print (${default}); --json and --output have all."`
	Output string `name:"output" short:"o" placeholder:"FILE" help:"Write a page with charts instead, - being standard output."`
}

// Run prints the history.
func (c *historyShowCmd) Run(a *app) error {
	if c.Dir == "" {
		return usageError{errors.New("history: which folder? load history DIR, or set MEDIANEST_HISTORY")}
	}
	if c.Last < 1 {
		return usageError{fmt.Errorf("--last: %d runs are too few", c.Last)}
	}
	lines, troubles, err := history.Read(c.Dir)
	if err != nil {
		return usageError{err}
	}
	for _, trouble := range troubles {
		a.logger(a.stderr).Warn("left out", "error", trouble)
	}
	if c.Output != "" {
		data, err := page.History(lines)
		if err != nil {
			return err
		}
		return a.writeOutput(c.Output, data)
	}
	if a.JSON {
		return a.printJSON(struct {
			Lines []history.Line `json:"lines"`
		}{lines})
	}
	if len(lines) == 0 {
		fmt.Fprintf(a.stderr, "load: there are no runs in %s yet; load run --history %s keeps one\n", c.Dir, c.Dir)
		return nil
	}
	return history.Text(a.stdout, lines, c.Last)
}

type historyAddCmd struct {
	Results []string `arg:"" placeholder:"RESULT" help:"Result files."`

	historyFlags `embed:""`
	Commit       string `name:"commit" placeholder:"HASH" help:"The commit that was tested, where the results do not tell it."`
}

// Run adds the results.
func (c *historyAddCmd) Run(a *app) error {
	errs := []error{c.check()}
	if c.History == "" {
		errs = append(errs, errors.New("--history: which folder? name one, or set MEDIANEST_HISTORY"))
	}
	var entries []history.Entry
	for _, path := range c.Results {
		r, err := report.Read(path)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case !r.Complete:
			errs = append(errs, fmt.Errorf("%s is the checkpoint of a run that has not ended", path))
			continue
		}
		r.Test.Commit = cmp.Or(r.Test.Commit, c.Commit)
		entries = append(entries, history.Of(r))
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	for _, e := range entries {
		if err := history.Add(c.History, e, c.Keep); err != nil {
			return err
		}
	}
	return nil
}
