package systemd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
)

// MarkEnabled sets Enabled of the pools that systemctl enable has made poolctl-pools.target want, in one of
// the directories with units.
func MarkEnabled(pools []Pool, directories ...string) {
	enabled := map[string]bool{}
	for _, directory := range directories {
		links, _ := os.ReadDir(filepath.Join(directory, target+".wants")) // usually missing
		for _, link := range links {
			enabled[link.Name()] = true
		}
	}
	if len(enabled) == 0 {
		return
	}
	for i := range pools {
		name, err := unitName(pools[i].Name)
		pools[i].Enabled = err == nil && enabled[name]
	}
}

// Generate writes the units of pools below a directory, and reports what it cannot write. It stops for
// nothing.
func Generate(directory string, pools []Pool, report func(error)) {
	root, err := os.Open(directory)
	if err != nil {
		report(err)
		return
	}
	defer root.Close()
	mounts := mountsOf(pools)
	units := make([]unit, len(pools))
	errs := make([]error, len(pools))
	inParallel(len(pools), func(i int) { units[i], errs[i] = pools[i].unit(mounts) })
	s := shared{index: make(map[string]int, len(pools))}
	for i := range pools {
		s.add(&pools[i], &units[i])
	}
	dropIns := make([]dropIn, len(s.units), len(s.units)+len(pools))
	inParallel(len(s.units), func(i int) { dropIns[i] = s.units[i].dropIn() })
	for i := range units {
		if units[i].name != "" {
			dropIns = append(dropIns, units[i].dropIn)
		}
	}
	w := writer{dir: int(root.Fd()), path: directory}
	errs = append(errs, summary(w.write(dropIns)))
	for _, err := range errs {
		if err != nil {
			report(err)
		}
	}
}

// summary returns the first of some errors with the number of the others, which usually have the same reason,
// such as that the file system is full. A line for each could be too much for the kernel's log.
func summary(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	return fmt.Errorf("%w (and %d more errors)", errs[0], len(errs)-1)
}

// inParallel calls a function for the numbers below n, several at once.
func inParallel(n int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}

// mountsOf returns the units of the pools that mount something, by directory. If several pools use a
// directory, any of them may be the active one.
func mountsOf(pools []Pool) map[string][]string {
	mounts := map[string][]string{}
	for _, p := range pools {
		if p.Mount == "" {
			continue
		}
		if name, err := unitName(p.Name); err == nil {
			directory := filepath.Clean(p.Mount)
			mounts[directory] = append(mounts[directory], name)
		}
	}
	return mounts
}
