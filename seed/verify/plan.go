package verify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
)

// plan holds what there is to find out and, once its tasks have run, what was found. Each task writes to
// places of its own, so they may run side by side.
type plan struct {
	runs       []ledgerRun
	seeded     seeded
	tables     []schema.Table
	invariants []invariant
	// findings is parallel to invariants.
	findings []Finding
	// rows is parallel to tables, and so is missing: for the tables with ids, whether all of them are there.
	rows    []Rows
	missing []Finding
	// fixed holds the findings on the rows that every dataset has.
	fixed   [3]Finding
	weights [][]Weight
}

func newPlan(runs []ledgerRun) *plan {
	p := &plan{runs: runs, seeded: vouched(runs), tables: schema.Tables()}
	p.invariants = append(structure(p.tables), invariants()...)
	p.findings = make([]Finding, len(p.invariants))
	p.rows = make([]Rows, len(p.tables))
	p.missing = make([]Finding, len(p.tables))
	return p
}

// tasks returns the work, the longest first as far as that is known: the passes over whole tables.
func (p *plan) tasks() []task {
	var tasks []task
	for i, t := range p.tables {
		tasks = append(tasks, p.passOver(i, t))
	}
	for i, run := range p.runs {
		byTable := map[string][]choice{}
		for _, c := range choices(run.profile.Weights) {
			byTable[c.table] = append(byTable[c.table], c)
		}
		for _, t := range p.tables {
			if list := byTable[t.Name]; list != nil {
				tasks = append(tasks, p.weigh(i, run, t, list))
			}
		}
	}
	for i, inv := range p.invariants {
		if inv.query != "" {
			tasks = append(tasks, func(ctx context.Context, tx pgx.Tx) (err error) {
				p.findings[i], err = search(ctx, tx, p.seeded, inv)
				return err
			})
		}
	}
	return append(tasks, p.checkFixed)
}

// passOver returns the task of one pass over a table.
func (p *plan) passOver(place int, t schema.Table) task {
	var list []invariant
	var places []int
	for i, inv := range p.invariants {
		if inv.table == t.Name {
			list = append(list, inv)
			places = append(places, i)
		}
	}
	return func(ctx context.Context, tx pgx.Tx) error {
		found, err := pass(ctx, tx, t, p.seeded, list)
		if err != nil {
			return err
		}
		for i, f := range found.findings {
			p.findings[places[i]] = f
		}
		r := Rows{Table: t.Name, Expected: expectedRows(p.runs, t.Name), Found: found.seeded, LeftOut: found.leftOut}
		if !t.Identity && r.Found > r.Expected {
			// Rows without an id can't be told from those that a test has put between seeded parents.
			r.Found, r.LeftOut = r.Expected, r.LeftOut+r.Found-r.Expected
		}
		r.OK = r.Found == r.Expected
		p.rows[place] = r
		if t.Identity {
			p.missing[place], err = missingIDs(ctx, tx, t, p.seeded, r)
		}
		return err
	}
}

// missingIDs tells which seeded ids have no row. The count says whether there are any: ids are unique.
func missingIDs(ctx context.Context, tx pgx.Tx, t schema.Table, s seeded, r Rows) (Finding, error) {
	f := Finding{
		Name: t.Name + "_ids_contiguous", Description: "no seeded id of " + t.Name + " is missing",
		Offending: r.Expected - r.Found,
	}
	f.OK = f.Offending == 0
	for _, p := range s.spans[t.Name] {
		if f.OK || len(f.Samples) == samples {
			break
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT id::text FROM generate_series($1::bigint, $2) AS id
			WHERE NOT EXISTS (SELECT FROM %s r WHERE r.id = id.id) LIMIT $3`, t.Name), p.first, p.last, samples-len(f.Samples))
		if err != nil {
			return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return Finding{}, fmt.Errorf("verify %s: %w", f.Name, err)
		}
		f.Samples = append(f.Samples, ids...)
	}
	return f, nil
}

// weigh returns the task that judges the choices of a run about one table, and gives it a place.
func (p *plan) weigh(run int, r ledgerRun, t schema.Table, list []choice) task {
	place := len(p.weights)
	p.weights = append(p.weights, nil)
	return func(ctx context.Context, tx pgx.Tx) error {
		which := r.within(t.Name, "r.id")
		if fixed := r.fixedAccounts(); t.Name == schema.Users.Name && len(fixed) > 0 {
			which += fmt.Sprintf(" AND r.id > %d", len(fixed))
		}
		found, err := weigh(ctx, tx, t.Name, which, list)
		for i := range found {
			if len(p.runs) > 1 {
				found[i].Name += fmt.Sprintf(" (run %d)", run+1)
			}
		}
		p.weights[place] = found
		return err
	}
}

// checkFixed looks for the rows that every dataset has.
func (p *plan) checkFixed(ctx context.Context, tx pgx.Tx) (err error) {
	fixed := p.runs[0].fixedAccounts()
	known := passwords{}
	if p.fixed[0], err = fixedAccounts(ctx, tx, fixed, known); err != nil {
		return err
	}
	if p.fixed[1], err = otherPasswords(ctx, tx, p.seeded, fixed, known); err != nil {
		return err
	}
	p.fixed[2], err = fixedNames(ctx, tx, p.runs[0])
	return err
}

// report puts together what the tasks found.
func (p *plan) report() Report {
	newest := p.runs[len(p.runs)-1]
	r := Report{
		Dataset: Dataset{
			Profile: newest.name, Seed: newest.seed, AsOf: newest.asOf,
			Fingerprint: newest.fingerprint, Runs: len(p.runs),
		},
		Invariants: p.findings,
	}
	for i, t := range p.tables {
		if p.rows[i].Expected > 0 || p.rows[i].LeftOut > 0 {
			r.Rows = append(r.Rows, p.rows[i])
		}
		if t.Identity {
			r.Invariants = append(r.Invariants, p.missing[i])
		}
	}
	r.Invariants = append(r.Invariants, p.fixed[:]...)
	for _, w := range p.weights {
		r.Weights = append(r.Weights, w...)
	}
	return r
}
