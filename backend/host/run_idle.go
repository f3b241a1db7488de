package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// endIfIdle ends a command, whose process group is pid, when it has been idle for as long as limit: the
// command and its children have used no processor time, have read and written nothing, and do not wait for a
// disk. The caller calls stop when the command has ended.
func endIfIdle(pid int, limit time.Duration, end context.CancelCauseFunc) (stop func()) {
	ended := make(chan struct{})
	go func() {
		ticker := time.NewTicker(max(limit/8, time.Millisecond))
		defer ticker.Stop()
		last, since := []byte(nil), time.Now()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
			now, busy := activity(pid)
			if busy || !bytes.Equal(now, last) {
				last, since = now, time.Now()
			} else if time.Since(since) > limit {
				end(fmt.Errorf("it made no progress for %v: %w", limit, context.DeadlineExceeded))
				return
			}
		}
	}()
	return func() { close(ended) }
}

// activity returns counters that change when a process of a group does something. busy reports whether a
// process runs or waits for a disk (proc(5), stat and io).
func activity(group int) (counters []byte, busy bool) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		if fields := statFields(file); len(fields) < 13 || string(fields[2]) != strconv.Itoa(group) {
			continue
		}
		threads, _ := filepath.Glob(filepath.Dir(file) + "/task/[0-9]*/stat")
		for _, thread := range threads {
			if fields := statFields(thread); len(fields) > 12 {
				busy = busy || string(fields[0]) == "R" || string(fields[0]) == "D"
				counters = fmt.Appendf(counters, "%s %s\n", fields[11], fields[12])
			}
		}
		io, _ := os.ReadFile(filepath.Dir(file) + "/io")
		counters = append(counters, io...)
	}
	return counters, busy
}

// statFields returns the fields behind the process name: 0 is the state, 1 the parent, 2 the process group;
// 11 and 12 are the processor time.
func statFields(file string) [][]byte {
	data, _ := os.ReadFile(file)
	return bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
}
