package schema

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver of database/sql, which goose works through
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Up brings the database at dsn to the newest version. Concurrent callers wait for one another on a
// PostgreSQL advisory lock, so several commands may start on one empty database at once.
func Up(ctx context.Context, dsn string) error {
	return withProvider(dsn, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// Version returns the version that the database at dsn is at and the newest one that this program knows.
func Version(ctx context.Context, dsn string) (current, newest int64, err error) {
	err = withProvider(dsn, func(p *goose.Provider) error {
		current, newest, err = p.GetVersions(ctx)
		return err
	})
	return current, newest, err
}

// Digest identifies the migrations, by their names and texts: databases that were made by programs of the
// same digest are alike. It is 64 hexadecimal digits long.
func Digest() string {
	sum := sha256.New()
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(err) // the directory is a part of the program
	}
	for _, e := range entries {
		text, err := migrations.ReadFile("migrations/" + e.Name())
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", e.Name(), len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func withProvider(dsn string, use func(*goose.Provider) error) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return fmt.Errorf("migrate: open database: %w", err)
	}
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(migrationLock))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := use(p); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// advisoryLock is a PostgreSQL advisory lock of a session. Unlike goose's own, which asks again every five
// seconds, it waits in the server, and so no longer than it has to.
type advisoryLock int64

// migrationLock is an arbitrary number that stands for the migrations of a database.
const migrationLock advisoryLock = 0x6d656469616e6573

// SessionLock waits for the lock.
func (l advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(l))
	return err
}

// SessionUnlock gives the lock up.
func (l advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(l))
	return err
}
