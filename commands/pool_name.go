package commands

import (
	"fmt"

	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// PoolName is the verb pool-name.
type PoolName struct {
	Pool string `arg:"" help:"Uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (*PoolName) Help() string {
	return "  poolctl pool-name 2ec115d7-3a88-3ceb-bc12-0ac909a6fd87"
}

// Run prints the name of the pool with a uuid.
func (c *PoolName) Run(e *env) error {
	id, ok := pooldef.ParseUUID(c.Pool)
	if !ok {
		return (&usageError{"pool-name", fmt.Sprintf("%q is not a uuid", c.Pool)}).
			asVirsh("failed to get pool '%s'", c.Pool)
	}
	entry, err := e.driver.PoolWithUUID(id)
	if err != nil {
		return err
	}
	if entry == nil {
		return fmt.Errorf("%w: uuid %s", store.ErrNoPool, id)
	}
	e.ResultLine(entry.Name)
	return nil
}
