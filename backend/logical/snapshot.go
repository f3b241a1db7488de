package logical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// isKept reports whether v is a snapshot that keeps a state of its origin: one that cannot be written to. LVM
// knows a writable snapshot and a clone in a thin pool in the same way; these are volumes of their own.
func (v *logicalVolume) isKept() bool {
	return v.Origin != "" && !strings.HasPrefix(v.Origin, "[") && v.attr(1) == 'r' && v.isVolume()
}

// kept returns the snapshots that keep states of v.
func (v *logicalVolume) kept(all []*logicalVolume) []*logicalVolume {
	return slices.DeleteFunc(slices.Clone(all), func(s *logicalVolume) bool {
		return !s.isKept() || s.Origin != v.Name
	})
}

// Snapshots implements backend.Snapshotter. LVM reports the space of a thin snapshot with the space that it
// shares, so that space is unknown.
func (b *Backend) Snapshots(ctx context.Context, p *pooldef.Pool, volume string) ([]*pooldef.Snapshot,
	error) {
	all, err := b.allVolumes(ctx, p, allFields)
	if err != nil {
		return nil, err
	}
	var found []*pooldef.Snapshot
	exists := volume == ""
	for _, v := range all {
		exists = exists || v.Name == volume && v.isVolume()
		if !v.isKept() || volume != "" && v.Origin != volume {
			continue
		}
		seconds, err := strconv.ParseInt(v.Time, 10, 64)
		if err != nil {
			return nil, &backend.AnswerError{Tool: "lvs", Field: "lv_time", Text: v.Time}
		}
		s := &pooldef.Snapshot{
			Volume: v.Origin, Name: v.Name, Created: time.Unix(seconds, 0), Capacity: pooldef.Bytes(v.capacity()),
		}
		if used, known := v.used(); known && !v.isThin() {
			s.Allocation = pooldef.Bytes(used)
		}
		found = append(found, s)
	}
	if !exists {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, volume)
	}
	return found, nil
}

// findSnapshot returns a volume, its snapshot with a name, and all volumes of the group.
func (b *Backend) findSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string,
) (v, s *logicalVolume, all []*logicalVolume, err error) {
	v, all, err = b.findToChange(ctx, p, volume)
	if err != nil {
		return nil, nil, nil, err
	}
	kept := v.kept(all)
	i := slices.IndexFunc(kept, func(s *logicalVolume) bool { return s.Name == name })
	if i < 0 {
		return nil, nil, nil, backend.NoSnapshot(volume, name)
	}
	return v, kept[i], all, nil
}

// CreateSnapshot implements backend.Snapshotter. A snapshot is a volume that cannot be written to. If the
// origin is not thin, the snapshot reserves space for changes.
func (b *Backend) CreateSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.SnapshotOptions,
) error {
	v, all, err := b.findToChange(ctx, p, volume)
	if err == nil {
		err = checkName(name)
	}
	if err == nil {
		err = checkNameUnused(p, name, all)
	}
	if err == nil && v.isSnapshot() {
		err = &backend.UnsupportedError{Type: p.Type, What: "snapshots of snapshots and sparse volumes"}
	}
	if err == nil && v.isThin() {
		err = o.CheckNoSpace(p)
	}
	if err == nil {
		err = checkActive(p, v)
	}
	if err == nil {
		err = o.CheckInUse(b.checkNotInUse(p, v))
	}
	if err != nil {
		return err
	}
	return b.keep(ctx, p, v, name, o.Space)
}

// keep creates a snapshot of a volume that cannot be written to. If space is 0, the snapshot has space for
// all changes. LVM reduces the space to what a snapshot can use, which is more than the volume's size.
func (b *Backend) keep(
	ctx context.Context, p *pooldef.Pool, v *logicalVolume, name string, space uint64,
) error {
	create := thinSnapshot(p, v.Name)
	if !v.isThin() {
		if space == 0 {
			const overhead = 64 // in each chunk of 4 KiB, LVM needs 16 bytes to find it
			space = v.Size + v.Size/overhead + 2*v.Extent
		}
		create = snapshotWithSpace(p, v.Name, space)
	}
	create.Args = append([]string{"--permission", "r"}, create.Args...)
	return b.withStaging(ctx, p, &pooldef.Volume{Name: name}, create, nil)
}

// DeleteSnapshot implements backend.Snapshotter.
func (b *Backend) DeleteSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string) error {
	_, s, _, err := b.findSnapshot(ctx, p, volume, name)
	if err == nil {
		err = b.checkNotInUse(p, s)
	}
	if err != nil {
		return err
	}
	return b.Host.Change(ctx, remove(p, name))
}

// RevertToSnapshot implements backend.Reverter. LVM merges the snapshot into the volume, which uses it up,
// so RevertToSnapshot creates it again. In a thin pool, LVM then no longer knows of which volume the other
// snapshots are; the result is a Warning that names them.
func (b *Backend) RevertToSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, _ backend.RevertOptions,
) error {
	v, s, all, err := b.findSnapshot(ctx, p, volume, name)
	if err == nil {
		err = errors.Join(checkActive(p, v), checkActive(p, s))
	}
	if err == nil {
		err = b.checkNotInUse(p, v, s)
	}
	if err == nil {
		err = checkRoomToRevert(p, v, s, all)
	}
	if err != nil {
		return err
	}
	merge := host.Cmd("lvconvert", "--yes", "--interval", "1", "--merge", "--", p.Source.Name+"/"+name)
	if err := b.Host.Change(ctx, merge); err != nil {
		return err
	}
	if err := b.keep(ctx, p, v, name, s.Size); err != nil {
		return errors.Join(b.usedUpError(context.WithoutCancel(ctx), p, s), err)
	}
	others := slices.DeleteFunc(v.kept(all), func(other *logicalVolume) bool { return other == s })
	if !v.isThin() || len(others) == 0 {
		return nil
	}
	return &backend.Warning{Text: fmt.Sprintf(
		"LVM no longer knows that these are snapshots of %q: %s; they are volumes of their own",
		volume, names(others),
	)}
}

// usedUpError returns the error for a snapshot that could not be created again after a revert. If a process
// has opened the origin just before, LVM merges the snapshot only when the origin is activated again.
func (b *Backend) usedUpError(ctx context.Context, p *pooldef.Pool, s *logicalVolume) error {
	all, err := b.allVolumes(ctx, p, fewFields)
	if err == nil && slices.ContainsFunc(all, func(v *logicalVolume) bool { return v.UUID == s.UUID }) {
		return &backend.StateError{
			Text: "the volume is in use: LVM reverts it when it is activated again",
			Hint: fmt.Sprintf("lvchange -an -- %[1]s && lvchange -ay -- %[1]s", p.Source.Name+"/"+s.Origin),
		}
	}
	return errors.Join(errors.New("the volume has been reverted, but LVM has used up the snapshot"), err)
}

// CloneSnapshot implements backend.SnapshotCloner: a snapshot is a volume that can be cloned.
func (b *Backend) CloneSnapshot(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, name string, o backend.CloneOptions,
) error {
	_, s, _, err := b.findSnapshot(ctx, p, source.Name, name)
	if err == nil {
		err = checkActive(p, s)
	}
	if err != nil {
		return err
	}
	from := summary(p, s)
	from.Capacity = pooldef.Bytes(s.capacity())
	return b.Clone(ctx, p, d, from, o)
}
