package commands

import (
	"fmt"
	"path/filepath"
	"strings"

	"poolctl/backend/host/shell"
)

// Autostart is the verb autostart.
type Autostart struct{ changing }

// Help implements kong.HelpProvider.
func (c *Autostart) Help() string {
	return "Starts every inactive pool that pool-autostart has enabled, and reports each result. A " +
		"failed start does not stop the others; the exit status is then 9.\n\n" +
		"  poolctl autostart"
}

// Run starts the marked pools.
func (c *Autostart) Run(e *env) error {
	e.warnMissing()
	entries, err := e.driver.Store.All()
	if err != nil {
		return err
	}
	failed := false
	for _, name := range e.driver.Store.DanglingAutostart() {
		pool := shell.Quote(strings.TrimSuffix(name, filepath.Ext(name)))
		e.Warn("autostart/%s: no such definition; poolctl pool-autostart --disable %s removes it", name, pool)
	}
	for _, entry := range entries {
		if !entry.Autostart {
			continue
		}
		e.reportPool(entry.Name)
		err := c.start(e, entry.Name)
		e.settle(err)
		if err != nil {
			failed = true
			e.reportPart(fmt.Errorf("start pool %q: %w", entry.Name, err))
		}
	}
	if failed {
		return errPartial
	}
	return nil
}

// start starts one pool unless it is active.
func (c *Autostart) start(e *env, name string) error {
	started, err := e.driver.AutostartPool(e.ctx, name)
	switch {
	case err != nil:
		return err
	case started:
		e.Say("Pool %s started", name)
	default:
		e.Say("Pool %s is already active", name)
	}
	return nil
}
