package gen_test

import (
	"bytes"
	"math"
	"sync"
	"testing"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// world is all rows of a dataset.
type world struct {
	data        *gen.Dataset
	profile     *profile.Profile
	users       []gen.User
	media       []gen.MediaFile
	collections []gen.Collection
	items       []gen.CollectionItem
	tags        []gen.Tag
	mediaTags   []gen.MediaTag
	comments    []gen.Comment
	activity    []gen.Activity
	notes       []gen.Notification
}

// fill makes n rows; every row gets memory of its own.
func fill[T any](n int64, row func(int64, *T)) []T {
	rows := make([]T, n)
	for i := range n {
		row(i, &rows[i])
	}
	return rows
}

func newWorld(d *gen.Dataset) *world {
	p := d.Profile()
	return &world{
		data: d, profile: p,
		users:       fill(p.Rows.Users, d.User),
		media:       fill(p.Rows.MediaFiles, d.MediaFile),
		collections: fill(p.Rows.Collections, d.Collection),
		items:       fill(p.Rows.CollectionItems, d.CollectionItem),
		tags:        fill(p.Rows.Tags, d.Tag),
		mediaTags:   fill(p.Rows.MediaTags, d.MediaTag),
		comments:    fill(p.Rows.Comments, d.Comment),
		activity:    fill(p.Rows.UserActivity, d.Activity),
		notes:       fill(p.Rows.Notifications, d.Notification),
	}
}

// dev is the whole of the profile `dev`, which tests share and don't change.
var dev = sync.OnceValues(func() (*world, error) {
	p, err := profile.Load("dev", nil)
	if err != nil {
		return nil, err
	}
	d, err := gen.New(p, gen.Options{Seed: 1, AsOf: asOf})
	if err != nil {
		return nil, err
	}
	return newWorld(d), nil
})

func devWorld(t *testing.T) *world {
	t.Helper()
	w, err := dev()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// none fails the test with the first few of the rows that are wrong.
func none[T any](t *testing.T, rows []T, what string, wrong func(*T) bool) {
	t.Helper()
	found := 0
	for i := range rows {
		if wrong(&rows[i]) {
			if found++; found <= 3 {
				t.Errorf("%s: row %d: %+v", what, i, rows[i])
			}
		}
	}
	if found > 3 {
		t.Errorf("%s: %d rows of %d", what, found, len(rows))
	}
}

// chiSquare returns Pearson's statistic of counts against expected counts, and its degrees of freedom.
func chiSquare(got, want []float64) (chi float64, df int) {
	for i := range got {
		if want[i] > 0 {
			chi += (got[i] - want[i]) * (got[i] - want[i]) / want[i]
			df++
		}
	}
	return chi, df - 1
}

// oneInAMillion returns the value that a chi-square of df degrees of freedom exceeds once in a million
// times (Wilson and Hilferty, 1931).
func oneInAMillion(df int) float64 {
	n := float64(df)
	return n * math.Pow(1-2/(9*n)+4.753*math.Sqrt(2/(9*n)), 3)
}

func ext(name []byte) string {
	return string(bytes.ToLower(name[bytes.LastIndexByte(name, '.')+1:]))
}
