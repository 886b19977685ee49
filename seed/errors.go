package seed

import (
	"errors"
	"fmt"
	"strings"
)

// Errors about the state of the database or the server. A command reports them as trouble with its
// environment.
var (
	// ErrBusy says that another seeder, snapshot or reset is at work on the database.
	ErrBusy = errors.New("another seeder is at work on this database: wait for it to finish or stop it")
	// ErrNotMigrated says that the ledger tables are missing.
	ErrNotMigrated = errors.New("the database has no MediaNest schema, or not its newest version: seed --profile NAME makes and fills it, seed db migrate only makes it")
	// ErrNotSeeded says that no finished load is recorded.
	ErrNotSeeded = errors.New("the database holds no finished load: run seed first")
	// ErrNoSnapshot says that reset has nothing to return to.
	ErrNoSnapshot = errors.New("there is no snapshot of this database: run seed snapshot first")
	// ErrOtherSnapshot says that the snapshot was taken of another dataset than the database holds.
	ErrOtherSnapshot = errors.New("the snapshot is of another dataset: take a new one with seed snapshot")
	// ErrNoCreateDB says that the role may not create databases.
	ErrNoCreateDB = errors.New("the role may not create databases, which a snapshot needs: ALTER ROLE ... CREATEDB")
)

// MismatchError refuses a dataset because the database holds, or is being filled with, another one.
type MismatchError struct {
	// Recorded is the run that the ledger speaks of, Given what was to be loaded.
	Recorded Run
	Given    Identity
	// Differs names what differs: "profile", "weights or counts", "seed", "as-of", "first ids", "generator version".
	Differs []string
}

// Error names both sides and the way out.
func (e *MismatchError) Error() string {
	verb, way := "holds", "run seed with --on-existing replace to empty it first, or append to add to it"
	if !e.Recorded.Finished() {
		verb, way = "is half filled with", "run that one again to finish it, or run seed with --on-existing replace to empty the database first"
	}
	return fmt.Sprintf("the database %s %s, not %s (they differ in %s): %s",
		verb, e.Recorded.Identity.describe(), e.Given.describe(), strings.Join(e.Differs, ", "), way)
}

// NotEmptyError refuses a database because of rows in it.
type NotEmptyError struct {
	// Tables have rows.
	Tables []string
	// Recorded is the newest run in the ledger, nil if the ledger knows of none.
	Recorded *Run
}

// Error names the tables and the way out.
func (e *NotEmptyError) Error() string {
	which := strings.Join(e.Tables, ", ")
	if len(e.Tables) == 0 {
		which = "none of its tables now"
	}
	if e.Recorded == nil {
		return fmt.Sprintf("the database has rows that no seeder recorded (in %s): run seed with --on-existing replace to delete them, or append to add to them", which)
	}
	return fmt.Sprintf("the database has been filled with %s (rows in %s): run seed with --on-existing resume, replace or append",
		e.Recorded.Identity.describe(), which)
}

// LockedError says that tables stayed locked by other sessions for longer than Options.LockTimeout.
type LockedError struct {
	// Tables are those that were to be locked.
	Tables []string
	// Sessions describe who holds locks on one of them, for example "pid 4711, mockapi, idle in transaction".
	Sessions []string
	Err      error
}

// Error names the tables and the sessions.
func (e *LockedError) Error() string {
	who := "another session"
	if len(e.Sessions) > 0 {
		who = strings.Join(e.Sessions, "; ")
	}
	return fmt.Sprintf("%s locked by %s: stop it and run seed again", strings.ReplaceAll(strings.Join(e.Tables, " or "), `"`, ""), who)
}

// Unwrap returns PostgreSQL's error.
func (e *LockedError) Unwrap() error { return e.Err }

func (id Identity) describe() string {
	return fmt.Sprintf("profile %s, seed %d, as of %s (%s)", id.Profile, id.Seed, id.AsOf.UTC().Format("2006-01-02T15:04:05Z"), id.Fingerprint)
}
