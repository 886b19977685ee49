package seed_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/medianest/testbed/seed"
	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/profile"
)

// Load a profile, and go on with it if an earlier attempt was interrupted.
func ExampleLoad() {
	ctx, dsn := context.Background(), "postgres://localhost/medianest"
	p, err := profile.Load("ci", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	o := gen.Options{Seed: 1, AsOf: time.Now().UTC().Truncate(time.Microsecond)}
	if recorded, err := seed.Recorded(ctx, dsn); err == nil && recorded != nil {
		o.AsOf = recorded.AsOf // the same dataset, not one of another day
	}
	d, err := gen.New(p, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := seed.Load(ctx, dsn, seed.FromGen(d), seed.Options{})
	var mismatch *seed.MismatchError
	switch {
	case errors.As(err, &mismatch):
		fmt.Println("the database holds", mismatch.Recorded.Profile)
	case err != nil:
		fmt.Println(err)
	case result.AlreadyDone:
		fmt.Println("nothing to do")
	default:
		fmt.Println(result.Rows, "rows in", result.Elapsed)
	}
}

// Keep the seeded state before a test, and return to it afterwards.
func ExampleReset() {
	ctx, dsn := context.Background(), "postgres://localhost/medianest"
	if _, err := seed.Snapshot(ctx, dsn); err != nil {
		fmt.Println(err)
		return
	}
	// ... a test writes to the database ...
	r, err := seed.Reset(ctx, dsn)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("reset in", r.Swap)
}
