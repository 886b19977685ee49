package main

import (
	"testing"

	"github.com/medianest/testbed/cmd/load/internal/report"
	"github.com/medianest/testbed/cmd/load/internal/suite/librarytest"
	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

// An answer that was wrong before a run was killed is wrong in the result of the run that goes on.
func TestWrongAnswersOutliveAnInterruption(t *testing.T) {
	v := verify.New(librarytest.New(t).Data, nil)
	for _, request := range []string{"a", "b"} {
		v.Media(&verify.Answer{Request: request, Body: []byte("{}")}, 1)
	}
	before := report.Verification{Checked: 500, Wrong: verify.KeptMismatches - 1, Mismatches: make([]verify.Mismatch, verify.KeptMismatches-1)}
	s := &session{plan: &plan{verifier: v}, past: &report.Result{Verified: &before}}
	got := s.verified()
	if got.Checked != 502 || got.Wrong != verify.KeptMismatches+1 || len(got.Mismatches) != verify.KeptMismatches {
		t.Errorf("%d checked, %d wrong, %d kept", got.Checked, got.Wrong, len(got.Mismatches))
	}
	if last := got.Mismatches[len(got.Mismatches)-1].Request; last != "a" {
		t.Errorf("the last one that is kept is %q, want the first of those that came after", last)
	}
	if s.past = nil; s.verified().Checked != 2 {
		t.Errorf("%+v without a past", s.verified())
	}
}
