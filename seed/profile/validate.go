package profile

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/medianest/testbed/schema"
)

// maxRows bounds the count of a table, well inside of what ids and sums can hold.
const maxRows = 10_000_000_000

// tolerance is how far from 1 the sum of shares may be, for the rounding of decimal fractions.
const tolerance = 1e-9

// validator collects problems.
type validator struct {
	problems Problems
	// known are the problems with reading the profile. What may only follow from them is not reported.
	known Problems
}

func (v *validator) add(field, format string, args ...any) {
	v.problems = append(v.problems, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
}

// doubtful tells whether something in a section could not be read.
func (v *validator) doubtful(section string) bool {
	for _, p := range v.known {
		if p.Field == section || strings.HasPrefix(p.Field, section+".") || strings.HasPrefix(p.Field, section+"[") {
			return true
		}
	}
	return false
}

// Validate returns a Problems with everything that is wrong with the profile, or nil.
func (p *Profile) Validate() error {
	if problems := p.validate(nil); len(problems) > 0 {
		return problems
	}
	return nil
}

func (p *Profile) validate(known Problems) Problems {
	v := &validator{known: known}
	v.weights(&p.Weights)
	v.counts(p.Rows)
	if len(v.known) == 0 && len(v.problems) == 0 {
		v.fits(p)
	}
	return v.problems
}

// counts checks each count and that no table has rows without the rows that they refer to.
func (v *validator) counts(rows Rows) {
	for _, t := range schema.Tables() {
		n := rows.Of(t.Name)
		switch field := "rows." + t.Name; {
		case n < 0:
			v.add(field, "%d is negative", n)
		case n > maxRows:
			v.add(field, "%d is more than the %d rows that a table can have", n, int64(maxRows))
		case n > 0:
			for _, fk := range t.ForeignKeys {
				if rows.Of(fk.References) == 0 && !v.doubtful("rows") {
					v.add(field, "%d rows refer to %s, of which there are none", n, fk.References)
				}
			}
		}
	}
}

// fits checks that there are enough distinct pairs for the tables whose keys are pairs.
func (v *validator) fits(p *Profile) {
	if n, pairs := p.Rows.MediaTags, float64(p.Rows.MediaFiles)*float64(p.Rows.Tags); float64(n) > pairs {
		v.add("rows.media_tags", "%d is more than the %.0f pairs of %d media_files and %d tags",
			n, pairs, p.Rows.MediaFiles, p.Rows.Tags)
	}
	largest := p.LargestCollection()
	if n := p.Rows.CollectionItems; float64(n) > float64(p.Rows.Collections)*float64(largest) {
		v.add("rows.collection_items", "%d is more than fit: %d collections, each of at most %d of the %d public media_files",
			n, p.Rows.Collections, largest, p.PublicMedia())
	}
}

func (v *validator) weights(w *Weights) {
	v.shares("weights.roles", w.Roles, Roles())
	v.share("weights.active", w.Active)
	v.share("weights.public", w.Public)
	v.shares("weights.mime_types", w.MIMETypes, MIMETypes())
	v.sizes(w)
}

// share reports whether s is a share.
func (v *validator) share(field string, s float64) bool {
	// Written so that NaN is refused too.
	if !(s >= 0 && s <= 1) {
		v.add(field, "%v is not between 0 and 1", s)
		return false
	}
	return true
}

func (v *validator) sum(field string, sum float64) {
	if math.Abs(sum-1) > tolerance && !v.doubtful(field) {
		v.add(field, "the shares sum to %v, should be 1", math.Round(sum*1e12)/1e12)
	}
}

func (v *validator) shares(field string, shares map[string]float64, known []string) {
	ok, sum := true, 0.0
	for _, k := range known {
		ok = v.share(field+"."+k, shares[k]) && ok
		sum += shares[k]
	}
	var names []string
	for name := range shares {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if !slices.Contains(known, name) {
			ok = false
			v.add(field+"."+name, "unknown%s", didYouMean(name, known))
		}
	}
	if ok {
		v.sum(field, sum)
	}
}

func (v *validator) sizes(w *Weights) {
	ok, sum := true, 0.0
	for i, s := range w.Sizes {
		field := fmt.Sprintf("weights.sizes[%d]", i)
		ok = v.share(field+".weight", s.Weight) && ok
		sum += s.Weight
		if s.Min < 1 {
			v.add(field+".min", "%d should be at least 1 byte", s.Min)
		}
		if s.Max <= s.Min {
			v.add(field, "max %d is not above min %d", s.Max, s.Min)
		}
	}
	if ok {
		v.sum("weights.sizes", sum)
	}
	sorted := w.sortedSizes()
	for i := 1; i < len(sorted); i++ {
		if a, b := sorted[i-1], sorted[i]; b.Min < a.Max && a.Min < a.Max && b.Min < b.Max {
			v.add("weights.sizes", "%d to %d and %d to %d overlap", a.Min, a.Max, b.Min, b.Max)
		}
	}
}
