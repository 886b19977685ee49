package seed

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/pgcopy"
)

// Contents is the number of rows of a table and their checksum.
type Contents struct {
	Rows int64 `json:"rows"`
	// Checksum is the sum, modulo 2^64, of the xxHash64 of each row in binary COPY format: what
	// TableResult.Checksum is for the rows sent.
	Checksum uint64 `json:"checksum"`
}

// ContentChecksum reads every row of a table back and sums up its checksum. It equals the ledger's as long
// as no row has been added, changed or deleted since seeding.
func ContentChecksum(ctx context.Context, dsn, table string) (Contents, error) {
	tables := schema.Tables()
	i := slices.IndexFunc(tables, func(t schema.Table) bool { return t.Name == table })
	if i < 0 {
		return Contents{}, fmt.Errorf("checksum of %s: the schema has no such table", table)
	}
	conn, err := connect(ctx, dsn)
	if err != nil {
		return Contents{}, err
	}
	defer closeSession(conn)
	var sum pgcopy.Summer
	statement := fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT (FORMAT binary)", strings.Join(columnNames(tables[i]), ", "), quote(table))
	if _, err := conn.PgConn().CopyTo(ctx, &sum, statement); err != nil {
		return Contents{}, fmt.Errorf("checksum of %s: %w", table, err)
	}
	if err := sum.Close(); err != nil {
		return Contents{}, fmt.Errorf("checksum of %s: %w", table, err)
	}
	return Contents{Rows: sum.Rows(), Checksum: sum.Checksum()}, nil
}
