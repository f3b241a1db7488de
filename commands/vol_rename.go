package commands

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// VolRename is the verb vol-rename.
type VolRename struct {
	volumeArgs
	Newname string `arg:"" help:"New name, in the same pool."`
}

// Help implements kong.HelpProvider.
func (c *VolRename) Help() string {
	return "A volume that images in active pools name as their backing file is not renamed. Others that use it by its path, such as the " +
		"definition of a VM or an image in a pool that is not active, are not known, and not changed."
}

// Run renames a volume.
func (c *VolRename) Run(e *env) error {
	if err := c.rename(e); err != nil {
		return fmt.Errorf("rename volume %q: %w", c.Vol, err)
	}
	e.say("Vol %s renamed to %s", c.Vol, c.Newname)
	return nil
}

func (c *VolRename) rename(e *env) error {
	if text := pooldef.CheckVolumeName(c.Newname); text != "" {
		return pooldef.Problems{{Element: "name", Text: text}}
	}
	v, err := e.findVolume(c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.unlock()
	p := v.entry.Current()
	renamer, err := backend.As[backend.Renamer](v.backend, p.Type, "renaming volumes")
	if err != nil {
		return err
	}
	// A rehearsal finds what is wrong with the name, before the hint of mustHaveNoOverlays has other images name it.
	rehearsal := e.backendsOn(host.NewDryRun(e.host, io.Discard))[p.Type].(backend.Renamer)
	if err := rehearsal.Rename(e.ctx, p, v.Name, c.Newname); err != nil || c.Newname == v.Name {
		return err
	}
	if err := e.mustHaveNoOverlays(v, c.Newname); err != nil {
		return err
	}
	return renamer.Rename(e.ctx, p, v.Name, c.Newname)
}

// mustHaveNoOverlays refuses to take a name away from a volume by which images and pools find what is theirs.
func (e *env) mustHaveNoOverlays(v *foundVolume, newName string) error {
	overlays, err := e.overlays(v)
	if err != nil || len(overlays) == 0 {
		return err
	}
	const most = 3
	var names []string
	for _, o := range overlays[:min(most, len(overlays))] {
		names = append(names, fmt.Sprintf("%q", o.Target.Path))
	}
	text := strings.Join(names, ", ")
	if more := len(overlays) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	first := overlays[0]
	newPath := v.Target.Path[:strings.LastIndexByte(v.Target.Path, '/')+1] + newName
	return &stateError{"it is the backing file of " + text, fmt.Sprintf("while no guest uses it, have each name the new path first: qemu-img rebase -u -b %s -F %s %s",
		host.Quote(newPath), cmp.Or(first.Backing.Format, v.Target.Format), host.Quote(first.Target.Path))}
}
