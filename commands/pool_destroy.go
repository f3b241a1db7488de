package commands

// PoolDestroy is the verb pool-destroy.
type PoolDestroy struct{ poolArg }

// Help implements kong.HelpProvider.
func (c *PoolDestroy) Help() string {
	return "The name is virsh's: no data is destroyed. pool-destroy undoes pool-start and keeps the " +
		"data. A transient pool is removed.\n\n" +
		"  poolctl pool-destroy images"
}

// Run stops a pool.
func (c *PoolDestroy) Run(e *env) error {
	return c.run(e, "stop", "Pool %s destroyed", e.driver.StopPool)
}
