package commands

// PoolRefresh is the verb pool-refresh.
type PoolRefresh struct {
	poolArg
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolRefresh) Help() string {
	return "poolctl caches nothing, so every verb sees the current pool. pool-refresh checks that " +
		"the pool can be read, and removes leftovers of killed poolctl processes. In iscsi and " +
		"scsi pools it scans for new LUNs and sizes, and waits for their devices.\n\n" +
		"  poolctl pool-refresh san"
}

// Run checks an active pool.
func (c *PoolRefresh) Run(e *env) error {
	return c.run(e, "refresh", "Pool %s refreshed", e.driver.RefreshPool)
}
