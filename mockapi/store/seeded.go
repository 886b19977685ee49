package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/mockapi"
)

// Rows tells how many rows the last run of the seeder has committed, by table; none for a database that was never
// seeded. What it kept count of since is told too: counting the others would read them.
func (s *Store) Rows(ctx context.Context) ([]mockapi.TableRows, error) {
	const q = `SELECT table_name, sum(row_count)::bigint FROM seed_units WHERE run_id = (SELECT max(id) FROM seed_runs) GROUP BY 1 ORDER BY 1`
	var tables []mockapi.TableRows
	err := s.read(ctx, "count the seeded rows", func(ctx context.Context, c *pgx.Conn) error {
		tables = nil
		_, err := query(ctx, c, q, nil, func(r *row) {
			tables = append(tables, mockapi.TableRows{Table: r.text(), Seeded: r.int64()})
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	tallies := map[string]*tally{"users": &s.totals.users, "collections": &s.totals.collections, "media_files": &s.totals.media}
	for i := range tables {
		if t := tallies[tables[i].Table]; t != nil {
			_, tables[i].Now, tables[i].Counted = t.get()
		}
	}
	return tables, nil
}
