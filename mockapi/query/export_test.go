package query

import (
	"reflect"
	"time"
)

// Equal tells whether two queries are the same tree.
func Equal(a, b *Query) bool { return reflect.DeepEqual(a, b) }

// Fold is how Match compares texts.
func Fold(s string) string { return fold(s) }

// BoundedStatement is Statement with other bounds on the ways it chooses from, which real ones only reach on
// large tables.
func (q *Query) BoundedStatement(v Viewer, now time.Time, page Page, shortWalk, maxDriven int) (sql string, args []any) {
	s := newStatement(q, v, now, page)
	s.plan.ShortWalk, s.plan.MaxDriven = shortWalk, maxDriven
	return s.build(), s.args
}

// Fields lists the names of all fields, also those of AllowPersonal.
func Fields() []string { return fieldNames(true) }
