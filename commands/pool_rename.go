package commands

import "fmt"

// PoolRename is the verb pool-rename.
type PoolRename struct {
	poolArg
	Newname string `arg:"" help:"New name of the pool."`
	changing
}

// Help implements kong.HelpProvider.
func (*PoolRename) Help() string {
	return "The definition, the autostart mark and the record of a start get the new name. The storage and " +
		"the uuid stay as they are, so an active pool goes on. If the command is killed, run it again.\n\n" +
		"  poolctl pool-rename images golden"
}

// Run renames a pool.
func (c *PoolRename) Run(e *env) error {
	if e.cli.DryRun {
		e.reportPool(c.Pool)
	}
	if err := e.driver.RenamePool(e.ctx, c.Pool, c.Newname); err != nil {
		return fmt.Errorf("rename pool %q: %w", c.Pool, err)
	}
	if !e.cli.DryRun {
		e.reportPool(c.Newname)
	}
	e.Say("Pool %s renamed to %s", c.Pool, c.Newname)
	return nil
}
