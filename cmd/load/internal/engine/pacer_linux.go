package engine

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// filePacer waits for a timer of the kernel's that is a file, with Go's own timer as the file's read deadline.
// On an idle machine the runtime sleeps in epoll, whose timeout is in whole milliseconds, but which the file
// ends within some 40 microseconds; on a busy one Go's timers are looked at all the time, and files are not.
// Whichever comes first counts.
type filePacer struct {
	ctx  context.Context
	fd   int
	file *os.File
	stop func() bool
	woke time.Time
	buf  [8]byte
}

// minPace is how far apart the pacer wakes up at least: up to a thousand iterations a second each has a wake-up of its
// own, and beyond, what is due in a millisecond is handed out together. A process that wakes up from idleness costs
// some 40 microseconds of CPU time however it was woken, which at 5,000 a second would be a fifth of a processor.
const minPace = time.Millisecond

func newPrecisePacer(ctx context.Context) pacer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	p := &filePacer{ctx: ctx, fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
	if p.file.SetReadDeadline(time.Time{}) != nil { // not in the runtime's poller
		_ = p.file.Close()
		return nil
	}
	p.stop = context.AfterFunc(ctx, func() { _ = p.file.SetReadDeadline(time.Unix(1, 0)) })
	return p
}

func (p *filePacer) until(at time.Time) bool {
	if earliest := p.woke.Add(minPace); at.Before(earliest) {
		at = earliest
	}
	for {
		left := time.Until(at)
		if left <= 0 || p.ctx.Err() != nil {
			p.woke = time.Now()
			return p.ctx.Err() == nil
		}
		if !p.wait(at, left) { // the file does not work after all
			return waitUntil(p.ctx, at)
		}
	}
}

// wait waits for about so long.
func (p *filePacer) wait(at time.Time, left time.Duration) bool {
	// A deadline that is set after the context's end would undo the one that ended the wait.
	if p.file.SetReadDeadline(at) != nil {
		return false
	}
	if p.ctx.Err() != nil {
		return true
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
	if unix.TimerfdSettime(p.fd, 0, &spec, nil) != nil {
		return false
	}
	_, err := p.file.Read(p.buf[:])
	return err == nil || os.IsTimeout(err)
}

func (p *filePacer) close() {
	p.stop()
	_ = p.file.Close()
}
