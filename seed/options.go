package seed

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Policy says what to do with a database that already has rows.
type Policy int

const (
	// Resume goes on with an unfinished load of the same dataset, does nothing if that dataset is loaded,
	// and refuses anything else.
	Resume Policy = iota
	// Fail refuses a database with any row in it.
	Fail
	// Replace empties every table and the ledger first, in one transaction.
	Replace
	// Append adds the dataset's rows to those there; see NextIDs for the ids to give them. An unfinished
	// append of the same dataset is resumed.
	Append
)

// Policies returns the words for the policies, in the order of the constants.
func Policies() []string { return []string{"resume", "fail", "replace", "append"} }

// String returns the policy's word.
func (p Policy) String() string {
	if words := Policies(); p >= 0 && int(p) < len(words) {
		return words[p]
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}

// ParsePolicy returns the policy for its word.
func ParsePolicy(word string) (Policy, error) {
	for i, w := range Policies() {
		if w == word {
			return Policy(i), nil
		}
	}
	return 0, fmt.Errorf("unknown policy %q: it is one of %s", word, strings.Join(Policies(), ", "))
}

// UnmarshalText reads a policy's word, so that a Policy can be a flag.
func (p *Policy) UnmarshalText(text []byte) error {
	v, err := ParsePolicy(string(text))
	if err == nil {
		*p = v
	}
	return err
}

// Defaults of Options.
const (
	DefaultWorkers        = 2
	DefaultChunkRows      = 50_000
	DefaultLockTimeout    = 10 * time.Second
	DefaultRestoreTimeout = 10 * time.Minute
	DefaultProgressEvery  = 250 * time.Millisecond
)

// Options are the settings of Load. The zero value means the defaults.
type Options struct {
	// OnExisting says what to do with a database that has rows; Resume by default.
	OnExisting Policy
	// Workers is the number of connections that load and build at once; DefaultWorkers if 0. On two cores
	// more than two never helped.
	Workers int
	// ChunkRows is the number of rows of a unit where a table can't be loaded in one; DefaultChunkRows if 0.
	ChunkRows int64
	// LockTimeout bounds the wait for another session's lock on a table; DefaultLockTimeout if 0.
	LockTimeout time.Duration
	// RestoreTimeout bounds the rebuilding of indexes and foreign keys after a failed or cancelled load;
	// DefaultRestoreTimeout if 0. What is not rebuilt by then, the next run rebuilds.
	RestoreTimeout time.Duration
	// Progress is called from one goroutine, every ProgressEvery and whenever the phase changes.
	Progress func(Progress)
	// ProgressEvery is DefaultProgressEvery if 0.
	ProgressEvery time.Duration
	// Logger gets what is worth knowing besides progress; nothing is logged if nil.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = DefaultWorkers
	}
	if o.ChunkRows <= 0 {
		o.ChunkRows = DefaultChunkRows
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = DefaultLockTimeout
	}
	if o.RestoreTimeout <= 0 {
		o.RestoreTimeout = DefaultRestoreTimeout
	}
	if o.ProgressEvery <= 0 {
		o.ProgressEvery = DefaultProgressEvery
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
