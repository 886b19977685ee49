package handler

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// datasetCache keeps what the seeder recorded, so that /health answers while the database is away.
type datasetCache struct {
	known    atomic.Pointer[mockapi.Dataset]
	answered atomic.Bool   // the store has said what there is, or that there is nothing
	asked    atomic.Int64  // unix nanoseconds
	turn     chan struct{} // holds one: who asks
}

const (
	// datasetAge is how old the dataset of /health may be: it changes only when somebody seeds or resets.
	datasetAge = 5 * time.Second
	// datasetWait bounds the question, for /health tells whether this process lives, not the database.
	datasetWait = 200 * time.Millisecond
)

// get returns the dataset as last known, nil where there is none. Where that was too long ago it asks the store,
// unless somebody does already. Before the store's first answer everybody waits for it; the error is that it
// did not come.
func (d *datasetCache) get(ctx context.Context, store mockapi.Store, now time.Time) (*mockapi.Dataset, error) {
	if d.answered.Load() {
		if now.UnixNano()-d.asked.Load() >= int64(datasetAge) {
			select {
			case d.turn <- struct{}{}:
				_ = d.ask(ctx, store) // what was known before still is
				<-d.turn
			default:
			}
		}
		return d.known.Load(), nil
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !d.answered.Load() {
		if err := d.ask(ctx, store); err != nil {
			return nil, err
		}
	}
	return d.known.Load(), nil
}

func (d *datasetCache) ask(ctx context.Context, store mockapi.Store) error {
	ctx, cancel := context.WithTimeout(ctx, datasetWait)
	defer cancel()
	ds, err := store.Dataset(ctx)
	d.asked.Store(time.Now().UnixNano())
	switch {
	case err == nil:
		d.known.Store(&ds)
	case mockapi.CodeOf(err) == mockapi.CodeNotFound:
		d.known.Store(nil)
	default:
		return err
	}
	d.answered.Store(true)
	return nil
}

// health tells that this process lives, and which dataset it serves. It stays 200 while the database is away.
func (a *API) health(c *Call) error {
	ctx, cancel := context.WithTimeout(context.Background(), datasetWait)
	defer cancel()
	ds, _ := a.dataset.get(ctx, a.store, c.start) // nil where the database did not say
	b := append(c.buf[:0], `{"success":true,"status":"ok","version":`...)
	b = appendString(b, a.opts.Version)
	b = append(b, `,"uptime":`...) // seconds
	b = strconv.AppendFloat(b, time.Since(a.started).Seconds(), 'f', 3, 64)
	b = append(b, `,"dataset":`...)
	if ds == nil {
		b = append(b, "null"...)
	} else {
		b = appendDataset(b, ds)
	}
	c.finish(http.StatusOK, b)
	return nil
}

// ready tells whether requests can be answered: 503 while the database is away.
func (a *API) ready(c *Call) error {
	if err := a.store.Ready(c.Context()); err != nil {
		return err
	}
	c.finish(http.StatusOK, append(c.buf[:0], `{"success":true,"status":"ready"`...))
	return nil
}

func appendDataset(b []byte, d *mockapi.Dataset) []byte {
	b = append(b, `{"fingerprint":`...)
	b = appendString(b, d.Fingerprint)
	b = append(b, `,"profile":`...)
	b = appendString(b, d.Profile)
	b = append(b, `,"seed":`...)
	b = strconv.AppendUint(b, d.Seed, 10)
	b = append(b, `,"asOf":`...)
	b = appendTime(b, d.AsOf)
	b = append(b, `,"complete":`...)
	b = strconv.AppendBool(b, d.Complete)
	return append(b, '}')
}
