package host

import (
	"fmt"
	"hash/fnv"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// TempNames are names of what is being made, and of what is needed only meanwhile. They say by which process, and when that has begun, so that
// what a killed one has left is known.
type TempNames struct {
	Prefix string // what they begin with, no others' names

	count atomic.Uint64
	inUse sync.Map // those of this process
}

// New returns a name that nobody has. Drop has to be called when it is not needed any more.
func (m *TempNames) New() string {
	name := fmt.Sprintf("%s%d-%s-%d", m.Prefix, os.Getpid(), startTime(os.Getpid()), m.count.Add(1))
	m.inUse.Store(name, true)
	return name
}

// Release says that a name is not needed any more.
func (m *TempNames) Release(name string) { m.inUse.Delete(name) }

var tempName = regexp.MustCompile(`^(\d+)-(\d+)-\d+$`)

// Match tells whether a name is one of these.
func (m *TempNames) Match(name string) bool {
	rest, ok := strings.CutPrefix(name, m.Prefix)
	return ok && tempName.MatchString(rest)
}

// IsStale tells whether a name is one of these that nobody needs any more.
func (m *TempNames) IsStale(name string) bool {
	if !m.Match(name) {
		return false
	}
	parts := tempName.FindStringSubmatch(strings.TrimPrefix(name, m.Prefix))
	pid, err := strconv.Atoi(parts[1])
	if err != nil || startTime(pid) != parts[2] {
		return true
	}
	_, used := m.inUse.Load(name)
	return pid == os.Getpid() && !used
}

// startTime tells when a process has begun, in ticks since the machine has (proc(5), stat); 0 if there is none.
func startTime(pid int) string {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 {
		return "0"
	}
	return fields[19]
}

// Machine tells machines from each other that use the same storage, by their identity and name: copies of one may have the same identity
// (machine-id(5)).
func Machine() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		id, _ = os.ReadFile("/proc/sys/kernel/random/boot_id")
	}
	name, _ := os.Hostname()
	h := fnv.New32a()
	_, _ = h.Write(append(id, name...))
	return fmt.Sprintf("%08x", h.Sum32())
}
