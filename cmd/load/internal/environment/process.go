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

func start(cmd *exec.Cmd) (*process, error) {
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

// ownGroup puts a program into a process group of its own.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
