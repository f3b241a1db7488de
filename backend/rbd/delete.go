package rbd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Delete implements backend.Deleter. It refuses an image with snapshots, because they may have other users,
// except those that were made for clones: a process that was killed can have left one after the last clone.
func (b *Backend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.delete(ctx, p, name, func(all []snapshot) error {
		kept := slices.DeleteFunc(namesOf(all), isBase)
		if len(kept) == 0 {
			return nil
		}
		return &backend.StateError{
			Text: "it has snapshots: " + strings.Join(kept, ", "),
			Hint: "--delete-snapshots deletes them too",
		}
	})
}

// DeleteWithSnapshots implements backend.SnapshotDeleter. It refuses an image whose snapshots have clones.
func (b *Backend) DeleteWithSnapshots(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.delete(ctx, p, name, func([]snapshot) error { return nil })
}

// removeUncloned removes snapshots of an image without clones, unless check returns an error. Clones may also
// depend on snapshots that are not among them: those in Ceph's trash (rbd clone format 2).
func (b *Backend) removeUncloned(
	ctx context.Context, p *pooldef.Pool, at place, name string, all []snapshot,
	check func(all []snapshot) error,
) error {
	clones, err := b.children(ctx, p, at, name)
	if err == nil {
		err = clonesError(clones)
	}
	if err == nil {
		err = check(all)
	}
	for _, s := range all {
		if err == nil {
			err = b.removeSnapshot(ctx, p, at, name, s)
		}
	}
	return err
}

// delete removes an image with its snapshots, if check returns nil for them. Removal takes time and can be
// interrupted, so delete first gives the image a temporary name, which keeps a half-removed image out of use.
func (b *Backend) delete(
	ctx context.Context, p *pooldef.Pool, name string, check func(all []snapshot) error,
) error {
	i, err := b.info(ctx, p, name)
	if err != nil {
		return err
	}
	at, _ := placeOf(p)
	var all []snapshot
	if i.Snapshots > 0 {
		all, err = b.snapshots(ctx, p, at, name)
	}
	if err == nil {
		err = b.checkNotInUse(ctx, p, at, name, false, false)
	}
	if err == nil && i.Snapshots > 0 {
		err = b.removeUncloned(ctx, p, at, name, all, check)
	}
	if err != nil {
		return err
	}
	isLast, err := b.lastClone(ctx, p, i.Parent)
	if err != nil {
		return err
	}
	temp := tempNames.New()
	defer tempNames.Release(temp)
	err = b.rename(ctx, p, at, name, temp)
	if errors.As(err, new(*fullError)) {
		// a full pool cannot store a new name, but the image can be removed
		temp, err = b.currentName(context.WithoutCancel(ctx), p, temp, name)
	}
	if err != nil {
		return errors.Join(err, b.renameBack(ctx, p, at, temp, name))
	}
	ctx = context.WithoutCancel(ctx) // the removal must not be cancelled
	err = b.remove(ctx, p, at, temp)
	if hasErrno(err, syscall.EBUSY) || hasErrno(err, syscall.ENOTEMPTY) { // unchanged
		return errors.Join(err, b.renameBack(ctx, p, at, temp, name))
	}
	if err == nil && isLast {
		err = b.removeParent(ctx, p, i.Parent)
	}
	return err
}

// currentName returns name if an image has it, and other otherwise.
func (b *Backend) currentName(ctx context.Context, p *pooldef.Pool, name, other string) (string, error) {
	all, err := b.names(ctx, p)
	if slices.Contains(all, name) {
		return name, err
	}
	return other, err
}

// removeParent removes the snapshot that was made for the last clone of an image. Another process may have
// removed it, or have made a new clone.
func (b *Backend) removeParent(ctx context.Context, p *pooldef.Pool, base *origin) error {
	err := b.removeSnapshot(ctx, p, base.place(), base.Image, snapshot{Name: base.Snapshot, Protected: "true"})
	if hasErrno(err, syscall.EBUSY) || hasErrno(err, syscall.ENOENT) {
		return nil
	}
	return err
}

// lastClone reports whether an image is the last clone of a snapshot that was created for clones.
func (b *Backend) lastClone(ctx context.Context, p *pooldef.Pool, from *origin) (bool, error) {
	if from == nil || !isBase(from.Snapshot) {
		return false, nil
	}
	clones, err := b.children(ctx, p, from.place(), from.Image, "--snap="+from.Snapshot)
	return len(clones) == 1, err
}

// renameBack undoes a rename that may have taken effect.
func (b *Backend) renameBack(ctx context.Context, p *pooldef.Pool, at place, newName, name string) error {
	ctx = context.WithoutCancel(ctx)
	all, err := b.names(ctx, p)
	if err != nil || !slices.Contains(all, newName) || slices.Contains(all, name) {
		return err
	}
	return b.rename(ctx, p, at, newName, name)
}

// Rename implements backend.Renamer.
func (b *Backend) Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	old, err := b.info(ctx, p, name)
	if err != nil {
		return err
	}
	if err := checkName(newName); err != nil || newName == name {
		return err
	}
	if err := b.checkNameFree(ctx, p, newName); err != nil {
		return err
	}
	at, _ := placeOf(p)
	err = b.rename(ctx, p, at, name, newName)
	if err == nil {
		return nil
	}
	undo := context.WithoutCancel(ctx)
	if now, _ := b.info(undo, p, newName); now.ID == old.ID {
		err = errors.Join(err, b.renameBack(undo, p, at, newName, name))
	}
	return err
}

// A status is an image's use as rbd status reports it.
type status struct{ Watchers []struct{ Address string } }

func (b *Backend) status(ctx context.Context, p *pooldef.Pool, at place, name string) (s status, err error) {
	err = b.queryImage(ctx, p, &s, "status", at, name)
	return s, err
}

// checkNotInUse returns an error if an image is open anywhere, such as in a guest.
func (b *Backend) checkNotInUse(
	ctx context.Context, p *pooldef.Pool, at place, name string, inUse, reading bool,
) error {
	if inUse {
		return nil
	}
	status, err := b.status(ctx, p, at, name)
	if err != nil || len(status.Watchers) == 0 {
		return err
	}
	if reading {
		return &host.InUseError{Path: path(p, name), Reading: true}
	}
	var users []string
	for _, w := range status.Watchers {
		address, _, _ := strings.Cut(w.Address, "/")
		users = append(users, "opened from "+address)
	}
	return &backend.BusyError{Path: path(p, name), Users: users}
}
