package commands

import (
	"fmt"

	"poolctl/pooldef/store"
)

// Autostart is the verb autostart.
type Autostart struct{}

// Help implements kong.HelpProvider.
func (c *Autostart) Help() string {
	return "Starts every pool that pool-autostart has marked and that is not active, and says of each what happened. One that fails " +
		"does not stop the others; the status is then 9. With nothing to do, all is well."
}

// Run starts what is marked.
func (c *Autostart) Run(e *env) error {
	entries, err := e.store.All()
	if err != nil {
		return err
	}
	failed := false
	for _, name := range e.store.DanglingAutostart() {
		failed = true
		e.report(fmt.Errorf("autostart/%s: there is no such definition", name))
	}
	for _, entry := range entries {
		if !entry.Autostart {
			continue
		}
		if err := e.autostart(entry.Name); err != nil {
			failed = true
			e.report(fmt.Errorf("start pool %q: %w", entry.Name, err))
		}
	}
	if failed {
		return errPartial
	}
	return nil
}

// autostart starts one pool unless it is active.
func (e *env) autostart(name string) error {
	entry, unlock, err := e.lockPool(name, store.Exclusive)
	defer unlock()
	if err != nil {
		return err
	}
	active, err := e.active(entry)
	if err != nil {
		return err
	}
	if active {
		e.say("Pool %s is already active", name)
		return nil
	}
	if err := e.startPool(entry, &buildFlags{}, 0); err != nil {
		return err
	}
	e.say("Pool %s started", name)
	return nil
}
