package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// Create implements backend.Creator: directories with mkdir(2), raw files natively, all other formats with
// qemu-img.
func (f Files) Create(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume,
	o backend.CreateOptions) error {
	dir, err := f.openForNew(p, d.Name)
	if err != nil {
		return err
	}
	defer dir.Close()
	switch {
	case d.Target.Format == "dir" && d.Target.Encryption == nil:
		return f.createDir(ctx, dir, d, o)
	case d.Target.Format == "raw" && d.Target.Encryption == nil:
		return f.createRaw(ctx, dir, d, o)
	}
	return f.createImage(ctx, dir, p, d, o)
}

// openForNew opens the pool's directory for creating a volume, and checks that the name is valid and free.
func (f Files) openForNew(p *pooldef.Pool, name string) (*host.Dir, error) {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return nil, err
	}
	path, err := volumePath(p, name)
	switch {
	case err != nil:
		err = pooldef.Problems{{Element: "name", Text: err.Error()}}
	case dir.Has(name):
		err = &backend.ExistsError{Path: path}
	default:
		return dir, nil
	}
	dir.Close()
	return nil, err
}

// createDir creates a directory volume. Its default mode is 0700: with libvirt's default mode for volumes,
// 0600, the owner could not enter the directory.
func (f Files) createDir(ctx context.Context, dir *host.Dir, d *pooldef.Volume,
	o backend.CreateOptions) error {
	switch {
	case d.Backing != nil:
		return pooldef.Problems{{Element: "backingStore", Text: "a directory has no backing store"}}
	case o.Preallocation != "" && o.Preallocation != "off":
		return pooldef.Problems{{Text: "a directory has nothing to preallocate"}}
	}
	return f.withStaging(ctx, dir, d, func(path string) error {
		err := f.Host.Change(ctx, host.Mkdir{Path: path, Mode: modeOr(d.Target.Permissions, 0o700)})
		if uid, gid := owner(d.Target.Permissions); err == nil && (uid >= 0 || gid >= 0) {
			err = f.Host.Change(ctx, host.Chown{Path: path, UID: uid, GID: gid})
		}
		return err
	})
}

func (f Files) createRaw(ctx context.Context, dir *host.Dir, d *pooldef.Volume,
	o backend.CreateOptions) error {
	if err := checkRaw(d, o); err != nil {
		return err
	}
	return f.withStaging(ctx, dir, d, func(path string) error {
		return f.Host.Change(ctx, rawFile(path, d, o))
	})
}

// rawFile returns the step that creates a raw volume.
func rawFile(path string, d *pooldef.Volume, o backend.CreateOptions) host.CreateFile {
	uid, gid := owner(d.Target.Permissions)
	return host.CreateFile{
		Path: path, Mode: modeOr(d.Target.Permissions, 0o600), UID: uid, GID: gid, Size: d.Capacity.Bytes,
		Allocate: rawAllocation(d, o), Zeros: o.Preallocation == "full", NoCOW: d.Target.NoCOW,
		Progress: o.Progress,
	}
}

// checkRaw checks a definition for options that raw files do not support.
func checkRaw(d *pooldef.Volume, o backend.CreateOptions) error {
	var problems pooldef.Problems
	refuse := func(unwanted bool, element, text string) {
		if unwanted {
			problems = append(problems, pooldef.Problem{Element: element, Text: text})
		}
	}
	refuse(!d.Capacity.Known, "capacity", "missing")
	refuse(d.Backing != nil, "backingStore", "a raw volume cannot have a backing store; qcow2 can")
	refuse(o.Preallocation == "metadata", "",
		"a raw volume has no metadata to preallocate; use falloc")
	refuse(d.Target.Compat != "", "target/compat", "only qcow2 has a compatibility level")
	refuse(d.Target.Features, "target/features", "only qcow2 has features")
	refuse(d.Target.ClusterSize != 0, "target/clusterSize", "a raw volume has no clusters")
	if problems != nil {
		return problems
	}
	return nil
}

// rawAllocation returns the number of bytes to allocate when creating a raw volume: the definition's
// allocation, or the capacity if the definition has none, and never more than the capacity.
func rawAllocation(d *pooldef.Volume, o backend.CreateOptions) uint64 {
	switch {
	case o.Preallocation == "off":
		return 0
	case o.Preallocation != "" || !d.Allocation.Known:
		return d.Capacity.Bytes
	}
	return min(d.Allocation.Bytes, d.Capacity.Bytes)
}

// modeOr returns the permission bits of a definition, or the default.
func modeOr(p pooldef.Permissions, usual fs.FileMode) fs.FileMode {
	if p.Mode == nil {
		return usual
	}
	return fs.FileMode(*p.Mode)
}

// owner returns the user and group IDs of a definition, -1 for each one missing.
func owner(p pooldef.Permissions) (uid, gid int) {
	uid, gid = -1, -1
	if p.Owner != nil {
		uid = int(*p.Owner)
	}
	if p.Group != nil {
		gid = int(*p.Group)
	}
	return uid, gid
}

// Delete implements backend.Deleter. Deleting a link leaves its target; a directory must be empty.
func (f Files) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return err
	}
	defer dir.Close()
	path, err := volumePath(p, name)
	if err != nil {
		return fmt.Errorf("%w: %w", backend.ErrNoVolume, err)
	}
	h, err := dir.OpenPath(name)
	if err == nil {
		defer h.Close()
	}
	switch {
	case isNotFound(err) || err == nil && !isVolumeHandle(h):
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	case errors.As(err, new(*safeopen.LinkError)): // the link is removed, wherever it leads
	case err != nil:
		return err
	case h.IsDir() && !h.IsLink():
		return f.Host.Change(ctx, host.Rmdir{Path: path})
	}
	return f.Host.Change(ctx, host.Unlink{Path: path})
}
