package main

import (
	"fmt"
	"math"
	"text/tabwriter"

	"github.com/medianest/testbed/seed/profile"
)

// profilesCmd lists the built-in profiles.
type profilesCmd struct{}

// profileReport is the JSON of one profile. Its field names are stable.
type profileReport struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Rows is by table, TotalRows their sum.
	Rows      map[string]int64 `json:"rows"`
	TotalRows int64            `json:"total_rows"`
	// MediaBytes is the sum of the sizes of media files that the weights lead to expect.
	MediaBytes float64 `json:"media_bytes"`
}

// Run prints the profiles.
func (profilesCmd) Run(a *app) error {
	var reports []profileReport
	for _, name := range profile.Names() {
		p, err := profile.Load(name, nil)
		if err != nil {
			return err
		}
		r := profileReport{
			Name: name, Description: p.Description, Rows: map[string]int64{},
			TotalRows: p.Rows.Total(), MediaBytes: expectedBytes(p),
		}
		for _, t := range profile.Tables() {
			r.Rows[t] = p.Rows.Of(t)
		}
		reports = append(reports, r)
	}
	if a.JSON {
		return a.printJSON(reports)
	}
	t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	line := func(name string, cell func(profileReport) string) {
		fmt.Fprint(t, name)
		for _, r := range reports {
			fmt.Fprint(t, "\t", cell(r))
		}
		fmt.Fprint(t, "\t\n")
	}
	line("", func(r profileReport) string { return r.Name })
	for _, table := range profile.Tables() {
		line(table, func(r profileReport) string { return count(r.Rows[table]) })
	}
	line("rows in all", func(r profileReport) string { return count(r.TotalRows) })
	line("media", func(r profileReport) string { return size(r.MediaBytes) })
	return t.Flush()
}

// expectedBytes is what the sizes of the media files sum up to on average: in a range, the logarithms of the
// sizes are uniform.
func expectedBytes(p *profile.Profile) float64 {
	var mean float64
	for _, s := range p.Weights.Sizes {
		lo, hi := float64(s.Min), float64(s.Max)
		if lo < hi && lo > 0 {
			mean += s.Weight * (hi - lo) / math.Log(hi/lo)
		} else {
			mean += s.Weight * (lo + hi) / 2
		}
	}
	return mean * float64(p.Rows.MediaFiles)
}
