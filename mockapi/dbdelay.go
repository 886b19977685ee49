package mockapi

import (
	"context"
	"time"
)

type dbDelayKey struct{}

// WithDBDelay asks the Store to take so much longer over every database call made with the context, and to
// hold its connection meanwhile, as a slow database would.
func WithDBDelay(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, dbDelayKey{}, d)
}

// DBDelay returns what WithDBDelay asked for, or 0.
func DBDelay(ctx context.Context) time.Duration {
	d, _ := ctx.Value(dbDelayKey{}).(time.Duration)
	return d
}
