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

// tempNames generates the temporary names of images that are incomplete or being removed. Listings omit these
// images, and no other volume can have such a name. A Ceph pool is used by several machines, so the names
// contain the machine. Images of another machine never count as leftovers.
var tempNames = host.TempNames{Prefix: tempPrefix, Shared: true}

// snapshotNames generates the names of snapshots that are created for clones.
var snapshotNames = host.TempNames{Prefix: basePrefix, Shared: true}

const tempPrefix, basePrefix = ".poolctl-", "poolctl-"

// isTempName reports whether a name is a temporary name of any machine.
func isTempName(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// isBase reports whether a snapshot, of any machine, is to be removed with its last clone.
func isBase(name string) bool { return strings.HasPrefix(name, basePrefix) }

// withStaging creates an image under a temporary name, and renames the image when it is complete. create
// makes the image under the given name, and need not undo anything on error.
func (b *Backend) withStaging(
	ctx context.Context, p *pooldef.Pool, at place, name string, create func(temp string) error,
) error {
	return backend.Staging{
		Names:  &tempNames,
		Create: create,
		Rename: func(temp string) error { return b.rename(ctx, p, at, temp, name) },
		Remove: func(ctx context.Context, temp string, maybeRenamed bool) error {
			all, err := b.names(ctx, p)
			switch {
			case err != nil:
				return err
			case slices.Contains(all, temp):
				return b.remove(ctx, p, at, temp)
			case maybeRenamed && slices.Contains(all, name): // only this process could rename the image
				return b.remove(ctx, p, at, name)
			}
			return nil
		},
	}.Run(ctx)
}

// rename renames an image. If another process takes the new name at the same time, rbd reports success and
// leaves the image unchanged.
func (b *Backend) rename(ctx context.Context, p *pooldef.Pool, at place, name, newName string) error {
	err := b.change(ctx, p, "rename", at, name, append(at.args("dest-"), "--dest="+newName)...)
	if err != nil {
		return mapErrNotFound(mapErrExist(err, p, newName), name)
	}
	all, err := b.names(context.WithoutCancel(ctx), p)
	if err == nil && slices.Contains(all, name) && slices.Contains(all, newName) {
		err = existError(p, newName)
	}
	return err
}

// remove removes an image without snapshots.
func (b *Backend) remove(ctx context.Context, p *pooldef.Pool, at place, name string) error {
	return b.change(ctx, p, "rm", at, name, quiet)
}

// quiet suppresses rbd's progress output.
const quiet = "--no-progress"

// RemoveStale implements backend.StaleRemover. It keeps leftovers that are in use or have clones.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	all, err := b.rows(ctx, p)
	if err != nil {
		return nil, err
	}
	names, err := b.names(ctx, p) // rows omits incomplete images
	var removed []string
	used := map[string]bool{} // snapshots
	for _, r := range all {
		if r.Parent != nil && !tempNames.IsStale(r.Image) {
			used[r.Parent.Image+"@"+r.Parent.Snapshot] = true
		}
	}
	sweep := func(name string, remove func() error) {
		switch e := remove(); {
		case e == nil:
			removed = append(removed, path(p, name))
		case !hasErrno(e, syscall.EBUSY) && !hasErrno(e, syscall.ENOENT):
			err = errors.Join(err, e)
		}
	}
	for _, name := range names {
		if tempNames.IsStale(name) {
			sweep(name, func() error { return b.remove(ctx, p, at, name) })
		}
	}
	for _, r := range all {
		if name := r.Image + "@" + r.Snapshot; snapshotNames.IsStale(r.Snapshot) && !used[name] {
			sweep(
				name,
				func() error {
					return b.removeSnapshot(ctx, p, at, r.Image, snapshot{Name: r.Snapshot, Protected: r.Protected})
				},
			)
		}
	}
	return removed, err
}
