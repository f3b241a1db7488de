package commands

import "fmt"

// PoolDelete is the verb pool-delete.
type PoolDelete struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolDelete) Help() string {
	return "Removes what pool-build made, a directory for one, if there is nothing left in it. The " +
		"definition stays: see pool-undefine."
}

// Run removes the underlying storage of an inactive pool.
func (c *PoolDelete) Run(e *env) error {
	if err := e.driver.DeletePool(e.ctx, c.Pool); err != nil {
		return fmt.Errorf("delete pool %q: %w", c.Pool, err)
	}
	e.Say("Pool %s deleted", c.Pool)
	return nil
}
