// Package schematest gives tests databases of their own, on a real PostgreSQL server.
//
//	func TestSomething(t *testing.T) {
//		pool, err := pgxpool.New(t.Context(), schematest.New(t))
//		...
//	}
//
// # Which server
//
// The one that the environment variable MEDIANEST_TEST_DATABASE_URL names (a URL of a role that may create
// databases; the database in it is only connected to), else a private one that package local starts in
// medianest-test-<uid> under the temporary directory. All test processes of a user share it, the parallel
// ones of "go test ./..." too. The migrations run once for each version of them, in a template database,
// which each test gets a copy of.
//
// # Who cleans up
//
// A test's end drops its database. For what a test process leaves behind that crashes, is killed, or just
// ends, there is a guard: a child that the first call in a process starts from the same test binary. The
// guard, not the test process, holds the reference to the server. It waits on a pipe that the death of its
// parent closes, however that dies, then drops what is left and releases the server, which stops if this was
// the last one. The guard inherits the standard error, so "go test" does not return before it has finished.
package schematest

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
)

// URLVariable is the environment variable that names the server to create the databases on.
const URLVariable = "MEDIANEST_TEST_DATABASE_URL"

// timeout bounds each of: starting the server, creating a database, dropping one.
const timeout = 3 * time.Minute

// New returns the URL of a new database that all migrations have been applied to. It is dropped at the end
// of the test, with whatever connections it still has.
func New(t testing.TB) string {
	t.Helper()
	return create(t, true)
}

// NewEmpty returns the URL of a new empty database. It is dropped at the end of the test, with whatever
// connections it still has.
func NewEmpty(t testing.TB) string {
	t.Helper()
	return create(t, false)
}

// process is what the tests of this process share: the guard lives as long as the process does.
var process = sync.OnceValues(startGuard)

func create(t testing.TB, migrated bool) string {
	t.Helper()
	g, err := process()
	if err != nil {
		t.Fatalf("schematest: get a server: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	name := g.nextName()
	if err := g.createDatabase(ctx, name, migrated); err != nil {
		t.Fatalf("schematest: create database %s: %v", name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := g.dropDatabase(ctx, name); err != nil {
			t.Errorf("schematest: drop database %s: %v", name, err)
		}
	})
	return withDatabase(g.url, name)
}

func (g *guarded) createDatabase(ctx context.Context, name string, migrated bool) error {
	conn, err := pgx.Connect(ctx, g.url.String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if !migrated {
		return execSQL(ctx, conn, "CREATE DATABASE "+quote(name)+" TEMPLATE template0")
	}
	return cloneTemplate(ctx, conn, g.url, name)
}

func (g *guarded) dropDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, g.url.String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return execSQL(ctx, conn, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
}

const (
	templatePrefix = "medianest_template_" // then 16 hexadecimal digits of the migrations' digest
	templatesKept  = 4                     // for as many branches that are worked on at once
)

// lockKey is the advisory lock that stands for 16 hexadecimal digits in a database's name.
func lockKey(digits string) (int64, error) {
	n, err := strconv.ParseUint(digits, 16, 64)
	return int64(n), err
}

// cloneTemplate copies the template of these migrations, which is made if it is missing. Whoever copies it
// holds its advisory lock shared, whoever makes or drops it holds it exclusively. The locks end with conn.
func cloneTemplate(ctx context.Context, conn *pgx.Conn, server *url.URL, name string) error {
	digits := schema.Digest()[:16]
	template := templatePrefix + digits
	key, err := lockKey(digits)
	if err != nil {
		return err
	}
	for {
		if err := execSQL(ctx, conn, "SELECT pg_advisory_lock_shared($1)", key); err != nil {
			return err
		}
		exists, err := databaseExists(ctx, conn, template)
		if err != nil {
			return err
		}
		if exists {
			return execSQL(ctx, conn, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template))
		}
		if err := execSQL(ctx, conn, "SELECT pg_advisory_unlock_shared($1)", key); err != nil {
			return err
		}
		if err := execSQL(ctx, conn, "SELECT pg_advisory_lock($1)", key); err != nil {
			return err
		}
		// Another may have made it while this one waited for the lock.
		if exists, err = databaseExists(ctx, conn, template); err == nil && !exists {
			err = makeTemplate(ctx, conn, server, template)
		}
		if err != nil {
			return fmt.Errorf("make template %s: %w", template, err)
		}
		if err := execSQL(ctx, conn, "SELECT pg_advisory_unlock($1)", key); err != nil {
			return err
		}
	}
}

// makeTemplate migrates a database and gives it its name when it is finished.
func makeTemplate(ctx context.Context, conn *pgx.Conn, server *url.URL, template string) error {
	unfinished := template + "_unfinished"
	if err := execSQL(ctx, conn, "DROP DATABASE IF EXISTS "+quote(unfinished)+" WITH (FORCE)"); err != nil {
		return err
	}
	if err := execSQL(ctx, conn, "CREATE DATABASE "+quote(unfinished)+" TEMPLATE template0"); err != nil {
		return err
	}
	if err := schema.Up(ctx, withDatabase(server, unfinished)); err != nil {
		return err
	}
	if err := execSQL(ctx, conn, "ALTER DATABASE "+quote(unfinished)+" RENAME TO "+quote(template)); err != nil {
		return err
	}
	return dropOldTemplates(ctx, conn)
}

// dropOldTemplates drops all but the newest templates, except those in use.
func dropOldTemplates(ctx context.Context, conn *pgx.Conn) error {
	names, err := databases(ctx, conn, "^"+templatePrefix+"[0-9a-f]{16}$", "ORDER BY oid DESC OFFSET "+strconv.Itoa(templatesKept))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := dropUnlocked(ctx, conn, name, name[len(templatePrefix):]); err != nil {
			return err
		}
	}
	return nil
}

// dropUnlocked drops a database unless somebody holds the lock that digits stand for.
func dropUnlocked(ctx context.Context, conn *pgx.Conn, name, digits string) error {
	key, err := lockKey(digits)
	if err != nil {
		return err
	}
	var locked bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&locked); err != nil || !locked {
		return err
	}
	if err := execSQL(ctx, conn, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
		return err
	}
	return execSQL(ctx, conn, "SELECT pg_advisory_unlock($1)", key)
}

func databaseExists(ctx context.Context, conn *pgx.Conn, name string) (exists bool, err error) {
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	return exists, err
}

// databases lists those whose names match; the rest of the query is a constant.
func databases(ctx context.Context, conn *pgx.Conn, pattern, rest string) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE datname ~ $1 "+rest, pattern)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func execSQL(ctx context.Context, conn *pgx.Conn, sql string, args ...any) error {
	_, err := conn.Exec(ctx, sql, args...)
	return err
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func withDatabase(server *url.URL, name string) string {
	u := *server
	u.Path = "/" + name
	return u.String()
}
