package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// A follower is an image that is based on a volume that is renamed.
type follower struct {
	*Volume
	changer backend.Rebaser
	format  string // of its backing file
}

// renameFollowed renames a volume, and writes the new name into the images that are based on it. Until all of
// them have it, the volume has both names, so that each image finds it at any time. If renameFollowed is
// killed, the same call goes on.
func (d *Driver) renameFollowed(ctx context.Context, v *Volume, overlays []User, newName string) error {
	p := v.Pool()
	linker, err := backend.As[backend.Linker](v.Backend, p.Type, "volumes with two names")
	if err != nil {
		return err
	}
	deleter, err := backend.As[backend.Deleter](v.Backend, p.Type, "volume deletion")
	if err != nil {
		return err
	}
	followers, unlock, err := d.followers(ctx, overlays)
	defer unlock()
	if err != nil {
		return err
	}
	if err := linker.Link(ctx, p, v.Name, newName); err != nil {
		return err
	}
	path := v.Target.Path[:strings.LastIndexByte(v.Target.Path, '/')+1] + newName
	for i, f := range followers {
		onto := &pooldef.VolumeTarget{Path: path, Format: cmp.Or(f.format, v.Target.Format)}
		if err := f.changer.RenameBacking(ctx, f.Pool(), f.Name, onto); err != nil {
			err = fmt.Errorf("image %q: %w", f.Target.Path, err)
			// the image may have the new name despite the error
			return errors.Join(err, d.unfollow(ctx, v, followers[:i+1], newName, deleter))
		}
	}
	return deleter.Delete(ctx, p, v.Name)
}

// unfollow writes the old name back into images, and then removes the new name.
func (d *Driver) unfollow(
	ctx context.Context, v *Volume, followers []follower, newName string, deleter backend.Deleter,
) error {
	ctx = context.WithoutCancel(ctx)
	for _, f := range followers {
		onto := &pooldef.VolumeTarget{Path: v.Target.Path, Format: cmp.Or(f.format, v.Target.Format)}
		if err := f.changer.RenameBacking(ctx, f.Pool(), f.Name, onto); err != nil {
			return fmt.Errorf("%q has both names: repeat the command: %w", v.Target.Path, err)
		}
	}
	return deleter.Delete(ctx, v.Pool(), newName)
}

// followers finds images by their paths, and locks their pools until unlock is called. An image that names
// the volume as its data file, or is in use, is an error.
func (d *Driver) followers(
	ctx context.Context, overlays []User,
) (followers []follower, unlock func(), err error) {
	unlock = func() {
		for _, f := range followers {
			f.Unlock()
		}
	}
	for _, u := range overlays {
		if u.As != "backing file" {
			return followers, unlock, &backend.StateError{
				Text: fmt.Sprintf("%q names it as its %s, which cannot be changed", u.Name, u.As),
			}
		}
		v, err := d.FindVolume(ctx, u.Name, "")
		if err != nil {
			return followers, unlock, err
		}
		followers = append(followers, follower{Volume: v, format: u.format})
		f := &followers[len(followers)-1]
		if f.changer, err = d.rebaser(ctx, v); err != nil {
			return followers, unlock, fmt.Errorf("image %q: %w", u.Name, err)
		}
	}
	return followers, unlock, nil
}
