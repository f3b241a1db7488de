package commands

import (
	"fmt"
	"strconv"

	"poolctl/format"
	"poolctl/pooldef/store"
)

// PoolInfo is the verb pool-info.
type PoolInfo struct {
	Pool  string `arg:"" help:"Name or uuid of the pool."`
	Bytes bool   `help:"Print sizes in bytes."`
	output
}

// Run shows one pool.
func (c *PoolInfo) Run(e *env) error {
	entry, unlock, err := e.lockPool(c.Pool, store.Shared)
	defer unlock()
	if err != nil {
		return err
	}
	s := e.poolStatus(entry)
	if s.err != nil {
		return fmt.Errorf("pool %q: %w", entry.Name, s.err)
	}
	if c.Output != "table" {
		return e.printPools(c.Output, []poolStatus{s})
	}
	state := "inactive"
	if s.active {
		state = "running"
	}
	e.print("%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n", "Name:", format.Printable(s.pool.Name), "UUID:", s.pool.UUID,
		"State:", state, "Persistent:", noYes(s.persistent()), "Autostart:", noYes(entry.Autostart))
	if !s.active {
		return nil
	}
	space, err := s.space()
	if err != nil {
		return fmt.Errorf("pool %q: %w", s.pool.Name, err)
	}
	e.print("%-15s %s\n%-15s %s\n%-15s %s\n", "Capacity:", size(space.Capacity, c.Bytes),
		"Allocation:", size(space.Allocation, c.Bytes), "Available:", size(space.Available, c.Bytes))
	return nil
}

// size prints bytes for people, or as a number.
func size(n uint64, asBytes bool) string {
	if asBytes {
		return strconv.FormatUint(n, 10)
	}
	return format.HumanSize(n)
}
