package seed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Keys of the advisory locks of a database. A seeder holds seederLock on its control session. Each worker
// session shares workerLock as long as it lives, so that a seeder can tell when the last statement of one
// that was killed is over: a killed client's session goes on until it notices.
const (
	seederLock = 0x6d65646961736565 // "mediasee"
	workerLock = 0x6d65646961776f72 // "mediawor"
)

// applicationName is what pg_stat_activity shows.
const applicationName = "medianest-seed"

// querier is what a connection and a transaction have in common.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// config reads a DSN. It may have the pool settings that pgxpool understands, which are ignored.
func config(dsn string) (*pgx.ConnConfig, error) {
	c, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	c.ConnConfig.RuntimeParams["application_name"] = applicationName
	return c.ConnConfig, nil
}

// connect opens a session for reading the ledger.
func connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	c, err := config(dsn)
	if err != nil {
		return nil, err
	}
	return connectConfig(ctx, c)
}

func connectConfig(ctx context.Context, c *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, c.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to database: %w", err)
	}
	return conn, nil
}

// closeSession ends a session without waiting longer than a moment for it.
func closeSession(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	// The session is over for the server even if saying so fails.
	_ = conn.Close(ctx)
}

// sessions makes the sessions of one run.
type sessions struct {
	config *pgx.ConnConfig
	o      Options
}

// openControl opens the session that speaks for the run: it holds seederLock until it is closed, and waits for
// the sessions that a killed seeder has left. It returns ErrBusy while another seeder is at work.
func (s sessions) openControl(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.takeOver(ctx, conn); err != nil {
		closeSession(conn)
		return nil, err
	}
	return conn, nil
}

func (s sessions) takeOver(ctx context.Context, conn *pgx.Conn) error {
	if err := lockSoon(ctx, conn, seederLock); err != nil {
		return err
	}
	// Whoever shares workerLock now belongs to a dead seeder, or seederLock would not have been free.
	left, err := conn.Query(ctx, `SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND objsubid = 1
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND classid::bigint << 32 | objid::bigint = $1`, int64(workerLock))
	if err == nil {
		left.Close()
		err = left.Err()
	}
	if err != nil {
		return fmt.Errorf("end the sessions of an interrupted seeder: %w", err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(workerLock)); err != nil {
		return fmt.Errorf("wait for the sessions of an interrupted seeder: %w", err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(workerLock)); err != nil {
		return fmt.Errorf("wait for the sessions of an interrupted seeder: %w", err)
	}
	return nil
}

// lockSoon takes an advisory lock for the session. It gives up with ErrBusy not at once, but after the time
// that a server needs to notice that the holder has died.
func lockSoon(ctx context.Context, conn *pgx.Conn, key int64) error {
	var before string
	err := conn.QueryRow(ctx, "SELECT current_setting('lock_timeout')").Scan(&before)
	if err == nil {
		_, err = conn.Exec(ctx, "SET lock_timeout = '2s'")
	}
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT pg_advisory_lock($1)", key)
	}
	if code(err) == codeLockNotAvailable {
		return ErrBusy
	}
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT set_config('lock_timeout', $1, false)", before)
	}
	if err != nil {
		return fmt.Errorf("take the lock against a second seeder: %w", err)
	}
	return nil
}

// watchClient lets a long statement notice that its client is dead. Servers before 14, or without the means,
// refuse it.
func watchClient(ctx context.Context, conn *pgx.Conn) {
	_, _ = conn.Exec(ctx, "SET client_connection_check_interval = '500ms'")
}

// openWorker opens a session that loads or builds.
func (s sessions) openWorker(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock_shared($1)", int64(workerLock)); err != nil {
		closeSession(conn)
		return nil, fmt.Errorf("set up a session: %w", err)
	}
	return conn, nil
}

// maintenanceMemory is maintenance_work_mem of each session, unless the server allows for more. It is enough
// to sort two million keys at once; a trigram index takes the same time with an eighth of it.
const maintenanceMemory = "256MB"

func (s sessions) open(ctx context.Context) (*pgx.Conn, error) {
	conn, err := connectConfig(ctx, s.config)
	if err != nil {
		return nil, err
	}
	// Both cores are busy with one session each: a parallel worker would only get in the way.
	_, err = conn.Exec(ctx, fmt.Sprintf(`SET synchronous_commit = on; SET statement_timeout = 0;
		SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning;
		SET lock_timeout = %d;
		SELECT set_config('maintenance_work_mem', '%s', false) WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('%[2]s');
		SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0`,
		max(1, s.o.LockTimeout.Milliseconds()), maintenanceMemory))
	if err != nil {
		closeSession(conn)
		return nil, fmt.Errorf("set up a session: %w", err)
	}
	watchClient(ctx, conn)
	return conn, nil
}

// PostgreSQL's error codes that mean something here.
const (
	codeLockNotAvailable = "55P03"
	codeDeadlock         = "40P01"
	codeUndefinedTable   = "42P01"
	codeUndefinedColumn  = "42703"
	codeObjectInUse      = "55006"
)

// code returns PostgreSQL's code of an error, or an empty string.
func code(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// explainLock replaces a lock timeout by a *LockedError that names the sessions which hold locks on tables.
func (s sessions) explainLock(ctx context.Context, tables []string, err error) error {
	if code(err) != codeLockNotAvailable {
		return err
	}
	locked := &LockedError{Tables: tables, Err: err}
	conn, connectErr := connectConfig(ctx, s.config)
	if connectErr != nil {
		return locked
	}
	defer closeSession(conn)
	rows, queryErr := conn.Query(ctx, `SELECT DISTINCT format('pid %s, %s, %s', a.pid,
			coalesce(nullif(a.application_name, ''), 'no application name'), a.state)
		FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.relation IN (SELECT to_regclass(name) FROM unnest($1::text[]) name) AND l.granted AND a.application_name <> $2`,
		tables, applicationName)
	if queryErr != nil {
		return locked
	}
	who, queryErr := pgx.CollectRows(rows, pgx.RowTo[string])
	if queryErr == nil {
		locked.Sessions = who
	}
	return locked
}
