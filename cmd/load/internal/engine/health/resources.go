package health

import (
	"fmt"
	"os"
	"strings"
)

// spareFiles is what the process needs of files beside the users' connections.
const spareFiles = 100

// CheckFiles tells whether so many users can have a connection to each of so many targets. limit is what
// RaiseFiles returned.
func CheckFiles(users, targets int, limit uint64) error {
	need := uint64(users)*uint64(max(targets, 1)) + spareFiles
	if limit == 0 || need <= limit {
		return nil
	}
	return fmt.Errorf("%d users need up to %d open files and this process may have %d: raise the limit with ulimit -n %d, or LimitNOFILE= in a systemd unit, or run fewer users",
		users, need, limit, need)
}

// CheckPorts tells whether the system has enough local ports for so many connections to one target. Where it
// can't be found out, it is taken for granted.
func CheckPorts(users int) error {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return nil
	}
	return checkPorts(users, string(data))
}

func checkPorts(users int, portRange string) error {
	var low, high int
	if n, _ := fmt.Sscan(strings.TrimSpace(portRange), &low, &high); n != 2 || users <= high-low+1 {
		return nil
	}
	return fmt.Errorf("%d users need as many local ports and the system has %d for connections to one address: widen it with sysctl net.ipv4.ip_local_port_range=\"1024 65535\", name several targets, or run fewer users",
		users, high-low+1)
}
