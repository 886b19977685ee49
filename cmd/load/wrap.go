package main

import (
	"context"
	"fmt"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/client"
	"github.com/medianest/testbed/cmd/load/internal/metrics"
	"github.com/medianest/testbed/cmd/load/internal/scenario"
	"github.com/medianest/testbed/cmd/load/internal/vu"
)

// wrapped is a suite with the options that concern set-up, teardown and connections.
type wrapped struct {
	vu.Suite
	options  *scenario.Options
	registry *metrics.Registry
}

// Setup implements vu.Suite.
func (w *wrapped) Setup(v *vu.VU) error {
	if w.options.NoSetup {
		return nil
	}
	return w.within(v, time.Duration(w.options.SetupTimeout), "setupTimeout", w.Suite.Setup)
}

// Iterate implements vu.Suite.
func (w *wrapped) Iterate(v *vu.VU) error {
	err := w.Suite.Iterate(v)
	if w.options.NoVUConnectionReuse {
		v.Close()
	}
	return err
}

// Teardown implements vu.Teardown.
func (w *wrapped) Teardown(v *vu.VU) error {
	t, ok := w.Suite.(vu.Teardown)
	if !ok || w.options.NoTeardown {
		return nil
	}
	return w.within(v, time.Duration(w.options.TeardownTimeout), "teardownTimeout", t.Teardown)
}

func (w *wrapped) within(v *vu.VU, limit time.Duration, option string, do func(*vu.VU) error) error {
	outer := v.Context()
	ctx, cancel := context.WithTimeout(outer, limit)
	defer cancel()
	v.Begin(ctx, w.registry.Tags())
	defer v.Begin(outer, w.registry.Tags())
	err := do(v)
	if err != nil && ctx.Err() != nil && outer.Err() == nil {
		return fmt.Errorf("%s of %s is over: %w", option, limit, err)
	}
	return err
}

// fresh is a client that makes a connection for every request. It closes the one before as late as the next
// request or pause: closing gives back the memory of the response, which is read until then.
type fresh struct{ client.Client }

// Do implements client.Client.
func (f fresh) Do(ctx context.Context, req *client.Request, resp *client.Response) error {
	f.Close()
	return f.Client.Do(ctx, req, resp)
}

// Release implements client.Client.
func (f fresh) Release() { f.Close() }
