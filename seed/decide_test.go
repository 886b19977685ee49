package seed

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	finished := time.Now()
	a := Identity{Fingerprint: "a", Profile: "p", Seed: 1}
	b := Identity{Fingerprint: "b", Profile: "p", Seed: 2}
	run := func(id Identity, done bool) Run {
		r := Run{Identity: id, ID: 1}
		if done {
			r.FinishedAt = &finished
		}
		return r
	}
	const refuse = action(-1)
	full := []string{"users"}
	for _, c := range []struct {
		name                          string
		found                         found
		resume, fail, replace, append action
	}{
		{"empty", found{}, doStart, doStart, doStart, doStart},
		{"same, unfinished", found{runs: []Run{run(a, false)}, filled: full}, doResume, refuse, doResume, doResume},
		{"same, unfinished, no rows yet", found{runs: []Run{run(a, false)}}, doResume, refuse, doResume, doResume},
		{"same, finished", found{runs: []Run{run(a, true)}, filled: full}, doNothing, refuse, doReplace, doAppend},
		{"other, unfinished", found{runs: []Run{run(b, false)}, filled: full}, refuse, refuse, doReplace, refuse},
		{"other, finished", found{runs: []Run{run(b, true)}, filled: full}, refuse, refuse, doReplace, doAppend},
		{"rows without a ledger", found{filled: full}, refuse, refuse, doReplace, doAppend},
		{"same, then another unfinished", found{runs: []Run{run(a, true), run(b, false)}, filled: full}, refuse, refuse, doReplace, refuse},
		{"another, then same unfinished", found{runs: []Run{run(b, true), run(a, false)}, filled: full}, doResume, refuse, doResume, doResume},
		{"same, then another finished", found{runs: []Run{run(a, true), run(b, true)}, filled: full}, doNothing, refuse, doReplace, doAppend},
	} {
		for policy, want := range map[Policy]action{Resume: c.resume, Fail: c.fail, Replace: c.replace, Append: c.append} {
			got, _, err := decide(c.found, a, policy)
			if err != nil {
				got = refuse
			}
			if got != want {
				t.Errorf("%s, %s: action %d (%v), want %d", c.name, policy, got, err, want)
			}
			var mismatch *MismatchError
			var notEmpty *NotEmptyError
			if err != nil && !errors.As(err, &mismatch) && !errors.As(err, &notEmpty) {
				t.Errorf("%s, %s: error %v is of no type that callers know", c.name, policy, err)
			}
		}
	}
}

func TestDifferences(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6_007, time.UTC)
	a := Identity{Fingerprint: "a", Profile: "ci", ProfileDigest: "1", Seed: 1, AsOf: now, GeneratorVersion: 1}
	for _, c := range []struct {
		change func(*Identity)
		want   string
	}{
		{func(b *Identity) { b.Profile, b.ProfileDigest = "dev", "2" }, "profile"},
		{func(b *Identity) { b.ProfileDigest = "2" }, "weights or counts"},
		{func(b *Identity) { b.Seed = 2; b.AsOf = now.Add(time.Hour) }, "seed, as-of"},
		{func(b *Identity) { b.FirstID = map[string]int64{"users": 9} }, "first ids"},
		{func(b *Identity) { b.FirstID = map[string]int64{"users": 1} }, "fingerprint"},
		{func(b *Identity) { b.AsOf = now.Truncate(time.Microsecond) }, "fingerprint"},
		{func(b *Identity) { b.GeneratorVersion = 2 }, "generator version"},
	} {
		b := a
		c.change(&b)
		if got := strings.Join(differences(a, b), ", "); got != c.want {
			t.Errorf("differences are %q, want %q", got, c.want)
		}
	}
}

func TestMissing(t *testing.T) {
	for _, c := range []struct {
		units []unit
		total int64
		want  []span
		fails bool
	}{
		{nil, 0, nil, false},
		{nil, 10, []span{{0, 10}}, false},
		{[]unit{{First: 0, N: 10}}, 10, nil, false},
		{[]unit{{First: 7, N: 2}, {First: 2, N: 3}}, 10, []span{{0, 2}, {5, 2}, {9, 1}}, false},
		{[]unit{{First: 0, N: 5}, {First: 4, N: 2}}, 10, nil, true},
		{[]unit{{First: 5, N: 6}}, 10, nil, true},
	} {
		got, err := missing(c.units, c.total)
		if (err != nil) != c.fails || !reflect.DeepEqual(got, c.want) {
			t.Errorf("missing(%v, %d) = %v, %v; want %v", c.units, c.total, got, err, c.want)
		}
	}
	if got, want := cut([]span{{0, 5}, {9, 1}}, 2), []span{{0, 2}, {2, 2}, {4, 1}, {9, 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("cut is %v, want %v", got, want)
	}
}
