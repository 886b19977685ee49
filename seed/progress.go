package seed

import "time"

// Phase is what a run is busy with. Indexes, foreign keys and statistics are made table by table as soon as
// the rows they need are in, side by side wherever their locks allow it: PhaseLoad lasts until the last row,
// PhaseBuild is what remains then.
type Phase string

// The phases of a run, in their order. A run that has nothing to load skips to PhaseBuild or PhaseDone.
const (
	PhasePrepare Phase = "prepare"
	PhaseLoad    Phase = "load"
	PhaseBuild   Phase = "build"
	// PhaseRestore is the rebuilding of indexes and foreign keys after a failure or a cancellation.
	PhaseRestore Phase = "restore"
	PhaseDone    Phase = "done"
)

// Kinds of Step.
const (
	StepIndex      = "index"
	StepForeignKey = "foreign key"
	StepAnalyze    = "analyze"
	stepLoad       = "load"
)

// Progress is a snapshot of a run.
type Progress struct {
	Phase Phase
	// Tables has one entry for each table of the dataset, in its order.
	Tables []TableProgress
	// Rows of Total are sent. Resumed of them were committed by an earlier, interrupted run.
	Rows, Total, Resumed int64
	// RowsPerSecond is the rate over about the last second of PhaseLoad.
	RowsPerSecond float64
	// Steps says how many steps of each kind there are besides loading, and how many are done.
	Steps []StepProgress
	// Doing names what the workers do now, for example "index media_files_text".
	Doing []string
	// Elapsed is the time since Load began.
	Elapsed time.Duration
}

// TableProgress is how far one table is. Rows counts what has been sent, committed or not.
type TableProgress struct {
	Table       string
	Rows, Total int64
}

// StepProgress is how far the steps of one kind are.
type StepProgress struct {
	Kind        string
	Done, Total int
}
