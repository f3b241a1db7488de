package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host/shell"
)

// VolCheck is the verb vol-check.
type VolCheck struct {
	volumeArgs
	Repair string `default:"" enum:",leaks,all" placeholder:"WHAT" help:"Repair leaks (space that nothing uses), or all: what is corrupt may be lost."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolCheck) Help() string {
	return "The metadata of a qcow2, qed, vdi or vmdk image are compared with each other; qcow2 and qed " +
		"images can be repaired. The data in the image are not read. No guest may be using the volume. The " +
		"status is 1 if something is wrong, and 0 if nothing is, or if it has been repaired.\n\n" +
		"  poolctl vol-check disk.qcow2 images\n" +
		"  poolctl vol-check disk.qcow2 images --repair leaks"
}

// Run checks an image.
func (c *VolCheck) Run(e *env) error {
	if err := c.check(e); err != nil {
		return fmt.Errorf("check volume %q: %w", c.Vol, err)
	}
	return nil
}

func (c *VolCheck) check(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	p := v.Pool()
	checker, err := e.driver.ImageChecker(e.ctx, v)
	if err != nil {
		return err
	}
	found, err := checker.CheckImage(e.ctx, p, v.Name, c.Repair)
	if err != nil {
		return err
	}
	e.reportVolume(v.Backend, p, v.Name, v.Volume)
	if found == (backend.Damage{}) || e.cli.DryRun && c.Repair != "" {
		e.Say("No errors were found in vol %s", v.Name)
		return nil
	}
	damage := &backend.DamageError{Damage: found}
	if c.Repair != "all" {
		damage.Hint = fmt.Sprintf("after a backup: poolctl vol-check %s %s --repair %s", shell.Quote(v.Name),
			shell.Quote(p.Name), needed(found))
	}
	return damage
}

// needed returns what has to be repaired.
func needed(found backend.Damage) string {
	if found.Corruptions > 0 {
		return "all"
	}
	return "leaks"
}
