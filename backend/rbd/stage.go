package rbd

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// stages are the names of images that are being made, or removed. They are never listed, and no volume can have one. Several machines use
// a pool, so they say also by which: what another one makes is not known to be left.
var tempNames = host.TempNames{Prefix: stagePrefix + host.Machine() + "-"}

// bases are the names of snapshots that were made for clones.
var snapshotNames = host.TempNames{Prefix: basePrefix + host.Machine() + "-"}

const stagePrefix, basePrefix = ".poolctl-", "poolctl-"

// isStage tells the names of stages, of whatever machine.
func isStage(name string) bool { return strings.HasPrefix(name, stagePrefix) }

// isBase tells the snapshots that go with the last clone of them, of whatever machine.
func isBase(name string) bool { return strings.HasPrefix(name, basePrefix) }

// withStaging makes an image, under a name that nobody lists, and gives it its own when it is whole. make need not undo what it does to the
// stage.
func (b *Backend) withStaging(ctx context.Context, p *pooldef.Pool, at place, name string, make func(stage string) error) error {
	stage := tempNames.New()
	defer tempNames.Release(stage)
	err, is := make(stage), stage
	if err == nil {
		err, is = b.rename(ctx, p, at, stage, name), name
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrExist): // somebody else's
		is = stage
	}
	return errors.Join(err, b.unmake(context.WithoutCancel(ctx), p, at, stage, is))
}

// unmake removes a stage, also if it has its final name already: nobody else would have taken the stage away.
func (b *Backend) unmake(ctx context.Context, p *pooldef.Pool, at place, stage, name string) error {
	all, err := b.names(ctx, p)
	if err != nil {
		return err
	}
	if slices.Contains(all, stage) {
		name = stage
	}
	if !slices.Contains(all, name) {
		return nil
	}
	return b.remove(ctx, p, at, name)
}

// rename gives an image another name. If somebody else takes that at the same time, rbd says nothing and leaves the image as it is.
func (b *Backend) rename(ctx context.Context, p *pooldef.Pool, at place, name, newName string) error {
	err := b.change(ctx, p, "rename", at, name, append(at.args("dest-"), "--dest="+newName)...)
	if err != nil {
		return mapErrNotFound(mapErrExist(err, p, newName), name)
	}
	all, err := b.names(context.WithoutCancel(ctx), p)
	if err == nil && slices.Contains(all, name) && slices.Contains(all, newName) {
		err = exists(p, newName)
	}
	return err
}

// remove removes an image that has no snapshots.
func (b *Backend) remove(ctx context.Context, p *pooldef.Pool, at place, name string) error {
	return b.change(ctx, p, "rm", at, name, quiet)
}

// quiet keeps rbd from telling how far it is.
const quiet = "--no-progress"

// RemoveStale implements backend.StaleRemover. What is in use, or has clones, is not left.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	all, err := b.rows(ctx, p)
	if err != nil {
		return nil, err
	}
	names, err := b.names(ctx, p) // half an image has no row
	var swept []string
	used := map[string]bool{} // snapshots
	for _, r := range all {
		if r.Parent != nil && !tempNames.IsStale(r.Image) {
			used[r.Parent.Image+"@"+r.Parent.Snapshot] = true
		}
	}
	sweep := func(name string, remove func() error) {
		switch e := remove(); {
		case e == nil:
			swept = append(swept, path(p, name))
		case !is(e, syscall.EBUSY) && !is(e, syscall.ENOENT):
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
			sweep(name, func() error { return b.removeSnapshot(ctx, p, at, r.Image, snapshot{r.Snapshot, r.Size, r.Protected}) })
		}
	}
	return swept, err
}
