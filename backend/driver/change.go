package driver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// RenameVolume gives a volume another name in its pool. If overlays in active pools name the volume as their
// backing file, RenameVolume returns an error.
func (d *Driver) RenameVolume(ctx context.Context, v *Volume, newName string) error {
	p := v.Pool()
	renamer, err := backend.As[backend.Renamer](v.Backend, p.Type, "renaming volumes")
	if err != nil {
		return err
	}
	// A dry run reports problems with the name before checkNoOverlays suggests to put it into other images.
	rehearsal := d.NewBackends(host.NewDryRun(d.Host, io.Discard))[p.Type].(backend.Renamer)
	if err := rehearsal.Rename(ctx, p, v.Name, newName); err != nil || newName == v.Name {
		return err
	}
	if err := d.checkNoOverlays(ctx, v, newName); err != nil {
		return err
	}
	return renamer.Rename(ctx, p, v.Name, newName)
}

// checkNoOverlays returns an error if images or pools find their data through a volume's name.
func (d *Driver) checkNoOverlays(ctx context.Context, v *Volume, newName string) error {
	overlays, err := d.overlays(ctx, v)
	if err != nil || len(overlays) == 0 {
		return err
	}
	text, first := quotedPaths(overlays), overlays[0]
	newPath := v.Target.Path[:strings.LastIndexByte(v.Target.Path, '/')+1] + newName
	if first.Target.DataFile != "" {
		const hint = "while no guest uses it: ln %[1]s %[2]s && qemu-img amend -o data_file=%[2]s %[3]s && rm %[1]s"
		return &backend.StateError{
			Text: "it is the data file of " + text,
			Hint: fmt.Sprintf(hint, shell.Quote(v.Target.Path), shell.Quote(newPath), shell.Quote(first.Target.Path)),
		}
	}
	const hint = "while no guest uses it, have each name the new path first: " +
		"qemu-img rebase -u -b %s -F %s %s"
	return &backend.StateError{
		Text: "it is the backing file of " + text,
		Hint: fmt.Sprintf(hint, shell.Quote(newPath), cmp.Or(first.Backing.Format, v.Target.Format),
			shell.Quote(first.Target.Path)),
	}
}

// DeleteUnused deletes a volume that no process uses and no image or pool needs.
func (d *Driver) DeleteUnused(ctx context.Context, v *Volume) error {
	p := v.Pool()
	deleter, err := backend.As[backend.Deleter](v.Backend, p.Type, "volume deletion")
	if err != nil {
		return err
	}
	overlays, err := d.overlays(ctx, v)
	if err != nil {
		return err
	}
	if len(overlays) > 0 {
		return &backend.StateError{Text: "it is needed by " + quotedPaths(overlays)}
	}
	if err := d.checkNoPoolIn(ctx, v); err != nil {
		return err
	}
	if unused, ok := v.Backend.(backend.UnusedDeleter); ok {
		return unused.DeleteUnused(ctx, p, v.Name)
	}
	return deleter.Delete(ctx, p, v.Name)
}

// quotedPaths returns the paths of a few volumes, and how many more there are.
func quotedPaths(volumes []*pooldef.Volume) string {
	const most = 3
	var names []string
	for _, v := range volumes[:min(most, len(volumes))] {
		names = append(names, fmt.Sprintf("%q", v.Target.Path))
	}
	text := strings.Join(names, ", ")
	if more := len(volumes) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// DeleteVolume deletes a volume. If snapshots is set, DeleteVolume also deletes its snapshots.
func (d *Driver) DeleteVolume(ctx context.Context, v *Volume, snapshots bool) error {
	p := v.Pool()
	deleter, err := backend.As[backend.Deleter](v.Backend, p.Type, "volume deletion")
	if err != nil {
		return err
	}
	if err := d.checkNoPoolIn(ctx, v); err != nil {
		return err
	}
	if !snapshots {
		return deleter.Delete(ctx, p, v.Name)
	}
	const what = "deleting snapshots with a volume"
	withSnapshots, err := backend.As[backend.SnapshotDeleter](v.Backend, p.Type, what)
	if err != nil {
		return err
	}
	return withSnapshots.DeleteWithSnapshots(ctx, p, v.Name)
}
