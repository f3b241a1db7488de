package zfs

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

// Delete implements backend.Deleter. One with snapshots or clones is refused.
func (b *Backend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.delete(ctx, p, name, false)
}

// DeleteWithSnapshots implements backend.SnapshotDeleter. Clones are volumes of their own: they stay, and keep the snapshot.
func (b *Backend) DeleteWithSnapshots(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.delete(ctx, p, name, true)
}

func (b *Backend) delete(ctx context.Context, p *pooldef.Pool, name string, withSnapshots bool) error {
	if _, _, err := b.find(ctx, p, name); err != nil {
		return err
	}
	if err := b.checkNotInUse(p, name); err != nil {
		return err
	}
	c := destroy(p, name)
	if withSnapshots {
		c.Args = slices.Insert(c.Args, 1, "-r")
	}
	err := b.change(ctx, p, c)
	host.Settle(context.WithoutCancel(ctx), b.Host)
	if host.StderrContains(err, "has children", "has dependent clones") {
		return b.needed(ctx, p, name)
	}
	return mapErrNotFound(err, name)
}

// needed says why a volume cannot be deleted.
func (b *Backend) needed(ctx context.Context, p *pooldef.Pool, name string) error {
	snapshots, clones, err := b.dependents(ctx, p, name)
	switch {
	case err != nil:
		return err
	case len(clones) > 0:
		return &backend.StateError{Text: "these share its blocks, and need it: " + strings.Join(clones, ", "),
			Hint: "delete them first; or zfs promote makes one of them the owner of the blocks"}
	}
	return &backend.StateError{Text: "there are snapshots of it, which would go with it: " + strings.Join(snapshots, ", "),
		Hint: "--delete-snapshots deletes them, too"}
}

// dependents asks for a volume's snapshots, and for the clones of them.
func (b *Backend) dependents(ctx context.Context, p *pooldef.Pool, name string) (snapshots, clones []string, err error) {
	out, err := b.ask(ctx, p.Source.Name, host.Cmd("zfs", "list", "-Hp", "-d", "1", "-t", "snapshot", "-o", "name,clones", "--", key(p, name)))
	for line := range strings.Lines(string(out)) {
		snapshot, of, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		_, snapshot, _ = strings.Cut(snapshot, "@")
		snapshots = append(snapshots, snapshot)
		if of != "" && of != "-" {
			clones = append(clones, strings.Split(of, ",")...)
		}
	}
	slices.Sort(clones)
	return snapshots, clones, err
}

// mapErrNotFound makes of what ZFS says of a volume that is not there an error that wraps ErrNoVolume.
func mapErrNotFound(err error, name string) error {
	if host.StderrContains(err, "dataset does not exist") {
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return err
}

// checkNotInUse refuses a volume that is in use, and tells by whom.
func (b *Backend) checkNotInUse(p *pooldef.Pool, name string) error {
	if !isThere(p, name) { // ZFS knows, too, but not by whom
		return nil
	}
	if users := b.Users(path(p, name)); len(users) > 0 {
		return &backend.BusyError{Path: path(p, name), Users: users}
	}
	return nil
}

// Rename implements backend.Renamer. Who uses it goes on with that.
func (b *Backend) Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	r, l, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	if err := checkName(p, newName); err != nil || newName == name {
		return err
	}
	if l.child(newName) != nil {
		return mapErrExist(p, newName)
	}
	err = b.change(ctx, p, rename(p, name, newName))
	switch {
	case err == nil:
		_ = b.await(ctx, p, newName, r.volmode) // what is done is done
		return nil
	case host.StderrContains(err, "dataset already exists"):
		err = mapErrExist(p, newName)
	}
	return errors.Join(mapErrNotFound(err, name), b.renameBack(context.WithoutCancel(ctx), p, r, newName))
}

// renameBack undoes a renaming, if it has happened in spite of an error.
func (b *Backend) renameBack(ctx context.Context, p *pooldef.Pool, r *row, newName string) error {
	l, err := b.list(ctx, p)
	if err != nil {
		return err
	}
	if now := l.child(newName); now == nil || now.guid != r.guid {
		return nil
	}
	return b.Host.Change(ctx, rename(p, newName, r.name))
}

// Resize implements backend.Resizer, in whole blocks. Who uses the volume sees it grow. What has all of its room keeps that so; a sparse
// one gets room for what is new only if that is wanted.
func (b *Backend) Resize(ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions) error {
	r, l, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	size = max(r.rounded(size), r.block)
	switch {
	case size == r.size:
		return nil
	case size < r.size && !o.Shrink:
		return fmt.Errorf("it has %d bytes: those behind the new end would be lost", r.size)
	case size < r.size:
		return b.shrink(ctx, p, r, size)
	}
	words := []string{}
	if o.Allocate && r.reserved < r.size {
		words = append(words, fmt.Sprintf("refreservation=%d", r.reserved+size-r.size))
	}
	err = noRoom(mapErrNotFound(b.change(ctx, p, resize(p, name, size, words...)), name), l)
	if err != nil {
		err = errors.Join(err, b.shrinkBack(context.WithoutCancel(ctx), p, r))
	}
	return err
}

// shrink makes a volume smaller. ZFS would do that also under somebody who uses it.
func (b *Backend) shrink(ctx context.Context, p *pooldef.Pool, r *row, size uint64) error {
	if r.volmode != "none" {
		if err := b.hasNode(ctx, p, r); err != nil {
			return err
		}
	}
	if err := b.checkNotInUse(p, r.name); err != nil {
		return err
	}
	return mapErrNotFound(b.change(ctx, p, resize(p, r.name, size)), r.name)
}

func resize(p *pooldef.Pool, name string, size uint64, more ...string) host.Step {
	return zfs(slices.Concat([]string{"set", fmt.Sprintf("volsize=%d", size)}, more, []string{key(p, name)})...)
}

// shrinkBack undoes an extension, if it has happened.
func (b *Backend) shrinkBack(ctx context.Context, p *pooldef.Pool, old *row) error {
	l, err := b.list(ctx, p)
	if err != nil {
		return err
	}
	now := l.child(old.name)
	if now == nil || now.guid != old.guid || now.size == old.size && now.reserved == old.reserved {
		return nil
	}
	return b.Host.Change(ctx, resize(p, old.name, old.size, fmt.Sprintf("refreservation=%d", old.reserved)))
}
