package verify

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
)

// samples is how many offending rows a finding names.
const samples = 3

// span is a run of ids, both ends included.
type span struct{ first, last int64 }

// seeded says which rows a ledger vouches for.
type seeded struct {
	// spans holds the seeded ids of each table that has ids.
	spans map[string][]span
	// asOf is the newest as-of time of the runs, finished the newest time that a run ended.
	asOf, finished time.Time
}

var placeholder = regexp.MustCompile(`\{(as of|written later|[a-z_]+)(?: ([^}]+))?\}`)

// expand replaces the placeholders that are described at invariant.
func (s seeded) expand(sql string) string {
	return placeholder.ReplaceAllStringFunc(sql, func(found string) string {
		part := placeholder.FindStringSubmatch(found)
		switch name, operand := part[1], part[2]; name {
		case "as of":
			return literal(s.asOf)
		case "written later":
			return "(" + operand + " >= " + literal(s.finished) + ")"
		case schema.CollectionItems.Name:
			return s.rowsOf(schema.CollectionItems, operand)
		default:
			return s.within(name, operand)
		}
	})
}

// within is the condition that operand is the id of a seeded row of the table.
func (s seeded) within(table, operand string) string {
	spans := s.spans[table]
	if len(spans) == 0 {
		return "false"
	}
	parts := make([]string, len(spans))
	for i, p := range spans {
		parts[i] = fmt.Sprintf("%s BETWEEN %d AND %d", operand, p.first, p.last)
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// rowsOf is the condition that a row of t is seeded. A table without ids goes by its parents' ids, so rows
// that a test adds between seeded parents pass for seeded unless they carry a time.
func (s seeded) rowsOf(t schema.Table, row string) string {
	if t.Identity {
		return s.within(t.Name, row+".id")
	}
	var parts []string
	for _, fk := range t.ForeignKeys {
		parts = append(parts, s.within(fk.References, row+"."+fk.Column))
	}
	if t.Name == schema.CollectionItems.Name {
		parts = append(parts, fmt.Sprintf("NOT (%[1]s.added_at > %[2]s AND %[1]s.added_at >= %[3]s)", row, literal(s.asOf), literal(s.finished)))
	}
	return strings.Join(parts, " AND ")
}

func literal(t time.Time) string {
	return "timestamptz '" + t.UTC().Format("2006-01-02 15:04:05.999999") + "+00'"
}

// passResult is what one pass over a table found.
type passResult struct {
	seeded, leftOut int64
	findings        []Finding
}

// pass counts the rows of t and looks for rows that break the invariants, which are all conditions on
// rows of t, reading the table once. Only an invariant that is broken costs another pass, for samples.
func pass(ctx context.Context, tx pgx.Tx, t schema.Table, s seeded, list []invariant) (passResult, error) {
	var sql strings.Builder
	fmt.Fprintf(&sql, "SELECT (SELECT count(*) FROM %s), count(*)", t.Name)
	for _, inv := range list {
		fmt.Fprintf(&sql, ",\n\tcount(*) FILTER (WHERE %s)", s.expand(inv.wrong))
	}
	fmt.Fprintf(&sql, "\nFROM %s r WHERE %s", t.Name, s.rowsOf(t, "r"))

	var all int64
	var res passResult
	bad := make([]int64, len(list))
	into := []any{&all, &res.seeded}
	for i := range bad {
		into = append(into, &bad[i])
	}
	if err := tx.QueryRow(ctx, sql.String()).Scan(into...); err != nil {
		return passResult{}, fmt.Errorf("verify %s: %w", t.Name, err)
	}
	res.leftOut = all - res.seeded
	for i, inv := range list {
		f := Finding{Name: inv.name, Description: inv.description, OK: bad[i] == 0, Offending: bad[i]}
		if !f.OK {
			rows, err := tx.Query(ctx, fmt.Sprintf("SELECT %s FROM %s r WHERE %s AND (%s) LIMIT %d",
				keyOf(t, "r"), t.Name, s.rowsOf(t, "r"), s.expand(inv.wrong), samples))
			if err == nil {
				f.Samples, err = pgx.CollectRows(rows, pgx.RowTo[string])
			}
			if err != nil {
				return passResult{}, fmt.Errorf("verify %s: %w", inv.name, err)
			}
		}
		res.findings = append(res.findings, f)
	}
	return res, nil
}

// search runs the query of an invariant.
func search(ctx context.Context, tx pgx.Tx, s seeded, inv invariant) (Finding, error) {
	f := Finding{Name: inv.name, Description: inv.description}
	err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*), array_agg(what) FILTER (WHERE n <= %d)
		FROM (SELECT what, row_number() OVER () AS n FROM (%s) AS offending(what)) AS numbered`,
		samples, s.expand(inv.query))).Scan(&f.Offending, &f.Samples)
	if err != nil {
		return Finding{}, fmt.Errorf("verify %s: %w", inv.name, err)
	}
	f.OK = f.Offending == 0
	return f, nil
}
