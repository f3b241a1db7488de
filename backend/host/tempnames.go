package host

import (
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"poolctl/format/lazy"
)

// TempNames generates names for temporary objects. Each name contains the number and the start time of its
// process, so that leftovers of dead processes can be recognised.
type TempNames struct {
	Prefix string // of these names, and of no others
	Shared bool   // several machines use the storage: names also contain the machine

	count atomic.Uint64
	inUse sync.Map // names of this process
}

// New returns a new name. The caller calls Release when the object is gone.
func (m *TempNames) New() string {
	name := fmt.Sprintf("%s%d-%s-%d", m.prefix(), os.Getpid(), startTime(os.Getpid()), m.count.Add(1))
	m.inUse.Store(name, true)
	return name
}

func (m *TempNames) prefix() string {
	if m.Shared {
		return m.Prefix + Machine() + "-"
	}
	return m.Prefix
}

// Release marks a name as no longer in use.
func (m *TempNames) Release(name string) { m.inUse.Delete(name) }

var tempName = lazy.Regexp(`^(\d+)-(\d+)-\d+$`)

// Match reports whether a name has the form of these names.
func (m *TempNames) Match(name string) bool {
	rest, ok := strings.CutPrefix(name, m.prefix())
	return ok && tempName().MatchString(rest)
}

// IsStale reports whether a name has the form of these names and is in use by no process.
func (m *TempNames) IsStale(name string) bool {
	if !m.Match(name) {
		return false
	}
	parts := tempName().FindStringSubmatch(strings.TrimPrefix(name, m.prefix()))
	pid, err := strconv.Atoi(parts[1])
	if err != nil || startTime(pid) != parts[2] {
		return true
	}
	_, used := m.inUse.Load(name)
	return pid == os.Getpid() && !used
}

// startTime returns when a process started, in ticks since the machine's start (proc(5), stat); 0 if the
// process does not exist.
func startTime(pid int) string {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 {
		return "0"
	}
	return fields[19]
}

// Machine returns a name that distinguishes machines which use the same storage. It is derived from the
// machine ID and the host name, because copies of a machine may have the same ID (machine-id(5)).
var Machine = sync.OnceValue(func() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		id, _ = os.ReadFile("/proc/sys/kernel/random/boot_id")
	}
	name, _ := os.Hostname()
	h := fnv.New32a()
	_, _ = h.Write(append(id, name...))
	return fmt.Sprintf("%08x", h.Sum32())
})
