package commands

import (
	"fmt"

	"poolctl/pooldef"
)

// VolRename is the verb vol-rename.
type VolRename struct {
	volumeArgs
	Newname        string `arg:"" help:"New name, in the same pool."`
	RebaseOverlays bool   `help:"Write the new name into images in active pools that are based on the volume. Nothing may use them."`
	changing
}

// Help implements kong.HelpProvider.
func (c *VolRename) Help() string {
	return "A volume that images in active pools name as their backing file is not renamed without " +
		"--rebase-overlays. Then it has both names until all of them have the new one; if the command is " +
		"killed, run it again. Domains of libvirt that name the volume are warnings. Images in inactive pools " +
		"are not known.\n\n" +
		"  poolctl vol-rename disk.raw data.raw images\n" +
		"  poolctl vol-rename base.qcow2 golden.qcow2 images --rebase-overlays"
}

// Run renames a volume.
func (c *VolRename) Run(e *env) error {
	if err := c.rename(e); err != nil {
		return fmt.Errorf("rename volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s renamed to %s", c.Vol, c.Newname)
	return nil
}

func (c *VolRename) rename(e *env) error {
	if text := pooldef.CheckVolumeName(c.Newname); text != "" {
		return pooldef.Problems{{Element: "name", Text: text}}
	}
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	if err := e.driver.RenameVolume(e.ctx, v, c.Newname, c.RebaseOverlays); err != nil {
		return err
	}
	e.reportVolume(v.Backend, v.Pool(), c.Newname, v.Volume)
	return nil
}
