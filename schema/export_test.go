package schema

import (
	"context"

	"github.com/pressly/goose/v3"
)

// Down undoes every migration: all tables and their rows are gone afterwards. The extension pg_trgm stays,
// because it may have been there before.
func Down(ctx context.Context, dsn string) error {
	return withProvider(dsn, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, 0)
		return err
	})
}
