package health

import (
	"bytes"
	"os"
	"strconv"
)

// machine is how much time all processors of the machine have spent, in the system's ticks; zero where it does not
// tell.
type machine struct {
	idle, total uint64
}

func readMachine() machine {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machine{}
	}
	return parseMachine(data)
}

// parseMachine reads the first line of Linux's /proc/stat: cpu, user, nice, system, idle, iowait, irq, softirq, steal,
// and more that is part of these.
func parseMachine(data []byte) (m machine) {
	line, _, _ := bytes.Cut(data, []byte{'\n'})
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return machine{}
	}
	for i, f := range fields[1:9] {
		ticks, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			return machine{}
		}
		m.total += ticks
		if i == 3 || i == 4 {
			m.idle += ticks
		}
	}
	return m
}

// idleSince is the share of the time since an earlier reading that nobody used; 1 where that is not known.
func (m machine) idleSince(before machine) float64 {
	if m.total <= before.total || m.idle < before.idle {
		return 1
	}
	return float64(m.idle-before.idle) / float64(m.total-before.total)
}
