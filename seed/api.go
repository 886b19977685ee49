package seed

import (
	"context"
	"time"
)

// State is what Status reports.
type State struct {
	// Runs are all recorded runs, oldest first.
	Runs []Run `json:"runs"`
	// Finished says that there is a run and that all runs are finished.
	Finished bool         `json:"finished"`
	Tables   []TableState `json:"tables"`
	// Deferred are the indexes and foreign keys that are missing or not validated.
	Deferred []Deferred `json:"deferred,omitempty"`
	// Snapshot is the snapshot that Reset would return to, nil if there is none or the server does not tell.
	Snapshot *SnapshotInfo `json:"snapshot,omitempty"`
}

// TableState is one table of a State.
type TableState struct {
	Table string `json:"table"`
	// Seeded rows in Units are recorded; Planned is what the runs are to load in all.
	Seeded int64 `json:"seeded"`
	Units  int64 `json:"units"`
	// Rows is the exact number of rows in the table now.
	Rows int64 `json:"rows"`
	// Made is how many rows have an id beyond the seeded ones. For a table without an id it is Rows less
	// Seeded, and can be negative.
	Made int64 `json:"made"`
	// Checksum is the ledger's checksum of all seeded rows; see TableResult.
	Checksum uint64 `json:"checksum"`
}

// Deferred is an index or foreign key that a load has dropped and owes.
type Deferred struct {
	Table      string `json:"table"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Definition string `json:"definition"`
}

// Status reads the ledger and the tables of the database at dsn.
func Status(ctx context.Context, dsn string) (State, error) { return State{}, nil }

// Contents is the number of rows of a table and their checksum.
type Contents struct {
	Rows int64 `json:"rows"`
	// Checksum is the sum, modulo 2^64, of the xxHash64 of each row in binary COPY format: what
	// TableResult.Checksum is for the rows sent.
	Checksum uint64 `json:"checksum"`
}

// ContentChecksum reads every row of a table back and sums up its checksum. It equals the ledger's as long
// as no row has been added, changed or deleted since seeding.
func ContentChecksum(ctx context.Context, dsn, table string) (Contents, error) {
	return Contents{}, nil
}

// Format is a format of files that COPY reads.
type Format string

// The formats of WriteFiles.
const (
	FormatBinary Format = "binary"
	FormatCSV    Format = "csv"
)

// WriteFiles writes the dataset's rows into dir, one file a table, and a script load.sql that loads them
// with psql. It creates dir, refuses one that is not empty, and leaves nothing behind when it fails.
func WriteFiles(ctx context.Context, ds Dataset, dir string, format Format, o FileOptions) error {
	return nil
}

// FileOptions are the settings of WriteFiles.
type FileOptions struct {
	// Workers is how many files are written at once; 2 if 0.
	Workers int
	// Progress is called as Options.Progress is, with Phase PhaseLoad.
	Progress func(Progress)
}

// SnapshotInfo describes a snapshot.
type SnapshotInfo struct {
	// Database is the name of the template database.
	Database string `json:"database"`
	// Fingerprints are those of the runs in it, oldest first.
	Fingerprints []string  `json:"fingerprints"`
	TakenAt      time.Time `json:"taken_at"`
	// Bytes is its size on disk.
	Bytes int64 `json:"bytes"`
	// Ready says that a spare copy is ready, which makes the next reset a rename.
	Ready bool `json:"ready"`
}

// Snapshot keeps a copy of the database at dsn, which must hold a finished load, for Reset to return to.
// It replaces an earlier snapshot. Other sessions of the database are terminated. The role needs CREATEDB.
func Snapshot(ctx context.Context, dsn string) (SnapshotInfo, error) { return SnapshotInfo{}, nil }

// ResetResult says how long the parts of a reset took.
type ResetResult struct {
	Snapshot SnapshotInfo
	// Swap is the time until the database was back in the seeded state, Elapsed that including the
	// preparation for the next reset.
	Swap, Elapsed time.Duration
}

// Reset returns the database at dsn to its snapshot, whatever has happened to its rows since. Other sessions
// are terminated. Killed at any moment, it leaves the database either as it was or as the snapshot, and
// the snapshot whole; run again, it finishes.
func Reset(ctx context.Context, dsn string) (ResetResult, error) { return ResetResult{}, nil }
