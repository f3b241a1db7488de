package driver

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// FlattenVolume makes an image independent of its backing files, by copying what it needs of them.
func (d *Driver) FlattenVolume(ctx context.Context, v *Volume, progress host.Progress) error {
	flattener, err := toChangeChain[backend.Flattener](ctx, d, v, "making volumes independent of others")
	if err != nil {
		return err
	}
	return flattener.Flatten(ctx, v.Pool(), v.Name, d.chainOptions(ctx, v, progress))
}

// RebaseVolume bases an image on another one. With unsafe set, only the name in the image's header changes,
// and so the data that a guest sees unless both have the same content: that is an error if other images are
// based on the image.
func (d *Driver) RebaseVolume(
	ctx context.Context, v *Volume, onto *pooldef.VolumeTarget, unsafe bool, progress host.Progress,
) error {
	changer, err := d.rebaser(ctx, v)
	if err != nil {
		return err
	}
	if !unsafe {
		return changer.Rebase(ctx, v.Pool(), v.Name, onto, d.chainOptions(ctx, v, progress))
	}
	if d.Host.Canonical(onto.Path) == d.Host.Canonical(v.Target.Path) {
		return &backend.StateError{Text: "an image cannot be based on itself"}
	}
	_, err = d.checkUnused(ctx, v, usedHints{overlays: "without --unsafe, their data stay the same"})
	if err != nil {
		return err
	}
	return changer.RenameBacking(ctx, v.Pool(), v.Name, onto)
}

// CommitVolume writes the data of an image into its backing file, and empties the image. The backing file
// must be a volume of an active pool that nothing else is based on. CommitVolume returns its path, which is
// empty if the image has no backing file.
func (d *Driver) CommitVolume(ctx context.Context, v *Volume, progress host.Progress) (base string,
	err error) {
	committer, err := toChangeChain[backend.Committer](ctx, d, v, "writing volumes into their backing stores")
	if err != nil || v.Backing == nil {
		return "", err
	}
	base = v.Backing.Path
	if err := d.checkOnlyOverlay(ctx, v); err != nil {
		return "", err
	}
	return base, committer.Commit(ctx, v.Pool(), v.Name, d.chainOptions(ctx, v, progress))
}

// rebaser returns the capability to change what an image is based on.
func (d *Driver) rebaser(ctx context.Context, v *Volume) (backend.Rebaser, error) {
	return toChangeChain[backend.Rebaser](ctx, d, v, "changing backing stores")
}

// toChangeChain returns the capability C of the backend of an image that nothing uses but other images. what
// describes the operation in errors.
func toChangeChain[C any](ctx context.Context, d *Driver, v *Volume, what string) (C, error) {
	changer, err := capability[C](v, what, chainHint(v))
	if err != nil {
		return changer, err
	}
	look, err := d.look(ctx, func(*pooldef.Pool) bool { return false })
	if err != nil {
		return changer, err
	}
	users, err := look.usersAfterPassing(ctx, v.Pool(), v.Volume)
	if err != nil {
		return changer, err
	}
	return changer, checkNotOpen(v.Target.Path, users, "")
}

// chainHint returns what to do with a volume whose backing store cannot be changed.
func chainHint(v *Volume) string {
	_, flattens := v.Backend.(backend.Flattener)
	_, clones := v.Backend.(backend.Cloner)
	switch {
	case v.Backing == nil || !clones:
		return "the volume has no backing store"
	case v.Pool().Type == pooldef.Gluster:
		return "poolctl vol-flatten {vol} {pool} makes it independent; a pool of type netfs and format glusterfs " +
			"has the same images, and rebases them"
	case flattens:
		return "poolctl vol-flatten {vol} {pool} makes it independent"
	}
	return "poolctl vol-clone {vol} NAME {pool} --full copies it without a backing store"
}

func (d *Driver) chainOptions(ctx context.Context, v *Volume, progress host.Progress) backend.ChainOptions {
	return backend.ChainOptions{MayRead: d.Known(ctx, v), Progress: progress}
}

// checkOnlyOverlay returns an error if the backing file of an image has other overlays, whose data would
// change with it, or is in use.
func (d *Driver) checkOnlyOverlay(ctx context.Context, v *Volume) error {
	entries, err := d.AllPools()
	if err != nil {
		return err
	}
	pool, name, err := d.poolOf(ctx, entries, v.Backing.Path)
	switch {
	case err != nil:
		return err
	case pool == "":
		return unknownImage(fmt.Sprintf("%q is not in an active pool", v.Backing.Path))
	}
	entry, b, unlock, err := d.ActivePool(ctx, pool)
	defer unlock()
	if err != nil {
		return err
	}
	base, err := b.Volume(ctx, entry.Current(), name)
	if err != nil {
		return err
	}
	look, err := d.look(ctx, isAnything)
	if err != nil {
		return err
	}
	users, err := look.usersAfterPassing(ctx, entry.Current(), base)
	if err != nil {
		return err
	}
	for _, hidden := range look.hidden {
		d.Warn("%w", hidden)
	}
	if others := basedOn(users, v.Target.Path); others != nil {
		return &backend.StateError{
			Text: fmt.Sprintf("%q is also the %s of %s, whose data would change", base.Target.Path, others[0].As,
				namesOf(others)),
			Hint: "poolctl vol-flatten makes these independent of it",
		}
	}
	return checkNotOpen(base.Target.Path, users, "")
}
