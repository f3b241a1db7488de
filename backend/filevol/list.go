package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// Volumes implements backend.Backend: one reading of the directory. Nothing is opened.
func (f Files) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	list := func() ([]string, error) {
		dir, err := f.enter(p)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		return names(ctx, dir)
	}
	return backend.List(list, func(name string) *pooldef.Volume { return newVolume(p, name) })
}

// batch is how many volumes are looked at before the first of them is passed on, workers how many at a time: more than
// there are processors, because a server may have to be asked for each.
const (
	batch   = 1024
	workers = 16
)

// Details implements backend.Detailer: the headers of all images are read, many at a time.
func (f Files) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		dir, err := f.enter(p)
		if err != nil {
			yield(nil, err)
			return
		}
		defer dir.Close()
		names, err := names(ctx, dir)
		if err != nil {
			yield(nil, err)
			return
		}
		for part := range slices.Chunk(names, batch) {
			for _, volume := range f.details(dir, p, part) {
				if err := ctx.Err(); err != nil {
					yield(nil, err)
					return
				}
				if volume != nil && !yield(volume, nil) {
					return
				}
			}
		}
	}
}

// details returns the volumes of these names; nil for one that has gone meanwhile.
func (f Files) details(dir *host.Dir, p *pooldef.Pool, names []string) []*pooldef.Volume {
	volumes := make([]*pooldef.Volume, len(names))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(names); i += workers {
				volumes[i] = inspectSafely(dir, p, names[i])
			}
		})
	}
	group.Wait()
	return volumes
}

// inspectSafely is inspect, whose panic is the error of the volume: a header that poolctl does not survive hides no other volume.
func inspectSafely(dir *host.Dir, p *pooldef.Pool, name string) *pooldef.Volume {
	return survive(newVolume(p, name), func() *pooldef.Volume { return inspect(dir, p, name) })
}

// survive returns what inspect returns or, if that panics, v with an error that asks for a report.
func survive(v *pooldef.Volume, inspect func() *pooldef.Volume) (found *pooldef.Volume) {
	defer func() {
		if fault := recover(); fault != nil {
			v.Err = fmt.Errorf("this is a bug in poolctl, please report it: reading %q: %v", v.Target.Path, fault)
			found = v
		}
	}()
	return inspect()
}

// names lists what counts as a volume: files, directories, block devices, and links to them, also those that may not be followed. What a
// poolctl is just making does not.
func names(ctx context.Context, dir *host.Dir) ([]string, error) {
	entries, err := dir.List()
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if !isStage(e.Name()) && isVolume(dir, e) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, pooldef.CompareNames)
	return slices.Compact(names), ctx.Err() // of a directory that is being changed, a name may be read twice
}

func isVolume(dir *host.Dir, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return isVolumeMode(e.Type())
	}
	h, err := dir.OpenPath(e.Name())
	if err != nil { // it leads nowhere, in a circle, or where we may not look
		return errors.As(err, new(*safeopen.LinkError))
	}
	defer h.Close()
	return isHeldVolume(h)
}

// isVolumeMode accepts regular files, directories and block devices; libvirt, too, passes over the rest.
func isVolumeMode(mode fs.FileMode) bool {
	return mode&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice|fs.ModeIrregular) == 0
}

func newVolume(p *pooldef.Pool, name string) *pooldef.Volume {
	path := p.Target.Path + "/" + name
	return &pooldef.Volume{Name: name, Key: path, Target: pooldef.VolumeTarget{Path: path}}
}

// Volume implements backend.Backend. The file that an image names as its backing is looked at, but never what that one names.
func (f Files) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	dir, err := f.enter(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return f.volume(ctx, dir, p, name)
}

// volume is Volume in a directory that is held.
func (f Files) volume(ctx context.Context, dir *host.Dir, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	volume, err := look(ctx, dir, p, name)
	if err == nil {
		f.complete(dir, volume)
	}
	return volume, err
}

// look returns a volume with what a listing tells of it.
func look(ctx context.Context, dir *host.Dir, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := volumePath(p, name); err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrNoVolume, err)
	}
	volume := inspectSafely(dir, p, name)
	if volume == nil {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	if volume.Type == "" {
		return nil, volume.Err
	}
	return volume, nil
}
