package driver

import (
	"context"
	"errors"
	"fmt"
	"io"

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
// both.
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
	if err := d.move(ctx, v, moved, to, progress); err != nil {
		return nil, err
	}
	d.warnDomains(users)
	return moved, nil
}

// move moves a volume that nothing uses, and completes the definition of the moved one.
func (d *Driver) move(
	ctx context.Context, v *Volume, moved *pooldef.Volume, to Destination, progress host.Progress,
) error {
	sameFormat := to.Format == "" || to.Format == v.Target.Format
	if mover, ok := v.Backend.(backend.Mover); ok && sameFormat {
		err := mover.MoveTo(ctx, v.Pool(), v.Name, to.Backend, to.Pool, to.Name)
		if !errors.Is(err, backend.ErrElsewhere) {
			return err
		}
	}
	if format := movedFormat(to, v.Volume); format != v.Target.Format || v.Type != "file" {
		moved.Target = pooldef.VolumeTarget{Format: format}
		if v.Type == "file" {
			moved.Target.Permissions = v.Target.Permissions
		}
	}
	return d.moveByCopy(ctx, v, moved, to, progress)
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

// moveByCopy moves a volume to other storage. The volume is held from before its data are read until it is
// deleted.
func (d *Driver) moveByCopy(
	ctx context.Context, v *Volume, moved *pooldef.Volume, to Destination, progress host.Progress,
) error {
	p := v.Pool()
	deleter, err := backend.As[backend.Deleter](v.Backend, p.Type, "volume deletion")
	if err != nil {
		return err
	}
	holder, err := backend.As[backend.Holder](v.Backend, p.Type, "moving volumes to other storage")
	if err != nil {
		return err
	}
	comparer, err := backend.As[backend.Comparer](to.Backend, to.Pool.Type, "moving volumes from other storage")
	if err != nil {
		return err
	}
	// A dry run reports snapshots and other obstacles before the data are copied.
	rehearsal := d.NewBackends(host.NewDryRun(d.Host, io.Discard))[p.Type].(backend.Deleter)
	if err := rehearsal.Delete(ctx, p, v.Name); err != nil {
		return err
	}
	held, err := holder.Hold(ctx, p, v.Name)
	if err != nil {
		return err
	}
	defer held.Release()
	o := backend.CloneOptions{Full: true}
	o.Progress = progress
	if err := d.clone(ctx, to.Backend, to.Pool, moved, v, o); err != nil {
		return err
	}
	if err := d.checkCopy(ctx, v, moved, to, comparer, held, o); err != nil {
		return errors.Join(err, d.undoCopy(ctx, to))
	}
	held.Release() // the storage does not delete an open device
	if err := deleter.Delete(ctx, p, v.Name); err != nil {
		return fmt.Errorf("the copy in pool %q is complete, and stays: %w", to.Pool.Name, err)
	}
	return nil
}

// checkCopy compares a volume with its copy, and checks that nothing has changed it meanwhile.
func (d *Driver) checkCopy(
	ctx context.Context, v *Volume, moved *pooldef.Volume, to Destination, comparer backend.Comparer,
	held *host.Hold,
	o backend.CloneOptions,
) error {
	copied, err := to.Backend.Volume(ctx, to.Pool, to.Name)
	if errors.Is(err, backend.ErrNoVolume) && d.DryRun {
		planned := *moved
		planned.Type = "file"
		if !to.Pool.Type.Info().OwnsTarget() {
			planned.Type = "block"
		}
		planned.Target.Path = to.Pool.Target.Path + "/" + to.Name
		copied, err = &planned, nil
	}
	if err != nil {
		return err
	}
	o.MayRead = d.Known(ctx, v)
	if err := comparer.Compare(ctx, to.Pool, copied, v.Volume, o); err != nil {
		return err
	}
	return held.Check(v.Target.Path)
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
