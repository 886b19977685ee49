package handler

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// datasetCache keeps what the seeder recorded, so that /health answers while the database is away.
type datasetCache struct {
	known atomic.Pointer[mockapi.Dataset]
	asked atomic.Int64 // unix nanoseconds
	mu    sync.Mutex   // held by the one who asks
}

const (
	// datasetAge is how old the dataset of /health may be: it changes only when somebody seeds or resets.
	datasetAge = 5 * time.Second
	// datasetWait bounds the question, for /health tells whether this process lives, not the database.
	datasetWait = 200 * time.Millisecond
)

// get returns the dataset as last known, asking the store when that is too long ago and nobody else asks.
func (d *datasetCache) get(store mockapi.Store, now time.Time) *mockapi.Dataset {
	if now.UnixNano()-d.asked.Load() < int64(datasetAge) || !d.mu.TryLock() {
		return d.known.Load()
	}
	defer d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), datasetWait)
	defer cancel()
	ds, err := store.Dataset(ctx)
	switch {
	case err == nil:
		d.known.Store(&ds)
	case mockapi.CodeOf(err) == mockapi.CodeNotFound:
		d.known.Store(nil)
	}
	d.asked.Store(time.Now().UnixNano())
	return d.known.Load()
}

// health tells that this process lives, and which dataset it serves. It stays 200 while the database is away.
func (a *API) health(c *Call) error {
	ds := a.dataset.get(a.store, c.start)
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
