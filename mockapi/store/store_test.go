package store_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/store"
	"github.com/medianest/testbed/mockapi/storetest"
	"github.com/medianest/testbed/schema/schematest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) mockapi.Store { return open(t, schematest.New(t), store.Options{}) })
}

// open opens a store that is closed with the test, and keeps its log to itself.
func open(t testing.TB, dsn string, o store.Options) *store.Store {
	t.Helper()
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
