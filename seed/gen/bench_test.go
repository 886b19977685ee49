package gen_test

import (
	"testing"
	"time"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/pgcopy"
	"github.com/medianest/testbed/seed/profile"
)

// asOf is the present of the datasets in these tests.
var asOf = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// dataset returns the dataset of an embedded profile with the seed 1.
func dataset(tb testing.TB, name string) (*gen.Dataset, *profile.Profile) {
	tb.Helper()
	p, err := profile.Load(name, nil)
	if err != nil {
		tb.Fatal(err)
	}
	d, err := gen.New(p, gen.Options{Seed: 1, AsOf: asOf})
	if err != nil {
		tb.Fatal(err)
	}
	return d, p
}

// BenchmarkRow makes and encodes rows of each table of `volume`, as the loader does, checksum included.
// The last one, all, takes rows in the proportions of the whole dataset: its time for each row, multiplied by the
// 5.65 million rows, is the generator's share of the load.
func BenchmarkRow(b *testing.B) {
	d, p := dataset(b, "volume")
	for _, t := range d.Tables() {
		b.Run(t.Schema.Name, func(b *testing.B) {
			bench(b, t, int64(b.N))
		})
	}
	b.Run("all", func(b *testing.B) {
		for _, t := range d.Tables() {
			bench(b, t, int64(b.N)*t.Rows/p.Rows.Total())
		}
	})
}

// bench makes n rows, from one end of the table to the other.
func bench(b *testing.B, t gen.Table, n int64) {
	b.ReportAllocs()
	var e pgcopy.Binary
	row := t.NewRowFunc()
	buf := make([]byte, 0, 1<<20)
	e.Swap(buf)
	stride := max(1, t.Rows/max(1, n))
	at := int64(0)
	for range n {
		row(&e, at)
		if at += stride; at >= t.Rows {
			at = 0
		}
		if e.Len() > 1<<19 {
			e.Swap(buf[:0])
		}
	}
}

// BenchmarkNew prepares a dataset.
func BenchmarkNew(b *testing.B) {
	p, err := profile.Load("volume", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gen.New(p, gen.Options{Seed: 1, AsOf: asOf}); err != nil {
			b.Fatal(err)
		}
	}
}
