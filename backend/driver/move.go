package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// A Destination is where a volume is moved to.
type Destination struct {
	Pool    *pooldef.Pool // active, and locked by the caller
	Backend backend.Backend
	Name    string // of the volume there
	Format  string // that the data get; empty: the same
}

// MoveVolume moves a volume into another pool. On the same storage, the volume is renamed. Otherwise it is
// copied, the copy is compared with it byte by byte, and only then it is deleted. No process may use the
// volume meanwhile, and no image may be based on it. If MoveVolume is killed, the volume is in one pool or in
// both. MoveVolume returns the volume in the other pool, also if only the deletion has failed.
func (d *Driver) MoveVolume(
	ctx context.Context, v *Volume, to Destination, progress host.Progress,
) (*pooldef.Volume, error) {
	if to.Pool.Name == v.Entry.Name {
		return nil, &backend.StateError{Text: fmt.Sprintf("it is in pool %q already", v.Entry.Name),
			Hint: "poolctl vol-rename gives it another name"}
	}
	users, err := d.checkUnused(ctx, v, usedHints{overlays: flattenHint})
	if err != nil {
		return nil, err
	}
	moved := CloneOf(v.Volume, to.Name)
	isThere, err := d.move(ctx, v, moved, to, progress)
	if !isThere {
		return nil, err
	}
	if err == nil {
		d.warnDomains(users)
		d.warnSecret(v)
	}
	return moved, err
}

// move moves a volume that nothing uses, and completes the definition of the moved one. isThere reports
// whether the target has the volume, which it also has if only the deletion has failed.
func (d *Driver) move(
	ctx context.Context, v *Volume, moved *pooldef.Volume, to Destination, progress host.Progress,
) (isThere bool, err error) {
	sameFormat := to.Format == "" || to.Format == v.Target.Format
	if mover, ok := v.Backend.(backend.Mover); ok && sameFormat {
		err := mover.MoveTo(ctx, v.Pool(), v.Name, to.Backend, to.Pool, to.Name)
		if !errors.Is(err, backend.ErrElsewhere) {
			return err == nil, err
		}
	}
	from, err := exported(ctx, v.Backend, v.Pool(), v.Volume)
	if err != nil {
		return false, err
	}
	if format := movedFormat(to, from); format != v.Target.Format || from.Type != "file" {
		moved.Target = pooldef.VolumeTarget{Format: format}
		if from.Type == "file" {
			moved.Target.Permissions = v.Target.Permissions
		}
	}
	if to.Pool.Type == pooldef.RBD { // QEMU, which compares, cannot read an image of Ceph with half a sector
		const sector = 512
		moved.Capacity = pooldef.Bytes((moved.Capacity.Bytes + sector - 1) / sector * sector)
	}
	if from.Type == "network" { // clusters allocate space when it is written to
		moved.Allocation = pooldef.Bytes(0)
	}
	return d.moveByCopy(ctx, v, moved, to, progress)
}

// exported returns a volume as a [backend.Cloner] expects it.
func exported(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume,
) (*pooldef.Volume, error) {
	if exporter, ok := b.(backend.Exporter); ok {
		return exporter.Export(ctx, p, v.Name)
	}
	return v, nil
}

// movedFormat returns the format of a volume that is moved: the requested one, or the volume's own if the
// target's volumes are images, or raw.
func movedFormat(to Destination, v *pooldef.Volume) string {
	info := to.Pool.Type.Info()
	switch {
	case to.Format != "":
		return to.Format
	case !info.OwnsTarget():
		return info.DefaultVolumeFormat
	case v.Type != "file":
		return "raw"
	}
	return v.Target.Format
}

// moveByCopy is move to other storage. The volume is held from before its data are read until it is deleted.
func (d *Driver) moveByCopy(
	ctx context.Context, v *Volume, moved *pooldef.Volume, to Destination, progress host.Progress,
) (isThere bool, err error) {
	if err := d.checkCopyable(ctx, v, to); err != nil {
		return false, err
	}
	p := v.Pool()
	// A dry run reports obstacles before the data are copied.
	if err := d.rehearsal(p.Type).(backend.Deleter).Delete(ctx, p, v.Name); err != nil {
		return false, err
	}
	held, err := v.Backend.(backend.Holder).Hold(ctx, p, v.Name)
	if err != nil {
		return false, err
	}
	err = d.copyHeld(ctx, v, moved, to, held, progress)
	released := held.Release(context.WithoutCancel(ctx)) // the storage does not delete an open device
	if err != nil {
		return false, errors.Join(err, released)
	}
	if err = released; err == nil {
		err = v.Backend.(backend.Deleter).Delete(ctx, p, v.Name)
	}
	if err != nil {
		return true, fmt.Errorf("the copy in pool %q is complete, and stays: %w", to.Pool.Name, err)
	}
	return true, nil
}

