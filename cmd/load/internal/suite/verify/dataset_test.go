package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/suite/verify"
)

func TestDatasetOfTheTarget(t *testing.T) {
	w := newWorld(t)
	served, err := verify.ReadHealth(w.ask(verify.Anonymous, "GET", "/health", "").Body)
	if err != nil {
		t.Fatal(err)
	}
	d, err := verify.Dataset(verify.Wanted{}, served)
	if err != nil {
		t.Fatal(err)
	}
	if d.Fingerprint() != w.Data.Fingerprint() {
		t.Errorf("made dataset %s, the target serves %s", d.Fingerprint(), w.Data.Fingerprint())
	}

	seed, asOf := uint64(2), time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	for name, want := range map[string]struct {
		wanted verify.Wanted
		served verify.Served
		hints  []string
	}{
		"another seed here": {verify.Wanted{Seed: &seed}, *served, []string{served.Fingerprint, "seed 1", "seed 2"}},
		"another time here": {verify.Wanted{AsOf: &asOf}, *served, []string{"2026-11-01T12:00:00Z", "2026-11-02T00:00:00Z"}},
		"another profile":   {verify.Wanted{Profile: "ci"}, *served, []string{"profile smoke", "profile ci"}},
		"another version there": {verify.Wanted{}, verify.Served{Fingerprint: "0123456789abcdef", Profile: "smoke", Seed: 1, AsOf: served.AsOf, Complete: true},
			[]string{"0123456789abcdef", served.Fingerprint}},
		"half a dataset":  {verify.Wanted{}, verify.Served{Fingerprint: "1", Profile: "smoke", Seed: 1, AsOf: served.AsOf}, []string{"not complete"}},
		"unknown profile": {verify.Wanted{}, verify.Served{Fingerprint: "1", Profile: "mine", Seed: 1, AsOf: served.AsOf, Complete: true}, []string{"mine", "profile's file"}},
	} {
		_, err := verify.Dataset(want.wanted, &want.served)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, hint := range want.hints {
			if !strings.Contains(err.Error(), hint) {
				t.Errorf("%s: want %q in: %v", name, hint, err)
			}
		}
	}
}

func TestTargetsThatNameNoDataset(t *testing.T) {
	served, err := verify.ReadHealth([]byte(`{"status":"ok","dataset":null}`))
	if err != nil || served != nil {
		t.Fatalf("got %v, %v", served, err)
	}
	if _, err := verify.Dataset(verify.Wanted{Profile: "smoke"}, nil); err == nil || !strings.Contains(err.Error(), "as-of") {
		t.Errorf("want a hint at what is missing, got %v", err)
	}
	seed, asOf := uint64(1), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	if _, err := verify.Dataset(verify.Wanted{Profile: "smoke", Seed: &seed, AsOf: &asOf}, nil); err != nil {
		t.Errorf("all is said, and still: %v", err)
	}
}

func TestUnreadableHealth(t *testing.T) {
	for _, body := range []string{"", "<html>", `{"dataset":{}}`, `{"dataset":{"fingerprint":"1","profile":"smoke","asOf":"yesterday"}}`} {
		if served, err := verify.ReadHealth([]byte(body)); err == nil {
			t.Errorf("%q: got %v", body, served)
		}
	}
}
