package commands

import (
	"fmt"
	"strconv"

	"poolctl/backend/driver"
	"poolctl/format"
	"poolctl/pooldef/store"
)

// PoolInfo is the verb pool-info.
type PoolInfo struct {
	Pool  string `arg:"" help:"Name or uuid of the pool."`
	Bytes bool   `help:"Print sizes in bytes."`
	output
}

// Help implements kong.HelpProvider.
func (*PoolInfo) Help() string {
	return "  poolctl pool-info images\n" +
		"  poolctl pool-info images -o json | jq '.pools[0].available'"
}

// Run shows one pool.
func (c *PoolInfo) Run(e *env) error {
	if err := c.pick(poolFields); err != nil {
		return err
	}
	entry, unlock, err := e.driver.LockPool(e.ctx, c.Pool, store.Shared)
	defer unlock()
	if err != nil {
		return err
	}
	s := e.driver.Status(e.ctx, entry)
	if s.Err != nil {
		return fmt.Errorf("pool %q: %w", entry.Name, s.Err)
	}
	if !c.isForPeople() {
		printer := e.poolPrinter(&c.output)
		if err := printer.add([]driver.Status{s}); err != nil {
			return err
		}
		return printer.close()
	}
	state := "inactive"
	if s.Active {
		state = "running"
	}
	e.Print("%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n",
		"Name:", format.Printable(s.Pool.Name), "UUID:", s.Pool.UUID, "State:", state,
		"Persistent:", noYes(s.IsPersistent()), "Autostart:", noYes(entry.Autostart))
	if !s.Active {
		return nil
	}
	space, err := s.Space()
	if err != nil {
		return fmt.Errorf("pool %q: %w", s.Pool.Name, err)
	}
	e.Print("%-15s %s\n%-15s %s\n%-15s %s\n", "Capacity:", size(space.Capacity, c.Bytes),
		"Allocation:", size(space.Allocation, c.Bytes), "Available:", size(space.Available, c.Bytes))
	return nil
}

// size formats a size for people, or as a number of bytes.
func size(n uint64, asBytes bool) string {
	if asBytes {
		return strconv.FormatUint(n, 10)
	}
	return format.HumanSize(n)
}
