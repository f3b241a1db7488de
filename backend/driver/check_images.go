package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// deepChain is the largest number of images below a volume that is not reported.
const deepChain = 8

// maxWalk limits the number of images that are followed below a volume.
const maxWalk = 200

// checkImages adds the findings about image headers and backing files. all are the entries of all pools. It
// uses the listings of the pools, and looks up backing files that no listing has, but opens none. What it
// cannot look up within ctx's time limit is not reported.
func (d *Driver) checkImages(ctx context.Context, pools []*CheckedPool, all []*store.Entry) {
	all = slices.DeleteFunc(slices.Clone(all), func(entry *store.Entry) bool {
		if entry.Err != nil {
			return true
		}
		_, locates := d.Backends[entry.Current().Type].(backend.Locator)
		return !locates
	})
	x := &imageIndex{ctx: ctx, driver: d, entries: all, byPath: map[string]*pooldef.Volume{},
		isBacking: map[*pooldef.Volume]bool{}, listed: map[string]bool{}, dirs: d.resolvedDirs(),
		states: map[string]backingState{}, reported: map[check.Finding]*group{}}
	for _, c := range pools {
		x.add(c)
	}
	for _, c := range pools {
		for _, v := range c.Volumes {
			if v.Backing != nil {
				x.isBacking[x.byPath[x.key(v.Backing.Path)]] = true
			}
		}
	}
	for _, c := range pools {
		for _, v := range c.Volumes {
			if v.Type == "file" || v.Type == "network" {
				x.check(c, v)
			}
		}
	}
}

// An imageIndex finds images by the paths in the headers of their overlays.
type imageIndex struct {
	ctx       context.Context
	driver    *Driver
	entries   []*store.Entry
	byPath    map[string]*pooldef.Volume // the listed volumes, by path without links above the name, or URI
	listed    map[string]bool            // the directories of which all images are in byPath
	dirs      *resolvedDirs
	isBacking map[*pooldef.Volume]bool // the listed volumes that have overlays
	states    map[string]backingState  // where backing files are that are not in byPath
	reported  map[check.Finding]*group // the findings about backing files
}

// A group is the volumes of a pool with the same finding.
type group struct{ index, count int }

// add adds the volumes of a pool.
func (x *imageIndex) add(c *CheckedPool) {
	dir := ""
	if c.Volumes != nil && c.Pool.Target.Path != "" {
		dir = x.dirs.canonical(x.ctx, c.Pool.Target.Path)
		x.listed[dir] = c.Answered
	}
	for _, v := range c.Volumes {
		if dir != "" {
			x.byPath[filepath.Join(dir, v.Name)] = v
		} else {
			x.byPath[v.Target.Path] = v
		}
	}
}

// key returns the key of byPath for a path in a header.
func (x *imageIndex) key(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(x.dirs.canonical(x.ctx, filepath.Dir(path)), filepath.Base(path))
}

// check adds the findings about one image.
func (x *imageIndex) check(c *CheckedPool, v *pooldef.Volume) {
	if v.Target.IsCorrupt {
		x.report(c, v, check.New("image-corrupt", "the header says that the image is corrupt",
			"qemu-img check "+v.Target.Path))
	}
	if v.Target.IsDirty {
		x.report(c, v, check.New("image-dirty", "the image was not closed properly",
			"qemu-img check "+v.Target.Path))
	}
	if v.Backing == nil {
		return
	}
	if v.Target.Format == "qcow2" && v.Backing.Format == "" {
		x.report(c, v, check.New("backing-format",
			fmt.Sprintf("the format of the backing file %q is not recorded", v.Backing.Path), ""))
	}
	switch x.state(v.Backing.Path) {
	case backingMissing:
		x.report(c, v, check.New("backing-missing",
			fmt.Sprintf("the backing file %q does not exist", v.Backing.Path), ""))
		return
	case backingOutside:
		x.report(c, v, check.New("backing-outside",
			fmt.Sprintf("the backing file %q is in no active pool", v.Backing.Path), ""))
		return
	}
	x.checkChain(c, v)
}

// report adds a finding about a volume. If several overlays of a pool have the same finding, such as a
// backing file that they share, it is reported once.
func (x *imageIndex) report(c *CheckedPool, v *pooldef.Volume, f check.Finding) {
	f.Pool = c.Name
	if g := x.reported[f]; g != nil {
		g.count++
		c.Findings[g.index].Text = fmt.Sprintf("%s (and %d more like this)", f.Text, g.count)
		return
	}
	if v.Backing != nil {
		x.reported[f] = &group{index: len(c.Findings)}
	}
	f.Volume = v.Name
	c.add(f)
}

// checkChain follows the chain below an image as far as its images are listed.
func (x *imageIndex) checkChain(c *CheckedPool, v *pooldef.Volume) {
	seen := map[*pooldef.Volume]bool{v: true}
	depth := 0
	for at := v; at.Backing != nil && depth <= maxWalk; depth++ {
		next := x.byPath[x.key(at.Backing.Path)]
		switch {
		case seen[next]:
			x.report(c, v, check.New("chain-loop", "its backing files lead back to it", ""))
			return
		case next == nil || at.Backing.Format == "raw":
			next = &pooldef.Volume{} // the end of what is known
		}
		seen[next] = true
		at = next
	}
	if depth > deepChain && !x.isBacking[v] {
		x.report(c, v, check.New("chain-depth", fmt.Sprintf("%d images are below it", depth), ""))
	}
}

// A backingState says where a backing file is.
type backingState int

const (
	backingFine    backingState = iota // a volume of an active pool, or not a file of this machine
	backingMissing                     // it does not exist
	backingOutside                     // it exists, and is in no active pool
)

// state returns where a backing file is.
func (x *imageIndex) state(path string) backingState {
	key := x.key(path)
	if x.byPath[key] != nil || !filepath.IsAbs(path) {
		return backingFine
	}
	state, known := x.states[key]
	if !known {
		state = x.lookUp(key)
		x.states[key] = state
	}
	return state
}

// lookUp finds out where a backing file is that no listing has.
func (x *imageIndex) lookUp(key string) backingState {
	if x.listed[filepath.Dir(key)] {
		return backingMissing
	}
	_, err := backend.Await(x.ctx, func() (fs.FileInfo, error) { return x.driver.Host.Stat(key) })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return backingMissing
	case err != nil: // it may not be looked up, or does not answer
		return backingFine
	}
	pool, err := backend.Await(x.ctx, func() (string, error) {
		pool, _, err := x.driver.poolOf(x.ctx, x.entries, key)
		return pool, err
	})
	if err == nil && pool == "" {
		return backingOutside
	}
	return backingFine
}
