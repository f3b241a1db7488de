package commands

import (
	"fmt"
	"slices"
	"strings"

	"poolctl/format"
	"poolctl/pooldef"
)

// PoolList is the verb pool-list.
type PoolList struct {
	Type        string `position:"" placeholder:"TYPES" help:"Only pools of these types, joined by commas."`
	Inactive    bool   `help:"Only inactive pools."`
	All         bool   `help:"Active and inactive pools."`
	Transient   bool   `help:"Only pools without a definition."`
	Persistent  bool   `help:"Only pools with a definition."`
	Autostart   bool   `help:"Only pools that are started at boot."`
	NoAutostart bool   `help:"Only pools that are not started at boot."`
	Details     bool   `help:"With persistence and sizes."`
	Uuid        bool   `help:"Print uuids only."`
	Name        bool   `help:"Print names only, padded as virsh does; -o name does not pad."`
	output
}

// Help implements kong.HelpProvider.
func (c *PoolList) Help() string {
	return "Lists active pools unless told otherwise.\n\n" +
		"  poolctl pool-list --all --details\n" +
		"  poolctl pool-list --all -o json | jq '.pools[] | select(.available < 1e9) | .name'"
}

// Run lists pools.
func (c *PoolList) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	entries, err := e.allPools()
	if err != nil {
		return err
	}
	var pools []poolStatus
	for _, s := range e.statuses(entries) {
		if s.err != nil {
			e.warn("pool %q: %w", s.pool.Name, s.err)
		}
		if c.matches(s) {
			pools = append(pools, s)
		}
	}
	if c.Output != "table" {
		return e.printPools(c.Output, pools)
	}
	switch {
	case c.Uuid || c.Name:
		c.plain(e, pools)
		return nil
	case c.Details:
		return c.details(e, pools)
	}
	return c.table(e, pools)
}

func (c *PoolList) check() error {
	verb := "pool-list"
	switch {
	case c.All && c.Inactive:
		return &usageError{verb, "the options --all and --inactive exclude each other"}
	case c.Details && (c.Uuid || c.Name):
		return &usageError{verb, "the option --details excludes --uuid and --name"}
	}
	for name := range strings.SplitSeq(c.Type, ",") {
		if c.Type != "" && pooldef.Type(name).Info() == nil {
			return &usageError{verb, fmt.Sprintf("%q is not a pool type", name)}
		}
	}
	return nil
}

// matches applies the filters: within a group of options any one is enough, all groups have to agree.
func (c *PoolList) matches(s poolStatus) bool {
	either := func(yes, no, is bool) bool { return yes == no || yes == is }
	return (c.All || c.Inactive == !s.active) &&
		either(c.Persistent, c.Transient, s.persistent()) &&
		either(c.Autostart, c.NoAutostart, s.entry.Autostart) &&
		(c.Type == "" || slices.Contains(strings.Split(c.Type, ","), string(s.pool.Type)))
}

func (c *PoolList) plain(e *env, pools []poolStatus) {
	for _, s := range pools {
		var columns []string
		if c.Uuid {
			columns = append(columns, s.pool.UUID)
		}
		if c.Name {
			columns = append(columns, s.pool.Name+strings.Repeat(" ", max(0, 20-len(s.pool.Name)))) // bytes, as virsh
		}
		e.resultLine(strings.Join(columns, " "))
	}
	e.spoke = true
}

func (c *PoolList) table(e *env, pools []poolStatus) error {
	var rows [][]string
	for _, s := range pools {
		rows = append(rows, []string{s.pool.Name, s.state(), noYes(s.entry.Autostart)})
	}
	return e.table([]string{"Name", "State", "Autostart"}, rows)
}

func (c *PoolList) details(e *env, pools []poolStatus) error {
	prepareSpace(pools)
	var rows [][]string
	for _, s := range pools {
		state := s.state()
		if s.active {
			state = "running"
		}
		row := []string{s.pool.Name, state, noYes(s.entry.Autostart), noYes(s.persistent()), "-", "-", "-"}
		if space, err := s.space(); err == nil {
			row = append(row[:4], format.HumanSize(space.Capacity), format.HumanSize(space.Allocation), format.HumanSize(space.Available))
		}
		rows = append(rows, row)
	}
	return e.table([]string{"Name", "State", "Autostart", "Persistent", "Capacity", "Allocation", "Available"}, rows)
}

// table prints a table for people.
func (e *env) table(header []string, rows [][]string) error {
	e.spoke = true
	return format.Table(e.people, header, rows, !e.cli.Quiet)
}

func noYes(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
