package report

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is where the runner ran. Results of different machines are hardly comparable.
type Machine struct {
	Hostname string `json:"hostname"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	// CPU is the processor's name, "" where it can't be told.
	CPU string `json:"cpu,omitempty"`
	// Cores is how many the program may use.
	Cores int `json:"cores"`
}

// ThisMachine describes the machine.
func ThisMachine() Machine {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return Machine{Hostname: name, OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: processor(), Cores: runtime.GOMAXPROCS(0)}
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close() // only read
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ThisProgram describes the build of the program.
func ThisProgram() map[string]string {
	p := map[string]string{"go": runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	p["version"] = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			p["commit"] = s.Value
		case "vcs.modified":
			p["modified"] = s.Value
		}
	}
	return p
}
