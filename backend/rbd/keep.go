package rbd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Snapshots implements backend.Snapshotter. It omits the snapshots that were made for clones. The listing of
// all images contains no times.
func (b *Backend) Snapshots(
	ctx context.Context, p *pooldef.Pool, volume string,
) ([]*pooldef.Snapshot, error) {
	if volume == "" {
		return b.allSnapshots(ctx, p)
	}
	_, found, err := b.kept(ctx, p, volume)
	all := make([]*pooldef.Snapshot, len(found))
	for i, s := range found {
		all[i] = &pooldef.Snapshot{Volume: volume, Name: s.Name, Capacity: pooldef.Bytes(s.Size)}
		if created, err := time.ParseInLocation(time.ANSIC, s.Timestamp, time.Local); err == nil {
			all[i].Created = created
		}
	}
	return all, err
}

// allSnapshots returns the snapshots of all images.
func (b *Backend) allSnapshots(ctx context.Context, p *pooldef.Pool) (all []*pooldef.Snapshot, err error) {
	rows, err := b.rows(ctx, p)
	for _, r := range rows {
		if r.Snapshot != "" && !isBase(r.Snapshot) && !isTempName(r.Image) {
			all = append(
				all, &pooldef.Snapshot{Volume: r.Image, Name: r.Snapshot, Capacity: pooldef.Bytes(r.Size)},
			)
		}
	}
	return all, err
}

// kept queries the snapshots of an image that were not made for clones.
func (b *Backend) kept(ctx context.Context, p *pooldef.Pool, volume string) (place, []snapshot, error) {
	at, err := placeOf(p)
	if err == nil && checkName(volume) != nil {
		err = noVolumeError(volume)
	}
	if err != nil {
		return at, nil, err
	}
	all, err := b.snapshots(ctx, p, at, volume)
	return at, slices.DeleteFunc(all, func(s snapshot) bool { return isBase(s.Name) }), err
}

// findSnapshot queries a snapshot of an image.
func (b *Backend) findSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string,
) (at place, s snapshot, err error) {
	at, all, err := b.kept(ctx, p, volume)
	if err != nil {
		return at, s, err
	}
	i := slices.IndexFunc(all, func(s snapshot) bool { return s.Name == name })
	if i < 0 {
		return at, s, backend.NoSnapshot(volume, name)
	}
	return at, all[i], nil
}

// CreateSnapshot implements backend.Snapshotter.
func (b *Backend) CreateSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.SnapshotOptions,
) error {
	at, _, err := b.findSnapshot(ctx, p, volume, name)
	if err := backend.CheckSnapshotNew(err, volume, name); err != nil {
		return err
	}
	if isBase(name) || isTempName(name) {
		return pooldef.Problems{{
			Element: "name", Text: fmt.Sprintf("%q: such names are reserved for the snapshots of clones", name),
		}}
	}
	inUse := b.checkNotInUse(ctx, p, at, volume, false, false)
	if err := cmp.Or(o.CheckNoSpace(p), o.CheckInUse(inUse)); err != nil {
		return err
	}
	err = b.change(ctx, p, "snap create", at, volume, "--snap="+name, quiet)
	switch {
	case err == nil:
		return nil
	case hasErrno(err, syscall.EEXIST):
		return &backend.SnapshotExistsError{Volume: volume, Name: name}
	}
	undo := context.WithoutCancel(ctx)
	if _, s, missing := b.findSnapshot(undo, p, volume, name); missing == nil {
		err = errors.Join(err, b.removeSnapshot(undo, p, at, volume, s))
	}
	return mapErrNotFound(err, volume)
}

// DeleteSnapshot implements backend.Snapshotter.
func (b *Backend) DeleteSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string) error {
	at, s, err := b.findSnapshot(ctx, p, volume, name)
	if err != nil {
		return err
	}
	clones, err := b.children(ctx, p, at, volume, "--snap="+name)
	if err == nil {
		err = clonesError(clones)
	}
	if err != nil {
		return err
	}
	return b.removeSnapshot(ctx, p, at, volume, s)
}

// RevertToSnapshot implements backend.Reverter. rbd copies what has changed, and keeps all snapshots.
func (b *Backend) RevertToSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, _ backend.RevertOptions,
) error {
	at, _, err := b.findSnapshot(ctx, p, volume, name)
	if err == nil {
		err = b.checkNotInUse(ctx, p, at, volume, false, false)
	}
	if err != nil {
		return err
	}
	return b.change(ctx, p, "snap rollback", at, volume, "--snap="+name, quiet)
}

// CloneSnapshot implements backend.SnapshotCloner. The new image is a copy-on-write clone, which keeps the
// snapshot protected, or, with o.Full, a copy.
func (b *Backend) CloneSnapshot(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, name string, o backend.CloneOptions,
) error {
	at, err := b.placeForNew(ctx, p, d, o.CreateOptions)
	if err != nil {
		return err
	}
	_, s, err := b.findSnapshot(ctx, p, source.Name, name)
	if err != nil {
		return err
	}
	wanted := *d
	if !d.Capacity.Known {
		wanted.Capacity = pooldef.Bytes(s.Size)
	}
	if err := backend.CheckNotSmaller(&wanted, s.Size, "snapshot"); err != nil {
		return err
	}
	if o.Full {
		return b.withStaging(ctx, p, at, d.Name, func(temp string) error {
			args := slices.Concat(
				[]string{"--snap=" + name}, at.args("dest-"), []string{"--dest=" + temp, quiet},
				objectSizeOption(d),
			)
			return b.enlarge(ctx, p, at, temp, &wanted, s.Size, b.change(ctx, p, "cp", at, source.Name, args...))
		})
	}
	return b.cloneKept(ctx, p, at, &wanted, source.Name, s)
}

// cloneKept creates a copy-on-write clone of a snapshot, which it protects unless it is protected.
func (b *Backend) cloneKept(
	ctx context.Context, p *pooldef.Pool, at place, d *pooldef.Volume, source string, s snapshot,
) error {
	_, err := b.infoToClone(ctx, p, at, source)
	if err == nil && s.Protected != "true" {
		err = b.change(ctx, p, "snap protect", at, source, "--snap="+s.Name)
	}
	if err == nil {
		err = b.cloneProtected(ctx, p, at, d, at, source, s)
	}
	if err == nil || s.Protected == "true" {
		return err
	}
	undo := context.WithoutCancel(ctx)
	if _, now, missing := b.findSnapshot(undo, p, source, s.Name); missing == nil && now.Protected == "true" {
		clones, childErr := b.children(undo, p, at, source, "--snap="+s.Name)
		if childErr == nil && len(clones) == 0 {
			childErr = b.change(undo, p, "snap unprotect", at, source, "--snap="+s.Name)
		}
		err = errors.Join(err, childErr)
	}
	return err
}

// clonesError returns an error that names clones, if there are any.
func clonesError(clones []child) error {
	if len(clones) == 0 {
		return nil
	}
	var names []string
	for _, c := range clones {
		names = append(names, c.String())
	}
	return &backend.StateError{
		Text: "clones depend on it: " + strings.Join(names, ", "),
		Hint: "poolctl vol-flatten makes a clone independent",
	}
}
