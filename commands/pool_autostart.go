package commands

import "fmt"

// PoolAutostart is the verb pool-autostart.
type PoolAutostart struct {
	Pool    string `arg:"" help:"Name or uuid of the pool."`
	Disable bool   `help:"Disable starting the pool at boot."`
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolAutostart) Help() string {
	return "At boot, systemd starts these pools as units of their own, such as poolctl-pool@images.service, " +
		"or all at once with poolctl-autostart.service (poolctl help systemd).\n\n" +
		"  poolctl pool-autostart images\n" +
		"  poolctl pool-autostart images --disable"
}

// Run enables or disables autostart for a pool.
func (c *PoolAutostart) Run(e *env) error {
	mark, done := "mark", "marked"
	if c.Disable {
		mark, done = "unmark", "unmarked"
	}
	e.reportPool(c.Pool)
	if err := e.driver.SetAutostart(e.ctx, c.Pool, !c.Disable); err != nil {
		return fmt.Errorf("%s pool %q as autostarted: %w", mark, c.Pool, err)
	}
	e.Say("Pool %s %s as autostarted", c.Pool, done)
	return nil
}
