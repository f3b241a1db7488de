package commands

import (
	"fmt"
	"io"

	"poolctl/backend/desired"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// Export is the verb export.
type Export struct {
	Pools []string `arg:"" optional:"" name:"pool" help:"Names or uuids of pools. Default: all persistent pools."`
}

// Help implements kong.HelpProvider.
func (*Export) Help() string {
	return "Prints what apply would need to make the pools as they are, in YAML: definitions, state and " +
		"volumes, but no data and no secrets. diff finds no difference with it. If a pool has to be left out, " +
		"because its definition cannot be used, the status is 9.\n\n" +
		"  poolctl export >pools.yaml\n" +
		"  poolctl --config-dir /etc/libvirt/storage export >pools.yaml"
}

// Run prints the pools.
func (c *Export) Run(e *env) error {
	entries, failed, err := c.entries(e)
	if err != nil {
		return err
	}
	all, err := desired.Export(e.ctx, e.driver, entries)
	if err != nil {
		return err
	}
	separator := ""
	for _, x := range all {
		for _, w := range x.Warnings {
			e.Warn("%w", w)
		}
		if x.Err != nil {
			failed = true
			e.reportPart(fmt.Errorf("export pool %q: %w", x.Pool, x.Err))
			continue
		}
		text, err := codec.DesiredYAML(x.Declared)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(e.Results, separator+string(text)); err != nil {
			return err
		}
		separator = "---\n"
	}
	if failed {
		return errPartial
	}
	return nil
}

// entries returns the pools to print. isPartial is set if definitions cannot be used, about which there are
// warnings.
func (c *Export) entries(e *env) (entries []*store.Entry, isPartial bool, err error) {
	if len(c.Pools) == 0 {
		e.warnMissing()
		before := len(e.problems)
		if entries, err = e.driver.AllPools(); err != nil {
			return nil, false, err
		}
		isPartial = len(e.problems) > before
	}
	for _, name := range c.Pools {
		entry, err := e.driver.FindPool(name)
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, entry)
	}
	var persistent []*store.Entry
	for _, entry := range entries {
		if entry.Persistent == nil {
			e.Warn("pool %q is left out: it is transient, and has no definition", entry.Name)
			continue
		}
		persistent = append(persistent, entry)
	}
	return persistent, isPartial, nil
}
