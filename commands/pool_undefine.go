package commands

import "fmt"

// PoolUndefine is the verb pool-undefine.
type PoolUndefine struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Run removes a definition, even one that cannot be used.
func (c *PoolUndefine) Run(e *env) error {
	if err := e.driver.UndefinePool(e.ctx, c.Pool); err != nil {
		return fmt.Errorf("undefine pool %q: %w", c.Pool, err)
	}
	e.Say("Pool %s has been undefined", c.Pool)
	return nil
}
