package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// removeStalePID removes a postmaster.pid whose process is gone. PostgreSQL does so itself, unless the
// number belongs to another program by now: then it would refuse to start for as long as that lives.
func (h *home) removeStalePID() error {
	path := filepath.Join(h.dataDir(), "postmaster.pid")
	pid, err := readPID(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && serves(pid, h.dataDir()) {
		return fmt.Errorf("%s is in use by a PostgreSQL server (pid %d) that was not started by this program: stop it first", h.dataDir(), pid)
	}
	if err == nil && strings.Contains(commandLine(pid), "postgres") && workingDir(pid) == "" {
		return nil // some server, and it cannot be seen whose: PostgreSQL has means of its own to tell
	}
	return os.Remove(path)
}

// readPID reads the first line of a postmaster.pid.
func readPID(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(line)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s does not begin with a process id", path)
	}
	return pid, nil
}

// ready tells whether the postmaster says in its pid file that it accepts connections.
func ready(data string, pid int) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return len(lines) == 8 && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready"
}

// serves tells whether the process is alive and serves the data directory.
func serves(pid int, data string) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	if dir := workingDir(pid); dir != "" {
		return dir == data // a postmaster works in its data directory
	}
	return strings.Contains(commandLine(pid), "-D "+data)
}

// workingDir returns nothing where the system does not tell: without /proc, and in a container even to root,
// if the process is another user's and the container lacks the right to trace.
func workingDir(pid int) string {
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return ""
	}
	return dir
}

// commandLine returns a process's program and arguments with spaces between them, or nothing if it has ended.
func commandLine(pid int) string {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.ReplaceAll(string(text), "\x00", " ")
	}
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// reap collects the ended postmaster if it was this process's child, and does nothing otherwise.
func reap(pid int) {
	if pid > 1 {
		var status syscall.WaitStatus
		_, _ = syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
	}
}
