package environment

import (
	"os/exec"
	"syscall"
	"time"
)

// process is a program that runs beside this one.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has ended and cmd has its state
}

// start starts a program in a process group of its own. One that is bound ends when its standard input does, which
// is as soon as this process is gone.
func start(cmd *exec.Cmd, bound bool) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if bound {
		cmd.Args = append(cmd.Args, "--stop-at-eof")
		if _, err := cmd.StdinPipe(); err != nil { // which cmd keeps open
			return nil, err
		}
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		close(p.ended)
	}()
	return p, nil
}

// stop asks the program to end, then to end at once, and then ends it.
func (p *process) stop(hurry <-chan struct{}) {
	for _, ask := range []struct {
		signal syscall.Signal
		wait   time.Duration
		hurry  <-chan struct{}
	}{{syscall.SIGTERM, stopTimeout, hurry}, {syscall.SIGTERM, dropTimeout, nil}} {
		_ = p.cmd.Process.Signal(ask.signal) // it may have ended
		select {
		case <-p.ended:
			return
		case <-ask.hurry:
		case <-time.After(ask.wait):
		}
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}
