package filevol

import (
	"context"
	"fmt"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// createImage creates an image with qemu-img(1).
func (f Files) createImage(ctx context.Context, dir *host.Dir, p *pooldef.Pool, d *pooldef.Volume,
	o backend.CreateOptions) error {
	if err := checkImage(p, d, o, d.Backing == nil); err != nil {
		return err
	}
	backing, err := resolveBacking(p, d)
	if err != nil {
		return err
	}
	size := d.Capacity.Bytes
	if !d.Capacity.Known {
		size = backing.capacity
	}
	key, err := qemuimg.NewKey(f.Secrets, d)
	if err != nil {
		return err
	}
	err = f.withStaging(ctx, dir, d, func(path string) error {
		overlay := qemuimg.Image{Path: backing.path, At: backing.at, Format: backing.format}
		create := qemuimg.Create(d, filepath.Dir(path), size, overlay, key, o.Preallocation)
		return f.changeEach(ctx, append([]host.Step{create}, finishSteps(path, d)...))
	})
	if err == nil {
		err = checkCovers(d, qemuimg.Rounded(d.Target.Format, size), backing)
	}
	return err
}

// checkCovers returns a warning if a new overlay of size bytes hides the end of its backing file. libvirt
// creates such an overlay without a message.
func checkCovers(d *pooldef.Volume, size uint64, backing backingFile) error {
	if size >= backing.capacity {
		return nil
	}
	return &backend.Warning{Text: fmt.Sprintf(
		"volume %q: it is smaller than its backing store of %d bytes: a guest sees only the first %d bytes",
		d.Name, backing.capacity, size,
	)}
}

// checkImage checks a definition for options that qemu-img does not support.
func checkImage(p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions, needsSize bool) error {
	if !qemuimg.CanCreate(d.Target.Format) {
		return &backend.UnsupportedError{Type: p.Type,
			What: fmt.Sprintf("creating %s volumes", d.Target.Format)}
	}
	return qemuimg.Check(d, o.Preallocation, needsSize)
}

// finishSteps returns the steps after a tool has created a file.
func finishSteps(path string, d *pooldef.Volume) []host.Step {
	steps := []host.Step{host.Sync{Path: path}}
	if uid, gid := owner(d.Target.Permissions); uid >= 0 || gid >= 0 {
		steps = append(steps, host.Chown{Path: path, UID: uid, GID: gid})
	}
	return append(steps, host.Chmod{Path: path, Mode: modeOr(d.Target.Permissions, 0o600)})
}

// changeEach applies steps up to the first that fails.
func (f Files) changeEach(ctx context.Context, steps []host.Step) error {
	for _, s := range steps {
		if err := f.Host.Change(ctx, s); err != nil {
			return qemuimg.TranslateError(err)
		}
	}
	return nil
}
