// Package observe watches a target from outside of its requests while a test runs: what its /metrics tell of the
// process, and, with access to its database, what PostgreSQL tells of statements, waits, tables and indexes.
package observe

import (
	"cmp"
	"slices"
	"time"
)

// Report is what was seen of the target. Everything in it is optional: a target may have no /metrics, and a runner no
// access to the database.
type Report struct {
	// Series are the quantities that were sampled over the run's time, by name.
	Series []Series `json:"series,omitempty"`
	// Started is when the target's process began, as it told last; zero where it does not tell.
	Started time.Time `json:"started,omitzero"`
	// Restarts are the run's times at which the target's process was another one than before.
	Restarts []time.Duration `json:"restarts,omitempty"`
	// Database is what PostgreSQL told before and after, nil without access to it.
	Database *Database `json:"database,omitempty"`
	// Missing tells in words what could not be observed, and why.
	Missing []string `json:"missing,omitempty"`
}

// Series is one quantity over the run's time. There are never more than a few hundred points: as a run gets longer,
// each stands for a longer stretch.
type Series struct {
	// Name is one of the names in this package, and Unit bytes, seconds, connections, rows or one; a cumulative
	// series only ever rises, but for restarts.
	Name       string  `json:"name"`
	Unit       string  `json:"unit"`
	Cumulative bool    `json:"cumulative,omitempty"`
	Points     []Point `json:"points"`
}

// Point is the value of a series at a time of the run: the last of its stretch, with the least and the greatest.
type Point struct {
	At    time.Duration `json:"at"`
	Value float64       `json:"value"`
	Min   float64       `json:"min"`
	Max   float64       `json:"max"`
}

// Find returns the series with the name, nil where it was not observed.
func (r *Report) Find(name string) *Series {
	if r == nil {
		return nil
	}
	for i := range r.Series {
		if r.Series[i].Name == name {
			return &r.Series[i]
		}
	}
	return nil
}

// Increase returns how much a cumulative series rose in the run, restarts left aside: what a counter lost when it fell
// is not subtracted. It is 0 for nil.
func (s *Series) Increase() float64 {
	if s == nil {
		return 0
	}
	sum := 0.0
	for i := 1; i < len(s.Points); i++ {
		if d := s.Points[i].Value - s.Points[i-1].Value; d >= 0 {
			sum += d
		} else {
			sum += s.Points[i].Value // counted from 0 again
		}
	}
	return sum
}

// The names of series: those of the Prometheus client for Go, of the mock's own metrics, and of what PostgreSQL tells.
const (
	ResidentMemory = "process_resident_memory_bytes"
	HeapInUse      = "go_memstats_heap_inuse_bytes"
	Goroutines     = "go_goroutines"
	OpenFiles      = "process_open_fds"
	CPUSeconds     = "process_cpu_seconds_total"         // cumulative
	GCPauseSeconds = "go_gc_duration_seconds_sum"        // cumulative
	GCCount        = "go_gc_duration_seconds_count"      // cumulative
	PoolBusy       = "medianest_db_pool_busy"            // connections in use
	PoolMax        = "medianest_db_pool_max_connections" // connections that the pool may have
	PoolAcquired   = "medianest_db_pool_acquired_total"  // cumulative
	PoolWaited     = "medianest_db_pool_waited_total"    // cumulative: acquires that found no idle connection
	PoolWait       = "medianest_db_pool_wait_seconds_total"
	Connections    = "pg_connections" // backends of clients in the database
	DatabaseSize   = "pg_database_size_bytes"
	DeadRows       = "pg_dead_rows"  // n_dead_tup of all tables: bloat that vacuum has not taken yet
	WALBytes       = "pg_wal_bytes"  // cumulative
	TempBytes      = "pg_temp_bytes" // cumulative: what sorts and hashes wrote to disk
	BlocksHit      = "pg_blocks_hit" // cumulative
	BlocksRead     = "pg_blocks_read"
	Deadlocks      = "pg_deadlocks" // cumulative
)

// Database is what PostgreSQL told of a run.
type Database struct {
	Version string   `json:"version"` // of the server
	Before  Snapshot `json:"before"`
	After   Snapshot `json:"after"`
	// Waits are the wait events in which active backends were seen, most frequent first; Samples is how often one
	// looked, and Active how many active backends were seen in all: those that are in no wait were computing.
	Waits   []Wait `json:"waits,omitempty"`
	Samples int    `json:"samples"`
	Active  int    `json:"active"`
	// Blocked are the statements whose backends were seen waiting for a lock, most often seen first; none where
	// PostgreSQL is older than 14, which does not tell them. IdleHolders is in how many of the looks such a wait was for
	// a transaction in which nothing went on, because its client did something else.
	Blocked     []Blocked `json:"blocked,omitempty"`
	IdleHolders int       `json:"idleHolders,omitempty"`
	// Endpoints are the statements that one request of each endpoint runs, by the endpoint's label. They are found
	// by sending each endpoint's last request again, alone, after the run; an answer that comes from a cache runs
	// none, so that there are fractions.
	Endpoints map[string][]Call `json:"endpoints,omitempty"`
	// Plans are the generic plans of the statements that took the most time in the run.
	Plans []Plan `json:"plans,omitempty"`
}

