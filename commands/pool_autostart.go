package commands

import (
	"fmt"

	"poolctl/pooldef/store"
)

// PoolAutostart is the verb pool-autostart.
type PoolAutostart struct {
	Pool    string `arg:"" help:"Name or uuid of the pool."`
	Disable bool   `help:"Do not start it at boot any more."`
}

// Help implements kong.HelpProvider.
func (c *PoolAutostart) Help() string {
	return "What starts the pools is poolctl autostart, from the unit poolctl-autostart.service."
}

// Run marks or unmarks a pool.
func (c *PoolAutostart) Run(e *env) error {
	mark, done := "mark", "marked"
	if c.Disable {
		mark, done = "unmark", "unmarked"
	}
	entry, unlock, err := e.lockPool(c.Pool, store.Exclusive)
	defer unlock()
	if err == nil && entry.File == "" {
		err = &stateError{fmt.Sprintf("pool %q is transient: it has no definition", entry.Name), "poolctl pool-define defines it"}
	}
	if err == nil {
		err = e.store.SetAutostart(entry, !c.Disable)
	}
	if err != nil {
		return fmt.Errorf("%s pool %q as autostarted: %w", mark, c.Pool, err)
	}
	e.say("Pool %s %s as autostarted", c.Pool, done)
	return nil
}
