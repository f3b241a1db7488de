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

// Volumes implements backend.Backend. It reads the directory once and opens no file.
func (f Files) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return f.list(ctx, p, func(name string) *pooldef.Volume { return newVolume(p, name) })
}

// Names implements backend.NameLister.
func (f Files) Names(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	var v pooldef.Volume
	return f.list(ctx, p, func(name string) *pooldef.Volume {
		fillName(&v, p, name)
		return &v
	})
}

// list lists the names in the directory. show returns the volume with a name.
func (f Files) list(
	ctx context.Context, p *pooldef.Pool, show func(name string) *pooldef.Volume,
) iter.Seq2[*pooldef.Volume, error] {
	find := func() ([]safeopen.DirEntry, error) {
		dir, err := f.openPoolDir(p)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		entries, err := volumeEntries(ctx, dir)
		return sorted(entries), err
	}
	return backend.List(find, func(e safeopen.DirEntry) *pooldef.Volume { return show(e.Name) })
}

// batch is the number of volumes that are inspected before the first of them is returned; at the beginning of
// a listing, which a reader waits for, it is firstBatch. workers is the number of volumes that are inspected
// concurrently: more than there are processors, because each volume may need a request to a server.
const (
	firstBatch = 2 * workers
	batch      = 1024
	workers    = 16
)

// Details implements backend.DetailLister. It reads the headers of all images, several at a time.
func (f Files) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		dir, err := f.openPoolDir(p)
		if err != nil {
			yield(nil, err)
			return
		}
		defer dir.Close()
		entries, err := volumeEntries(ctx, dir)
		if err != nil {
			yield(nil, err)
			return
		}
		for part := range batches(entries) {
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

// details returns the volumes of a listing, and nil for each volume that has been removed since.
func (f Files) details(dir *host.Dir, p *pooldef.Pool, entries []safeopen.DirEntry) []*pooldef.Volume {
	volumes := make([]*pooldef.Volume, len(entries))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(entries); i += workers {
				volumes[i] = catchPanic(p, entries[i].Name, func() *pooldef.Volume {
					return inspectListed(dir, p, entries[i])
				})
			}
		})
	}
	group.Wait()
	return volumes
}

// inspectSafely calls inspect and converts a panic to the volume's error, so that a header which crashes
// poolctl does not hide other volumes.
func inspectSafely(dir *host.Dir, p *pooldef.Pool, name string) *pooldef.Volume {
	return catchPanic(p, name, func() *pooldef.Volume { return inspect(dir, p, name) })
}

// catchPanic returns the result of inspect or, if inspect panics, the volume with an error that asks for a
// bug report.
func catchPanic(p *pooldef.Pool, name string, inspect func() *pooldef.Volume) (found *pooldef.Volume) {
	defer func() {
		if fault := recover(); fault != nil {
			v := newVolume(p, name)
			v.Err = fmt.Errorf("this is a bug in poolctl, please report it: reading %q: %v", v.Target.Path,
				fault)
			found = v
		}
	}()
	return inspect()
}

// volumeEntries lists the volumes, in no order: files, directories, block devices, and links to them,
// including links that may not be followed. It omits staging directories.
func volumeEntries(ctx context.Context, dir *host.Dir) ([]safeopen.DirEntry, error) {
	entries, err := dir.List()
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e safeopen.DirEntry) bool {
		return isStagingName(e.Name) || !isVolume(dir, e)
	})
	return entries, ctx.Err()
}

func isVolume(dir *host.Dir, e safeopen.DirEntry) bool {
	if e.Type&fs.ModeSymlink == 0 {
		return isVolumeMode(e.Type)
	}
	h, err := dir.OpenPath(e.Name)
	if err != nil { // the target does not exist, is a loop, or may not be accessed
		return errors.As(err, new(*safeopen.LinkError))
	}
	defer h.Close()
	return isVolumeHandle(h)
}

// isVolumeMode reports whether a mode is that of a regular file, directory or block device. libvirt also
// ignores all other files.
func isVolumeMode(mode fs.FileMode) bool {
	return mode&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice|fs.ModeIrregular) == 0
}

// newVolume returns a volume without details.
func newVolume(p *pooldef.Pool, name string) *pooldef.Volume {
	v := new(pooldef.Volume)
	fillName(v, p, name)
	return v
}

// fillName replaces a volume by one without details.
func fillName(v *pooldef.Volume, p *pooldef.Pool, name string) {
	path := p.Target.Path + "/" + name
	*v = pooldef.Volume{Name: name, Key: path, Target: pooldef.VolumeTarget{Path: path}}
}

// Volume implements backend.Backend. It inspects the image's backing file, but no image below that.
func (f Files) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return f.volume(ctx, dir, p, name)
}

// volume implements Volume in an open directory.
func (f Files) volume(
	ctx context.Context, dir *host.Dir, p *pooldef.Pool, name string,
) (*pooldef.Volume, error) {
	volume, err := lookUp(ctx, dir, p, name)
	if err == nil {
		f.complete(dir, volume)
	}
	return volume, err
}

// open returns a volume with the details of a listing, and the pool's directory, which the caller closes.
func (f Files) open(ctx context.Context, p *pooldef.Pool, name string) (*host.Dir, *pooldef.Volume, error) {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return nil, nil, err
	}
	v, err := lookUp(ctx, dir, p, name)
	if err != nil {
		dir.Close()
	}
	return dir, v, err
}

// lookUp returns a volume with the details of a listing.
func lookUp(ctx context.Context, dir *host.Dir, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
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
