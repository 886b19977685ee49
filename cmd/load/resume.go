package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/executor"
	"github.com/medianest/testbed/cmd/load/internal/report"
)

// resumeCmd is load resume.
type resumeCmd struct {
	File string `arg:"" placeholder:"CHECKPOINT" help:"The checkpoint that the killed run has left; its command line is run again, from there on."`
}

// Run goes on with the run.
func (c *resumeCmd) Run(a *app) error {
	past, err := report.Read(c.File)
	if err != nil {
		return usageError{err}
	}
	if past.Complete {
		return refusal{fmt.Errorf("resume: the run of %s came to its end; load run starts a new one", c.File)}
	}
	var again cli
	parsed, err := newParser(&again, io.Discard, io.Discard).Parse(past.Test.Args)
	if err != nil {
		return usageError{fmt.Errorf("resume: the command line of the run, %q: %w", past.Test.Args, err)}
	}
	if parsed.Command() != "run <test>" {
		return usageError{fmt.Errorf("resume: %q is no command line of load run", past.Test.Args)}
	}
	run := &again.Run
	if _, err := os.Stat(past.Test.Source); past.Test.Source != "" && errors.Is(err, os.ErrNotExist) {
		return usageError{fmt.Errorf("resume: the test %s is not there: go on in the directory where the run was started", past.Test.Source)}
	}
	if err := run.checkSame(past); err != nil {
		return refusal{notTheSame(err)}
	}
	if run.checkpoint() == "" {
		run.Checkpoint = c.File
	}
	return run.start(a, past, past.Test.Args)
}

// notTheSame is why a run can't go on.
func notTheSame(err error) error {
	return fmt.Errorf("resume: this would not be the same run: %w", err)
}

// checkSame tells of base URLs that were others when the run began, as those of variables may be.
func (f *targetFlags) checkSame(past *report.Result) error {
	var errs []error
	for _, s := range f.services() {
		was := past.Test.Hosts[s.name]
		if first := past.Test.Targets[s.name]; was == nil && first != "" {
			was = []string{first}
		}
		now := make([]string, len(s.urls))
		for i, base := range s.urls {
			if u, err := client.BaseURL(base); err == nil { // what is wrong is told with the other flags
				now[i] = u.String()
			}
		}
		if was != nil && !slices.Equal(now, was) {
			errs = append(errs, fmt.Errorf("%s was %s and is %s now: set %s", s.flag, strings.Join(was, ","), strings.Join(now, ","), s.env))
		}
	}
	return errors.Join(errs...)
}

// goOn checks that the run that goes on is the same, and leaves out what was done already.
func (s *session) goOn() error {
	var errs []error
	if !bytes.Equal(s.written, s.past.Test.Options) {
		errs = append(errs, errors.New("the test has changed since, or the environment sets other options"))
	}
	if now, was := s.dataset, s.past.Dataset; now != nil && was != nil && now.Fingerprint != was.Fingerprint {
		errs = append(errs, fmt.Errorf("the target serves dataset %s now, and served %s then", now.Fingerprint, was.Fingerprint))
	}
	for i := range s.scenarios {
		b := s.scenarios[i].Config.Common()
		at := slices.IndexFunc(s.past.Test.Scenarios, func(x report.Scenario) bool { return x.Name == b.Name })
		if at < 0 {
			errs = append(errs, fmt.Errorf("the scenario %s was not there", b.Name))
			continue
		}
		done := s.past.Test.Scenarios[at].Iterations + s.past.Test.Scenarios[at].Interrupted
		switch c := s.scenarios[i].Config.(type) {
		case *executor.SharedIterations:
			s.scenarios[i].Done = int(done)
		case *executor.PerVUIterations:
			s.scenarios[i].Done = int(done) / c.VUs
		}
	}
	if err := errors.Join(errs...); err != nil {
		return refusal{notTheSame(err)}
	}
	return nil
}
