package commands

import "fmt"

// PoolRefresh is the verb pool-refresh.
type PoolRefresh struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolRefresh) Help() string {
	return "poolctl caches nothing, so every verb sees the current pool. pool-refresh checks that " +
		"the pool can be read, and removes leftovers of killed poolctl processes. In iscsi and " +
		"scsi pools it scans for new LUNs and sizes, and waits for their devices."
}

// Run checks an active pool.
func (c *PoolRefresh) Run(e *env) error {
	if err := e.driver.RefreshPool(e.ctx, c.Pool); err != nil {
		return fmt.Errorf("refresh pool %q: %w", c.Pool, err)
	}
	e.Say("Pool %s refreshed", c.Pool)
	return nil
}
