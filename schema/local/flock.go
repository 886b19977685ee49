package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// How often a lock, or a server that starts or stops, is looked at again.
const pollInterval = 10 * time.Millisecond

// lockMode is what flock is asked for.
type lockMode int

const (
	shared    lockMode = syscall.LOCK_SH
	exclusive lockMode = syscall.LOCK_EX
)

// tryLock takes a lock on the file at path, which it creates if it is missing, and returns the file, whose
// closing gives the lock up. Without an error, nil means that another holds it. The lock belongs to the open
// file, not to the process: a child that inherits the file holds the lock too.
func tryLock(path string, mode lockMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), int(mode)|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// waitLock takes a lock as soon as it can be had. It polls, because a blocking flock cannot be interrupted.
func waitLock(ctx context.Context, path string, mode lockMode) (*os.File, error) {
	for {
		f, err := tryLock(path, mode)
		if f != nil || err != nil {
			return f, err
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("wait for %s: %w", path, err)
		}
	}
}

// pause waits for one poll interval or for the end of ctx.
func pause(ctx context.Context) error {
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