// copyHeld copies a volume that is held, and checks the copy. If there is an error, no copy is left.
func (d *Driver) copyHeld(
	ctx context.Context, v *Volume, moved *pooldef.Volume, to Destination, held backend.Held,
	progress host.Progress,
) error {
	o := backend.CloneOptions{Full: true}
	o.Progress = progress
	if err := d.clone(ctx, to.Backend, to.Pool, moved, v, o); err != nil {
		return err
	}
	err := d.compareCopy(ctx, v, moved, to, o)
	if err == nil && !d.DryRun {
		err = held.Check(ctx)
	}
	if err != nil {
		return errors.Join(err, d.undoCopy(ctx, to))
	}
	return nil
}

// compareCopy compares a volume with its copy. Of the two backends, the one compares that has its data on a
// server: it can read what is on this machine, too.
func (d *Driver) compareCopy(
	ctx context.Context, v *Volume, moved *pooldef.Volume, to Destination, o backend.CloneOptions,
) error {
	copied, err := d.copied(ctx, moved, to)
	if err != nil {
		return err
	}
	return d.fromSource(ctx, v, o, func(from *pooldef.Volume, o backend.CloneOptions) error {
		comparer, ok := v.Backend.(backend.Comparer)
		if ok && from.Type == "network" {
			o.From = to.Pool
			return comparer.Compare(ctx, v.Pool(), from, copied, o)
		}
		return to.Backend.(backend.Comparer).Compare(ctx, to.Pool, copied, from, o)
	})
}

// copied returns the copy of a volume. In a dry run, it is what the copy would be.
func (d *Driver) copied(ctx context.Context, moved *pooldef.Volume, to Destination) (*pooldef.Volume, error) {
	if !d.DryRun {
		v, err := to.Backend.Volume(ctx, to.Pool, to.Name)
		if err != nil {
			return nil, err
		}
		if moved.Target.Format == "raw" && v.Type == "file" {
			return asRaw(v)
		}
		return exported(ctx, to.Backend, to.Pool, v)
	}
	planned := *moved
	planned.Type = "file"
	switch info := to.Pool.Type.Info(); {
	case to.Pool.Type == pooldef.RBD:
		planned.Type = "network"
	case !info.OwnsTarget():
		planned.Type = "block"
		planned.Target.Format = "raw"
	}
	planned.Target.Path = to.Pool.Target.Path + "/" + to.Name
	return &planned, nil
}

// asRaw returns the raw copy of a device for a comparison: its bytes, encrypted or not. It is an error if the
// copy is an image for those who look at its header.
func asRaw(v *pooldef.Volume) (*pooldef.Volume, error) {
	if isImage := !slices.Contains([]string{"raw", "iso"}, v.Target.Format); isImage {
		return nil, &backend.StateError{
			Text: fmt.Sprintf(
				"its data begin like an image of format %s, as which a file would be used", v.Target.Format,
			),
			Hint: "vol-move --format qcow2 stores the data in an image",
		}
	}
	raw := *v
	raw.Type = "block" // whose content is not inspected
	raw.Target.Format, raw.Target.Encryption = "raw", nil
	return &raw, nil
}

// undoCopy deletes the copy of a volume that is as it was.
func (d *Driver) undoCopy(ctx context.Context, to Destination) error {
	ctx = context.WithoutCancel(ctx)
	if deleter, ok := to.Backend.(backend.Deleter); ok {
		err := deleter.Delete(ctx, to.Pool, to.Name)
		if err == nil || errors.Is(err, backend.ErrNoVolume) {
			return nil
		}
	}
	return fmt.Errorf("an incomplete copy is left: %s",
		shell.Join("poolctl", "vol-delete", to.Name, to.Pool.Name))
}