// Snapshot is what was counted up to a moment. What PostgreSQL tells of tables and indexes is up to ten seconds old,
// because its backends report that often.
type Snapshot struct {
	At time.Time `json:"at"`
	// Statements are of pg_stat_statements, empty where it is not installed: those that took the most time between
	// the two snapshots, and those of Endpoints. One that is not in Before had not run yet.
	Statements []Statement `json:"statements,omitempty"`
	Tables     []Table     `json:"tables,omitempty"`
	Indexes    []Index     `json:"indexes,omitempty"`
}

// Statement returns the statement with the ID, a zero one where it is not in the snapshot.
func (s *Snapshot) Statement(id int64) Statement {
	for i := range s.Statements {
		if s.Statements[i].ID == id {
			return s.Statements[i]
		}
	}
	return Statement{ID: id}
}

// Run returns what the statements did between the two snapshots, those that took the most time first.
func (d *Database) Run() []Statement {
	if d == nil {
		return nil
	}
	run := make([]Statement, 0, len(d.After.Statements))
	for _, s := range d.After.Statements {
		run = append(run, s.since(d.Before.Statement(s.ID)))
	}
	slices.SortStableFunc(run, func(a, b Statement) int { return cmp.Compare(b.TotalTime, a.TotalTime) })
	return run
}

// since returns s without what it was before. Counters that went back were reset: then s is all of it.
func (s Statement) since(before Statement) Statement {
	if s.Calls < before.Calls {
		return s
	}
	s.Calls -= before.Calls
	s.TotalTime -= before.TotalTime
	s.Rows -= before.Rows
	s.BlocksHit -= before.BlocksHit
	s.BlocksRead -= before.BlocksRead
	s.TempBlocks -= before.TempBlocks
	return s
}

// Statement is a row of pg_stat_statements. Times are milliseconds.
type Statement struct {
	ID         int64   `json:"id,string"` // beyond what JavaScript's numbers hold
	Query      string  `json:"query"`     // normalised: $1 in place of values; cut after 4,000 characters
	Calls      int64   `json:"calls"`
	TotalTime  float64 `json:"totalTime"`
	Rows       int64   `json:"rows"`
	BlocksHit  int64   `json:"blocksHit"`
	BlocksRead int64   `json:"blocksRead"`
	TempBlocks int64   `json:"tempBlocks"` // read and written
}

// Table is what PostgreSQL tells of a table. Sizes are bytes and include indexes and TOAST.
type Table struct {
	Name            string `json:"name"`
	Size            int64  `json:"size"`
	LiveRows        int64  `json:"liveRows"`
	DeadRows        int64  `json:"deadRows"`
	SequentialScans int64  `json:"sequentialScans"`
	SequentialRows  int64  `json:"sequentialRows"` // rows that those read
	IndexScans      int64  `json:"indexScans"`
}

// Index is what PostgreSQL tells of an index.
type Index struct {
	Table string `json:"table"`
	Name  string `json:"name"`
	Size  int64  `json:"size"`
	Scans int64  `json:"scans"`
}

// Wait is a wait event, such as Lock: tuple, and how many backends were seen in it.
type Wait struct {
	Type  string `json:"type"`
	Event string `json:"event"`
	Seen  int    `json:"seen"`
}

// Blocked is a statement and how many backends were seen in it, waiting for a lock.
type Blocked struct {
	Statement int64 `json:"statement,string"` // a Statement's ID
	Seen      int   `json:"seen"`
}

// Call is a statement of an endpoint and how often one request runs it.
type Call struct {
	Statement  int64   `json:"statement,string"` // a Statement's ID
	PerRequest float64 `json:"perRequest"`
}

// Plan is how PostgreSQL runs a statement, whatever its values are.
type Plan struct {
	Statement int64 `json:"statement,string"`
	// Text is EXPLAIN's, cut after 8,000 characters. Scans are the sequential scans in it that filter rows.
	Text  string `json:"text"`
	Scans []Scan `json:"scans,omitempty"`
}

// Scan is a sequential scan with a condition, for which an index may be missing.
type Scan struct {
	Table  string  `json:"table"`
	Filter string  `json:"filter"`
	Rows   float64 `json:"rows"` // of the table, as the planner knows it: what a whole scan reads
	Cost   float64 `json:"cost"` // share of the plan's, 0 to 1; of one that a LIMIT may end early, that of a whole scan
}
