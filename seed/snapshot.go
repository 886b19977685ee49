package seed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/medianest/testbed/schema"
)

// SnapshotInfo describes a snapshot.
type SnapshotInfo struct {
	// Database is the name of the copy.
	Database string `json:"database"`
	// Fingerprints are those of the runs in it, oldest first.
	Fingerprints []string  `json:"fingerprints"`
	TakenAt      time.Time `json:"taken_at"`
	// Bytes is its size on disk.
	Bytes int64 `json:"bytes"`
	// Ready says that a spare copy is ready, which makes the next reset a rename.
	Ready bool `json:"ready"`
}

// Snapshot keeps a copy of the database at dsn, which must hold a finished load, for Reset to return to: a
// database named as it is with _snapshot appended, and a spare copy of that (_spare), so that Reset has one
// to put in place at once. It replaces an earlier snapshot, which is kept until the new one is whole. Other
// sessions of the database are ended. The role needs CREATEDB, the disk room for both copies.
//
// The errors to tell apart are ErrBusy, ErrNotMigrated, ErrNotSeeded and ErrNoCreateDB.
func Snapshot(ctx context.Context, dsn string) (SnapshotInfo, error) {
	c, err := openCluster(ctx, dsn)
	if err != nil {
		return SnapshotInfo{}, err
	}
	defer c.close()
	fingerprints, finished, err := c.fingerprintsIn(ctx)
	if err != nil {
		return SnapshotInfo{}, err
	}
	if !finished {
		return SnapshotInfo{}, ErrNotSeeded
	}
	l := label{Fingerprints: fingerprints, TakenAt: time.Now().UTC().Truncate(time.Microsecond)}
	// The room that it takes may be needed.
	if err := c.drop(ctx, c.spare()); err != nil {
		return SnapshotInfo{}, err
	}
	err = c.vacate(ctx, c.db, func() error { return c.copy(ctx, c.db, c.newSnapshot()) })
	if err != nil {
		return SnapshotInfo{}, fmt.Errorf("snapshot: %w", err)
	}
	if err := c.replaceSnapshot(ctx, l); err != nil {
		return SnapshotInfo{}, fmt.Errorf("snapshot: %w", err)
	}
	if err := c.makeSpare(ctx, l); err != nil {
		return SnapshotInfo{}, fmt.Errorf("snapshot: %w", err)
	}
	return c.info(ctx)
}

// replaceSnapshot puts the new snapshot in the place of the old one, if there is one, and drops that.
func (c *cluster) replaceSnapshot(ctx context.Context, l label) error {
	if err := c.drop(ctx, c.retired()); err != nil {
		return err
	}
	old, err := c.exists(ctx, c.snapshot())
	if err != nil {
		return err
	}
	err = inTransaction(ctx, c.conn, func(tx pgx.Tx) error {
		if old {
			if err := rename(ctx, tx, c.snapshot(), c.retired()); err != nil {
				return err
			}
		}
		if err := rename(ctx, tx, c.newSnapshot(), c.snapshot()); err != nil {
			return err
		}
		return l.put(ctx, tx, c.snapshot())
	})
	if err != nil {
		return err
	}
	return c.drop(ctx, c.retired())
}

// makeSpare copies the snapshot of the given label, so that the next reset need not.
func (c *cluster) makeSpare(ctx context.Context, l label) error {
	if err := c.copy(ctx, c.snapshot(), c.spare()); err != nil {
		return err
	}
	return inTransaction(ctx, c.conn, func(tx pgx.Tx) error { return l.put(ctx, tx, c.spare()) })
}

func rename(ctx context.Context, tx pgx.Tx, from, to string) error {
	if _, err := tx.Exec(ctx, "ALTER DATABASE "+quote(from)+" RENAME TO "+quote(to)); err != nil {
		return fmt.Errorf("rename database %s: %w", from, err)
	}
	return nil
}

func (c *cluster) info(ctx context.Context) (SnapshotInfo, error) {
	i, err := snapshotFor(ctx, c.conn, c.db)
	if err == nil && i == nil {
		err = ErrNoSnapshot
	}
	if err != nil {
		return SnapshotInfo{}, err
	}
	return *i, nil
}

// snapshotOf returns the snapshot of the database that q is connected to, nil if there is none.
func snapshotOf(ctx context.Context, q querier) (*SnapshotInfo, error) {
	var db string
	if err := q.QueryRow(ctx, "SELECT current_database()").Scan(&db); err != nil {
		return nil, fmt.Errorf("look for a snapshot: %w", err)
	}
	return snapshotFor(ctx, q, db)
}

func snapshotFor(ctx context.Context, q querier, db string) (*SnapshotInfo, error) {
	c := cluster{db: db}
	l, err := labelOf(ctx, q, c.snapshot())
	if err != nil || l == nil {
		return nil, err
	}
	spare, err := labelOf(ctx, q, c.spare())
	if err != nil {
		return nil, err
	}
	i := &SnapshotInfo{Database: c.snapshot(), Fingerprints: l.Fingerprints, TakenAt: l.TakenAt, Ready: spare != nil && spare.same(*l)}
	if err := q.QueryRow(ctx, "SELECT pg_database_size($1::name)", c.snapshot()).Scan(&i.Bytes); err != nil {
		return nil, fmt.Errorf("size of the snapshot: %w", err)
	}
	return i, nil
}

