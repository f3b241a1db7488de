package commands

import (
	"fmt"
	"slices"
	"strings"

	"poolctl/backend/driver"
	"poolctl/format"
	"poolctl/pooldef"
)

// PoolList is the verb pool-list.
type PoolList struct {
	Type        string `position:"" placeholder:"TYPES" help:"Only pools of these types, separated by commas."`
	Inactive    bool   `help:"Only inactive pools."`
	All         bool   `help:"Active and inactive pools."`
	Transient   bool   `help:"Only transient pools."`
	Persistent  bool   `help:"Only persistent pools."`
	Autostart   bool   `help:"Only pools that are started at boot."`
	NoAutostart bool   `help:"Only pools that are not started at boot."`
	Details     bool   `help:"Show persistence and sizes."`
	Uuid        bool   `help:"Print uuids only."`
	Name        bool   `help:"Print names only, padded as virsh does; -o name does not pad."`
	output
}

// Help implements kong.HelpProvider.
func (c *PoolList) Help() string {
	return "Lists active pools by default.\n\n" +
		"  poolctl pool-list --all --details\n" +
		"  poolctl pool-list --all -o json | jq '.pools[] | select(.available < 1e9) | .name'"
}

// Run lists pools.
func (c *PoolList) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	e.warnMissing()
	entries, err := e.driver.AllPools()
	if err != nil {
		return err
	}
	var pools []driver.Status
	withSizes := c.Details || !c.isForPeople() && c.needsAny(sizeFields...)
	isSized := func(s *driver.Status) bool { return withSizes && c.matches(*s) }
	for _, s := range e.driver.Statuses(e.ctx, entries, isSized) {
		if s.Err != nil {
			e.Warn("pool %q: %w", s.Pool.Name, s.Err)
		}
		if c.matches(s) {
			pools = append(pools, s)
		}
	}
	if !c.isForPeople() {
		return e.printPools(&c.output, pools)
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
	case c.Columns != nil && (c.Details || c.Uuid || c.Name):
		return &usageError{verb, "the option --columns excludes --details, --uuid and --name"}
	case c.All && c.Inactive:
		return exclusive(verb, "all", "inactive")
	case c.Details && (c.Uuid || c.Name):
		return &usageError{verb, "the option --details excludes --uuid and --name"}
	}
	for name := range strings.SplitSeq(c.Type, ",") {
		if c.Type != "" && pooldef.Type(name).Info() == nil {
			return (&usageError{verb, fmt.Sprintf("%q is not a pool type", name)}).
				asVirsh("Invalid pool type '%s'", name)
		}
	}
	return c.pick(poolFields)
}

// matches reports whether a pool passes all filters. A filter with both of its options set passes every pool.
func (c *PoolList) matches(s driver.Status) bool {
	either := func(yes, no, is bool) bool { return yes == no || yes == is }
	return (c.All || c.Inactive == !s.Active) &&
		either(c.Persistent, c.Transient, s.IsPersistent()) &&
		either(c.Autostart, c.NoAutostart, s.Entry.Autostart) &&
		(c.Type == "" || slices.Contains(strings.Split(c.Type, ","), string(s.Pool.Type)))
}

func (c *PoolList) plain(e *env, pools []driver.Status) {
	for _, s := range pools {
		var columns []string
		if c.Uuid {
			columns = append(columns, s.Pool.UUID)
		}
		if c.Name {
			padding := strings.Repeat(" ", max(0, 20-len(s.Pool.Name))) // virsh counts bytes
			columns = append(columns, s.Pool.Name+padding)
		}
		e.ResultLine(strings.Join(columns, " "))
	}
	e.Print("") // even without pools, an empty line ends the output
}

func (c *PoolList) table(e *env, pools []driver.Status) error {
	var rows [][]string
	for _, s := range pools {
		rows = append(rows, []string{s.Pool.Name, stateOf(&s), noYes(s.Entry.Autostart)})
	}
	return e.Table([]string{"Name", "State", "Autostart"}, rows)
}

func (c *PoolList) details(e *env, pools []driver.Status) error {
	var rows [][]string
	for _, s := range pools {
		state := stateOf(&s)
		if s.Active {
			state = "running"
		}
		row := []string{s.Pool.Name, state, noYes(s.Entry.Autostart), noYes(s.IsPersistent()), "-", "-", "-"}
		if space, err := s.Space(); err == nil {
			row = append(row[:4], format.HumanSize(space.Capacity), format.HumanSize(space.Allocation),
				format.HumanSize(space.Available))
		}
		rows = append(rows, row)
	}
	header := []string{"Name", "State", "Autostart", "Persistent", "Capacity", "Allocation", "Available"}
	return e.Table(header, rows)
}

// noYes returns virsh's form of a boolean.
func noYes(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
