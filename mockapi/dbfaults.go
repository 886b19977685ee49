package mockapi

import (
	"context"
	"time"
)

// DBFaults are what a request asks the Store to do badly. The answers stay what they are.
type DBFaults struct {
	// Delay is how much longer every database call takes, holding its connection meanwhile, as a slow database would.
	Delay time.Duration
	// RowLock is how long every database call first keeps one row locked, the same for all, so that they queue for it.
	RowLock time.Duration
	// NPlusOne has lists look up the owner of each of their rows by a statement of its own.
	NPlusOne bool
}

type dbFaultsKey struct{}

// WithDBFaults asks the Store for the faults in every call made with the context.
func WithDBFaults(ctx context.Context, f DBFaults) context.Context {
	return context.WithValue(ctx, dbFaultsKey{}, f)
}

// DBFaultsFrom returns what WithDBFaults asked for.
func DBFaultsFrom(ctx context.Context) DBFaults {
	f, _ := ctx.Value(dbFaultsKey{}).(DBFaults)
	return f
}
