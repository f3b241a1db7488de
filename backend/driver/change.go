package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host/shell"
)

// RenameVolume gives a volume another name in its pool. If images in active pools name the volume as their
// backing file, RenameVolume returns an error unless follow is set: then they get the new name.
func (d *Driver) RenameVolume(ctx context.Context, v *Volume, newName string, follow bool) error {
	p := v.Pool()
	renamer, err := backend.As[backend.Renamer](v.Backend, p.Type, "renaming volumes")
	if err != nil {
		return err
	}
	// A dry run reports problems with the name before the machine is inspected, and before a hint suggests to
	// put the name into other images.
	rehearsal := d.rehearsal(p.Type)
	err = rehearsal.(backend.Renamer).Rename(ctx, p, v.Name, newName)
	linker, links := rehearsal.(backend.Linker)
	interrupted := follow && links && errors.Is(err, fs.ErrExist) && linker.Link(ctx, p, v.Name, newName) == nil
	if interrupted { // the volume has both names already
		err = nil
	}
	if err != nil || newName == v.Name {
		return err
	}
	users, err := d.usersOf(ctx, v, false)
	if err != nil {
		return err
	}
	if err := checkContains(users); err != nil {
		return err
	}
	overlays := overlaysIn(users)
	switch {
	case overlays == nil && !interrupted:
		err = d.afterPassing(ctx, func() error { return renamer.Rename(ctx, p, v.Name, newName) })
	case follow:
		err = d.renameFollowed(ctx, v, overlays, newName)
	default:
		err = checkNoOverlays(overlays, renameHint(v, newName, overlays[0]))
	}
	if err == nil {
		d.warnDomains(users)
		d.warnSecret(v)
	}
	return err
}

// checkContains returns an error if a pool, active or not, finds its storage through a volume's name.
func checkContains(users []User) error {
	for _, u := range users {
		if u.Kind == PoolUser && u.needsOld {
			return &backend.StateError{Text: fmt.Sprintf("it contains the pool %q", u.Name)}
		}
	}
	return nil
}

// warnDomains warns about domains that find a volume by a path that the volume loses.
func (d *Driver) warnDomains(users []User) {
	d.warnEachDomain(users, "domain %q finds the volume by its old path: virsh edit %s")
}

// warnSecret warns that the secret of an encrypted volume, which is found by the volume's path, is for the
// path that the volume had.
func (d *Driver) warnSecret(v *Volume) {
	if v.Target.Encryption == nil {
		return
	}
	if secret, err := d.Store.SecretOf("volume", v.Target.Path); err == nil && secret != nil {
		d.Warn("secret %s of the volume is for its old path: define one for the new path, with the same value",
			secret.UUID)
	}
}

// warnEachDomain warns about each domain that uses a volume. The text gets the name of the domain twice, the
// second time for a shell.
func (d *Driver) warnEachDomain(users []User, text string) {
	warned := ""
	for _, u := range users {
		if u.Kind == DomainUser && u.needsOld && u.Name != warned {
			d.Warn(text, u.Name, shell.Quote(u.Name))
			warned = u.Name
		}
	}
}

// renameHint returns the commands that have an overlay name a volume by its new name.
func renameHint(v *Volume, newName string, overlay User) string {
	newPath := v.Target.Path[:strings.LastIndexByte(v.Target.Path, '/')+1] + newName
	old, renamed, image := shell.Quote(v.Target.Path), shell.Quote(newPath), shell.Quote(overlay.Name)
	if overlay.As == "data file" {
		const hint = "while no guest uses it: ln %[1]s %[2]s && qemu-img amend -o data_file=%[2]s %[3]s && rm %[1]s"
		return fmt.Sprintf(hint, old, renamed, image)
	}
	if _, follows := v.Backend.(backend.Linker); follows {
		return "--rebase-overlays writes the new name into them"
	}
	const hint = "while no guest uses it, have each name the new path first: qemu-img rebase -u -b %s -F %s %s"
	return fmt.Sprintf(hint, renamed, cmp.Or(overlay.format, v.Target.Format), image)
}

// DeleteOptions control what DeleteVolume may delete.
type DeleteOptions struct {
	Snapshots bool // also the volume's snapshots
	InUse     bool // a file that images, processes, running domains or the kernel use
}

// DeleteVolume deletes a volume. Without o.InUse, DeleteVolume returns an error if something uses the volume.
// A volume that contains an active pool is never deleted. Domains that are defined with the volume are
// warnings.
func (d *Driver) DeleteVolume(ctx context.Context, v *Volume, o DeleteOptions) error {
	deleter, err := backend.As[backend.Deleter](v.Backend, v.Pool().Type, "volume deletion")
	if err != nil {
		return err
	}
	var users []User
	if o.InUse {
		err = d.checkContainsNoPool(ctx, v)
	} else {
		users, err = d.checkUnused(ctx, v, usedHints{
			overlays: "delete these first; --in-use deletes it anyway, and they lose their data",
			others:   "--in-use deletes it anyway",
		})
	}
	if err != nil {
		return err
	}
	err = d.deleteChecked(ctx, v, deleter, o.Snapshots)
	if err == nil {
		d.warnEachDomain(users, "domain %q names the volume: virsh edit %s")
	}
	return err
}

// deleteChecked deletes a volume that is not in use.
func (d *Driver) deleteChecked(
	ctx context.Context, v *Volume, deleter backend.Deleter, snapshots bool,
) error {
	p := v.Pool()
	if !snapshots {
		return d.afterPassing(ctx, func() error { return deleter.Delete(ctx, p, v.Name) })
	}
	const what = "deleting snapshots with a volume"
	withSnapshots, err := backend.As[backend.SnapshotDeleter](v.Backend, p.Type, what)
	if err != nil {
		return err
	}
	return d.afterPassing(ctx, func() error { return withSnapshots.DeleteWithSnapshots(ctx, p, v.Name) })
}
