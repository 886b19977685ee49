package handler

import (
	"context"

	"github.com/medianest/testbed/mockapi"
)

// StubStore returns a store that answers Media as given and knows nothing else.
func StubStore(media func(context.Context) (mockapi.Media, error)) mockapi.Store {
	return &stub{media: media}
}
