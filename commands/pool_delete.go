package commands

// PoolDelete is the verb pool-delete.
type PoolDelete struct {
	poolArg
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolDelete) Help() string {
	return "Removes the storage that pool-build created, such as a directory, if it is empty. The " +
		"definition remains: see pool-undefine.\n\n" +
		"  poolctl pool-delete scratch"
}

// Run removes the underlying storage of an inactive pool.
func (c *PoolDelete) Run(e *env) error {
	return c.run(e, "delete", "Pool %s deleted", e.driver.DeletePool)
}
