package seed

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run is one load as the ledger keeps it.
type Run struct {
	Identity
	// ID is 1 for the first run of a database; runs beyond it are appends.
	ID        int64     `json:"id"`
	StartedAt time.Time `json:"started_at"`
	// Plan is what the run is to load, table by table.
	Plan []Planned `json:"plan"`
	// FinishedAt is nil as long as rows, indexes, foreign keys or statistics are missing.
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// Finished tells whether everything of the run is in place.
func (r Run) Finished() bool { return r.FinishedAt != nil }

// Result is what Load has done.
type Result struct {
	// Run is the run as recorded.
	Run Run `json:"run"`
	// AlreadyDone says that there was nothing to do.
	AlreadyDone bool `json:"already_done"`
	// Resumed says that an earlier, interrupted run has been finished.
	Resumed bool `json:"resumed"`
	// Tables are the tables of the dataset, in its order.
	Tables []TableResult `json:"tables"`
	// Rows of these were loaded now, as Bytes of COPY data.
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
	// Load is the time until the last row was in, Build the time that indexes, foreign keys and statistics took
	// after it, Elapsed that of everything.
	Load    time.Duration `json:"load_ns"`
	Build   time.Duration `json:"build_ns"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// TableResult is one table of a Result.
type TableResult struct {
	Table string `json:"table"`
	// Rows is the number of rows of the run, Loaded how many of them were loaded now.
	Rows   int64 `json:"rows"`
	Loaded int64 `json:"loaded"`
	// Checksum is the sum, modulo 2^64, of the xxHash64 of each row in binary COPY format.
	Checksum uint64 `json:"checksum"`
}

// Load brings the dataset into the database at dsn, whose schema must be the newest, under the policy
// o.OnExisting.
//
// When it returns an error, indexes and foreign keys are back (foreign keys NOT VALID where rows are
// missing) unless the error says otherwise, and what has been committed stays: loading the same dataset
// again goes on from there. The errors to tell apart are ErrBusy, ErrNotMigrated, *MismatchError,
// *NotEmptyError, *LockedError and the context's.
func Load(ctx context.Context, dsn string, ds Dataset, o Options) (Result, error) {
	o = o.withDefaults()
	c, err := config(dsn)
	if err != nil {
		return Result{}, err
	}
	l := &loader{sessions: sessions{config: c, o: o}, ds: ds, o: o}
	l.track = newTracker(ds, o.Progress, o.ProgressEvery)
	defer l.track.close()
	if l.control, err = l.openControl(ctx); err != nil {
		return Result{}, err
	}
	defer func() { closeSession(l.control) }()
	j, err := l.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	o.Logger.Debug("committed", "what", "begin")
	l.track.committedBefore(j.tables)
	if j.nothing {
		l.track.enter(PhaseDone)
		return l.result(j), nil
	}
	loading, building, err := l.fill(ctx, j)
	if err != nil {
		return Result{}, l.putBack(ctx, j, err)
	}
	l.track.enter(PhaseDone)
	r := l.result(j)
	r.Load, r.Build = loading, building
	o.Logger.Info("seeded", "fingerprint", ds.Fingerprint, "rows", r.Rows, "elapsed", r.Elapsed.String())
	return r, nil
}

// fill does everything after begin.
func (l *loader) fill(ctx context.Context, j *job) (loading, building time.Duration, err error) {
	loads := l.loadSteps(j)
	builds, err := l.buildSteps(ctx, j, true)
	if err != nil {
		return 0, 0, err
	}
	steps := append(loads, builds...)
	l.track.plan(steps)
	start := time.Now()
	if err := l.run(ctx, steps); err != nil {
		return 0, 0, err
	}
	loading, building = l.track.split(start)
	return loading, building, finishRun(ctx, l.control, &j.run)
}

// putBack puts indexes and foreign keys back after a failure, in a time of its own: the context may be what
// has failed. It returns the failure, with what there is to add to it.
func (l *loader) putBack(ctx context.Context, j *job, failure error) error {
	failure = fmt.Errorf("%w (what has been committed stays: run the same again to finish)", failure)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(failure, cause) {
		failure = fmt.Errorf("%w: %w", cause, failure)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.o.RestoreTimeout)
	defer cancel()
	if err := l.restore(ctx, j); err != nil {
		return fmt.Errorf("%w; indexes and foreign keys are still missing, the next run rebuilds them: %w", failure, err)
	}
	return failure
}

func (l *loader) restore(ctx context.Context, j *job) error {
	if l.control.IsClosed() {
		control, err := l.openControl(ctx)
		if err != nil {
			return err
		}
		l.control = control
	} else if err := l.takeOver(ctx, l.control); err != nil {
		// The workers' sessions may still be at what they were cancelled in, and hold locks.
		return err
	}
	steps, err := l.buildSteps(ctx, j, false)
	if err != nil {
		return err
	}
	l.track.enter(PhaseRestore)
	l.track.plan(steps)
	return l.run(ctx, steps)
}

// result reports a job that is done.
func (l *loader) result(j *job) Result {
	r := Result{Run: j.run, AlreadyDone: j.nothing, Resumed: j.resumed && !j.nothing,
		Bytes: l.track.bytes.Load(), Elapsed: time.Since(l.track.started)}
	for _, t := range j.tables {
		r.Tables = append(r.Tables, TableResult{Table: t.Schema.Name, Rows: t.Rows, Loaded: t.loaded.Load(), Checksum: t.sum + t.loadedSum.Load()})
		r.Rows += t.loaded.Load()
	}
	return r
}

// Recorded returns the run that a command without a pinned seed or as-of time goes by: the unfinished one
// if there is any, else the newest. It returns nil if the ledger is empty.
func Recorded(ctx context.Context, dsn string) (*Run, error) {
	conn, err := connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer closeSession(conn)
	runs, err := readRuns(ctx, conn)
	return found{runs: runs}.newest(), err
}

// NextIDs returns the first ids for a dataset to append, by table: those of an unfinished append if there
// is one, else one past the highest id present.
func NextIDs(ctx context.Context, dsn string) (map[string]int64, error) {
	conn, err := connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer closeSession(conn)
	runs, err := readRuns(ctx, conn)
	if err != nil {
		return nil, err
	}
	if r := (found{runs: runs}).unfinished(); r != nil {
		return r.FirstID, nil
	}
	return idsPresent(ctx, conn)
}
