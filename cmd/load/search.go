package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
)

// search runs the test at one rate after another. Its result is that of the last run at the rate that was
// found, or of the last one where none was.
func (c *runCmd) search(ctx context.Context, s *session, o *scenario.Options) (*report.Result, report.Findings, error) {
	type run struct {
		result   *report.Result
		findings report.Findings
	}
	holding := make(map[int]run)
	var last run
	measure := func(ctx context.Context, rate int) (scenario.Outcome, string, error) {
		s.pause(last.result != nil, time.Duration(o.Search.Pause))
		if s.interrupts.seen() {
			return "", "", errInterrupted
		}
		step := *s
		step.checkpoint = "" // one step alone is no result
		var err error
		if step.plan, err = c.plan(ctx, o.AtRate(rate), s.log); err != nil {
			return "", "", err
		}
		result, findings, err := step.run(ctx)
		if err != nil { // what was measured before is left as it is
			return "", "", err
		}
		last = run{result, findings}
		last.result.Judge(last.findings)
		outcome, err := outcomeOf(last.result)
		if outcome == scenario.Holds {
			holding[rate] = last
			s.log.Info("step", "rate", rate, "outcome", outcome)
			return outcome, "", err
		}
		why := strings.Join(last.result.Verdict.Reasons, "; ")
		s.log.Info("step", "rate", rate, "outcome", outcome, "why", why)
		return outcome, why, err
	}
	knee, err := o.Search.Knee(ctx, measure)
	if last.result == nil || err != nil && !errors.Is(err, errInterrupted) {
		return nil, report.Findings{}, err
	}
	found, ok := holding[knee.Rate]
	if !ok {
		found = last
	}
	found.result.Knee = &knee
	found.findings.Interrupted = err != nil
	if knee.Limit == scenario.LimitTime && err == nil {
		found.findings.Failures = append(found.findings.Failures, "the highest rate was not found: "+knee.String())
	}
	if knee.Limit == scenario.LimitGenerator {
		found.result.Health.Valid = false
		found.result.Health.Reasons = append(found.result.Health.Reasons, knee.String())
	}
	return found.result, found.findings, nil
}

// outcomeOf reads the outcome of one step off its verdict.
func outcomeOf(r *report.Result) (scenario.Outcome, error) {
	switch r.Verdict.ExitCode {
	case report.ExitFine:
		return scenario.Holds, nil
	case report.ExitInvalid:
		return scenario.Saturated, nil
	case report.ExitThresholdsCrossed:
		return scenario.Fails, nil
	case report.ExitInterrupted:
		return "", errInterrupted
	}
	return "", verdictError{fmt.Errorf("search: %s", strings.Join(r.Verdict.Reasons, "; "))}
}

// pause waits between two steps, and no longer than until a signal.
func (s *session) pause(wanted bool, d time.Duration) {
	if !wanted {
		return
	}
	select {
	case <-time.After(d):
	case <-s.interrupts.first:
	}
}
