package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"poolctl/backend/fault"
	"poolctl/pooldef/store"
)

// maxStarts is the maximum number of pools that Autostart starts at the same time.
const maxStarts = 32

// An AutostartResult is what Autostart did with one pool.
type AutostartResult struct {
	Pool     string
	Started  bool // false: the pool was active already, or there is an error
	Warnings []error
	Err      error
}

// Autostart starts pools unless they are active, and reports each result as soon as it is certain. It starts
// pools at the same time, so that a server that does not answer delays no other pool. A pool that needs the
// target of another one, by the paths in their definitions, is started after it. A pool that fails may need
// another one in a way that no path shows, so it is started again when others have been started since.
//
// In a dry run, Autostart starts one pool after the other, in the order in which they need each other.
func (d *Driver) Autostart(ctx context.Context, entries []*store.Entry, report func(AutostartResult)) {
	pending := d.plan(ctx, entries)
	if d.DryRun {
		for _, s := range inOrder(pending) {
			d.autostart(ctx, s)
			report(s.result)
		}
		return
	}
	for progress := true; progress; pending = slices.DeleteFunc(pending, (*start).isCertain) {
		progress = false
		for s := range d.startAll(ctx, pending) {
			if s.isCertain() {
				report(s.result)
			}
			progress = progress || s.result.Started && s.result.Err == nil
		}
	}
	for _, s := range pending {
		report(s.result)
	}
}

// startAll starts pools at the same time, each after those that it needs, and sends them in the order in
// which they finish.
func (d *Driver) startAll(ctx context.Context, pending []*start) <-chan *start {
	slots, finished := make(chan struct{}, maxStarts), make(chan *start)
	var wait sync.WaitGroup
	for _, s := range pending {
		s.done = make(chan struct{})
	}
	for _, s := range pending {
		wait.Go(func() {
			for _, needed := range s.needs {
				<-needed.done
			}
			slots <- struct{}{}
			d.autostart(ctx, s)
			<-slots
			close(s.done)
			finished <- s
		})
	}
	go func() {
		defer close(finished)
		wait.Wait()
	}()
	return finished
}

// A start is a pool that Autostart starts.
type start struct {
	entry   *store.Entry
	targets []string // the path of the pool's target in the definition, and where that is
	devices []string // the paths of the definition's devices that do not exist
	needs   []*start
	done    chan struct{} // closed when the start has ended
	result  AutostartResult
}

// isCertain reports whether the start has succeeded, or failed in a way that other pools do not change:
// because a server did not answer, for example.
func (s *start) isCertain() bool {
	kind := fault.Of(s.result.Err)
	return s.result.Err == nil || kind == fault.Timeout || kind == fault.Usage
}

// autostart starts one pool. Its warnings are part of the result.
func (d *Driver) autostart(ctx context.Context, s *start) {
	s.result = AutostartResult{Pool: s.entry.Name}
	own := *d
	own.Warn = func(format string, args ...any) {
		s.result.Warnings = append(s.result.Warnings, fmt.Errorf(format, args...))
	}
	s.result.Started, s.result.Err = own.AutostartPool(ctx, s.entry.Name)
}

// plan returns the starts of pools with what they need. Circles are cut.
func (d *Driver) plan(ctx context.Context, entries []*store.Entry) []*start {
	all := InParallel(entries, func(entry *store.Entry) *start { return d.newStart(ctx, entry) })
	for _, s := range all {
		for _, other := range all {
			if s != other && s.isIn(other) && !other.leadsTo(s) {
				s.needs = append(s.needs, other)
			}
		}
	}
	return all
}

// newStart returns the start of a pool, with the paths that it uses.
func (d *Driver) newStart(ctx context.Context, entry *store.Entry) *start {
	s := &start{entry: entry}
	p := entry.Current()
	if p == nil {
		return s
	}
	if path := p.Target.Path; path != "" {
		s.targets = []string{filepath.Clean(path)}
		at, err := ask(ctx, d, p, func() (string, error) { return d.Host.Canonical(path), nil })
		if err == nil && at != s.targets[0] {
			s.targets = append(s.targets, at)
		}
	}
	for _, device := range p.Source.Devices { // the device may be a file on a server that is gone
		_, err := ask(ctx, d, p, func() (fs.FileInfo, error) { return d.Host.Stat(device.Path) })
		if errors.Is(err, fs.ErrNotExist) {
			s.devices = append(s.devices, filepath.Clean(device.Path))
		}
	}
	return s
}

// isIn reports whether a pool's directory, or a device that the pool lacks, is in the target of another pool.
func (s *start) isIn(other *start) bool {
	paths := s.devices
	if p := s.entry.Current(); p != nil && p.Type.Info().OwnsTarget() {
		paths = slices.Concat(paths, s.targets)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		return slices.ContainsFunc(other.targets, func(target string) bool { return IsBelow(path, target) })
	})
}

// leadsTo reports whether s needs another pool, directly or not.
func (s *start) leadsTo(other *start) bool {
	seen := map[*start]bool{}
	var leads func(s *start) bool
	leads = func(s *start) bool {
		if seen[s] {
			return false
		}
		seen[s] = true
		return slices.ContainsFunc(s.needs, func(needed *start) bool { return needed == other || leads(needed) })
	}
	return leads(s)
}

// inOrder returns pools after those that they need.
func inOrder(all []*start) []*start {
	var sorted []*start
	seen := map[*start]bool{}
	var add func(s *start)
	add = func(s *start) {
		if seen[s] {
			return
		}
		seen[s] = true
		for _, needed := range s.needs {
			add(needed)
		}
		sorted = append(sorted, s)
	}
	for _, s := range all {
		add(s)
	}
	return sorted
}
