package gen_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// shares counts the values of one weighted choice of a profile.
type shares struct {
	name   string
	weight map[string]float64
	rows   int64
	value  func(i int64) string
}

func sizeRange(p *profile.Profile, size int64) string {
	for _, s := range p.Weights.Sizes {
		if size >= s.Min && size < s.Max {
			return fmt.Sprint(s.Min)
		}
	}
	return "none"
}

func weights(d *gen.Dataset) []shares {
	p := d.Profile()
	var u gen.User
	var m gen.MediaFile
	user := func(value func() string) func(int64) string {
		return func(i int64) string { d.User(i, &u); return value() }
	}
	media := func(value func() string) func(int64) string {
		return func(i int64) string { d.MediaFile(i, &m); return value() }
	}
	sizes := map[string]float64{}
	for _, s := range p.Weights.Sizes {
		sizes[fmt.Sprint(s.Min)] = s.Weight
	}
	yes := func(share float64) map[string]float64 { return map[string]float64{"true": share, "false": 1 - share} }
	return []shares{
		{"roles", p.Weights.Roles, p.Rows.Users, user(func() string { return u.Role })},
		{"active", yes(p.Weights.Active), p.Rows.Users, user(func() string { return fmt.Sprint(u.Active) })},
		{"public", yes(p.Weights.Public), p.Rows.MediaFiles, media(func() string { return fmt.Sprint(m.Public) })},
		{"MIME types", p.Weights.MIMETypes, p.Rows.MediaFiles, media(func() string { return m.MIMEType })},
		{"sizes", sizes, p.Rows.MediaFiles, media(func() string { return sizeRange(p, m.Size) })},
	}
}

// The weights hold to the row, in every profile and for every seed: 85 % of 10,000 users are 8,500.
func TestWeightsHoldExactly(t *testing.T) {
	odd := profile.New("odd", profile.Rows{Users: 997, MediaFiles: 4999})
	odd.Weights = profile.Weights{
		Roles: map[string]float64{"user": 0.25, "moderator": 0.25, "admin": 0.5}, Active: 0.333, Public: 0.01,
		MIMETypes: map[string]float64{"video/avi": 0.97, "application/pdf": 0.03},
		Sizes:     []profile.SizeRange{{Min: 900, Max: 1000, Weight: 0.75}, {Min: 1, Max: 9, Weight: 0.25}},
	}
	profiles := []*profile.Profile{odd}
	for _, name := range []string{"smoke", "ci", "dev"} {
		p, err := profile.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		profiles = append(profiles, p)
	}
	for _, p := range profiles {
		for seed := range uint64(2) {
			if seed > 0 && p.Rows.Total() > 100_000 {
				continue // to save time
			}
			for _, s := range weights(open(t, p, gen.Options{Seed: seed, AsOf: asOf})) {
				counts := map[string]int64{}
				for i := range s.rows {
					counts[s.value(i)]++
				}
				for value, w := range s.weight {
					if off := math.Abs(float64(counts[value]) - w*float64(s.rows)); off >= 1 {
						t.Errorf("%s, seed %d, %s: %d of %d are %s, want a share of %v", p.Name, seed, s.name, counts[value], s.rows, value, w)
					}
					delete(counts, value)
				}
				if len(counts) > 0 {
					t.Errorf("%s, seed %d, %s: values without a weight: %v", p.Name, seed, s.name, counts)
				}
			}
		}
	}
}

// That the whole is exact does not mean that it is sorted: any stretch of rows has the weights as a random sample
// of its size has them.
func TestWeightsHoldInEveryStretch(t *testing.T) {
	d, _ := dataset(t, "dev")
	const stretches = 8
	for _, s := range weights(d) {
		values := slices.Sorted(maps.Keys(s.weight))
		for k := range int64(stretches) {
			from, to := k*s.rows/stretches, (k+1)*s.rows/stretches
			if s.rows <= 10_000 && k == 0 {
				from = 100 // the fixed accounts, all active
			}
			got, want := make([]float64, len(values)), make([]float64, len(values))
			for i := from; i < to; i++ {
				got[slices.Index(values, s.value(i))]++
			}
			for j, v := range values {
				want[j] = s.weight[v] * float64(to-from)
			}
			if chi, df := chiSquare(got, want); chi > oneInAMillion(df) {
				t.Errorf("%s in rows %d to %d: chi-square %.1f with %d degrees of freedom: %v, want %v", s.name, from, to, chi, df, got, want)
			}
		}
	}
}

// Choices that have nothing to do with each other are independent: whether a user is active says nothing about
// the role, and neither type nor size of a file about whether it is public.
func TestUnrelatedChoicesAreIndependent(t *testing.T) {
	d, _ := dataset(t, "dev")
	all := weights(d)
	choice := map[string]shares{}
	for _, s := range all {
		choice[s.name] = s
	}
	for _, pair := range [][2]string{{"roles", "active"}, {"public", "MIME types"}, {"public", "sizes"}} {
		a, b := choice[pair[0]], choice[pair[1]]
		table := map[[2]string]float64{}
		for i := range a.rows {
			table[[2]string{a.value(i), b.value(i)}]++
		}
		var got, want []float64
		for va, wa := range a.weight {
			for vb, wb := range b.weight {
				got = append(got, table[[2]string{va, vb}])
				want = append(want, wa*wb*float64(a.rows))
			}
		}
		chi, _ := chiSquare(got, want)
		if df := (len(a.weight) - 1) * (len(b.weight) - 1); chi > oneInAMillion(df) {
			t.Errorf("%s and %s: chi-square %.1f with %d degrees of freedom", pair[0], pair[1], chi, df)
		}
	}
}

// Types and sizes belong together as far as their two distributions allow.
func ExampleDataset_MediaFile() {
	p, err := profile.Load("ci", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := gen.New(p, gen.Options{Seed: 1, AsOf: asOf})
	if err != nil {
		fmt.Println(err)
		return
	}
	var m gen.MediaFile
	table := map[string][]int{}
	for i := range p.Rows.MediaFiles {
		d.MediaFile(i, &m)
		if table[m.MIMEType] == nil {
			table[m.MIMEType] = make([]int, len(p.Weights.Sizes)+1)
		}
		for j, s := range p.Weights.Sizes {
			if m.Size >= s.Min && m.Size < s.Max {
				table[m.MIMEType][j]++
			}
		}
		table[m.MIMEType][len(p.Weights.Sizes)]++
	}
	fmt.Printf("%-15s %7s %7s %7s %7s %7s\n", "", "50 KB-", "500 KB-", "2 MB-", "10 MB-", "all")
	for _, mime := range profile.MIMETypes() {
		fmt.Printf("%-15s %7d %7d %7d %7d %7d\n", mime, table[mime][0], table[mime][1], table[mime][2], table[mime][3], table[mime][4])
	}
	// Output:
	//                  50 KB- 500 KB-   2 MB-  10 MB-     all
	// image/jpeg          587    2477     935       1    4000
	// image/png          1393    1468     139       0    3000
	// video/mp4            32      33     807     628    1500
	// application/pdf     983      17       0       0    1000
	// video/avi             5       5     119     371     500
}
