package gen

import (
	"github.com/medianest/testbed/schema"
	"github.com/medianest/testbed/seed/pgcopy"
)

// Table is the generator of one table of a dataset.
type Table struct {
	Schema schema.Table
	// Rows is how many rows the dataset has in the table.
	Rows int64
	// NewRowFunc makes a RowFunc with a scratch space of its own: one for each goroutine.
	NewRowFunc func() RowFunc
}

// RowFunc appends row i, 0 <= i < Rows, to e. The row is a pure function of (dataset, table, i).
type RowFunc func(e pgcopy.Encoder, i int64)
