package systemd

import (
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
	s := shared{index: map[string]int{}}
	for i := range pools {
		s.add(&pools[i], &units[i])
	}
	inParallel(len(s.dropIns), func(i int) { s.dropIns[i].generalise() })
	for i := range units {
		if units[i].name != "" {
			s.dropIns = append(s.dropIns, units[i].dropIn)
		}
	}
	w := writer{dir: int(root.Fd()), path: directory}
	errs = append(errs, w.write(s.dropIns)...)
	for _, err := range errs {
		if err != nil {
			report(err)
		}
	}
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
// directory, only one of them can be active.
func mountsOf(pools []Pool) map[string]string {
	mounts := map[string]string{}
	for _, p := range pools {
		if p.Mount == "" {
			continue
		}
		if name, err := unitName(p.Name); err == nil {
			mounts[filepath.Clean(p.Mount)] = name
		}
	}
	return mounts
}

// Shared has the drop-ins of the units that several pools may use.
type shared struct {
	dropIns []dropIn
	index   map[string]int // of a unit's drop-in
}

// add adds what the unit of a pool means for other units.
func (s *shared) add(p *Pool, u *unit) {
	if u.name == "" {
		if p.Autostart {
			s.of(target).want(autostart)
		}
		return
	}
	if p.IsHidden {
		for _, mount := range p.mountUnit() {
			s.of(mount).unmountEarly()
		}
	}
	if p.Autostart {
		s.of(target).want(u.name)
	}
	if p.Autostart || p.Enabled {
		for _, other := range u.triggers {
			s.of(other).want(u.name)
		}
	}
}

// of returns the drop-in of a unit. It is valid until the next call.
func (s *shared) of(name string) *dropIn {
	i, known := s.index[name]
	if !known {
		i = len(s.dropIns)
		s.index[name] = i
		s.dropIns = append(s.dropIns, newDropIn(name))
	}
	return &s.dropIns[i]
}
