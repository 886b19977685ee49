package handler

import (
	"context"
	"net/http"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
)

// StubStore returns a store that answers Media as given and knows nothing else.
func StubStore(media func(context.Context) (mockapi.Media, error)) mockapi.Store {
	return &stub{media: media}
}

// New returns the API's own service as one handler.
func New(store mockapi.Store, a *auth.Auth, o Options) http.Handler {
	api := NewAPI(store, a, o)
	return api.Handler(api.Service(ServiceAPI))
}
