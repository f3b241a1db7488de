package commands

// PoolUuid is the verb pool-uuid.
type PoolUuid struct {
	Pool string `arg:"" help:"Name of the pool."`
}

// Help implements kong.HelpProvider.
func (*PoolUuid) Help() string {
	return "  poolctl pool-uuid images"
}

// Run prints a pool's uuid.
func (c *PoolUuid) Run(e *env) error {
	entry, err := e.driver.FindPool(c.Pool)
	if err != nil {
		return err
	}
	e.ResultLine(entry.Current().UUID)
	return nil
}
