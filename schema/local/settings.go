package local

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// machine is what the settings depend on; sizes are in bytes.
type machine struct {
	memory int64 // that may be used
	disk   int64 // that is free for the data
	shm    int64 // of /dev/shm; 0 where there is none
	cpus   int   // that may be used
}

// thisMachine measures; what cannot be measured is taken to be small.
func thisMachine(dir string) machine {
	m := machine{memory: 4 * gib, disk: 8 * gib, cpus: runtime.GOMAXPROCS(0)}
	if total := memTotal(); total > 0 {
		m.memory = total
	}
	// A container may have less than its machine.
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(path); err == nil {
			if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 {
				m.memory = min(m.memory, limit)
			}
		}
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err == nil {
		m.disk = int64(disk.Bavail) * int64(disk.Bsize)
	}
	var shm syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &shm); err == nil {
		m.shm = int64(shm.Blocks) * int64(shm.Bsize)
	}
	return m
}

// memTotal returns the bytes of memory, or 0 where there is no /proc/meminfo.
func memTotal() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

func clamp(v, least, most int64) int64 { return max(least, min(v, most)) }

// settings returns PostgreSQL's configuration for a machine, as name=value. The server shares the machine
// with the commands that use it, hence the modest shares of memory.
func settings(m machine, bin binaries, port int) []string {
	size := func(bytes int64) string { return strconv.FormatInt(bytes/mib, 10) + "MB" }
	list := []string{
		// Reachable from this machine alone, and without a socket file whose path could be too long.
		"listen_addresses=127.0.0.1",
		fmt.Sprintf("port=%d", port),
		"unix_socket_directories=",
		"max_connections=200",
		"password_encryption=scram-sha-256",

		"shared_buffers=" + size(clamp(m.memory/8, 128*mib, 2*gib)),
		"effective_cache_size=" + size(m.memory/2),
		"maintenance_work_mem=" + size(clamp(m.memory/16, 64*mib, 512*mib)),
		"work_mem=" + size(clamp(m.memory/512, 4*mib, 64*mib)),
		"huge_pages=off",

		// Speed instead of surviving a loss of power; see the package documentation. On is not the same as
		// with fsync: a commit waits until the operating system has it, not until the disk has.
		"fsync=off",
		"full_page_writes=off",
		"synchronous_commit=on",
		// Lets COPY into a table of the same transaction bypass the log.
		"wal_level=minimal",
		"max_wal_senders=0",
		"max_wal_size=" + size(clamp(m.disk/8, gib, 8*gib)),
		"checkpoint_timeout=30min",

		// Queries leave a processor to the commands that send them.
		fmt.Sprintf("max_worker_processes=%d", max(8, m.cpus)),
		fmt.Sprintf("max_parallel_workers=%d", m.cpus),
		fmt.Sprintf("max_parallel_workers_per_gather=%d", min(m.cpus/2, 4)),
		fmt.Sprintf("max_parallel_maintenance_workers=%d", min(m.cpus, 4)),

		"random_page_cost=1.1", // a solid-state disk, or data in memory
		"jit=off",
		"autovacuum=on",
		"track_io_timing=on",
		"timezone=UTC",
		"log_timezone=UTC",

		// Errors of statements are told to the client; the log would grow without end under a load that
		// provokes them. What the server has to say itself is above that level.
		"logging_collector=off",
		"log_destination=stderr",
		"log_min_messages=log",
		"log_checkpoints=off",
	}
	if m.shm > 0 && m.shm < 256*mib {
		// A container's /dev/shm is often of 64 MB, on which parallel queries fail.
		list = append(list, "dynamic_shared_memory_type=mmap")
	}
	if bin.library("pg_stat_statements") {
		list = append(list, "shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=top")
	}
	return list
}