// ResetResult says how long the parts of a reset took.
type ResetResult struct {
	Snapshot SnapshotInfo `json:"snapshot"`
	// Swap is the time until the database was back in the seeded state, Elapsed that including the
	// preparation for the next reset.
	Swap    time.Duration `json:"swap_ns"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Reset returns the database at dsn to its snapshot, whatever has happened to its rows since: the spare copy
// takes its name, and another is made for the next reset. Sessions of the database are ended. Settings made
// by ALTER DATABASE are kept, privileges granted on the database itself (not on what is in it) are not. A
// snapshot that an older program has taken is migrated in its place.
//
// The database is put in place by one transaction. Killed at any moment, Reset leaves it either as it was or
// as the snapshot, and the snapshot whole; run again, it finishes.
//
// The errors to tell apart are ErrBusy, ErrNoSnapshot, ErrOtherSnapshot and ErrNoCreateDB.
func Reset(ctx context.Context, dsn string) (ResetResult, error) {
	start := time.Now()
	c, err := openCluster(ctx, dsn)
	if err != nil {
		return ResetResult{}, err
	}
	defer c.close()
	l, err := labelOf(ctx, c.conn, c.snapshot())
	if err != nil {
		return ResetResult{}, err
	}
	if l == nil {
		return ResetResult{}, ErrNoSnapshot
	}
	there, err := c.exists(ctx, c.db)
	if err != nil {
		return ResetResult{}, err
	}
	if there {
		if err := c.compare(ctx, *l); err != nil {
			return ResetResult{}, err
		}
	}
	spare, err := labelOf(ctx, c.conn, c.spare())
	if err == nil && (spare == nil || !spare.same(*l)) {
		err = c.makeSpare(ctx, *l)
	}
	if err == nil {
		err = c.drop(ctx, c.retired()) // what a reset that was killed left
	}
	if err == nil {
		err = c.swap(ctx, there)
	}
	if err != nil {
		return ResetResult{}, fmt.Errorf("reset: %w", err)
	}
	if err := schema.Up(ctx, dsn); err != nil {
		return ResetResult{}, fmt.Errorf("the database is reset, but its snapshot is of an older schema, which could not be brought up to date: %w", err)
	}
	r := ResetResult{Swap: time.Since(start)}
	if err = c.drop(ctx, c.retired()); err == nil {
		err = c.makeSpare(ctx, *l)
	}
	if err == nil {
		r.Snapshot, err = c.info(ctx)
	}
	if err != nil {
		return ResetResult{}, fmt.Errorf("the database is reset, but the next reset could not be prepared: %w", err)
	}
	r.Elapsed = time.Since(start)
	return r, nil
}

// compare refuses a snapshot of other data. One that the database has been appended to since will do; so
// will one of a database whose ledger is gone.
func (c *cluster) compare(ctx context.Context, l label) error {
	now, _, err := c.fingerprintsIn(ctx)
	if errors.Is(err, ErrNotMigrated) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(now) > 0 && (len(now) < len(l.Fingerprints) || !slices.Equal(now[:len(l.Fingerprints)], l.Fingerprints)) {
		return fmt.Errorf("%w (the database holds %s, the snapshot %s)", ErrOtherSnapshot, strings.Join(now, ", "), strings.Join(l.Fingerprints, ", "))
	}
	return nil
}

// swapTimeout bounds a swap, which takes milliseconds, and seconds at worst before it is refused.
const swapTimeout = 30 * time.Second

// swap gives the spare copy the database's name and settings, and the database the name retired. It is not
// to be cancelled: the server would go on for a moment, and the database be out of reach meanwhile.
func (c *cluster) swap(ctx context.Context, there bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), swapTimeout)
	defer cancel()
	return c.vacate(ctx, c.db, func() error {
		return inTransaction(ctx, c.conn, func(tx pgx.Tx) error {
			if there {
				if err := rename(ctx, tx, c.db, c.retired()); err != nil {
					return err
				}
				if err := copySettings(ctx, tx, c.retired(), c.spare()); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, "COMMENT ON DATABASE "+quote(c.spare())+" IS NULL"); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "ALTER DATABASE "+quote(c.spare())+" WITH ALLOW_CONNECTIONS true"); err != nil {
				return err
			}
			return rename(ctx, tx, c.spare(), c.db)
		})
	})
}

// copySettings gives a database the settings of another, which a copy does not inherit.
func copySettings(ctx context.Context, tx pgx.Tx, from, to string) error {
	type setting struct{ Role, Name, Value string }
	rows, err := tx.Query(ctx, `SELECT coalesce(quote_ident(r.rolname), ''), split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
		FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole,
		unnest(s.setconfig) c WHERE d.datname = $1`, from)
	if err != nil {
		return err
	}
	settings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[setting])
	if err != nil {
		return err
	}
	for _, s := range settings {
		// Taking the value from the session spares the rules on which lists are to be quoted how.
		if _, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", s.Name, s.Value); err != nil {
			return fmt.Errorf("copy setting %s: %w", s.Name, err)
		}
		alter := "ALTER DATABASE " + quote(to)
		if s.Role != "" {
			alter = "ALTER ROLE " + s.Role + " IN DATABASE " + quote(to)
		}
		if _, err := tx.Exec(ctx, alter+" SET "+quote(s.Name)+" FROM CURRENT"); err != nil {
			return fmt.Errorf("copy setting %s: %w", s.Name, err)
		}
	}
	return nil
}

// quoteLiteral makes a text safe as a literal where a statement takes no parameters.
func quoteLiteral(s string) string {
	return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}
