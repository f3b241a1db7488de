package commands

import (
	"fmt"
	"slices"
	"strings"

	"poolctl/backend/driver"
	"poolctl/format"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
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
	withSizes := c.Details || !c.isForPeople() && c.needsAny(sizeFields...)
	isSized := func(s *driver.Status) bool { return withSizes && c.matches(*s) }
	printer := c.printer(e, entries)
	for part := range e.driver.StatusesInParts(e.ctx, entries, isSized) {
		for _, s := range part {
			if s.Err != nil {
				e.Warn("pool %q: %w", s.Pool.Name, s.Err)
			}
		}
		if err := printer.add(part); err != nil {
			return err
		}
	}
	return printer.close()
}

// printer returns a printer for the pools that match.
func (c *PoolList) printer(e *env, entries []*store.Entry) poolPrinter {
	if c.isForPeople() && !c.Uuid && !c.Name {
		return c.table(e, entries)
	}
	printer := e.poolPrinter(&c.output)
	if c.isForPeople() {
		printer = c.plain(e)
	}
	return poolPrinter{
		func(pools []driver.Status) error { return printer.add(slices.DeleteFunc(pools, c.isFiltered)) },
		printer.close,
	}
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

// isFiltered reports whether a pool does not match.
func (c *PoolList) isFiltered(s driver.Status) bool { return !c.matches(s) }

func (c *PoolList) plain(e *env) poolPrinter {
	return poolPrinter{
		func(pools []driver.Status) error {
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
			return e.Flush()
		},
		func() error { e.Print(""); return nil }, // even without pools, an empty line ends the output
	}
}

// table returns a printer for tables. The columns have room for the pools that have not answered.
func (c *PoolList) table(e *env, entries []*store.Entry) poolPrinter {
	header, row, widest := stateHeader, stateRow, widestState
	if c.Details {
		header, row, widest = detailHeader, detailRow, widestDetail
	}
	table, waiting := e.TableInParts(header), slices.Clone(entries)
	printPart := func(pools []driver.Status) error {
		var rows, later [][]string
		answered := map[*store.Entry]bool{}
		for _, s := range pools {
			answered[s.Entry] = true
			if c.matches(s) {
				rows = append(rows, row(&s))
			}
		}
		waiting = slices.DeleteFunc(waiting, func(entry *store.Entry) bool { return answered[entry] })
		for _, entry := range waiting {
			later = append(later, append([]string{entry.Current().Name}, widest...))
		}
		if err := table.Print(rows, later); err != nil {
			return err
		}
		return e.Flush()
	}
	return poolPrinter{printPart, func() error {
		if len(entries) > 0 {
			return nil
		}
		return printPart(nil)
	}}
}

// The columns of pool-list, and the widest cells that can be below them.
var (
	stateHeader  = []string{"Name", "State", "Autostart"}
	detailHeader = []string{"Name", "State", "Autostart", "Persistent", "Capacity", "Allocation", "Available"}
	widestState  = []string{"inactive", "yes"}
	widestDetail = []string{"inactive", "yes", "yes", "1023.99 GiB", "1023.99 GiB", "1023.99 GiB"}
)

func stateRow(s *driver.Status) []string {
	return []string{s.Pool.Name, stateOf(s), noYes(s.Entry.Autostart)}
}

func detailRow(s *driver.Status) []string {
	state := stateOf(s)
	if s.Active {
		state = "running"
	}
	row := []string{s.Pool.Name, state, noYes(s.Entry.Autostart), noYes(s.IsPersistent()), "-", "-", "-"}
	if space, err := s.Space(); err == nil {
		row = append(row[:4], format.HumanSize(space.Capacity), format.HumanSize(space.Allocation),
			format.HumanSize(space.Available))
	}
	return row
}

// noYes returns virsh's form of a boolean.
func noYes(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
