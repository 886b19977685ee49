// Package local runs a private PostgreSQL server for the commands of this module, from binaries that the
// machine has or that are fetched, so that nobody needs to install or configure a database to try them.
//
// The server is shared: the first command to [Acquire] it starts it, later ones join, and the last to
// [Server.Release] it stops it, unless [Start] asked for it to stay. Its data survive in [Options].Dir.
//
// Three kinds of file locks (flock) make this safe between processes, and none of them outlives its holder:
//
//	start.lock     held while somebody starts, joins, leaves or stops the server: one at a time
//	clients/*      one file for each client, locked for the client's life: a killed client counts no more
//	server.lock    inherited by the postmaster and all its children: free means that none of them is left
//
// So no process id is trusted: neither a stale postmaster.pid nor a number that another program has been
// given since can mislead it.
//
// # Durability
//
// The server is a target for tests that can be seeded again, and trades durability against a loss of power
// or a crash of the operating system for speed: fsync and full_page_writes are off. It does not trade
// anything else: synchronous_commit stays on, so that a commit is handed to the operating system before it
// is acknowledged, and killing any or all of PostgreSQL's processes loses no committed transaction.
//
// # Access
//
// It listens on 127.0.0.1 alone, on a port that is free at the start (the previous one where possible), and
// asks for a password (scram-sha-256) that is made with the data directory and kept in a file of mode 0600.
// It has no Unix socket, whose path could be too long. As root, who may not run PostgreSQL, the server runs
// as the user postgres or else nobody, who needs to enter Dir but can read no more there than the database.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Database is the name of the database that [Open] uses on the local server.
const Database = "medianest"

// Options say which local server is meant. The zero value is the one that all commands share.
type Options struct {
	// Dir holds the data, the log and the locks; empty means [DefaultDir].
	Dir string
	// Logger hears of starts, stops and downloads; nil means silence. Passwords are never logged.
	Logger *slog.Logger
	// Disposable allows data that cannot be used (damaged, or of another major version of PostgreSQL) to be
	// thrown away and made anew, where otherwise an error says what to do.
	Disposable bool
}

// Server is one client's reference to the running local server.
type Server struct {
	home   *home
	client *client
	state  *state // by pointer, so that printing a Server shows no password

	release sync.Once
	err     error
}

// Acquire starts the local server, or joins it if it runs, and returns a reference to it that must be
// released. It waits for other commands that are starting or stopping the server; it ends early, and leaves
// nothing behind, when ctx is done.
func Acquire(ctx context.Context, o Options) (*Server, error) {
	h, err := openHome(o)
	if err != nil {
		return nil, fmt.Errorf("local PostgreSQL: %w", err)
	}
	unlock, err := h.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("local PostgreSQL: %w", err)
	}
	defer unlock()
	c, err := h.register()
	if err != nil {
		return nil, fmt.Errorf("local PostgreSQL: %w", err)
	}
	st, err := h.ensureRunning(ctx)
	if err != nil {
		c.leave()
		return nil, fmt.Errorf("local PostgreSQL: %w", err)
	}
	return &Server{home: h, client: c, state: &st}, nil
}

// DSN returns the URL of the named database on the server, password included. It creates nothing.
func (s *Server) DSN(database string) string { return s.state.dsn(database) }

// Release gives the reference up and, if it was the last and the server is not kept running, stops the
// server and waits for its end. Releasing twice is harmless.
//
// A ctx that is done already does not keep the server from being stopped, because commands leave when
// theirs is: Release then allows itself a time of its own.
func (s *Server) Release(ctx context.Context) error {
	s.release.Do(func() {
		if err := s.leave(ctx); err != nil {
			s.err = fmt.Errorf("release local PostgreSQL: %w", err)
		}
	})
	return s.err
}

// releaseGrace bounds a Release whose context is done before it begins.
const releaseGrace = 90 * time.Second

func (s *Server) leave(ctx context.Context) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), releaseGrace)
		defer cancel()
	}
	unlock, err := s.home.enter(ctx)
	if err != nil {
		s.client.leave()
		return err
	}
	defer unlock()
	s.client.leave()
	_, err = s.home.stopIfIdle(ctx)
	return err
}

// Open is the one way in which every command gets its database. A databaseURL that is not empty is used as
// it is. An empty one means the local server and its database [Database], which is created if it is
// missing; release must then be called when the command is done with it. Release is never nil.
func Open(ctx context.Context, databaseURL string, o Options) (dsn string, release func(context.Context) error, err error) {
	keep := func(context.Context) error { return nil }
	if databaseURL != "" {
		return databaseURL, keep, nil
	}
	s, err := Acquire(ctx, o)
	if err != nil {
		return "", keep, err
	}
	if err := s.createDatabase(ctx, Database); err != nil {
		return "", keep, errors.Join(fmt.Errorf("local PostgreSQL: create database %s: %w", Database, err), s.Release(ctx))
	}
	return s.DSN(Database), s.Release, nil
}

// createDatabase creates a database unless it exists.
func (s *Server) createDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	// Of two commands that create it at once, one is told so in one of two ways.
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && (pgErr.Code == "42P04" || pgErr.Code == "23505") {
		return nil
	}
	return err
}

// logger never returns nil.
func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// dirVariable is the environment variable that names the default directory.
const dirVariable = "MEDIANEST_PG_DIR"

// DefaultDir returns the directory of the server that all commands share: the environment variable
// MEDIANEST_PG_DIR, else for root /var/lib/medianest-testbed/postgres, else medianest-testbed/postgres
// under XDG_STATE_HOME or ~/.local/state.
func DefaultDir() (string, error) {
	if dir := os.Getenv(dirVariable); dir != "" {
		return dir, nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/medianest-testbed/postgres", nil
	}
	return userDir()
}
