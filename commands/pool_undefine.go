package commands

// PoolUndefine is the verb pool-undefine.
type PoolUndefine struct{ poolArg }

// Help implements kong.HelpProvider.
func (*PoolUndefine) Help() string {
	return "  poolctl pool-undefine images"
}

// Run removes a definition, even one that cannot be used.
func (c *PoolUndefine) Run(e *env) error {
	return c.run(e, "undefine", "Pool %s has been undefined", e.driver.UndefinePool)
}
