package commands

import "fmt"

// PoolDelete is the verb pool-delete.
type PoolDelete struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolDelete) Help() string {
	return "Removes the storage that pool-build created, such as a directory, if it is empty. The " +
		"definition remains: see pool-undefine."
}

// Run removes the underlying storage of an inactive pool.
func (c *PoolDelete) Run(e *env) error {
	if err := e.driver.DeletePool(e.ctx, c.Pool); err != nil {
		return fmt.Errorf("delete pool %q: %w", c.Pool, err)
	}
	e.Say("Pool %s deleted", c.Pool)
	return nil
}
