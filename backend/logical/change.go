package logical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Delete implements backend.Deleter. It refuses a volume with snapshots that LVM would remove as well. Thin
// snapshots do not depend on their origin (lvmthin(7)), and do not count.
func (b *Backend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	v, all, err := b.findToChange(ctx, p, name)
	if err != nil {
		return err
	}
	if err := b.checkNotInUse(p, v); err != nil {
		return err
	}
	if snapshots := v.snapshots(all); snapshots != nil {
		return &backend.StateError{
			Text: "it has snapshots, which would be deleted too: " + names(snapshots),
			Hint: "--delete-snapshots deletes them too",
		}
	}
	return mapErrNotFound(b.Host.Change(ctx, remove(p, name)), name)
}

// DeleteWithSnapshots implements backend.SnapshotDeleter. It keeps snapshots that do not depend on the
// volume.
func (b *Backend) DeleteWithSnapshots(ctx context.Context, p *pooldef.Pool, name string) error {
	v, all, err := b.findToChange(ctx, p, name)
	if err != nil {
		return err
	}
	targets := append(v.snapshots(all), v)
	if err := b.checkNotInUse(p, targets...); err != nil {
		return err
	}
	var paths []string
	for _, v := range targets {
		paths = append(paths, p.Source.Name+"/"+v.Name)
	}
	return mapErrNotFound(
		b.Host.Change(ctx, host.Cmd("lvremove", append([]string{"--yes", "--"}, paths...)...)), name,
	)
}

// snapshots returns the volumes that LVM would remove together with v.
func (v *logicalVolume) snapshots(all []*logicalVolume) []*logicalVolume {
	var found []*logicalVolume
	byName := indexOf(all)
	for _, other := range all {
		if other.Origin == v.Name && !other.isIndependent(byName) {
			found = append(found, other)
		}
	}
	return found
}

func names(volumes []*logicalVolume) string { return strings.Join(namesOf(volumes), ", ") }

func namesOf(volumes []*logicalVolume) (all []string) {
	for _, v := range volumes {
		all = append(all, v.Name)
	}
	return all
}

// mapErrNotFound converts LVM's error about a missing volume into an error that wraps ErrNoVolume.
func mapErrNotFound(err error, name string) error {
	if host.StderrContains(err, "Failed to find logical volume", "Existing logical volume") {
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return err
}

// Rename implements backend.Renamer.
func (b *Backend) Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	v, all, err := b.findToChange(ctx, p, name)
	if err != nil {
		return err
	}
	if err := checkName(newName); err != nil || newName == name {
		return err
	}
	if err := checkNameUnused(p, newName, all); err != nil {
		return err
	}
	err = mapErrNotFound(mapErrExist(b.Host.Change(ctx, rename(p, name, newName)), path(p, newName)), name)
	if err != nil {
		err = errors.Join(err, b.renameBack(context.WithoutCancel(ctx), p, v, newName))
	}
	return err
}

func rename(p *pooldef.Pool, name, newName string) host.Step {
	return host.Cmd("lvrename", "--", p.Source.Name, name, newName)
}

// renameBack undoes a rename that returned an error but took effect.
func (b *Backend) renameBack(ctx context.Context, p *pooldef.Pool, v *logicalVolume, newName string) error {
	all, err := b.allVolumes(ctx, p, fewFields)
	if err != nil || !slices.ContainsFunc(
		all, func(w *logicalVolume) bool { return w.UUID == v.UUID && w.Name == newName },
	) {
		return err
	}
	return b.Host.Change(ctx, rename(p, newName, v.Name))
}

// Wipe implements backend.Wiper. As in libvirt, snapshots cannot be wiped: they would need space for all of
// the overwritten data.
func (b *Backend) Wipe(
	ctx context.Context, p *pooldef.Pool, name, algorithm string, progress host.Progress,
) error {
	v, all, err := b.find(ctx, p, name)
	if err == nil {
		err = checkActive(p, v)
	}
	if err == nil {
		err = backend.SnapshotsKeepData(namesOf(v.kept(all)))
	}
	if err == nil && algorithm != "trim" {
		err = checkSpaceToWrite(v, all)
	}
	if err != nil {
		return err
	}
	step := host.Wipe(path(p, name), algorithm, progress)
	switch {
	case v.isSnapshot():
		return &backend.UnsupportedError{Type: p.Type, What: "wiping snapshots and sparse volumes"}
	case step == nil:
		return &backend.UnsupportedError{Type: p.Type, What: "wiping by " + algorithm}
	}
	return b.Host.Change(ctx, step)
}

// Resize implements backend.Resizer. It rounds the size up to whole extents, and zeroes added space, which
// may contain old data. An encrypted volume is larger by its LUKS header.
func (b *Backend) Resize(
	ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions,
) error {
	v, all, err := b.findToChange(ctx, p, name)
	if err != nil {
		return err
	}
	header, err := b.HeaderSize(path(p, name))
	if err != nil {
		return err
	}
	old, rounded := v.capacity(), max(backend.RoundUp(size+header, v.Extent), v.Extent)
	if backend.HasSize(old, size, rounded) {
		return nil
	}
	if v.isSnapshot() {
		return &backend.UnsupportedError{Type: p.Type, What: "resizing snapshots and sparse volumes"}
	}
	if err := o.CheckShrink(old, rounded); err != nil {
		return err
	}
	if snapshots := v.snapshots(all); snapshots != nil {
		return &backend.StateError{
			Text: "it has snapshots, and LVM cannot resize their origin: " + names(snapshots),
		}
	}
	if err := errors.Join(checkActive(p, v), b.checkNotInUse(p, v)); err != nil {
		return err
	}
	if rounded < old {
		return b.Host.Change(ctx, resize("lvreduce", p, name, rounded))
	}
	err = b.translateError(ctx, p, b.Host.Change(ctx, resize("lvextend", p, name, rounded)))
	if err == nil && !v.isThin() { // the new space of a thin volume reads as zeros
		err = b.Host.Change(ctx, host.Zero{Path: path(p, name), From: old})
	}
	if err != nil {
		err = errors.Join(err, b.shrinkBack(context.WithoutCancel(ctx), p, name, old))
	}
	return err
}

func resize(tool string, p *pooldef.Pool, name string, size uint64) host.Step {
	return host.Cmd(tool, "--yes", "--size", fmt.Sprintf("%db", size), "--", p.Source.Name+"/"+name)
}

// shrinkBack undoes an extension that took effect.
func (b *Backend) shrinkBack(ctx context.Context, p *pooldef.Pool, name string, old uint64) error {
	v, _, err := b.find(ctx, p, name)
	if err != nil || v.Size == old {
		return err
	}
	return b.Host.Change(ctx, resize("lvreduce", p, name, old))
}
