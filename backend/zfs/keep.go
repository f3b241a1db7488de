package zfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// CreateSnapshot implements backend.Snapshotter.
func (b *Backend) CreateSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.SnapshotOptions,
) error {
	_, _, err := b.findSnapshot(ctx, p, volume, name)
	if err := backend.CheckSnapshotNew(err, volume, name); err != nil {
		return err
	}
	full := snapshotKey(p, volume, name)
	if !isPart(name) || tempNames.Match(name) || len(full) > maxName {
		return pooldef.Problems{{
			Element: "name", Text: fmt.Sprintf("%q cannot be the name of a snapshot in ZFS", full),
		}}
	}
	if err := cmp.Or(o.CheckNoSpace(p), o.CheckInUse(b.checkNotInUse(p, volume))); err != nil {
		return err
	}
	err = b.change(ctx, p, zfs("snapshot", "--", full))
	switch {
	case err == nil:
		return nil
	case host.StderrContains(err, "dataset already exists"):
		return &backend.SnapshotExistsError{Volume: volume, Name: name}
	}
	undo := context.WithoutCancel(ctx)
	if _, _, missing := b.findSnapshot(undo, p, volume, name); missing == nil {
		err = errors.Join(err, b.change(undo, p, zfs("destroy", "--", full)))
	}
	return mapErrNotFound(err, volume)
}

// DeleteSnapshot implements backend.Snapshotter.
func (b *Backend) DeleteSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string) error {
	s, _, err := b.findSnapshot(ctx, p, volume, name)
	if err == nil {
		err = cmp.Or(checkNoClones([]*volumeSnapshot{s}), checkNoHolds(p, []*volumeSnapshot{s}))
	}
	if err != nil {
		return err
	}
	return b.change(ctx, p, zfs("destroy", "--", snapshotKey(p, volume, name)))
}

// checkNoClones returns an error that names the clones of snapshots.
func checkNoClones(all []*volumeSnapshot) error {
	var clones []string
	for _, s := range all {
		clones = append(clones, s.clones...)
	}
	if len(clones) == 0 {
		return nil
	}
	return &backend.StateError{
		Text: "these clones depend on it: " + strings.Join(clones, ", "),
		Hint: "delete them first, or make one the owner of the blocks with zfs promote",
	}
}

// CloneSnapshot implements backend.SnapshotCloner. The new volume is a clone of the snapshot, which ZFS keeps
// as long as the clone exists, or, with o.Full, a copy of a temporary clone.
func (b *Backend) CloneSnapshot(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, name string, o backend.CloneOptions,
) error {
	s, _, err := b.findSnapshot(ctx, p, source.Name, name)
	if err != nil {
		return err
	}
	wanted := *d
	if !d.Capacity.Known {
		wanted.Capacity = s.Capacity
	}
	l, err := b.checkNameFree(ctx, p, &wanted, o.CreateOptions)
	if err != nil {
		return err
	}
	if wanted.Capacity.Bytes < s.Capacity.Bytes {
		return &host.DoesNotFitError{Path: path(p, d.Name), Size: s.Capacity.Bytes, Room: wanted.Capacity.Bytes}
	}
	full := snapshotKey(p, source.Name, name)
	if o.Full {
		fill := func(path string) error { return b.copySnapshot(ctx, p, l, full, path, o) }
		return b.withStaging(ctx, p, l, d.Name, "", b.createBlank(ctx, p, l, &wanted, fill))
	}
	return b.withStaging(ctx, p, l, d.Name, "", func(temp string) error {
		err := b.change(ctx, p, zfs("clone", "--", full, key(p, temp)))
		origin := l.child(source.Name)
		if size := origin.rounded(wanted.Capacity.Bytes); err == nil && size > s.Capacity.Bytes {
			err = b.change(ctx, p, zfs("set", fmt.Sprintf("volsize=%d", size), key(p, temp)))
		}
		return err
	})
}

// copySnapshot copies the data of a snapshot, given its full name, to a new device, through a temporary
// clone.
func (b *Backend) copySnapshot(
	ctx context.Context, p *pooldef.Pool, l *listing, full, to string, o backend.CloneOptions,
) error {
	temp := tempNames.New()
	defer tempNames.Release(temp)
	err := b.change(ctx, p, zfs("clone", "--", full, key(p, temp)))
	if err == nil {
		err = b.await(ctx, p, temp, l.volmode)
	}
	if err == nil {
		err = b.FillBlank(ctx, p, to, summary(p, &row{name: temp}), o)
	}
	if err == nil {
		err = b.change(ctx, p, destroy(p, temp))
	}
	if err != nil {
		err = errors.Join(err, b.removeStaged(context.WithoutCancel(ctx), p, "", temp))
	}
	return err
}

// Wipe implements backend.Wiper. It refuses a volume with snapshots, which would keep the data.
func (b *Backend) Wipe(
	ctx context.Context, p *pooldef.Pool, name, algorithm string, progress host.Progress,
) error {
	all, err := b.snapshots(ctx, p, name)
	if err == nil {
		err = backend.SnapshotsKeepData(namesOf(all))
	}
	if err != nil {
		return err
	}
	return b.Devices.Wipe(ctx, p, name, algorithm, progress)
}
