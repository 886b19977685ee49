package seed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is the server of a database, seen from another database of it: one that is to be copied or
// renamed must not be in use.
type cluster struct {
	config *pgx.ConnConfig // of the database
	other  *pgx.ConnConfig // of the other database
	conn   *pgx.Conn       // to the other database
	db     string
	// strategies says that the server has more than one way of copying a database.
	strategies bool
}

// maintenanceDatabases can be expected to exist; the first that lets us in will do.
var maintenanceDatabases = [...]string{"postgres", "template1"}

// longestSuffix is the longest that copies append to the name of a database.
const longestSuffix = "_snapshot_new"

// openCluster connects and makes sure that nothing else copies or renames the database meanwhile.
func openCluster(ctx context.Context, dsn string) (*cluster, error) {
	c, err := config(dsn)
	if err != nil {
		return nil, err
	}
	cl := &cluster{config: c, db: c.Database}
	if cl.db == "" {
		cl.db = c.User
	}
	if most := 63 - len(longestSuffix); len(cl.db) > most {
		return nil, fmt.Errorf("the database's name has %d bytes, a snapshot allows for %d", len(cl.db), most)
	}
	for _, name := range maintenanceDatabases {
		if name == cl.db {
			continue
		}
		cl.other = c.Copy()
		cl.other.Database = name
		if cl.conn, err = connectConfig(ctx, cl.other); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if err := cl.claim(ctx); err != nil {
		cl.close()
		return nil, err
	}
	return cl, nil
}

func (c *cluster) claim(ctx context.Context) error {
	watchClient(ctx, c.conn)
	h := fnv.New64a()
	h.Write([]byte(applicationName + " " + c.db))
	if err := lockSoon(ctx, c.conn, int64(h.Sum64())); err != nil {
		return err
	}
	var may bool
	err := c.conn.QueryRow(ctx, `SELECT rolcreatedb OR rolsuper, current_setting('server_version_num')::int >= 150000
		FROM pg_roles WHERE rolname = current_user`).Scan(&may, &c.strategies)
	if err != nil {
		return fmt.Errorf("prepare to copy the database: %w", err)
	}
	if !may {
		return ErrNoCreateDB
	}
	return nil
}

func (c *cluster) close() { closeSession(c.conn) }

func (c *cluster) snapshot() string    { return c.db + "_snapshot" }
func (c *cluster) newSnapshot() string { return c.db + "_snapshot_new" }
func (c *cluster) spare() string       { return c.db + "_spare" }
func (c *cluster) retired() string     { return c.db + "_retired" }

// label is the comment on a copy of a database. It is written after the copy is whole, and a copy without
// it does not count.
type label struct {
	Fingerprints []string  `json:"medianest_fingerprints"`
	TakenAt      time.Time `json:"taken_at"`
}

func (l label) same(m label) bool {
	return l.TakenAt.Equal(m.TakenAt)
}

// labelOf returns the label of a database; nil if there is no such database or it has none.
func labelOf(ctx context.Context, q querier, name string) (*label, error) {
	var text *string
	err := q.QueryRow(ctx, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", name).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && text == nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for database %s: %w", name, err)
	}
	var l label
	if json.Unmarshal([]byte(*text), &l) != nil || l.TakenAt.IsZero() {
		return nil, nil // somebody else's comment
	}
	return &l, nil
}

func (c *cluster) exists(ctx context.Context, name string) (exists bool, err error) {
	err = c.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil {
		return false, fmt.Errorf("look for database %s: %w", name, err)
	}
	return exists, nil
}

func (c *cluster) drop(ctx context.Context, name string) error {
	if _, err := c.conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// copy makes database to a copy of from, which stays unlabelled.
func (c *cluster) copy(ctx context.Context, from, to string) error {
	if err := c.drop(ctx, to); err != nil {
		return err
	}
	var owner string
	err := c.conn.QueryRow(ctx, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", from).Scan(&owner)
	if err != nil {
		return fmt.Errorf("copy database %s: %w", from, err)
	}
	strategy := ""
	if c.strategies {
		// The other strategy writes every page to the log too.
		strategy = " STRATEGY file_copy"
	}
	_, err = c.conn.Exec(ctx, "CREATE DATABASE "+quote(to)+" TEMPLATE "+quote(from)+" OWNER "+quote(owner)+strategy)
	if err != nil {
		return fmt.Errorf("copy database %s: %w", from, err)
	}
	return nil
}

// label labels a copy, within a transaction, and closes it to sessions, so that it stays what it is.
func (l label) put(ctx context.Context, tx pgx.Tx, name string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "COMMENT ON DATABASE "+quote(name)+" IS "+quoteLiteral(string(text))); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "ALTER DATABASE "+quote(name)+" WITH ALLOW_CONNECTIONS false")
	return err
}

// vacate runs do, a statement that needs a database without sessions, while ending the sessions it has.
// Once the statement has its lock on the database, which it takes before it looks for sessions, new ones
// wait; so the ends come from another session and go on until do returns. A seeder's sessions are let be,
// and do fails after some seconds.
func (c *cluster) vacate(ctx context.Context, db string, do func() error) error {
	killer, err := connectConfig(ctx, c.other)
	if err != nil {
		return err
	}
	defer closeSession(killer)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			_, err := killer.Exec(ctx, `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
				WHERE datname = $1 AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory'
					AND classid::bigint << 32 | objid::bigint IN ($2, $3) AND objsubid = 1)`, db, int64(seederLock), int64(workerLock))
			if err != nil {
				done <- err
				return
			}
			select {
			case <-tick.C:
			case <-stop:
				done <- nil
				return
			}
		}
	}()
	err = do()
	close(stop)
	if killErr := <-done; killErr != nil && err != nil {
		err = fmt.Errorf("%w (and sessions could not be ended: %w)", err, killErr)
	}
	if code(err) == codeObjectInUse {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// fingerprintsIn returns the fingerprints of the runs in the database, unless a seeder is at work.
func (c *cluster) fingerprintsIn(ctx context.Context) (fingerprints []string, finished bool, err error) {
	conn, err := connectConfig(ctx, c.config)
	if err != nil {
		return nil, false, err
	}
	defer closeSession(conn)
	if err := lockSoon(ctx, conn, seederLock); err != nil {
		return nil, false, err
	}
	runs, err := readRuns(ctx, conn)
	if err != nil {
		return nil, false, err
	}
	for _, r := range runs {
		fingerprints = append(fingerprints, r.Fingerprint)
	}
	return fingerprints, len(runs) > 0 && found{runs: runs}.unfinished() == nil, nil
}
