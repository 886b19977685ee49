package main

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// A checkpoint is written every second, which is what a killed run can lose, and so seldom that it takes a 50th of the
// time at most: that of a run of days has 7 MB and takes a third of a second.
const (
	checkpointEvery = time.Second
	checkpointShare = 50
)

// checkpoints writes a file again and again while a run goes on, without holding up its ticks.
type checkpoints struct {
	path string
	log  *slog.Logger

	running sync.WaitGroup
	busy    chan struct{} // holds a token while one is written, which guards the rest
	next    time.Time
	failed  bool
}

func newCheckpoints(path string, log *slog.Logger) *checkpoints {
	return &checkpoints{path: path, log: log, busy: make(chan struct{}, 1)}
}

// tick writes what make returns, if it is time and the one before has been written.
func (c *checkpoints) tick(now time.Time, make func() *report.Result) {
	if c.path == "" {
		return
	}
	select {
	case c.busy <- struct{}{}:
	default:
		return
	}
	if now.Before(c.next) {
		<-c.busy
		return
	}
	c.running.Go(func() {
		defer func() { <-c.busy }()
		err := make().Write(c.path)
		if err != nil && !c.failed {
			c.log.Error("the checkpoint can't be written, the run goes on", "error", err)
		}
		c.failed = err != nil
		// Ticks are some milliseconds early or late.
		c.next = now.Add(max(checkpointEvery, checkpointShare*time.Since(now)) - time.Second/2)
	})
}

// wait returns when nothing is being written.
func (c *checkpoints) wait() { c.running.Wait() }

// endCheckpoint removes the checkpoint of a run whose result is in a file, and makes it the result otherwise.
func (o *outputFlags) endCheckpoint(r *report.Result, path string) error {
	if path == "" {
		return nil
	}
	written := o.Result != "" && !slices.ContainsFunc(r.Outputs, func(t report.Trouble) bool { return t.Output == o.Result })
	if !written || path == o.Result {
		return r.Write(path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // there is none of a short run
		return err
	}
	return nil
}
