package blockvol

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// IsStage tells the names of volumes that are being made, where volumes have names that can be changed. They are never listed, and no
// volume can have one. They say by which process, and when that has begun (proc(5), stat), so that what a killed one has left is known.
func IsStage(name string) bool { return stageName.MatchString(name) }

var stageName = regexp.MustCompile(`^\.poolctl-(\d+)-(\d+)-\d+$`)

var (
	count  atomic.Uint64
	making sync.Map // the names of this process's stages
)

// NewStage returns a name that nobody else has, and what is to be called when it is not needed any more.
func NewStage() (name string, done func()) {
	name = fmt.Sprintf(".poolctl-%d-%s-%d", os.Getpid(), begun(os.Getpid()), count.Add(1))
	making.Store(name, true)
	return name, func() { making.Delete(name) }
}

// begun tells when a process has begun, in ticks since the machine has; 0 if there is none.
func begun(pid int) string {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 {
		return "0"
	}
	return fields[19]
}

// IsLeft tells whether a name is that of a stage that nobody needs any more.
func IsLeft(name string) bool {
	m := stageName.FindStringSubmatch(name)
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
