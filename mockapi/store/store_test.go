package store_test

import (
	"io"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/mockapi/storetest"
	"github.com/medianest/testbed/schema/schematest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) mockapi.Store { return open(t, schematest.New(t), store.Options{}) })
}

// open opens a store that is closed with the test, and keeps its log to itself. Where the test says nothing of time, a
// machine that is busy with other tests has enough of it.
func open(t testing.TB, dsn string, o store.Options) *store.Store {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = time.Minute
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("connect_timeout", "60")
		u.RawQuery = q.Encode()
		dsn = u.String()
	}
	if o.HeavyTimeout == 0 {
		o.HeavyTimeout = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s, err := store.Open(t.Context(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
