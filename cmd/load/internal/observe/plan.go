package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// plannable are the statements that have plans.
var plannable = regexp.MustCompile(`(?is)^\s*(/\*.*?\*/\s*|--[^\n]*\n\s*)*(select|insert|update|delete|with|merge)\b`)

// plans asks how PostgreSQL runs the first of the statements. Nothing is run: EXPLAIN alone does not, and the
// transactions are read-only. Statements that can't be planned without their values are left out.
func (d *database) plans(ctx context.Context, ids []int64, texts map[int64]string) ([]Plan, error) {
	var plans []Plan
	asked := 0
	for _, id := range ids {
		if !plannable.MatchString(texts[id]) {
			continue
		}
		if asked++; asked > maxPlanned {
			break
		}
		p, err := d.plan(ctx, texts[id])
		if d.conn.IsClosed() || ctx.Err() != nil {
			return plans, err
		}
		if err != nil {
			d.miss("how the database runs statement %d: %v", id, err)
			continue
		}
		p.Statement = id
		plans = append(plans, p)
	}
	return plans, nil
}

// plan prepares a statement and explains its generic plan, which does not depend on the values: they are NULL.
func (d *database) plan(ctx context.Context, text string) (Plan, error) {
	tx, err := d.conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return Plan{}, err
	}
	defer func() { _, _ = d.conn.Exec(ctx, "DEALLOCATE ALL") }() // after the transaction's end, which keeps what was prepared
	defer func() { _ = tx.Rollback(ctx) }()                      // there is nothing to lose
	// The driver sends these in the extended protocol, in which a text is one statement or an error.
	if _, err := tx.Exec(ctx, marker+"SET LOCAL plan_cache_mode = force_generic_plan"); err != nil {
		return Plan{}, err
	}
	if _, err := tx.Exec(ctx, "PREPARE load_observer AS "+text); err != nil {
		return Plan{}, err
	}
	var parameters int
	err = tx.QueryRow(ctx, marker+"SELECT coalesce(cardinality(parameter_types), 0) FROM pg_prepared_statements WHERE name = 'load_observer'").Scan(&parameters)
	if err != nil {
		return Plan{}, err
	}
	execute := "EXECUTE load_observer"
	if parameters > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("NULL,", parameters), ",") + ")"
	}
	rows, err := tx.Query(ctx, marker+"EXPLAIN "+execute)
	if err != nil {
		return Plan{}, err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return Plan{}, err
	}
	var tree string
	if err := tx.QueryRow(ctx, marker+"EXPLAIN (FORMAT JSON) "+execute).Scan(&tree); err != nil {
		return Plan{}, err
	}
	scans, err := sequentialScans([]byte(tree))
	if err != nil {
		return Plan{}, err
	}
	for i := range scans {
		// An estimate, as the rows of the plan are, which are those that pass the filter.
		err := tx.QueryRow(ctx, marker+"SELECT greatest(coalesce((SELECT reltuples FROM pg_class WHERE oid = to_regclass(quote_ident($1))), 0), 0)::float8", scans[i].Table).Scan(&scans[i].Rows)
		if err != nil {
			return Plan{}, err
		}
	}
	return Plan{Text: cut(strings.Join(lines, "\n"), maxPlan), Scans: scans}, nil
}

// node is a node of EXPLAIN's JSON.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Filter   string  `json:"Filter"`
	Cost     float64 `json:"Total Cost"`
	Plans    []node  `json:"Plans"`
}

// sequentialScans finds those with a filter in EXPLAIN's JSON.
func sequentialScans(tree []byte) ([]Scan, error) {
	var explained []struct{ Plan node }
	if err := json.Unmarshal(tree, &explained); err != nil || len(explained) != 1 {
		return nil, fmt.Errorf("read EXPLAIN's JSON: %d plans, %w", len(explained), err)
	}
	root := explained[0].Plan
	var scans []Scan
	var walk func(n *node)
	walk = func(n *node) {
		if n.Type == "Seq Scan" && n.Filter != "" {
			s := Scan{Table: n.Relation, Filter: n.Filter}
			if root.Cost > 0 {
				s.Cost = min(n.Cost/root.Cost, 1)
			}
			scans = append(scans, s)
		}
		for i := range n.Plans {
			walk(&n.Plans[i])
		}
	}
	walk(&root)
	return scans, nil
}
