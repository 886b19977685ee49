package verify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/profile"
)

// choice is one weighted choice of a profile.
type choice struct {
	table, column string
	// class is an SQL expression of type text over the row r.
	class string
	// names and weights are parallel.
	names   []string
	weights []float64
}

// choices returns every weighted choice that the profile makes, those of a table side by side.
func choices(w profile.Weights) []choice {
	role := choice{table: schema.Users.Name, column: "role", class: "r.role"}
	for _, name := range profile.Roles() {
		role.add(name, w.Roles[name])
	}
	mime := choice{table: schema.MediaFiles.Name, column: "mime_type", class: "r.mime_type"}
	for _, name := range profile.MIMETypes() {
		mime.add(name, w.MIMETypes[name])
	}
	size := choice{table: schema.MediaFiles.Name, column: "size"}
	sizes := slices.Clone(w.Sizes)
	slices.SortFunc(sizes, func(a, b profile.SizeRange) int { return int(min(1, max(-1, a.Min-b.Min))) })
	var cases strings.Builder
	for _, s := range sizes {
		name := fmt.Sprintf("%d-%d", s.Min, s.Max)
		size.add(name, s.Weight)
		fmt.Fprintf(&cases, " WHEN r.size >= %d AND r.size < %d THEN '%s'", s.Min, s.Max, name)
	}
	size.class = "CASE" + cases.String() + " ELSE 'outside' END"
	return []choice{
		role,
		yesNo(schema.Users.Name, "is_active", w.Active),
		mime,
		size,
		yesNo(schema.MediaFiles.Name, "is_public", w.Public),
	}
}

func (c *choice) add(name string, weight float64) {
	c.names = append(c.names, name)
	c.weights = append(c.weights, weight)
}

func yesNo(table, column string, yes float64) choice {
	return choice{
		table: table, column: column, class: "r." + column + "::text",
		names: []string{"true", "false"}, weights: []float64{yes, round(1 - yes)},
	}
}

// weigh compares the choices of one table with the rows that the SQL condition which selects, in one pass:
// rows are counted by combination of classes, and each choice sums up the combinations it has in common.
func weigh(ctx context.Context, tx pgx.Tx, table, which string, list []choice) ([]Weight, error) {
	var columns, groups []string
	for i, c := range list {
		columns = append(columns, c.class)
		groups = append(groups, fmt.Sprint(i+1))
	}
	rows, err := tx.Query(ctx, fmt.Sprintf("SELECT %s, count(*) FROM %s r WHERE %s GROUP BY %s",
		strings.Join(columns, ", "), table, which, strings.Join(groups, ", ")))
	if err != nil {
		return nil, fmt.Errorf("weigh %s: %w", table, err)
	}
	counts := make([]map[string]int64, len(list))
	classes := make([]string, len(list))
	var n int64
	into := make([]any, 0, len(list)+1)
	for i := range list {
		counts[i] = map[string]int64{}
		into = append(into, &classes[i])
	}
	into = append(into, &n)
	_, err = pgx.ForEachRow(rows, into, func() error {
		for i, class := range classes {
			counts[i][class] += n
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("weigh %s: %w", table, err)
	}
	var result []Weight
	for i, c := range list {
		result = append(result, c.judge(counts[i]))
	}
	return result, nil
}

// judge compares the rows of each class with the weights. A class that the profile does not know has
// weight zero, so that a single row of it is one too many.
func (c choice) judge(counts map[string]int64) Weight {
	names, weights := slices.Clone(c.names), slices.Clone(c.weights)
	var unknown []string
	for name := range counts {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	names = append(names, unknown...)
	weights = append(weights, make([]float64, len(unknown))...)

	observed := make([]int64, len(names))
	w := Weight{Name: c.table + "." + c.column}
	for i, name := range names {
		observed[i] = counts[name]
		w.Rows += observed[i]
	}
	for i, name := range names {
		class := Class{Name: name, Expected: weights[i], Rows: observed[i]}
		if w.Rows > 0 {
			class.Observed = float64(observed[i]) / float64(w.Rows)
		}
		w.Classes = append(w.Classes, class)
	}
	f := goodnessOfFit(observed, weights)
	w.Chi2, w.Degrees, w.P, w.OK = f.chi2, f.degrees, f.p, f.p >= Threshold
	return w
}

// round undoes the rounding error of a subtraction: 1 - 0.9 is 0.1, not 0.09999999999999998.
func round(share float64) float64 { return math.Round(share*1e12) / 1e12 }
