package store

import (
	"strconv"
	"strings"
)

// where builds the FROM and WHERE of a query. Its text is made of constants alone; values become parameters.
type where struct {
	sql  strings.Builder
	args []any
	any  bool // whether there is a condition already
}

// from starts with a FROM clause.
func from(clause string) *where {
	w := new(where)
	w.sql.WriteString(clause)
	return w
}

// and adds a condition, in which each $ stands for the next of values.
func (w *where) and(condition string, values ...any) {
	if w.any {
		w.sql.WriteString(" AND ")
	} else {
		w.sql.WriteString(" WHERE ")
		w.any = true
	}
	for i, part := range strings.Split(condition, "$") {
		if i > 0 {
			w.sql.WriteString(w.param(values[i-1]))
		}
		w.sql.WriteString(part)
	}
}

// param adds a value and returns the parameter that stands for it.
func (w *where) param(value any) string {
	w.args = append(w.args, value)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *where) String() string { return w.sql.String() }
