package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema/local"
)

// validateDatabase finds mistakes in --database-url without connecting.
func (c *cli) validateDatabase() error {
	if c.DatabaseURL == "" {
		return nil
	}
	if _, err := pgx.ParseConfig(c.DatabaseURL); err != nil {
		return fmt.Errorf("--database-url: %w", err)
	}
	return nil
}

func (a *app) localOptions() local.Options {
	return local.Options{Dir: a.PGDir, Logger: a.log}
}

// withDatabase calls do with the DSN of the database, starting the local server if none is named and
// leaving it afterwards.
func (a *app) withDatabase(do func(ctx context.Context, dsn string) error) (err error) {
	if err := a.validateDatabase(); err != nil {
		return usageError{err}
	}
	dsn, release, err := local.Open(a.ctx, a.DatabaseURL, a.localOptions())
	if err != nil {
		return err
	}
	defer func() {
		if releaseErr := release(context.WithoutCancel(a.ctx)); err == nil {
			err = releaseErr
		}
	}()
	return do(a.ctx, dsn)
}

// withoutPassword names a database for people and logs.
func withoutPassword(dsn string) string {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "unreadable database URL"
	}
	u := url.URL{Scheme: "postgres", User: url.User(c.User), Path: "/" + c.Database}
	if c.Host != "" && c.Host[0] == '/' {
		u.RawQuery = url.Values{"host": {c.Host}, "port": {strconv.Itoa(int(c.Port))}}.Encode()
	} else {
		u.Host = fmt.Sprintf("%s:%d", c.Host, c.Port)
	}
	return u.String()
}
