package gen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/pgcopy"
	"github.com/medianest/testbed/seed/profile"
)

// checksum returns the sum of the hashes of all rows of a table.
func checksum(t gen.Table) uint64 {
	var e pgcopy.Binary
	row := t.NewRowFunc()
	for i := range t.Rows {
		row(&e, i)
		e.Swap(e.Swap(nil)[:0])
	}
	return e.Checksum()
}

func checksums(d *gen.Dataset) string {
	var b bytes.Buffer
	for _, t := range d.Tables() {
		fmt.Fprintf(&b, "%-16s %4d %016x\n", t.Schema.Name, t.Rows, checksum(t))
	}
	return b.String()
}

func open(t *testing.T, p *profile.Profile, o gen.Options) *gen.Dataset {
	t.Helper()
	d, err := gen.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// These are the rows of `smoke`. If this test fails, the generator makes other rows than before: raise
// gen.Version, so that datasets made before are told from those made after, and write down the new sums.
func TestRowsStayTheSame(t *testing.T) {
	d, _ := dataset(t, "smoke")
	if gen.Version != 1 {
		t.Fatal("write down the sums of this version")
	}
	const want = `users              60 25318325e2a11193
media_files       200 d853da05ea1777e7
collections        20 b89ca13ba954af86
collection_items  120 1ae999ab61044047
tags               30 52e7f8ad84b76e52
media_tags        300 57f3263d36c4907f
comments          200 571430b14dea070c
user_activity     120 1b6ff89897baeef4
notifications      60 fb2e65197fb6b1e7
`
	if got := checksums(d); got != want {
		t.Errorf("the generator makes other rows than it did:\n%s", got)
	}
}

// However rows are cut into chunks, in whatever order and by however many workers they are made, their
// bytes are those of one worker going from the first to the last.
func TestRowsDoNotDependOnHowTheyAreMade(t *testing.T) {
	d, _ := dataset(t, "smoke")
	for _, table := range d.Tables() {
		rows := func(from, to int64, buf []byte) []byte {
			var e pgcopy.Binary
			e.Swap(buf)
			row := table.NewRowFunc()
			for i := from; i < to; i++ {
				row(&e, i)
			}
			return e.Swap(nil)
		}
		want := rows(0, table.Rows, nil)

		for _, chunk := range []int64{1, 7, 64} {
			var got []byte
			for from := int64(0); from < table.Rows; from += chunk {
				got = rows(from, min(from+chunk, table.Rows), got)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: chunks of %d rows give other bytes", table.Schema.Name, chunk)
			}
		}

		backwards := make([][]byte, table.Rows)
		row := table.NewRowFunc()
		for i := table.Rows - 1; i >= 0; i-- {
			var e pgcopy.Binary
			row(&e, i)
			backwards[i] = e.Swap(nil)
		}
		if !bytes.Equal(bytes.Join(backwards, nil), want) {
			t.Errorf("%s: rows made backwards have other bytes", table.Schema.Name)
		}

		const workers = 4
		parts := make([][]byte, workers)
		var wait sync.WaitGroup
		for w := range int64(workers) {
			wait.Go(func() { parts[w] = rows(w*table.Rows/workers, (w+1)*table.Rows/workers, nil) })
		}
		wait.Wait()
		if !bytes.Equal(bytes.Join(parts, nil), want) {
			t.Errorf("%s: %d workers make other bytes", table.Schema.Name, workers)
		}
	}
}

// A struct that has been filled before is filled like a new one.
func TestStructsCanBeFilledAgain(t *testing.T) {
	d, _ := dataset(t, "smoke")
	for _, table := range d.Tables() {
		reused := table.NewRowFunc()
		for i := range table.Rows {
			var a, b pgcopy.Binary
			reused(&a, i)
			table.NewRowFunc()(&b, i)
			if a.Checksum() != b.Checksum() {
				t.Fatalf("%s: row %d depends on what was made before it", table.Schema.Name, i)
			}
		}
	}
}

// shiftEncoder compares rows of two datasets, of which the second one's times are later by a fixed step.
type shiftEncoder struct {
	pgcopy.Binary
	later int64
}

func (s *shiftEncoder) Time(unixMicro int64) { s.Binary.Time(unixMicro - s.later) }

// The as-of time moves all times by as much as itself, and nothing else.
func TestAsOfMovesTimesOnly(t *testing.T) {
	p, err := profile.Load("smoke", nil)
	if err != nil {
		t.Fatal(err)
	}
	const later = 37*24*time.Hour + 5*time.Hour + 123_456*time.Microsecond
	a := open(t, p, gen.Options{Seed: 1, AsOf: asOf}).Tables()
	b := open(t, p, gen.Options{Seed: 1, AsOf: asOf.Add(later)}).Tables()
	for k := range a {
		for i := range a[k].Rows {
			var first pgcopy.Binary
			second := shiftEncoder{later: later.Microseconds()}
			a[k].NewRowFunc()(&first, i)
			b[k].NewRowFunc()(&second, i)
			if first.Checksum() != second.Checksum() {
				t.Errorf("%s: row %d differs by more than its times", a[k].Schema.Name, i)
				break
			}
		}
	}
}

// Everything that changes rows changes the fingerprint, and nothing else does.
func TestFingerprint(t *testing.T) {
	load := func(overrides map[string]int64) *profile.Profile {
		p, err := profile.Load("smoke", overrides)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	base := gen.Options{Seed: 1, AsOf: asOf}
	same := base
	same.AsOf, same.BcryptCost = asOf.In(time.FixedZone("elsewhere", 3600)), gen.DefaultBcryptCost
	same.FirstID = map[string]int64{"users": 1}
	seed, now, cost, first := base, base, base, base
	seed.Seed = 2
	now.AsOf = asOf.Add(time.Microsecond)
	cost.BcryptCost = 5
	first.FirstID = map[string]int64{"media_files": 1000}
	want := open(t, load(nil), base).Fingerprint()
	for name, got := range map[string]string{
		"again":                     open(t, load(nil), base).Fingerprint(),
		"defaults given explicitly": open(t, load(nil), same).Fingerprint(),
	} {
		if got != want {
			t.Errorf("%s: fingerprint %s, want %s", name, got, want)
		}
	}
	for name, got := range map[string]string{
		"seed":       open(t, load(nil), seed).Fingerprint(),
		"as-of time": open(t, load(nil), now).Fingerprint(),
		"cost":       open(t, load(nil), cost).Fingerprint(),
		"first id":   open(t, load(nil), first).Fingerprint(),
		"row count":  open(t, load(map[string]int64{"comments": 201}), base).Fingerprint(),
	} {
		if got == want {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

// A dataset can be made again from its definition.
func TestDefinition(t *testing.T) {
	p, err := profile.Load("smoke", map[string]int64{"comments": 321})
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, p, gen.Options{Seed: 1<<64 - 1, AsOf: asOf, FirstID: map[string]int64{"users": 101, "tags": 7}, BcryptCost: 5})
	again, err := gen.FromDefinition(d.Definition())
	if err != nil {
		t.Fatal(err)
	}
	if again.Fingerprint() != d.Fingerprint() || checksums(again) != checksums(d) {
		t.Errorf("%s makes another dataset", d.Definition())
	}

	var def map[string]any
	if err := json.Unmarshal(d.Definition(), &def); err != nil {
		t.Fatal(err)
	}
	def["generator_version"] = gen.Version + 1
	other, _ := json.Marshal(def)
	for _, text := range []string{string(other), `{}`, `{"generator_version":1}`, `[`} {
		if _, err := gen.FromDefinition(json.RawMessage(text)); err == nil {
			t.Errorf("made a dataset of %s", text)
		}
	}
}

// Different seeds make different rows, and so do runs that append.
func TestSeedsDiffer(t *testing.T) {
	p, err := profile.Load("smoke", nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]string{}
	for name, o := range map[string]gen.Options{
		"seed 1": {Seed: 1, AsOf: asOf},
		"seed 2": {Seed: 2, AsOf: asOf},
		"append": {Seed: 1, AsOf: asOf, FirstID: map[string]int64{"users": 61}},
	} {
		for _, table := range open(t, p, o).Tables() {
			if table.Schema.Name == schema.Tags.Name {
				continue // names of tags don't depend on the seed
			}
			sum := checksum(table)
			if other, ok := seen[sum]; ok {
				t.Errorf("%s of %s and of %s are the same", table.Schema.Name, name, other)
			}
			seen[sum] = name
		}
	}
}
