package filevol

import (
	"context"
	"fmt"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Flatten implements backend.Flattener.
func (f Files) Flatten(ctx context.Context, p *pooldef.Pool, name string, o backend.ChainOptions) error {
	return f.changeChain(ctx, p, name, o, func(top *qemuimg.Image) error {
		if top.Backing == nil {
			return nil
		}
		return f.changeImage(ctx, top, qemuimg.Rebase(top, nil, o.Progress))
	})
}

// Commit implements backend.Committer.
func (f Files) Commit(ctx context.Context, p *pooldef.Pool, name string, o backend.ChainOptions) error {
	return f.changeChain(ctx, p, name, o, func(top *qemuimg.Image) error {
		switch {
		case top.Backing == nil:
			return nil
		case !filepath.IsAbs(top.Backing.Path):
			return &backend.UnsupportedError{Type: p.Type, What: "writing into images of servers"}
		}
		if err := top.CheckUnwritten(); err != nil {
			return err
		}
		if err := f.changeImage(ctx, top.Backing, qemuimg.Commit(top, o.Progress)); err != nil {
			return err
		}
		return f.Host.Change(ctx, host.Sync{Path: top.Path})
	})
}

// Rebase implements backend.Rebaser.
func (f Files) Rebase(
	ctx context.Context, p *pooldef.Pool, name string, onto *pooldef.VolumeTarget, o backend.ChainOptions,
) error {
	b, err := resolveBacking(p, &pooldef.Volume{Backing: onto})
	if err != nil {
		return err
	}
	return f.changeChain(ctx, p, name, o, func(top *qemuimg.Image) error {
		v := &pooldef.Volume{Type: "file", Target: pooldef.VolumeTarget{Path: b.at, Format: b.format}}
		below, err := qemuimg.Open(f.Secrets, v, o.MayRead)
		if err != nil {
			return fmt.Errorf("the backing store %q cannot be used: %w", b.at, err)
		}
		defer below.Close()
		if below.Contains(top) {
			return &backend.StateError{Text: fmt.Sprintf("%q is itself based on it", b.at)}
		}
		if err := below.CheckUnwritten(); err != nil {
			return err
		}
		return f.changeImage(ctx, top, qemuimg.Rebase(top, below, o.Progress))
	})
}

// RenameBacking implements backend.Rebaser.
func (f Files) RenameBacking(
	ctx context.Context, p *pooldef.Pool, name string, onto *pooldef.VolumeTarget,
) error {
	dir, v, err := f.openOverlay(ctx, p, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	path := onto.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.Target.Path, path)
	}
	open := func(h *safeopen.Handle) (*qemuimg.Image, error) { return qemuimg.OpenHeader(f.Secrets, v, h) }
	return withImage(dir, name, open, func(top *qemuimg.Image) error {
		return f.changeImage(ctx, top, qemuimg.RenameBacking(top, path, onto.Format))
	})
}

// openOverlay returns a volume that can have a backing file, and the pool's directory, which the caller
// closes.
func (f Files) openOverlay(
	ctx context.Context, p *pooldef.Pool, name string,
) (*host.Dir, *pooldef.Volume, error) {
	dir, v, err := f.openData(ctx, p, name, "changing the backing store of")
	if err != nil {
		return nil, nil, err
	}
	if err = v.Err; err == nil {
		err = qemuimg.CheckOverlay(v.Target.Format)
	}
	if err != nil {
		dir.Close()
	}
	return dir, v, err
}

// changeChain opens an image with its backing chain, and calls change.
func (f Files) changeChain(
	ctx context.Context, p *pooldef.Pool, name string, o backend.ChainOptions,
	change func(top *qemuimg.Image) error,
) error {
	dir, v, err := f.openOverlay(ctx, p, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return withImage(dir, name, func(h *safeopen.Handle) (*qemuimg.Image, error) {
		// a snapshot reads from the backing file what it does not have itself
		if err := checkNoSnapshots(h, v, "poolctl vol-snapshot-delete deletes them"); err != nil {
			h.Close()
			return nil, err
		}
		return qemuimg.OpenToChange(f.Secrets, v, h, o.MayRead)
	}, change)
}

// withImage calls change with an image of a directory, which open opens by its handle. open closes the handle
// or leaves that to the image.
func withImage(
	dir *host.Dir, name string, open func(*safeopen.Handle) (*qemuimg.Image, error),
	change func(*qemuimg.Image) error,
) error {
	h, err := dir.OpenPath(name)
	if err != nil {
		return err
	}
	i, err := open(h)
	if err != nil {
		return err
	}
	defer i.Close()
	return change(i)
}

// changeImage runs a command that changes an image, and then writes the image to the disk. No other process
// may be writing to the image or to one below it.
func (f Files) changeImage(ctx context.Context, i *qemuimg.Image, c host.Command) error {
	if err := i.CheckUnwritten(); err != nil {
		return err
	}
	return f.changeEach(ctx, []host.Step{c, host.Sync{Path: i.Path}})
}
