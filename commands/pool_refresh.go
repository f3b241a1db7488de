package commands

import "fmt"

// PoolRefresh is the verb pool-refresh.
type PoolRefresh struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolRefresh) Help() string {
	return "Nothing is cached, so there is nothing that has to be refreshed: every verb sees the pool as " +
		"it is. This one checks that the pool can be read, and removes what a poolctl that was killed left " +
		"half-made. In iscsi and scsi pools it looks for units that have come and for new sizes, and waits " +
		"for their devices."
}

// Run checks an active pool.
func (c *PoolRefresh) Run(e *env) error {
	if err := e.driver.RefreshPool(e.ctx, c.Pool); err != nil {
		return fmt.Errorf("refresh pool %q: %w", c.Pool, err)
	}
	e.Say("Pool %s refreshed", c.Pool)
	return nil
}
