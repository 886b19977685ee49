package engine

import (
	"context"
	"errors"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// Engine is one run.
type Engine struct {
	options Options
	store   *metrics.Store
}

// New checks the options and prepares a run: the store and the thresholds are there, and what the machine
// lacks for it is found out now.
func New(o Options) (*Engine, error) { return nil, errors.New("to come") }

// Store holds what is measured. Windows on it are to be made before Run.
func (e *Engine) Store() *metrics.Store { return e.store }

// Run runs set-up, the scenarios and teardown, once. The error is for what kept the scenarios from starting,
// or failed in teardown; what ended them is in the Result, which is there whenever they started. The end of the context ends
// the run at once.
func (e *Engine) Run(ctx context.Context) (*Result, error) { return nil, errors.New("to come") }

// Stop ends the run: the first call lets running iterations finish, for as long as their scenarios'
// gracefulStop, the second cuts them off. It does not wait.
func (e *Engine) Stop() {}

// Progress returns a view of the run.
func (e *Engine) Progress() Progress { return Progress{} }

// Control changes externally-controlled scenarios while they run.
type Control struct {
	Paused *bool
	VUs    *int
	MaxVUs *int
}

// Control pauses, resumes and resizes the externally-controlled scenario of the given name; "" is the only
// one. It returns once the users do as they are told.
func (e *Engine) Control(scenario string, c Control) error { return errors.New("to come") }
