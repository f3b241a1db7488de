package commands

import "fmt"

// PoolDestroy is the verb pool-destroy.
type PoolDestroy struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolDestroy) Help() string {
	return "The name is virsh's: no data is destroyed. pool-destroy undoes pool-start and keeps the " +
		"data. A transient pool is removed."
}

// Run stops a pool.
func (c *PoolDestroy) Run(e *env) error {
	if err := e.driver.StopPool(e.ctx, c.Pool); err != nil {
		return fmt.Errorf("stop pool %q: %w", c.Pool, err)
	}
	e.Say("Pool %s destroyed", c.Pool)
	return nil
}
