// Package stage names what is being made where there is nothing to lock, only names: volumes of LVM, of clusters. A name says by which process, and
// when that has begun, so that what a killed one has left is known.
package stage

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Is tells the names of what is being made. It is never listed, and no volume can have one.
func Is(name string) bool { return pattern.MatchString(name) }

var pattern = regexp.MustCompile(`^\.poolctl-(\d+)-(\d+)-\d+$`)

var (
	count  atomic.Uint64
	making sync.Map // the names of this process's stages
)

// New returns a name that nobody else has, and what is called when it is not needed any more.
func New() (name string, done func()) {
	name = fmt.Sprintf(".poolctl-%d-%s-%d", os.Getpid(), begun(os.Getpid()), count.Add(1))
	making.Store(name, true)
	return name, func() { making.Delete(name) }
}

// begun tells when a process has begun, in ticks since the machine has (proc(5), stat); 0 if there is none.
func begun(pid int) string {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 {
		return "0"
	}
	return fields[19]
}

// IsLeft tells whether a name is that of something, made on this machine, that nobody needs any more.
func IsLeft(name string) bool {
	m := pattern.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil || begun(pid) != m[2] {
		return true
	}
	_, used := making.Load(name)
	return pid == os.Getpid() && !used
}
