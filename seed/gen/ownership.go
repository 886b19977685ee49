package gen

import (
	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
)

// mostPerAccount bounds what a fixed account owns of any table. The suites update all files of user 1 in
// concurrent transactions, so what the fixed accounts own must not grow with the dataset.
const mostPerAccount = 12

// ownership divides the rows of a table among users: a fixed account has the same few rows as any other,
// and the rest is heavy-tailed over the other users, in the order of their ranks.
type ownership struct {
	users *userPlan
	rows  dist.Perm // row -> slot
	// Slots 0 to accounts*each-1 are those of the fixed accounts, one after the other.
	accounts, each int64
	rest           *dist.Quota // slot - accounts*each -> rank
}

func newOwnership(u *userPlan, key ident.Key, rows int64, shape dist.Shape) ownership {
	o := ownership{users: u, rows: dist.NewPerm(rows, uint64(key)), accounts: u.accounts}
	if u.count > 0 {
		o.each = min(mostPerAccount, rows/u.count)
	}
	rest := rows - o.accounts*o.each
	o.rest = dist.NewQuota(rest, u.seen, rest, shape)
	return o
}

// owner returns who owns a row and which of that user's rows it is, from 0.
func (o *ownership) owner(row int64) (owner userRef, nth, count int64) {
	slot := o.rows.At(row)
	if fixed := o.accounts * o.each; slot >= fixed {
		rank, nth := o.rest.Owner(slot - fixed)
		_, count := o.rest.Span(rank)
		return o.users.atRank(rank), nth, count
	}
	return userRef{index: slot / o.each, rank: -1}, slot % o.each, o.each
}

// count returns how many rows a user owns.
func (o *ownership) count(u userRef) int64 {
	switch {
	case u.rank < 0:
		return o.each
	case u.rank >= o.users.seen:
		return 0
	}
	_, n := o.rest.Span(u.rank)
	return n
}

// row returns the nth row of a user, 0 <= nth < count.
func (o *ownership) row(u userRef, nth int64) int64 {
	if u.rank < 0 {
		return o.rows.Inverse(u.index*o.each + nth)
	}
	first, _ := o.rest.Span(u.rank)
	return o.rows.Inverse(o.accounts*o.each + first + nth)
}
